/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
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
#define GiB		(1024 * MiB)

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
