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
#ifndef WORKER_ARCHIVED_H
#define WORKER_ARCHIVED_H

#include "worker/serve.h"

#define ARCHIVED_KINDS	8u		/* first of the kinds, in the low bits of a nodeid */
#define ARCHIVED_KIND_BITS	4
#define ARCHIVED_DIR	(COW_PROVIDED | ARCHIVED_KINDS)

static inline bool
archived_is(uint64_t nodeid)
{
	return (nodeid & ARCHIVED_KINDS) != 0;
}

/* Whether nodeid is of a segment that is there to its end: what it is never changes. */
bool	archived_is_whole(uint64_t nodeid);

/* 52 bits for a nodeid: two of real archives are never the same. */
uint64_t archived_inode(uint64_t nodeid);

/* Once, before the threads.  Returns 0 or negative errno. */
int	archived_init(struct serve *s);

/* All return 0 or negative errno; nodeids are provided ones for which archived_is(). */
int	archived_lookup(struct thread *t, const char *name, struct cow_attr *attr);
int	archived_getattr(struct thread *t, uint64_t nodeid, struct cow_attr *attr);
/* Returns the number of bytes. */
ssize_t	archived_read(struct thread *t, uint64_t nodeid, uint64_t off, size_t size, void *buf);

/* A listing that is under way. */
struct archived_list {
	struct archive_list l;
	struct archive_entry e;
};

/*
 * Begins a listing, or goes on behind a cookie.  _next returns 1 and *d, 0 at
 * the end, or negative errno; *d is good until the next call.  Without a
 * directory in the catalog there is nothing, not even the two dots.
 */
int	archived_list_begin(struct thread *t, uint64_t cookie, struct archived_list *l);
int	archived_list_next(struct archived_list *l, struct cow_dirent *d);
void	archived_list_end(struct archived_list *l);

#endif
