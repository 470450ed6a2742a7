/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hydration in small steps, between which a test does what it likes: so a run is planned, then
 * something is written, then the run is read, and so on.
 */
#ifndef SUPPORT_HYDRATION_H
#define SUPPORT_HYDRATION_H

#include <err.h>
#include <errno.h>
#include <stdlib.h>

#include "cow/hydrate.h"
#include "pg/pg_types.h"
#include "probackup/store.h"

#define HYDRATION_JOBS	2

enum hydration_state { HYDRATION_FREE, HYDRATION_PLANNED, HYDRATION_READ };

struct hydration {
	struct hydrate *h;	/* NULL: not begun */
	struct hydrate_job job[HYDRATION_JOBS];
	enum hydration_state state[HYDRATION_JOBS];
};

/* Forgets all, as the death of a worker does; its cow has to live still. */
static inline void
hydration_end(struct hydration *y)
{
	unsigned i;

	for (i = 0; i < HYDRATION_JOBS; i++) {
		if (y->h != NULL)
			hydrate_drop(y->h, &y->job[i]);
		free(y->job[i].buf);
	}
	if (y->h != NULL)
		hydrate_end(y->h);
	*y = (struct hydration){ 0 };
}

/*
 * Makes one step of job i, which begins hydration if need be.  Returns 1, 0 if there is nothing to
 * do for it now, or negative errno.
 */
static inline int
hydration_step(struct hydration *y, struct cow *c, unsigned i, struct reader *rd)
{
	struct hydrate_job *job = &y->job[i];
	int64_t rc = 1;

	if (y->h == NULL && (rc = hydrate_begin(c, &y->h)) < 0)
		return (int)rc;
	if (job->buf == NULL && (job->buf = malloc(READER_BLOCKS * (size_t)BLCKSZ)) == NULL)
		err(1, "malloc");
	switch (y->state[i]) {
	case HYDRATION_FREE:
		if ((rc = hydrate_plan(y->h, job)) > 0)
			y->state[i] = HYDRATION_PLANNED;
		return (int)rc;
	case HYDRATION_PLANNED:
		hydrate_read(y->h, job, rd);
		y->state[i] = HYDRATION_READ;
		return 1;
	default:
		if ((rc = hydrate_take(y->h, job)) < 0)
			return (int)rc;
		y->state[i] = HYDRATION_FREE;
		return 1;
	}
}

/* Goes on until nothing is left.  Returns 1 once the diff directory is detached, or as hydrate_detach(). */
static inline int
hydration_finish(struct hydration *y, struct cow *c, struct reader *rd)
{
	unsigned i, busy = 1;
	int rc = 0;

	while (busy > 0) {
		for (busy = 0, i = 0; i < HYDRATION_JOBS; i++) {
			if ((rc = hydration_step(y, c, i, rd)) < 0)
				return rc;
			busy += rc > 0;
		}
		if (busy == 0 && !hydrate_is_done(y->h)) {
			if ((rc = hydrate_sync(y->h)) < 0)
				return rc;
			busy = 1;
		}
	}
	return hydrate_detach(y->h);
}

#endif
