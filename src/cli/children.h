/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The processes of a mount that may have to be killed.  A worker that was
 * taken over may have let go of everything that proves who it is, and may go on
 * without its mount.  The kernel still says whose child it is, and which connection it serves.
 */
#ifndef CLI_CHILDREN_H
#define CLI_CHILDREN_H

#include <stdint.h>
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

/*
 * Finds the processes that have the FUSE connection of a mount, whose device has that minor
 * number, open as its servers: those of uid, unless that is root, and those that run this
 * program.  Others may have been given a descriptor of it.  The caller sees to it that the
 * mount is there all the time.  Looks for SERVERS_SECONDS at most; before Linux 6.17 the
 * kernel does not say, and there are none.
 */
#define SERVERS_SECONDS	5
void	children_find_servers(struct children *c, unsigned minor, uid_t uid);

/* Waits until all have ended, or clock_monotonic_ms() says `until`.  Returns 0 or -ETIMEDOUT. */
int	children_wait_until(struct children *c, int64_t until);

/* Kills those that are left.  Returns how many there were. */
unsigned children_kill(struct children *c);

void	children_close(struct children *c);

#endif
