/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pending log: which blocks were copied up since the last fsync of their
 * file.  It lies in shared memory: it survives the worker, not the machine.
 *
 * The block map on disk may only name blocks whose content is durable, so
 * between a write and the next fsync this log is the only place that says
 * that a block of a file lives in the diff directory.  An entry is appended
 * after the content was written, and before the reply.  When the log is full
 * everything dirty is flushed and the log starts again.
 */
#ifndef DIFF_PENDING_H
#define DIFF_PENDING_H

#include <stdatomic.h>
#include <stdint.h>

#define PENDING_MAX	(128 * 1024)	/* entries: 2 MiB */

struct pending_entry {
	uint64_t content;	/* number of the content file */
	uint32_t first, count;	/* blocks; count 0: the content file exists */
};

struct pending {
	_Atomic uint32_t n;	/* entries published; stored with release order */
	uint32_t reserved;
	struct pending_entry entry[PENDING_MAX];
};

/*
 * Appends an entry.  Returns 0, or -ENOSPC when the log is full: the caller
 * flushes and calls pending_reset().  Callers serialise (diff/content.c).
 */
int	pending_append(struct pending *p, uint64_t content, uint32_t first, uint32_t count);

/* Forgets all entries; nothing may be dirty. */
void	pending_reset(struct pending *p);

#endif
