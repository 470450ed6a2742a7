/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which processes use a mount: by their working and root directories, open
 * files and mappings, as /proc shows them, without touching the mount.
 */
#ifndef SUPERVISOR_USERS_H
#define SUPERVISOR_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define USERS_NAMED	5	/* in text; others are counted */
#define USERS_MAX	32	/* that are kept */
#define USERS_MS	2000	/* to name them: anybody may have very many processes */

struct user {
	pid_t	pid;
	char	name[32];	/* printable */
};

/* A process that is looked at. */
struct process {
	pid_t	pid;
	int	proc_fd;	/* its directory of /proc */
};

/*
 * Visits the paths that processes use, as far as we may see them, one process after the
 * other; a visitor that says false has seen enough of it.  Some of it may wait for
 * that process.  Returns whether all of it was looked at before clock_monotonic_ms() came to
 * until.
 */
typedef bool (*users_visit)(void *arg, const struct process *p, const char *path);
bool	users_each(int64_t until, users_visit visit, void *arg);

/* Who that is. */
void	users_take(const struct process *p, struct user *user);

/* Those that were found. */
struct users {
	unsigned n;		/* may be more than are kept */
	bool	is_whole;	/* all processes were looked at, as far as we may see them */
	struct user user[USERS_MAX];
};

/* Adds a process; it is only counted if there is no room to keep it. */
void	users_add(struct users *u, const struct process *p);

/* Finds the processes that use the mount, within USERS_MS. */
void	users_find(const char *mnt, struct users *u);

/*
 * Writes e.g. "postgres (pid 123), bash (pid 9) and 4 more" for n users that
 * are named out of total; "" if there is none.
 */
void	users_print(const struct user *users, unsigned n, unsigned total, char *text, size_t size);

/*
 * The same for users that were found, and whether all processes were looked at; if there is
 * none, what can be said of those who are not seen.
 */
void	users_tell(const struct users *u, char *text, size_t size);

/* The name of the process whose directory of /proc is open, printable; "" if it is gone. */
void	users_name(int proc_fd, char *name, size_t size);

#endif
