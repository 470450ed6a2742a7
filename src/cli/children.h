/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The children of a supervisor that is about to be killed.  A worker that was
 * taken over may have let go of everything that proves who it is, and may go on
 * without its mount.  The kernel still says whose child it is.
 */
#ifndef CLI_CHILDREN_H
#define CLI_CHILDREN_H

#include <sys/types.h>

#define CHILDREN_MAX	32

struct children {
	unsigned n;
	pid_t	pid[CHILDREN_MAX];
	int	fd[CHILDREN_MAX];	/* pidfds; -1 once it has ended */
};

/*
 * Finds the children of parent, whose pidfd is parent_fd.  A child counts only if
 * parent still lives after that was looked at.  Without a pidfd there are none.
 */
void	children_find(struct children *c, pid_t parent, int parent_fd);

/* Waits until all have ended.  Returns 0 or -ETIMEDOUT. */
int	children_wait(struct children *c, int seconds);

/* Kills those that are left.  Returns how many there were. */
unsigned children_kill(struct children *c);

void	children_close(struct children *c);

#endif
