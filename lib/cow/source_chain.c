/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "cow/frozen.h"
#include "cow/impl.h"
#include "cow/maps.h"
#include "cow/relfile.h"
#include "cow/source.h"
#include "probackup/pagefile.h"

/*
 * The oldest source: the chain of backups, through the file's block map.
 */

/* Reads whole blocks and parts of one, through a page of our own. */
static int
read_pages(struct cow *c, struct relfile *f, uint64_t off, size_t len, unsigned char *dst,
    struct reader *rd)
{
	unsigned char page[BLCKSZ];
	int rc;

	while (len > 0) {
		BlockNumber blkno = (BlockNumber)(off / BLCKSZ);
		size_t in = off % BLCKSZ, n = MIN(len, BLCKSZ - in);

		if (n == BLCKSZ) {
			uint32_t count = (uint32_t)MIN(len / BLCKSZ, (size_t)READER_BLOCKS);

			n = (size_t)count * BLCKSZ;
			rc = pagefile_read(&c->store, f->base, f->map.built, blkno, count, rd, dst);
		} else {
			rc = pagefile_read(&c->store, f->base, f->map.built, blkno, 1, rd, page);
			memcpy(dst, page + in, n);
		}
		if (rc < 0)
			return rc;
		off += n;
		dst += n;
		len -= n;
	}
	return 0;
}

static int
read_visible(struct cow *c, struct relfile *f, uint64_t off, size_t len, unsigned char *dst,
    struct reader *rd)
{
	uint64_t end = f->frozen != NULL ? MIN(f->frozen->chain_visible, f->blocks.limit) : f->blocks.limit;
	size_t visible = off < end ? (size_t)MIN((uint64_t)len, end - off) : 0;
	int rc;

	memset(dst + visible, 0, len - visible);
	if (visible == 0)
		return 0;
	if (!(c->store.ix.entries[f->base].flags & INDEX_DATAFILE))
		return plainfile_read(&c->store, f->base, off, visible, dst, rd);
	if ((rc = maps_build(c, f, rd)) < 0)
		return rc;
	return read_pages(c, f, off, visible, dst, rd);
}

/* Whatever kept us from the store, and was logged there, is an I/O error to the application. */
int
source_chain_read(struct cow *c, struct relfile *f, uint64_t off, size_t len, unsigned char *dst,
    struct reader *rd)
{
	int rc = read_visible(c, f, off, len, dst, rd);

	return rc == 0 || rc == -ENOMEM ? rc : -EIO;
}
