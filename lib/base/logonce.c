/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Remembers what was logged, in a table where a newer fault may take the place of
 * an older one.  It writes no line.
 */
#include "config.h"

#include "base/clock.h"
#include "base/logonce.h"

bool
logonce_is_due(struct logonce *l, uint64_t a, uint64_t b)
{
	unsigned i = (unsigned)((a ^ a >> 32) * 31 + b) % LOGONCE_SLOTS;
	time_t now = clock_monotonic_seconds();
	bool due;

	pthread_mutex_lock(&l->lock);
	due = l->slot[i].when == 0 || now - l->slot[i].when >= LOGONCE_SECONDS ||
	    l->slot[i].a != a || l->slot[i].b != b;
	if (due) {
		l->slot[i].a = a;
		l->slot[i].b = b;
		l->slot[i].when = now;
	}
	pthread_mutex_unlock(&l->lock);
	return due;
}
