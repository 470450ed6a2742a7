/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A diff directory that a command changes itself, and no mount: found, nobody's but its owner's, and locked.
 * Functions tell by cli_error() and return EXIT_FAILURE then, else 0.  Each may wait for the file system.
 */
#ifndef CLI_DIFFHOLD_H
#define CLI_DIFFHOLD_H

#include <limits.h>

#include "supervisor/binding.h"
#include "supervisor/diffdir.h"

/*
 * Finds the diff directory that the user calls `given`, as `path`, which *d borrows, and opens it.  It has to be the
 * caller's; root acts as its owner from then on (identity_assume()).  verb: what only the owner and root can do with
 * it.  *d is for diffdir_close() in any case.
 */
int	diffhold_open(struct diffdir *d, const char *given, char path[PATH_MAX], const char *verb);

/* Its content has to be that of a diff directory with a backup, else nothing is `participle`: "promoted". */
int	diffhold_check_content(const struct diffdir *d, const char *participle);

/* Reads its binding.  *b is for binding_fini() in any case. */
int	diffhold_load_binding(const struct diffdir *d, struct binding *b);

/* Its changes have to be whole: not of a --no-wal mount, nor of one with --perf-unsafe that did not end in order. */
int	diffhold_check_changes(const struct diffdir *d, const struct binding *b, const char *participle);

/*
 * Takes the locks of one that is not mounted; who has just unmounted it may hold them for a moment.  way_out follows
 * behind ": " where it is mounted.  *lock_fd is the caller's to close, which lets go of them.
 */
int	diffhold_lock(const struct diffdir *d, const char *way_out, int *lock_fd);

/* The branches in a diff directory, all of them locked. */
struct diffhold_branches {
	size_t	n;
	struct diffhold_branch {
		char	name[NAME_MAX + 1];
		int	fd, lock_fd;
	} *branch;
};

/*
 * Waits a little until no other command changes snapshots and branches of *whole, and keeps others from it.  *layers_fd is
 * the caller's to close, which lets go of that; -1 if there are no snapshots.
 */
int	diffhold_take_turn(const struct diffdir *whole, int *layers_fd);

/* The same with layers/ open, for up to ms.  Returns 0, -EWOULDBLOCK or another negative errno, and tells nothing. */
int	diffhold_await_turn(int layers_fd, int ms);

/* No snapshot or branch in *whole may be protected. */
int	diffhold_check_protected(const struct diffdir *whole);

/* Takes the locks of all branches in *whole, as above.  *b is for diffhold_unlock_branches() in any case. */
int	diffhold_lock_branches(const struct diffdir *whole, struct diffhold_branches *b);
void	diffhold_unlock_branches(struct diffhold_branches *b);

#endif
