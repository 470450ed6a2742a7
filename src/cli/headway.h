/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A confined process whose threads work through a backup while its first one looks on: whether they get on, and how that is
 * shown.
 */
#ifndef CLI_HEADWAY_H
#define CLI_HEADWAY_H

#include <stdbool.h>
#include <stdint.h>

#define HEADWAY_MS	200	/* between two looks */
#define HEADWAY_BAR_MAX 80

/* Two looks make a difference; zero it first. */
struct headway {
	int64_t	worked;		/* ns of processors */
	unsigned ticks;		/* looks without work */
};

/*
 * At each look: whether the other threads have computed next to nothing for LIMITED_SECONDS, whatever
 * this one, which only watches, has: the store does not answer them.
 */
bool	headway_is_stuck(struct headway *w);

/* Since clock_monotonic_ns() said begun. */
double	headway_seconds_since(uint64_t begun);

/* "[####    ] 12.3 %".  The bytes to come may be an estimate, so 100 % is for the end. */
void	headway_bar(uint64_t bytes, uint64_t all, char bar[HEADWAY_BAR_MAX]);

/*
 * Before the child: allows more descriptors, for a chain of many backups takes them, and makes of a file that grows
 * too large (ulimit -f) an error instead of a death.
 */
void	headway_raise_limits(void);

/* How many threads are of use, at most max. */
unsigned headway_processors(unsigned max);

#endif
