/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hold on the store: pg_probackup's own shared lock on every backup of the
 * chain, so that its merge and delete leave a mounted chain alone.
 */
#ifndef SUPERVISOR_STORELOCK_H
#define SUPERVISOR_STORELOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/backupid.h"
#include "base/iostats.h"
#include "supervisor/become.h"

#define STORELOCK_WAIT_SECONDS	60	/* for somebody who works on a backup, in all */
#define STORELOCK_EMPTY_SECONDS	30	/* then a lock file without a pid is stale */

enum storelock_state {
	STORELOCK_OFF,		/* not wanted, or not yet taken */
	STORELOCK_HELD,
	STORELOCK_READ_ONLY,	/* a file system where nobody can write: as good as held */
	STORELOCK_NOT_WRITABLE,	/* some backups, or all of them, are not held */
};

struct storelock_member {
	char	id[BACKUP_ID_MAX];
	bool	held;
};

struct storelock {
	bool	insist;		/* a backup that is not writable is an error */
	struct timespec since;	/* CLOCK_REALTIME; a chain that changed later is refused */
	const struct become *as;	/* who opens the store where root cannot, the caller's; NULL */
	pid_t	pid;		/* for whom the lock is taken; storelock_init() makes 0 the caller's own */

	/* the rest is for reading only */
	int	store_fd;	/* the caller's */
	const char *instance;	/* the caller's */
	struct storelock_member member[CHAIN_MAX];	/* newest first */
	size_t	n_members, n_left;	/* member[n_left - 1] is the next to be taken */
	enum storelock_state state;
	int	why;		/* negative errno of STORELOCK_NOT_WRITABLE */
	pid_t	blocker;		/* the process in the way; 0 = a file that has no pid yet */
	uint64_t empty_since;	/* CLOCK_MONOTONIC ns of the first look at that; 0 = none */
	uint64_t patient_until;	/* the same clock: how long a release may wait */
};

/*
 * Prepares for a chain of one instance, whose backups are named next, the
 * newest first; keeps insist, since, as and pid.  An id may come from the worker: it is
 * an id of a backup or -EINVAL.  Both return 0 or negative errno.
 */
int	storelock_init(struct storelock *l, int store_fd, const char *instance);
int	storelock_add(struct storelock *l, const char *id);

/*
 * Takes what is left to take, oldest first, for the process l->pid, which has
 * to be one that stays.  Never waits.  Returns 0 when all is done, see
 * l->state then; -EAGAIN if l->blocker works on the backup storelock_id(): try
 * again later; -ESTALE if a backup is gone or was changed after l->since;
 * -EINVAL or -EFBIG for lock files that are none; or another negative errno.
 */
int	storelock_try(struct storelock *l);

/* The backup that the last storelock_try() came to. */
const char *storelock_id(const struct storelock *l);

/* Gives back what is held.  Does nothing where nothing is; never fails. */
void	storelock_release(struct storelock *l);

/* "held", "read-only", "not writable" or "off". */
const char *storelock_state_name(enum storelock_state state);

#endif
