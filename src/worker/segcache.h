/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compressed WAL segments, decompressed as far as somebody has asked: into
 * files without names in the diff directory, since a reader may come back, and
 * the kernel's read-ahead asks in no certain order.
 *
 * A segment is decompressed once from its beginning, never further than a
 * request needs.  Memory does not grow with the segment; on disk there is what
 * a few segments hold, and only while they are in use.
 */
#ifndef WORKER_SEGCACHE_H
#define WORKER_SEGCACHE_H

#include <stdint.h>
#include <sys/types.h>

#include "probackup/archive.h"


struct segcache;

/*
 * Returns 0 and *out, or -ENOMEM.  Removes what a killed worker may have left
 * in the diff directory.  Both are borrowed.
 */
int	segcache_new(int diff_fd, const struct archive *a, struct segcache **out);
void	segcache_free(struct segcache *c);

/*
 * Reads from a compressed segment that archive_find() has just found.  Returns
 * the number of bytes (fewer than size only at the end of the segment),
 * -EUCLEAN if the segment is damaged, -EIO if the diff directory has no room
 * (both logged), or negative errno.  Safe from as many threads as there are
 * request slots.
 */
ssize_t	segcache_read(struct segcache *c, const struct archive_file *f, uint64_t off, size_t size,
	    void *buf);

/* Lets go of what nobody has read for a while.  To be called about once a second. */
void	segcache_idle(struct segcache *c);

#endif
