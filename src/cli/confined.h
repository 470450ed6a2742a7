/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands that read a catalog without a mount do it in a confined child: it
 * can read the catalog, write one directory at most, and print.
 */
#ifndef CLI_CONFINED_H
#define CLI_CONFINED_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/log.h"
#include "ipc/job.h"

#define CONFINED_MORE_MAX	65

struct confined {
	const char *store;	/* the catalog, as the user named it; NULL: none is read, */
	const char *diff;	/* but this diff directory */
	const char *instance;	/* that is read; NULL: all */
	int	write_fd;	/* directory that may be written beneath; -1 = none */
	const int *more_fds;	/* further ones */
	unsigned n_more;	/* at most CONFINED_MORE_MAX */
	bool	as_user;	/* root's child becomes this user, who is to own what it writes: */
	uid_t	uid;
	gid_t	gid;
	enum sandbox_level sandbox;
	bool	promotes;	/* makes links and sets attributes in what it may write, */
	bool	makes_layers;	/* or removes them, */
	bool	links_across;	/* from one of these directories to another: no mounts part them */
	bool	looks_around;	/* may ask whether a file of this machine exists */
	bool	debug;		/* name refused system calls */
	const char *so_what;	/* if nothing answers: "nothing was shown" */
};

/*
 * Opens the catalog, forks, confines the child as the worker of a mount is, and
 * runs program(store_fd, arg) there, whose result is its exit status.  Root's
 * child becomes nobody with CAP_DAC_READ_SEARCH, unless it has to write: then
 * it stays root without any other capability, or becomes the user of as_user.  It opens only files of the
 * store's owner (io_admit()), and nothing that another user can put in the
 * store's place.  If it may not read the store, a second child tries again as
 * the user of the store.
 *
 * Without a store it is -1, and as_user holds.  Flushes standard output before and after.  program() must not ask about a
 * terminal: inside, ioctl(2) fails.  Returns the exit status of the command,
 * and tells by cli_error() of failures to start, of a child that was killed, and of
 * a store that does not answer (limited.h).
 */
int	confined_run(const struct confined *c, int (*program)(int store_fd, void *arg), void *arg);
/* The same for who runs in limited_program(), and acts as an owner: with root's rights, and without that limit of time. */
int	confined_run_inside(const struct confined *c, int (*program)(int store_fd, void *arg), void *arg);

/*
 * For program(): tells by cli_error() why it failed with rc, a negative errno;
 * of too little memory with how much there is.  Returns EXIT_FAILURE.
 */
int	confined_failed(int rc, const char *error);

/*
 * For program(), before it reads another instance than c->instance: limits what
 * root's child may open from now on (confine_admit()).  Returns 0 or negative
 * errno.
 */
int	confined_admit(int store_fd, const char *instance);

/* The sink of the log in there: prints "pbkfs error: ..." and the like on standard error. */
void	confined_log(enum log_level level, const char *text, size_t len);

#endif
