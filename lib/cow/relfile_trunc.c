/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <linux/falloc.h>

#include "base/clock.h"
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
 * Lengths.  A file that the chain can no longer show (limit 0) is as long as
 * its content file, and is cut and grown like any file.  For the others the
 * record comes first and is durable before content goes: else power loss could
 * bring back the old length with the blocks gone, or the chain's pages behind
 * the cut.  A cut to nothing takes a new, empty content file instead: no wait.
 * The same holds as long as power loss could bring the chain back.
 */

/* Whether power loss could bring back what the chain had to show before its limit came down to nothing. */
static bool
chain_may_return(const struct cow *c, const struct relfile *f)
{
	return (f->base != INDEX_NONE || f->frozen != NULL) && f->blocks.limit_seq > journal_durable(c->journal);
}


static int
record_truncate(struct cow *c, struct relfile *f, uint64_t len, uint64_t content,
    uint16_t flags, uint64_t *seq)
{
	struct journal_record rec = {
		.type = JOURNAL_TRUNCATE, .flags = flags, .serial = f->serial, .length = len,
		.content = content, .time = clock_real_ns(),
	};
	int rc = journal_append(c->journal, &rec);

	*seq = rec.seq;
	return rc;
}

static int
resize_content(struct cow *c, struct relfile *f, uint64_t len)
{
	int rc;

	if ((rc = relfile_make_content(c, f)) < 0 || (rc = dirty_add(c, f)) < 0 ||
	    (rc = disk_truncate(fdref_fd(f->sync.pinned), len)) < 0)
		return rc;
	f->size = len;
	relfile_times_touch(c, f);
	return 0;
}

/* Everything goes: the file starts again with an empty content file. */
static int
cut_to_nothing(struct cow *c, struct relfile *f)
{
	uint64_t old = f->content.number, fresh = relfile_has_content(f) ? cow_next_serial(c) : old, seq;
	int rc;

	if ((rc = record_truncate(c, f, 0, fresh, 0, &seq)) < 0)
		return rc;
	if (relfile_has_content(f)) {
		dirty_remove(c, f);
		if (relfile_may_last(f))
			room_remove_later(c, old, seq);
		else
			content_remove(c->contents, old);
	}
	relfile_forget_chain(c, f);
	f->content.number = fresh;
	f->content.state = RELFILE_BARE;
	f->content.recorded = f->sync.unsynced = false;
	f->size = 0;
	return 0;
}

static int
cut_partly(struct cow *c, struct relfile *f, uint64_t len)
{
	struct journal_record done = {
		.type = JOURNAL_TRUNCATED, .serial = f->serial, .time = clock_real_ns()
	};
	uint64_t seq;
	int rc;

	rc = record_truncate(c, f, len, f->content.number, relfile_has_content(f) ? JOURNAL_CUT : 0, &seq);
	if (rc < 0)
		return rc;
	f->blocks.limit = MIN(f->blocks.limit, len);
	f->size = MIN((uint64_t)f->size, len);
	if (!relfile_has_content(f))
		return 0;
	/* The second record, too, may only tell of what cannot be lost any more. */
	if ((relfile_may_last(f) && (rc = journal_sync(c->journal)) < 0) ||
	    (rc = resize_content(c, f, len)) < 0 ||
	    (relfile_may_last(f) && (rc = disk_sync(fdref_fd(f->sync.pinned))) < 0) ||
	    (rc = journal_append(c->journal, &done)) < 0) {
		/* The record stands: whoever looks at the file next finishes the cut. */
		f->content.cut = len;
	}
	return rc;
}

int
relfile_truncate(struct cow *c, struct relfile *f, uint64_t len)
{
	int rc = 0;

	if (len > INT64_MAX)
		return -EFBIG;
	if ((rc = flush_make_room(c)) < 0)
		return rc;
	pthread_rwlock_rdlock(&c->gate);
	pthread_rwlock_wrlock(&f->lock);
	if (len > f->size)
		rc = resize_content(c, f, len);
	else if (len < f->size && f->blocks.limit == 0 && !chain_may_return(c, f))
		rc = resize_content(c, f, len);
	else if (len < f->size && len == 0)
		rc = cut_to_nothing(c, f);
	else if (len < f->size && f->blocks.limit == 0)
		rc = (rc = journal_sync(c->journal)) < 0 ? rc : resize_content(c, f, len);
	else if (len < f->size)
		rc = cut_partly(c, f, len);
	pthread_rwlock_unlock(&f->lock);
	pthread_rwlock_unlock(&c->gate);
	return rc;
}

/* Whether block b of the chain lies wholly in [off, end), as far as the chain shows it. */
static bool
is_whole(const struct relfile *f, uint64_t b, uint64_t off, uint64_t end)
{
	return b * BLCKSZ >= off && MIN((b + 1) * BLCKSZ, f->blocks.limit) <= end;
}

/*
 * Zeroes instead of what was there.  Blocks of the chain that are hit in part
 * are copied up; those hit whole become holes of the content file, which then
 * owns them.  The latter comes last: it cannot be undone.
 */
static int
copy_up_edges(struct cow *c, struct relfile *f, uint64_t off, uint64_t end, struct reader *rd)
{
	uint64_t edge[] = { off / BLCKSZ, (end - 1) / BLCKSZ };
	int i, rc = 0;

	for (i = 0; i < 2 && rc == 0; i++)
		if (source_is_older(f, edge[i]) && !is_whole(f, edge[i], off, end))
			rc = relfile_write_copy_up(c, f, (uint32_t)edge[i], rd);
	return rc;
}

static int
own_holes(struct cow *c, struct relfile *f, uint64_t off, uint64_t end)
{
	uint64_t b = off / BLCKSZ, last = (MIN(end, f->blocks.limit) + BLCKSZ - 1) / BLCKSZ, n;
	int rc = 0;

	for (; b < last && rc == 0; b += MAX(n, 1u)) {
		for (n = 0; b + n < last && source_is_older(f, b + n); n++)
			;
		if (n > 0)
			rc = source_take(c, f, (uint32_t)b, (uint32_t)n);
	}
	return rc;
}

static int
fallocate_locked(struct cow *c, struct relfile *f, int mode, uint64_t off, uint64_t len,
    struct reader *rd)
{
	bool zeroes = (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0;
	uint64_t end = off + len;
	int rc;

	if ((rc = relfile_make_content(c, f)) < 0 || (rc = dirty_add(c, f)) < 0)
		return rc;
	pthread_mutex_lock(&f->blocks.copyup);
	if (zeroes)
		rc = copy_up_edges(c, f, off, end, rd);
	if (rc == 0)
		rc = disk_fallocate(fdref_fd(f->sync.pinned), mode, off, len);
	if (rc == 0 && zeroes)
		rc = own_holes(c, f, off, end);
	pthread_mutex_unlock(&f->blocks.copyup);
	if (rc == 0 && !(mode & FALLOC_FL_KEEP_SIZE) && end > f->size)
		f->size = end;
	if (rc == 0)
		relfile_times_touch(c, f);
	return rc;
}

int
cow_fallocate(struct cow *c, uint64_t nodeid, int mode, uint64_t off, uint64_t len,
    struct reader *rd)
{
	struct relfile *f;
	int rc;

	if (mode != 0 && mode != FALLOC_FL_KEEP_SIZE &&
	    mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) &&
	    mode != FALLOC_FL_ZERO_RANGE &&
	    mode != (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (len == 0)
		return -EINVAL;
	if (off > (uint64_t)INT64_MAX - len)
		return -EFBIG;
	if ((rc = find_relfile(c, nodeid, &f)) < 0 || (rc = record_own(c, nodeid, f)) < 0 ||
	    (rc = flush_make_room(c)) < 0)
		return rc;
	pthread_rwlock_rdlock(&c->gate);
	pthread_rwlock_wrlock(&f->lock);
	rc = fallocate_locked(c, f, mode, off, len, rd);
	pthread_rwlock_unlock(&f->lock);
	pthread_rwlock_unlock(&c->gate);
	return rc;
}
