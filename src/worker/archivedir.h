/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * .pbkfs/wal at the mount: the WAL archive of the instance, as a server's
 * restore_command wants it.  Segments are shown decompressed and under their
 * plain names.
 *
 * A worker knows nothing of its predecessor and no file is ever opened, so the
 * nodeid says all: above the kind, 16 bits of timeline and 42 of the segment's
 * number, or for a history a mark of its length and time, since the kernel
 * believes no length but its own.  A segment never changes; but what only a
 * partial file has gets the nodeid of that, and another one once the whole
 * segment is there.
 */
#ifndef WORKER_ARCHIVEDIR_H
#define WORKER_ARCHIVEDIR_H

#include "worker/thread.h"

#define ARCHIVEDIR_KINDS	8u		/* first of the kinds, in the low bits of a nodeid */
#define ARCHIVEDIR_KIND_BITS	4
#define ARCHIVEDIR_ROOT	(COW_NODEID_END | ARCHIVEDIR_KINDS)

static inline bool
archivedir_is(uint64_t nodeid)
{
	return (nodeid & ARCHIVEDIR_KINDS) != 0;
}

/* Whether nodeid is of a segment that is there to its end: what it is never changes. */
bool	archivedir_is_whole(uint64_t nodeid);

/* 52 bits for a nodeid: two of real archives are never the same. */
uint64_t archivedir_inode(uint64_t nodeid);

/* Once, before the threads.  Returns 0 or negative errno. */
int	archivedir_init(struct serve *s);

/* All return 0 or negative errno; nodeids are those for which archivedir_is(). */
int	archivedir_lookup(struct thread *t, const char *name, struct cow_attr *attr);
int	archivedir_getattr(struct thread *t, uint64_t nodeid, struct cow_attr *attr);
/* Returns the number of bytes. */
ssize_t	archivedir_read(struct thread *t, uint64_t nodeid, uint64_t off, size_t size, void *buf);

/* A listing that is under way. */
struct archivedir_list {
	struct archive_list l;
	struct archive_entry e;
};

/*
 * Begins a listing, or goes on behind a cookie.  _next returns 1 and *d, 0 at
 * the end, or negative errno; *d is good until the next call.  Without a
 * directory in the catalog there is nothing, not even the two dots.
 */
int	archivedir_list_begin(struct thread *t, uint64_t cookie, struct archivedir_list *l);
int	archivedir_list_next(struct archivedir_list *l, struct cow_dirent *d);
void	archivedir_list_end(struct archivedir_list *l);

#endif
