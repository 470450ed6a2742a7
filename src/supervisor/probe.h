/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A question to the file system with another user's rights, asked by a child.
 */
#ifndef SUPERVISOR_PROBE_H
#define SUPERVISOR_PROBE_H

#include <stdbool.h>
#include <sys/types.h>

#define PROBE_SECONDS	10	/* of patience with a file system that hangs */

struct probe {
	uid_t	uid;		/* with whose rights; ignored unless root asks */
	gid_t	gid;
	bool	with_groups;	/* all that he is in, or none: see become_init() */
	bool	read_search;	/* with CAP_DAC_READ_SEARCH, too */
	bool	whole;		/* he in all ids: see become.h */
	unsigned seconds;	/* 0 = PROBE_SECONDS */
};

/*
 * Runs test(arg) in a child, which that user can neither signal nor trace; one
 * that is he as a whole he can signal, which is no answer.
 * Returns what test returned (0..100); -ETIMEDOUT for a child that was stopped
 * or hangs, which is killed; -EPERM for one that was killed, or could not take
 * his rights; or another negative errno.  Only what test returned is an answer.
 */
int	probe_run(const struct probe *p, int (*test)(const void *arg), const void *arg);

#endif
