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
enum state { CLEAN, ASKED, DIRTY, ABANDONED };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static _Atomic int state = CLEAN;	/* written under lock */

int
dirty_before_write(const struct job *job)
{
	int r;

	if (!job->perf_unsafe || state == DIRTY)
		return 0;
	pthread_mutex_lock(&lock);
	if (state == CLEAN) {
		state = ASKED;
		report_send(MSG_DIRTY, NULL, 0);
	}
	while (state == ASKED)
		pthread_cond_wait(&answered, &lock);
	r = state == DIRTY ? 0 : -EIO;
	pthread_mutex_unlock(&lock);
	return r;
}

static void
answer(int new_state)
{
	pthread_mutex_lock(&lock);
	if (state != DIRTY)
		state = new_state;
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
