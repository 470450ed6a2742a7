/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scheduling classes do not tell: with autogroups, or a cgroup for each service, an idle thread of ours takes as
 * much of a processor as all of the server's.
 */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "worker/foreground.h"
#include "worker/thread.h"

#define NS		UINT64_C(1000000000)
#define BUSY_REQUESTS	4		/* since the last look */
#define LOOK_REQUESTS	(NS / 500)	/* between two looks at requests */
#define LOOK		(NS / 10)	/* the same at the processors, whose clock has ticks */
#define BUSY_SHARE	4		/* others are busy from one part of one processor on */

static int stat_fd = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {				/* lock */
	uint64_t served, looked_served;	/* requests; CLOCK_MONOTONIC ns */
	uint64_t looked, others;	/* the same; ns of processors, of all but this process */
	bool	requests, busy;		/* what the last look at requests and at processors found */
} last;

void
foreground_open(void)
{
	stat_fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
}

static bool
has_requests(const struct shared *shared)
{
	uint64_t n = 0, before = last.served, now = clock_monotonic_ns();
	bool busy = false;
	int i, op;

	if (now - last.looked_served < LOOK_REQUESTS)
		return last.requests;
	for (i = 0; i < SHARED_SLOTS; i++) {
		busy |= atomic_load_explicit(&shared->slot[i].state, memory_order_relaxed) != SLOT_IDLE;
		for (op = 0; op < OP_COUNT; op++)
			n += atomic_load_explicit(&shared->counters[i].op[op].count, memory_order_relaxed);
	}
	last.served = n;
	last.looked_served = now;
	last.requests = busy || n - before >= BUSY_REQUESTS;
	return last.requests;
}

/* Returns the ns that processors have worked for others, or 0 if that is not known. */
static uint64_t
work_of_others(void)
{
	unsigned long long user, nice, system, irq, softirq;
	char line[256];
	struct timespec own;
	ssize_t n;

	if (stat_fd < 0 || (n = io_pread(stat_fd, line, sizeof(line) - 1, 0)) <= 0)
		return 0;
	line[n] = '\0';
	if (sscanf(line, "cpu %llu %llu %llu %*u %*u %llu %llu", &user, &nice, &system, &irq, &softirq) != 5 ||
	    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own) != 0)
		return 0;
	return (user + nice + system + irq + softirq) * (NS / (uint64_t)sysconf(_SC_CLK_TCK)) -
	    ((uint64_t)own.tv_sec * NS + (uint64_t)own.tv_nsec);
}

/* A server that was killed leaves its file; then others decide. */
static bool
has_server(struct cow *c)
{
	struct cow_attr attr;

	return cow_find(c, COW_ROOT, "postmaster.pid", &attr) == 0;
}

static bool
is_server_busy(struct cow *c)
{
	uint64_t now = clock_monotonic_ns(), others, ns;

	if ((ns = now - last.looked) < LOOK)
		return last.busy;
	others = work_of_others();
	last.busy = last.looked != 0 && others - last.others < UINT64_MAX / 2 &&
	    others - last.others >= ns / BUSY_SHARE && has_server(c);
	last.looked = now;
	last.others = others;
	return last.busy;
}

bool
foreground_is_busy(const struct serve *s)
{
	bool busy;

	pthread_mutex_lock(&lock);
	busy = has_requests(s->job->shared);
	busy = is_server_busy(s->cow) || busy;
	pthread_mutex_unlock(&lock);
	return busy;
}
