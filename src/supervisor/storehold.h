/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Holding the backups of the chain against pg_probackup, from before the mount to its end.
 */
#ifndef SUPERVISOR_STOREHOLD_H
#define SUPERVISOR_STOREHOLD_H

#include <stdint.h>

#include "supervisor/keeper.h"
#include "supervisor/storelock.h"

struct supervisor;

struct storehold {
	struct storelock lock;
	struct keeper keeper;
	uint64_t due;		/* CLOCK_MONOTONIC ns: when to try it again; 0 = not asked */
	uint64_t until;		/* when to give that up; 0 = nobody is in the way */
};

/*
 * A step of begin_mount(): a backup that is read from here on, and changes until it is held, is
 * refused.  Returns 0.
 */
int	storehold_begin(struct supervisor *s);

/*
 * Holds the backups of the chain, before the mount exists.  Returns 0; 1 if somebody works on
 * one of them: to be called again at s->hold.due; or -1 after state_fail().
 */
int	storehold_take(struct supervisor *s);

#endif
