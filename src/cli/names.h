/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names that mount takes: their canonical forms, and the files that are opened
 * before the supervisor begins.
 */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include <limits.h>
#include <stdint.h>

#include "cli/options.h"
#include "ipc/clone_config.h"
#include "supervisor/storeuser.h"
#include "supervisor/supervisor.h"

/* Canonical; "" if there is none. */
struct names {
	char	store[PATH_MAX], mnt[PATH_MAX], diff[PATH_MAX];
	char	whole[PATH_MAX];	/* the diff directory that has the branch diff, or diff itself */
	bool	is_between;	/* a command that changes its snapshots did not come to its end */
	char	log_file[PATH_MAX], pid_file[PATH_MAX];
	char	mapped[CLONE_MAPPINGS_MAX][PATH_MAX];
	char	store_error[PATH_MAX + STOREUSER_WAYS_MAX + 128];	/* why no mount can read the store; "" = it may */
	const char *asked, *name;	/* which one the child asks about, while it does */
};

/*
 * Resolves the names of o, and the directories that p maps to, which then borrow
 * from n.  All of that happens in a child: n is memory of limited_share().  The
 * child ends when clock_monotonic_ms() says `until`, which the user hears as so many
 * seconds.  Returns 0, or an exit status after one line on standard error.
 */
int	names_resolve(const struct options *o, struct clone_config *p, int64_t until, int64_t seconds,
	    struct names *n);

/*
 * Opens the log file and the pid file with the rights of the caller, who named
 * them, for c, which borrows from n.  It may wait for ever: the supervisor calls
 * this.  Returns 0, or -1 with one line in error.
 */
#define NAMES_ERROR_MAX	(PATH_MAX + 1024)
int	names_open(const struct names *n, struct supervisor_config *c, char error[NAMES_ERROR_MAX]);

#endif
