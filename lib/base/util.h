/*
 * Small things that every room uses: cleanup attributes, array sizes, minima.
 */
#ifndef BASE_UTIL_H
#define BASE_UTIL_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)	((a) < (b) ? (a) : (b))
#define MAX(a, b)	((a) > (b) ? (a) : (b))
#define KiB		((size_t)1024)
#define MiB		(1024 * KiB)

/* Nanoseconds since the epoch, or since whatever the clock counts from. */
static inline int64_t
timespec_ns(const struct timespec *ts)
{
	return (int64_t)ts->tv_sec * 1000000000 + ts->tv_nsec;
}

/* CLOCK_MONOTONIC, in nanoseconds, in milliseconds and in seconds. */
static inline uint64_t
monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)timespec_ns(&now);
}

static inline int64_t
monotonic_ms(void)
{
	return (int64_t)(monotonic_ns() / 1000000);
}

static inline time_t
monotonic_seconds(void)
{
	return (time_t)(monotonic_ns() / 1000000000);
}

/* int fd autoclose = open(...);  char *p autofree = malloc(...); */
#define autofree	__attribute__((cleanup(util_free_)))
#define autoclose	__attribute__((cleanup(util_close_)))

static inline void
util_free_(void *p)
{
	free(*(void **)p);
}

static inline void
util_close_(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Takes the descriptor out of an autoclose variable: the caller owns it. */
static inline int
steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* The same for an autofree pointer. */
#define steal_pointer(pp) \
	({ __typeof__(*(pp)) taken_ = *(pp); *(pp) = NULL; taken_; })

#endif
