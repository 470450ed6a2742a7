/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The two clocks, and times as one number.
 *
 * The monotonic one is for waiting and for limits: nobody sets it.  The real one
 * is for what people and file systems see.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds since the epoch, or since whatever the clock counts from. */
static inline int64_t
clock_ns(const struct timespec *ts)
{
	return (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec;
}

/* CLOCK_MONOTONIC in nanoseconds, in milliseconds, and in seconds. */
static inline uint64_t
clock_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)clock_ns(&now);
}

static inline int64_t
clock_monotonic_ms(void)
{
	return (int64_t)(clock_monotonic_ns() / 1000000);
}

static inline time_t
clock_monotonic_seconds(void)
{
	return (time_t)(clock_monotonic_ns() / 1000000000);
}

/* CLOCK_REALTIME in nanoseconds since the epoch. */
static inline int64_t
clock_real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return clock_ns(&now);
}

#endif
