/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Holding the backups of the chain against pg_probackup, from before the mount to its end.
 */
#ifndef SUPERVISOR_STOREHOLD_H
#define SUPERVISOR_STOREHOLD_H

#include <stdint.h>

#include "supervisor/lockholder.h"
#include "supervisor/storelock.h"

struct supervisor;

struct storehold {
	struct storelock lock;
	struct lockholder holder;
	uint64_t due;		/* CLOCK_MONOTONIC ns: when to call storehold_take() again; 0 = no more */
	uint64_t until;		/* the same clock: when to give up; 0 = no process is in the way */
};

/*
 * A step of begin_mount(): notes the time, before the preparer reads the chain.  storehold_take()
 * refuses a backup that has changed since.  Returns 0.
 */
int	storehold_begin(struct supervisor *s);

/*
 * Locks the backups of the chain, once the preparer has named them and before the mount exists;
 * does nothing with --store-lock=no.  Never waits.  Returns 0; 1 if another process works on one
 * of them: the caller tries again at s->hold.due; or -1 after state_fail().
 */
int	storehold_take(struct supervisor *s);

/* Gives the backups back, in the process that has the rights.  Does nothing where none is held. */
void	storehold_release(struct supervisor *s);

#endif
