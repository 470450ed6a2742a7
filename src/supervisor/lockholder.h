/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The holder of the store's lock: a process whose pid stands in the lock files.  It does
 * nothing but live as long as the mount, as the owner of the backups.  pg_probackup
 * takes a pid that it may not signal for an error and not for a reader: with a pid of
 * root's in the lock files, the owner's validate and restore would fail.
 */
#ifndef SUPERVISOR_LOCKHOLDER_H
#define SUPERVISOR_LOCKHOLDER_H

#include <sys/types.h>

struct lockholder {
	pid_t	pid;		/* 0: none, the supervisor's own pid serves */
	int	pidfd;		/* its own; -1 */
	int	fd;		/* whoever has it open keeps the process alive; -1 */
};

/*
 * Finds whose the backups of instance beneath store_fd are.  Returns 0 with *uid and *gid, which
 * stay as they are unless root calls; or negative errno.
 */
int	lockholder_find_user(int store_fd, const char *instance, uid_t *uid, gid_t *gid);

/*
 * Starts one if the caller is root and that user is not.  It ends when the last
 * copy of h->fd is closed: the supervisor's and the workers'.  mnt is for its title.  Returns
 * 0 or negative errno.
 */
int	lockholder_start(struct lockholder *h, uid_t uid, gid_t gid, const char *mnt);

/* Kills it, where the caller has the right to; lockholder_end() reaps it. */
void	lockholder_kill(const struct lockholder *h);

/*
 * Ends and reaps it: waits up to 2 s.  One that was stopped, and that the caller may not kill, is
 * left to init.
 */
void	lockholder_end(struct lockholder *h);

#endif
