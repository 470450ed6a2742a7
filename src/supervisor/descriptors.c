/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For children that are copies of a process with many descriptors, most of them not their business.
 */
#include "config.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/descriptors.h"

static void
close_range_or_loop(unsigned first, unsigned last)
{
	struct rlimit limit;
	unsigned fd;

	if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
		return;
	if (last == ~0u)
		last = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (unsigned)limit.rlim_cur : 65536;
	for (fd = first; fd <= last; fd++)
		close((int)fd);
}

void
descriptors_close_but(const int *keep, size_t n)
{
	unsigned from = STDERR_FILENO + 1, next;
	size_t i;

	do {
		next = ~0u;
		for (i = 0; i < n; i++)
			if (keep[i] >= (int)from)
				next = MIN(next, (unsigned)keep[i]);
		close_range_or_loop(from, next == ~0u ? ~0u : next - 1);
		from = next + 1;
	} while (next != ~0u);
}
