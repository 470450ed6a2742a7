/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "worker/dirty.h"
#include "worker/report.h"

/*
 * --perf-unsafe: fsync does nothing, so after a crash of the machine the diff
 * directory may be worth nothing.  .pbkfs-dirty says so to the next mount; it
 * is durable before the first change is made.
 */
enum note_state { CLEAN, ASKED, DIRTY, ABANDONED };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static _Atomic int note = CLEAN;	/* written under lock */

int
dirty_before_write(const struct job *job)
{
	int rc;

	if (!job->perf_unsafe || atomic_load(&note) == DIRTY)
		return 0;
	pthread_mutex_lock(&lock);
	if (atomic_load(&note) == CLEAN) {
		atomic_store(&note, ASKED);
		report_send(MSG_DIRTY, NULL, 0);
	}
	while (atomic_load(&note) == ASKED)
		pthread_cond_wait(&answered, &lock);
	rc = atomic_load(&note) == DIRTY ? 0 : -EIO;
	pthread_mutex_unlock(&lock);
	return rc;
}

static void
answer(int new_state)
{
	pthread_mutex_lock(&lock);
	if (atomic_load(&note) != DIRTY)
		atomic_store(&note, new_state);
	pthread_cond_broadcast(&answered);
	pthread_mutex_unlock(&lock);
}

void
dirty_done(void)
{
	answer(DIRTY);
}

void
dirty_abandon(void)
{
	answer(ABANDONED);
}
