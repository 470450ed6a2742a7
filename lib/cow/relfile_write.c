/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/util.h"
#include "cow/dirty.h"
#include "cow/find.h"
#include "cow/flush.h"
#include "cow/impl.h"
#include "cow/record.h"
#include "cow/relfile.h"
#include "cow/room.h"
#include "cow/source.h"
#include "diff/disk.h"

/*
 * Writing.  A block that the chain provides is copied up by its first write:
 * content first, then the pending log, then its kind, then the reply.  Writers
 * hold the file's lock shared; those that touch blocks of the chain hold
 * copyup as well, because two halves of one block may come in two requests and
 * each has to be merged with the newest other half.
 */

/* Bytes of block blkno that belong to a file of size bytes. */
static size_t
bytes_in_block(uint64_t blkno, uint64_t size)
{
	return size <= blkno * BLCKSZ ? 0 : (size_t)MIN(size - blkno * BLCKSZ, (uint64_t)BLCKSZ);
}

static int
write_content(struct relfile *f, uint64_t off, size_t len, const void *src)
{
	return disk_pwrite(fdref_fd(f->sync.pinned), src, len, off);
}

/* Writes n bytes at off, all in one block of the chain, over what it holds. */
static int
merge_block(struct cow *c, struct relfile *f, uint64_t off, size_t n, const void *src,
    struct reader *rd)
{
	uint64_t blkno = off / BLCKSZ;
	unsigned char page[BLCKSZ];
	int rc;

	rc = source_read(c, f, source_of(f, blkno), blkno * BLCKSZ, BLCKSZ, page, rd);
	if (rc < 0)
		return rc;
	memcpy(page + off % BLCKSZ, src, n);
	rc = write_content(f, blkno * BLCKSZ,
	    bytes_in_block(blkno, MAX((uint64_t)f->size, off + n)), page);
	return rc < 0 ? rc : source_take(c, f, (uint32_t)blkno, 1);
}

int
relfile_write_copy_up(struct cow *c, struct relfile *f, uint32_t blkno, struct reader *rd)
{
	return merge_block(c, f, (uint64_t)blkno * BLCKSZ, 0, "", rd);
}

/*
 * A segment of WAL goes up whole at its first write.  PostgreSQL syncs it after
 * every few blocks, and each time that cost a sync of the block map, and room for
 * these blocks had to be found on the disk; a whole file is overwritten in place.
 */
#define WAL_WHOLE_MAX	(64 * MiB)	/* no request may take long */

static bool
goes_up_whole(const struct relfile *f)
{
	return f->in_wal && !f->wal && f->blocks.limit <= WAL_WHOLE_MAX;
}

/* Copies up len bytes at off, all of source s; buf has room for them. */
static int
copy_up_run(struct cow *c, struct relfile *f, enum source s, uint64_t off, size_t len,
    unsigned char *buf, struct reader *rd)
{
	uint32_t count = (uint32_t)((len + BLCKSZ - 1) / BLCKSZ);
	int rc;

	if ((rc = source_read(c, f, s, off, len, buf, rd)) < 0 ||
	    (rc = write_content(f, off, len, buf)) < 0)
		return rc;
	iostats_add(&rd->stats->blocks_copied_up, count);
	return source_take(c, f, (uint32_t)(off / BLCKSZ), count);
}

/*
 * Whole blocks, behind the limit too: where a block is not its own, the content file may have
 * what a crash left there.  What cannot be copied up stays where it is: nobody asked for it.
 */
static void
copy_up_all(struct cow *c, struct relfile *f, struct reader *rd)
{
	uint64_t off, end = MIN(relfile_chain_blocks(f) * BLCKSZ, (uint64_t)f->size);
	unsigned char *buf autofree = malloc(READER_BLOCKS * (size_t)BLCKSZ);
	int rc = buf != NULL ? 0 : -ENOMEM;
	enum source s;
	size_t n;

	for (off = 0; off < end && rc == 0; off += n) {
		n = source_run(f, off, (size_t)MIN(end - off, READER_BLOCKS * (uint64_t)BLCKSZ), &s);
		if (s != SOURCE_OWN)
			rc = copy_up_run(c, f, s, off, n, buf, rd);
	}
}

/* Writes to the first blocks of [off, off + len), which the chain provides; returns bytes. */
static ssize_t
write_up(struct cow *c, struct relfile *f, uint64_t off, size_t len, const unsigned char *src,
    struct reader *rd)
{
	uint32_t first = (uint32_t)(off / BLCKSZ), count = 0;
	size_t n = MIN(len, BLCKSZ - (size_t)(off % BLCKSZ));
	int rc;

	while ((size_t)(count + 1) * BLCKSZ <= len && off % BLCKSZ == 0 &&
	    source_is_older(f, first + count))
		count++;
	if (count == 0) {
		rc = merge_block(c, f, off, n, src, rd);
		iostats_add(&rd->stats->blocks_copied_up, 1);
		return rc < 0 ? rc : (ssize_t)n;
	}
	rc = write_content(f, off, (size_t)count * BLCKSZ, src);
	if (rc == 0)
		rc = source_take(c, f, first, count);
	iostats_add(&rd->stats->blocks_copied_up, count);
	return rc < 0 ? rc : (ssize_t)count * BLCKSZ;
}

static int
write_mixed(struct cow *c, struct relfile *f, uint64_t off, size_t len,
    const unsigned char *src, struct reader *rd)
{
	uint64_t at, end = off + len;
	ssize_t n;
	int rc;

	while (off < end) {
		if (source_is_older(f, off / BLCKSZ)) {
			n = write_up(c, f, off, (size_t)(end - off), src, rd);
		} else {
			for (at = (off / BLCKSZ + 1) * BLCKSZ;
			    at < end && !source_is_older(f, at / BLCKSZ); at += BLCKSZ)
				;
			n = (ssize_t)(MIN(at, end) - off);
			if ((rc = write_content(f, off, (size_t)n, src)) < 0)
				n = rc;
		}
		if (n < 0)
			return (int)n;
		off += (uint64_t)n;
		src += n;
	}
	return 0;
}

static bool
touches_chain(const struct relfile *f, uint64_t off, size_t len)
{
	uint64_t b;

	for (b = off / BLCKSZ; b * BLCKSZ < off + len; b++)
		if (source_is_older(f, b))
			return true;
	return false;
}

static int
write_range(struct cow *c, struct relfile *f, uint64_t off, size_t len, const void *src,
    struct reader *rd)
{
	uint64_t size = f->size, end;
	struct stat st;
	int rc;

	if ((rc = dirty_add(c, f)) < 0)
		return rc;
	if (!touches_chain(f, off, len)) {
		rc = write_content(f, off, len, src);
	} else {
		pthread_mutex_lock(&f->blocks.copyup);
		if (goes_up_whole(f))
			copy_up_all(c, f, rd);
		rc = write_mixed(c, f, off, len, src, rd);
		pthread_mutex_unlock(&f->blocks.copyup);
	}
	/* A write that failed half way may have made the file longer: that is its length then. */
	end = rc == 0 ? off + len : fstat(fdref_fd(f->sync.pinned), &st) == 0 ? (uint64_t)st.st_size : 0;
	while (size < end && !atomic_compare_exchange_weak(&f->size, &size, end))
		;
	if (rc < 0)
		return rc;
	relfile_times_touch(c, f);
	iostats_add(&rd->stats->blocks_written, (len + BLCKSZ - 1) / BLCKSZ);
	return 0;
}

/* Takes the file's lock, shared, with a content file there to be written. */
static int
lock_with_content(struct cow *c, struct relfile *f)
{
	int rc;

	for (;;) {
		pthread_rwlock_rdlock(&f->lock);
		if (relfile_has_content(f))
			return 0;
		pthread_rwlock_unlock(&f->lock);
		pthread_rwlock_wrlock(&f->lock);
		rc = relfile_make_content(c, f);
		pthread_rwlock_unlock(&f->lock);
		if (rc < 0)
			return rc;
	}
}

static int
write_once(struct cow *c, struct relfile *f, uint64_t off, size_t size, const void *buf,
    struct reader *rd)
{
	int rc;

	if ((rc = flush_make_room(c)) < 0)
		return rc;
	pthread_rwlock_rdlock(&c->gate);
	if ((rc = lock_with_content(c, f)) == 0) {
		rc = write_range(c, f, off, size, buf, rd);
		pthread_rwlock_unlock(&f->lock);
	}
	pthread_rwlock_unlock(&c->gate);
	return rc;
}

/* Pages of zeroes are holes, as they are where a backup is restored. */
static int
write_or_punch(struct relfile *f, uint64_t off, size_t len, const unsigned char *src)
{
	int rc = -EOPNOTSUPP;

	if (src[0] == 0 && memcmp(src, src + 1, len - 1) == 0)
		rc = disk_fallocate(fdref_fd(f->sync.pinned), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		    off, len);
	return rc == 0 ? 0 : write_content(f, off, len, src);
}

/* The first blocks of [off, end) that are alike, zeroes or not: returns their bytes. */
static size_t
alike(const unsigned char *src, size_t len)
{
	size_t at = 0, n;
	bool zero = false, is;

	for (; at < len; at += n) {
		n = MIN(len - at, (size_t)BLCKSZ);
		is = src[at] == 0 && memcmp(src + at, src + at + 1, n - 1) == 0;
		if (at > 0 && is != zero)
			break;
		zero = is;
	}
	return at;
}

static int64_t
take_up(struct cow *c, struct relfile *f, uint64_t off, uint64_t end, unsigned char *buf)
{
	uint64_t begin = off, chain = relfile_chain_blocks(f) * BLCKSZ;
	uint32_t count;
	int64_t moved = 0;
	enum source s;
	size_t n;
	int rc;

	/* A truncation may have come between: what lies behind it is zero, as far as the file goes. */
	end = MIN(MIN(end, chain), (uint64_t)f->size);
	if (end > f->blocks.limit)
		memset(buf + (MAX(f->blocks.limit, begin) - begin), 0,
		    (size_t)(end - MAX(f->blocks.limit, begin)));
	for (; off < end; off += n) {
		n = source_run(f, off, (size_t)(end - off), &s);
		if (s != SOURCE_CHAIN)
			continue;
		n = alike(buf + (off - begin), n);
		count = (uint32_t)((n + BLCKSZ - 1) / BLCKSZ);
		if ((rc = write_or_punch(f, off, n, buf + (off - begin))) < 0 ||
		    (rc = source_take(c, f, (uint32_t)(off / BLCKSZ), count)) < 0)
			return rc;
		moved += count;
	}
	return moved;
}

int64_t
relfile_write_take_up(struct cow *c, struct relfile *f, uint64_t off, size_t len,
    unsigned char *buf)
{
	int64_t rc;

	if ((rc = flush_make_room(c)) < 0)
		return rc;
	pthread_rwlock_rdlock(&c->gate);
	if ((rc = lock_with_content(c, f)) == 0) {
		if ((rc = dirty_add(c, f)) == 0) {
			pthread_mutex_lock(&f->blocks.copyup);
			rc = take_up(c, f, off, off + len, buf);
			pthread_mutex_unlock(&f->blocks.copyup);
		}
		pthread_rwlock_unlock(&f->lock);
	}
	pthread_rwlock_unlock(&c->gate);
	return rc;
}

static uint64_t
number_of(struct relfile *f)
{
	uint64_t number;

	pthread_rwlock_rdlock(&f->lock);
	number = f->content.number;
	pthread_rwlock_unlock(&f->lock);
	return number;
}

int
cow_write(struct cow *c, uint64_t nodeid, uint64_t off, size_t size, const void *buf,
    struct reader *rd)
{
	static struct log_budget budget;
	struct relfile *f;
	unsigned skipped;
	int rc;

	if (off > (uint64_t)INT64_MAX - size)
		return -EFBIG;
	if ((rc = find_relfile(c, nodeid, &f)) < 0 || (rc = record_own(c, nodeid, f)) < 0)
		return rc;
	rc = write_once(c, f, off, size, buf, rd);
	/* The application was told long ago that this write succeeded. */
	if (rc == -ENOSPC && c->config.kernel_times && room_find(c))
		rc = write_once(c, f, off, size, buf, rd);
	if (rc < 0 && log_allowed(&budget, &skipped))
		log_error("could not write \"data/%016" PRIx64 "\" in the diff directory: %s",
		    number_of(f), strerror(-rc));
	return rc;
}
