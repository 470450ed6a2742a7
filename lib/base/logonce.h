/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Faults that come again, because the kernel asks again for what it did not get:
 * a line for each in a while.  How many lines there are of all faults together,
 * log_allowed() bounds.
 */
#ifndef BASE_LOGONCE_H
#define BASE_LOGONCE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define LOGONCE_SLOTS	64	/* faults that are remembered */
#define LOGONCE_SECONDS	60	/* for so long */

struct logonce {
	pthread_mutex_t lock;	/* protects slot */
	struct {
		uint64_t a, b;
		time_t	when;	/* CLOCK_MONOTONIC; 0: never */
	} slot[LOGONCE_SLOTS];
};
#define LOGONCE_INIT	{ .lock = PTHREAD_MUTEX_INITIALIZER }

/*
 * Returns whether fault (a, b) is to be logged now: it was not in the last
 * LOGONCE_SECONDS, as far as that is remembered.  If so, notes that it was.  Safe
 * from several threads.
 */
bool	logonce_is_due(struct logonce *l, uint64_t a, uint64_t b);

#endif
