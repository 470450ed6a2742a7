/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The source of a block: where its bytes come from.
 *
 * A block has exactly one source.  Sources are ordered by age, and a block only ever
 * moves from an older one to the newest, which alone is written: a copy-up.
 */
#ifndef COW_SOURCE_H
#define COW_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cow/relfile.h"
#include "diff/kinds.h"

struct contents;
struct cow;
struct fdref;
struct reader;

/* The byte that a block has in relfile.blocks.kinds. */
enum source {
	SOURCE_CHAIN	= CONTENT_CHAIN,	/* the backups: the oldest */
	SOURCE_OWN	= CONTENT_FULL,		/* the content file, or zeroes where there is none */
	SOURCE_FROZEN	= CONTENT_FROZEN,	/* this, and more: that part of relfile.frozen */
};

/* The source of block blkno.  f->lock held, at least shared. */
static inline enum source
source_of(const struct relfile *f, uint64_t blkno)
{
	if (blkno * BLCKSZ >= f->blocks.limit)
		return SOURCE_OWN;
	return f->blocks.kinds == NULL ? SOURCE_CHAIN :
	    (enum source)kinds_get(f->blocks.kinds, (uint32_t)blkno);
}

/* Whether it is not the newest one, so that a write has to copy up.  The same lock. */
static inline bool
source_is_older(const struct relfile *f, uint64_t blkno)
{
	return source_of(f, blkno) != SOURCE_OWN;
}

/*
 * Returns how many of the len bytes at off, at least one, have the same source as the first, and
 * fills *s with it.  The same lock.
 */
size_t	source_run(const struct relfile *f, uint64_t off, size_t len, enum source *s);

/*
 * Reads len bytes at off, all of source s; what that does not have is zero.  Returns 0 or
 * negative errno: -EIO, with the reason logged, for whatever kept us from the store.
 * The same lock.
 */
int	source_read(struct cow *c, struct relfile *f, enum source s, uint64_t off, size_t len,
	    unsigned char *dst, struct reader *rd);

/*
 * The content file has count blocks from first on, all below the first limit, which were
 * another source's: the pending log says so, then their kind in memory.  Returns 0 or
 * negative errno, and they are what they were.  f->blocks.copyup held as well.
 */
int	source_take(struct cow *c, struct relfile *f, uint32_t first, uint32_t count);
/* Tells the pending log alone; count 0: that the content file exists. */
int	source_pend(struct cow *c, struct relfile *f, uint32_t first, uint32_t count);

/* source_chain.c, source_frozen.c, source_own.c: source_read() of one. */
int	source_chain_read(struct cow *c, struct relfile *f, uint64_t off, size_t len,
	    unsigned char *dst, struct reader *rd);
int	source_frozen_read(struct cow *c, struct relfile *f, enum source s, uint64_t off, size_t len,
	    unsigned char *dst, struct reader *rd);
int	source_own_read(struct cow *c, struct relfile *f, uint64_t off, size_t len,
	    unsigned char *dst, struct reader *rd);
/*
 * The descriptor of the content file, which is in use until fdcache_put() of *ref.  Returns
 * it or negative errno, which is logged.
 */
int	source_own_open(struct cow *c, struct relfile *f, struct fdref **ref);

/*
 * source_content.c: opens and reads a content file, in whatever layer; what is behind its end is zero.  As
 * source_own_open() and source_read().
 */
int	source_content_open(struct contents *contents, uint64_t number, struct fdref **ref);
int	source_content_read(struct cow *c, struct contents *contents, uint64_t number, uint64_t off, size_t len,
	    unsigned char *dst, struct reader *rd);

#endif
