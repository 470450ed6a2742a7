/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Regular files: content, its state, its times.
 */
#ifndef COW_RELFILE_H
#define COW_RELFILE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "pg/pg_types.h"

struct blockmap;
struct cow;
struct cow_attr;
struct fdref;
struct frozen;
struct kinds;
struct reader;
struct stat;

/*
 * One file.  Its blocks come from sources (cow/source.h): the chain and frozen layers below
 * blocks.limit, and the content file, number content.number in data/.
 *
 * content.state, changed only with lock held exclusively:
 *
 *	RELFILE_UNKNOWN	nobody has looked into the diff directory yet
 *	RELFILE_BARE	there is no content file: all is the chain's, or zeroes
 *	RELFILE_FRESH	this worker made the content file; no sync covers any of it
 *	RELFILE_FOUND	an earlier worker or mount made it; its name may not be durable
 *	RELFILE_SYNCED	a sync covered some content, and the name in data/
 *
 *	from		to		moved by
 *	UNKNOWN		BARE, FOUND	relfile_load()
 *	BARE		FRESH		relfile_make_content()
 *	FRESH, FOUND	SYNCED		relfile_sync()
 *	the last three	BARE		relfile_truncate(), to nothing: the next
 *					content file has another number
 *	any		BARE		relfile_discard(): the last name is gone
 *
 * Beside it, of a content file: sync.dirty says that writes came which no sync has
 * taken yet; sync.unsynced that a sync failed, or that somebody before us wrote;
 * content.recorded that the journal says that it is durable (JOURNAL_CONTENT).
 */
enum relfile_state {
	RELFILE_UNKNOWN,
	RELFILE_BARE,
	RELFILE_FRESH,
	RELFILE_FOUND,
	RELFILE_SYNCED,
};

#define RELFILE_UNCUT	UINT64_MAX	/* content.cut: no truncation is unfinished */

struct relfile {
	uint32_t base;			/* index entry or INDEX_NONE; for good */
	bool	in_wal;			/* in pg_wal when it was found first; for good */
	bool	wal;			/* so, and --no-wal: never synced; for good */
	struct frozen *frozen;		/* parts of it in frozen layers; NULL: none; complete after replay */
	_Atomic uint64_t serial;	/* tree_lock; 0: not in the journal yet */

	/*
	 * Exclusive: changes of content and blocks.limit.  Shared: reading and writing
	 * of blocks.  What is _Atomic is also read without.
	 */
	pthread_rwlock_t lock;
	_Atomic uint64_t size;		/* lock, shared: writers make it longer */
	struct {			/* lock; tree_lock before the serial is set, and in replay */
		uint64_t number;	/* of the content file, whether it exists or not */
		_Atomic enum relfile_state state;
		uint64_t names;		/* of a fresh one: contents_names() when it had its own; 0: not known */
		_Atomic uint64_t cut;	/* the content file has yet to be cut to this */
		bool	recorded;	/* the journal says JOURNAL_CONTENT */
		bool	taken_up;	/* the pending log has entries for it */
	} content;
	struct {
		uint64_t limit;		/* lock: bytes that older sources may show; only ever shrinks */
		uint64_t limit_seq;	/* lock: the record that made it 0, where that has to last; else 0 */
		pthread_mutex_t copyup;
		struct kinds *kinds;	/* lock; copyup: a block's step to the content file */
		bool	stale;		/* lock: kinds are those of content that was discarded */
	} blocks;
	struct {
		pthread_mutex_t lock;	/* building it */
		struct blockmap *_Atomic built;	/* set under map.lock and list_lock, dropped under lock and list_lock */
		_Atomic bool used;	/* since the last round of eviction (maps.c) */
		TAILQ_ENTRY(relfile) link;	/* list_lock: cow.maps while it is built */
	} map;
	struct {
		pthread_mutex_t lock;	/* one sync at a time */
		_Atomic bool dirty;	/* set under lock, shared, and list_lock; taken under lock */
		bool	unsynced;	/* lock */
		int	failed;		/* lock: a sync nobody asked for failed with this */
		struct fdref *pinned;	/* list_lock; not NULL: in cow.dirty, or a write error could be lost */
		TAILQ_ENTRY(relfile) link;	/* list_lock */
	} sync;
	struct {
		pthread_mutex_t lock;	/* all that follows */
		int64_t	atime, mtime;	/* of a content file; else the node's count */
		int64_t	ctime;		/* of its writes; the node's may be later */
		int64_t	said_atime, said_mtime;	/* what the journal says, and when it was told */
		int64_t	said_at;
		bool	unsaved;	/* mtime and ctime are newer than the journal's */
	} times;
};

static inline bool
relfile_is_known(const struct relfile *f)
{
	return f->content.state != RELFILE_UNKNOWN;
}

static inline bool
relfile_has_content(const struct relfile *f)
{
	return f->content.state >= RELFILE_FRESH;
}

/* Whether power loss could leave something of the content file. */
static inline bool
relfile_may_last(const struct relfile *f)
{
	return f->content.state >= RELFILE_FOUND;
}

/* The blocks that the chain, or a frozen layer, may show. */
static inline uint64_t
relfile_chain_blocks(const struct relfile *f)
{
	return (f->blocks.limit + BLCKSZ - 1) / BLCKSZ;
}

/* Blocks are counted in 32 bits wherever they are written: files of 32 TiB. */
#define RELFILE_BLOCKS_MAX	UINT32_MAX

/* --- relfile.c; those that return int: 0 or negative errno --- */

/* For an entry of the index, or INDEX_NONE and a serial.  NULL if there is no memory. */
struct relfile *relfile_new(struct cow *c, uint32_t base, uint64_t serial);
/* Nobody else has f. */
void	relfile_free(struct cow *c, struct relfile *f);
/* Looks into the diff directory, if nobody has.  f->lock not held. */
int	relfile_load(struct cow *c, struct relfile *f);
/*
 * Makes the content file, if there is none.  f->lock exclusively held, as for all that
 * follow.
 */
int	relfile_make_content(struct cow *c, struct relfile *f);
/* Finishes the truncation to content.cut. */
int	relfile_finish_cut(struct cow *c, struct relfile *f);
/* The chain has no more to say of f: its content file is all there is. */
void	relfile_forget_chain(struct cow *c, struct relfile *f);
/* Forgets the content: at once, or when the journal is durable up to seq.  f->lock not held. */
void	relfile_discard(struct cow *c, struct relfile *f, uint64_t seq);

/* --- relfile_times.c; no lock needed --- */

/* The times of a content file: into *attr, where ctime is the node's and may be later. */
void	relfile_times_get(struct relfile *f, struct cow_attr *attr);
/*
 * known: ctime as the journal has it.  Returns whether that is all; else, and where there is no
 * content file, the journal has to be told.
 */
bool	relfile_times_set(struct relfile *f, unsigned set, const struct cow_attr *attr, int64_t known);
/* A change of content that, without the writeback cache, changes mtime. */
void	relfile_times_touch(const struct cow *c, struct relfile *f);
/* The journal says these; those of a content file that was written later are newer. */
void	relfile_times_told(struct relfile *f, int64_t atime, int64_t mtime, int64_t when);
/* The content file was found like this. */
void	relfile_times_found(struct relfile *f, const struct stat *st);
/* Sets whether memory has newer times than the journal; returns whether that was so. */
bool	relfile_times_unsaved(struct relfile *f, bool then);

/* --- relfile_write.c, relfile_trunc.c --- */

/* Moves one block to the newest source as it is.  f->blocks.copyup held. */
int	relfile_write_copy_up(struct cow *c, struct relfile *f, uint32_t blkno, struct reader *rd);
/*
 * Takes up len bytes at off, a multiple of BLCKSZ, which buf has of the chain: what has become
 * another source's since stays.  buf may be changed.  Takes nothing of the reserve.  Returns the
 * number of blocks that moved, or negative errno; no lock held.
 */
int64_t	relfile_write_take_up(struct cow *c, struct relfile *f, uint64_t off, size_t len,
	    unsigned char *buf);
/* Sets the length.  No lock held. */
int	relfile_truncate(struct cow *c, struct relfile *f, uint64_t len);

/* --- relfile_sync.c --- */

/*
 * Makes f durable for an fsync, with its times or without.  Returns 0, or negative errno:
 * also once for what an earlier sync met that nobody had asked for.
 */
int	relfile_sync(struct cow *c, struct relfile *f, bool times);
/* The same for a flush: the next relfile_sync() tells of a failure, too. */
int	relfile_sync_unasked(struct cow *c, struct relfile *f);
/*
 * The same for hydration, which has a file leave the chain also where nothing is new; on a full
 * disk it takes nothing of the reserve, returns -ENOSPC, and nobody else is told.
 */
int	relfile_sync_whole(struct cow *c, struct relfile *f);
/* Has the kernel begin to write len bytes at off to disk; for the next sync, which has less to wait for.  No lock held. */
void	relfile_sync_ahead(struct cow *c, struct relfile *f, uint64_t off, uint64_t len);

#endif
