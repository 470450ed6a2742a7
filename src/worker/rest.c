/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A thread that waits in read(2) of /dev/fuse has to be told by a signal, and a signal that comes
 * just before that call is lost: so it is sent again and again.  A read(2) that is interrupted has
 * taken no request.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "worker/rest.h"

#define WAKE_SIGNAL	SIGURG	/* nobody else sends it */
#define WAKE_NS		1000000	/* between two of them */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;		/* by rest_init() */
static _Atomic bool wanted;		/* written under lock */
static unsigned n_resting, n_left;	/* lock */

/* That there is one lets read(2) return. */
static void
wake(int number)
{
	(void)number;
}

int
rest_init(void)
{
	const struct sigaction action = { .sa_handler = wake };
	pthread_condattr_t attr;
	int rc;

	if (sigaction(WAKE_SIGNAL, &action, NULL) != 0)
		return -errno;
	if ((rc = pthread_condattr_init(&attr)) != 0)
		return -rc;
	if ((rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC)) == 0)
		rc = pthread_cond_init(&changed, &attr);
	pthread_condattr_destroy(&attr);
	n_resting = n_left = 0;
	return -rc;
}

void
rest_if_wanted(void)
{
	if (!atomic_load_explicit(&wanted, memory_order_relaxed))
		return;
	pthread_mutex_lock(&lock);
	n_resting++;
	pthread_cond_broadcast(&changed);
	while (atomic_load(&wanted))
		pthread_cond_wait(&changed, &lock);
	n_resting--;
	pthread_mutex_unlock(&lock);
}

void
rest_leave(void)
{
	pthread_mutex_lock(&lock);
	n_left++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* Those that have a request see for themselves; a call that they make for it is better not interrupted. */
static void
wake_idle(const struct thread *thread, const pthread_t *id, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (atomic_load(&thread[i].slot->state) == SLOT_IDLE)
			pthread_kill(id[i], WAKE_SIGNAL);
}

static void
wait_a_moment(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += WAKE_NS;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	pthread_cond_timedwait(&changed, &lock, &t);
}

int
rest_begin(const struct thread *thread, const pthread_t *id, unsigned n, int ms)
{
	int64_t until = clock_monotonic_ms() + ms;
	bool all;

	pthread_mutex_lock(&lock);
	atomic_store(&wanted, true);
	while (!(all = n_resting + n_left >= n) && clock_monotonic_ms() < until) {
		wake_idle(thread, id, n);
		wait_a_moment();
	}
	pthread_mutex_unlock(&lock);
	if (!all)
		rest_end();
	return all ? 0 : -ETIMEDOUT;
}

void
rest_end(void)
{
	pthread_mutex_lock(&lock);
	atomic_store(&wanted, false);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}
