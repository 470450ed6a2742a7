/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Becoming a user: a child does something for us that is him in every respect.
 *
 * For some file systems nothing less will do.  FUSE without allow_other compares
 * all user and group ids of who asks with those of who mounted it; a server of
 * NFS takes root for nobody, whatever its capabilities are here.
 */
#ifndef SUPERVISOR_BECOME_H
#define SUPERVISOR_BECOME_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ipc/job.h"

#define BECOME_SECONDS	10	/* of patience with a file system that hangs */

struct become {
	uid_t	uid;
	gid_t	gid;
	gid_t	groups[JOB_GROUPS_MAX];	/* supplementary ones */
	size_t	n_groups;
	bool	read_search;	/* keep CAP_DAC_READ_SEARCH, and nothing else */
};

/*
 * Fills *b: a user with all of his groups, as far as there is room, or with none.  Warns of
 * those left out.  Only root can become another user; for others *b is unused.
 */
void	become_init(struct become *b, uid_t uid, gid_t gid, bool with_groups);

/*
 * Makes the calling process that user for good, who cannot trace it.  Does
 * nothing unless root calls it.  Returns 0 or negative errno; after an error
 * the process must end.
 */
int	become_now(const struct become *b);

/* Leaves CAP_DAC_READ_SEARCH or no capability.  Returns 0 or negative errno. */
int	become_limit_caps(bool read_search);

/*
 * Runs act(arg, &passed) in such a child; or, if b is NULL, in one that is who we
 * are, for what may hang.  It has no descriptors but the standard ones, on /dev/null, and
 * those of keep (n of them, at most BECOME_KEEP_MAX; -1 for none).  What it leaves in the size
 * bytes of arg is copied back, and what it opens as passed becomes *fd, which is -1
 * without one; fd may be NULL.
 *
 * Returns what act returned; -ETIMEDOUT if the child was stopped or hangs,
 * -ECANCELED if it was killed, then arg and *fd are as before; or another
 * negative errno.  The caller waits until then.
 */
#define BECOME_KEEP_MAX	4
struct become_work {
	int	(*act)(void *arg, int *passed);
	void	*arg;
	size_t	size;
	int	keep[BECOME_KEEP_MAX];
	size_t	n_keep;
	unsigned seconds;	/* 0 = BECOME_SECONDS */
};
int	become_run(const struct become *b, const struct become_work *w, int *fd);

#endif
