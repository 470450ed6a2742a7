/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks at the clocks of the process; it prints nothing.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/limited.h"
#include "cli/headway.h"

#define WORK_NS		100000	/* of processors: less than a few reads take, more than clocks differ */

double
headway_seconds_since(uint64_t begun)
{
	return (double)(clock_monotonic_ns() - begun) / 1e9;
}

void
headway_bar(uint64_t bytes, uint64_t all, char bar[HEADWAY_BAR_MAX])
{
	static const char full[] = "########################################";
	double part = all == 0 ? 0 : MIN((double)bytes / (double)all, 0.999);
	int width = (int)sizeof(full) - 1, n = (int)(part * width);

	snprintf(bar, HEADWAY_BAR_MAX, "[%.*s%*s] %4.1f %%", n, full, width - n, "", part * 100);
}

static int64_t
worked_ns(clockid_t clock)
{
	struct timespec t;

	return clock_gettime(clock, &t) != 0 ? 0 : clock_ns(&t);
}

bool
headway_is_stuck(struct headway *w)
{
	int64_t own = worked_ns(CLOCK_THREAD_CPUTIME_ID), others = worked_ns(CLOCK_PROCESS_CPUTIME_ID) - own;

	w->ticks = others > w->worked + WORK_NS ? 0 : w->ticks + 1;
	if (w->ticks == 0)
		w->worked = others;
	return w->ticks >= LIMITED_SECONDS * 1000 / HEADWAY_MS;
}

void
headway_raise_limits(void)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = MIN(limit.rlim_max, (rlim_t)8192);
	setrlimit(RLIMIT_NOFILE, &limit);
}

unsigned
headway_processors(unsigned max)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (unsigned)MIN(n, (long)max);
}
