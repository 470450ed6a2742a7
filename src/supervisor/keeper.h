/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keeper: a process that does nothing but live as long as the mount, as the
 * owner of the backups.  Its pid stands in the lock files of the store, since
 * pg_probackup takes a pid that it may not signal for an error and not for a
 * reader: with a pid of root's there, its owner's validate and restore would fail.
 */
#ifndef SUPERVISOR_KEEPER_H
#define SUPERVISOR_KEEPER_H

#include <sys/types.h>

struct keeper {
	pid_t	pid;		/* 0: none, the supervisor's own pid serves */
	int	pidfd;		/* its own; -1 */
	int	fd;		/* whoever has it open keeps the keeper alive; -1 */
};

/*
 * Whose the backups of instance beneath store_fd are.  Returns 0 or negative errno.
 */
int	keeper_find_user(int store_fd, const char *instance, uid_t *uid, gid_t *gid);

/*
 * Starts one if the caller is root and that user is not.  It ends when the last
 * copy of k->fd is closed: the supervisor's and the workers'.  Returns 0 or
 * negative errno.
 */
int	keeper_start(struct keeper *k, uid_t uid, gid_t gid, const char *mnt);

/* Kills it, for who has the right to; it is reaped by keeper_end(). */
void	keeper_kill(const struct keeper *k);

/* Ends it.  One that was stopped, and that we may not kill, is left to init. */
void	keeper_end(struct keeper *k);

#endif
