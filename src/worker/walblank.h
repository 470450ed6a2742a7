/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * WAL as a clone is to see it.  A window around the bytes that are asked for,
 * in which the records of pg/waltblspc.h are changed; and the WAL that nobody
 * serves, since a backup brings it into pg_wal.
 */
#ifndef WORKER_WALBLANK_H
#define WORKER_WALBLANK_H

#include <sys/types.h>

#include "cow/cow.h"
#include "ipc/job.h"
#include "pg/waltblspc.h"

/* Where WAL of one timeline is read from. */
struct walsource {
	/*
	 * Reads len bytes at lsn, which lie in one segment.  Returns their number, -ENOENT
	 * if that segment is not there, or another negative errno.
	 */
	ssize_t	(*read)(struct walsource *s, uint64_t lsn, size_t len, void *buf);
	uint32_t page_size, seg_size;
	struct cow *cow;
	const struct job *job;
};

/*
 * Reads size bytes at off of the segment that begins at lsn into buf, as a clone is
 * to see them: the records of CREATE TABLESPACE name no place, and the mount has
 * storage for each.  Returns the number of bytes; -EIO, logged, where a record cannot
 * be changed; or another negative errno.  Memory is bounded by size and a few pages.
 */
ssize_t	walblank_read(struct walsource *s, uint64_t lsn, uint64_t off, size_t size, void *buf);

/*
 * Changes such records in pg_wal of a data directory that was never started,
 * durably with the next cow_flush().  Returns 0 or negative errno (logged).
 */
int	walblank_directory(struct cow *c, const struct job *job, struct reader *rd);

#endif
