/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/util.h"
#include "cow/impl.h"
#include "cow/relfile.h"
#include "cow/source.h"

/*
 * The list of sources, and which of them a run of blocks has.
 */

size_t
source_run(const struct relfile *f, uint64_t off, size_t len, enum source *s)
{
	uint64_t end = off + len, at = (off / BLCKSZ + 1) * BLCKSZ;

	*s = source_of(f, off / BLCKSZ);
	/* Of complete files that is all, which need not be looked through. */
	if (*s == SOURCE_OWN && off >= f->blocks.limit)
		return len;
	while (at < end && source_of(f, at / BLCKSZ) == *s)
		at += BLCKSZ;
	return (size_t)(MIN(at, end) - off);
}

int
source_read(struct cow *c, struct relfile *f, enum source s, uint64_t off, size_t len,
    unsigned char *dst, struct reader *rd)
{
	if (s == SOURCE_OWN)
		return source_own_read(c, f, off, len, dst, rd);
	return s == SOURCE_CHAIN ? source_chain_read(c, f, off, len, dst, rd) :
	    source_frozen_read(c, f, s, off, len, dst, rd);
}

int
source_pend(struct cow *c, struct relfile *f, uint32_t first, uint32_t count)
{
	int rc;

	pthread_mutex_lock(&c->pending_lock);
	rc = pending_append(c->config.pending, f->content.number, first, count);
	pthread_mutex_unlock(&c->pending_lock);
	return rc;
}

int
source_take(struct cow *c, struct relfile *f, uint32_t first, uint32_t count)
{
	int rc;

	if ((rc = kinds_reserve(f->blocks.kinds, first, count)) < 0 ||
	    (rc = source_pend(c, f, first, count)) < 0)
		return rc;
	kinds_set_full(f->blocks.kinds, first, count);
	return 0;
}
