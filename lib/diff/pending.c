/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Appends to the pending log.  The memory is shared with the workers to come,
 * and they read it as input (lib/cow).
 */
#include "config.h"

#include <errno.h>

#include "diff/pending.h"

int
pending_append(struct pending *p, uint64_t content, uint32_t first, uint32_t count)
{
	uint32_t n = atomic_load_explicit(&p->n, memory_order_relaxed);

	if (n >= PENDING_MAX)
		return -ENOSPC;
	p->entry[n] = (struct pending_entry){ content, first, count };
	atomic_store_explicit(&p->n, n + 1, memory_order_release);
	return 0;
}

void
pending_reset(struct pending *p)
{
	atomic_store_explicit(&p->n, 0, memory_order_release);
}
