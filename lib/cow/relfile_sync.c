/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "cow/dirty.h"
#include "cow/impl.h"
#include "cow/relfile.h"
#include "cow/room.h"
#include "diff/disk.h"

/*
 * fsync: content, then the block map that names it, then the journal.  What is
 * to be synced is taken under the file's lock, exclusively, so that no write is
 * half done; writes that come later make the file dirty again.
 *
 * A sync that fails is told once: to the fsync that asked for it, or, where a flush
 * did, to the next fsync of the file.  So it is put there before sync.lock is given up.
 *
 * With the first sync of a content file its record goes to the journal: from then on
 * a mount misses it where it is gone.  State and record change together, under lock:
 * who takes the file's last name has to know that its content may not go at once.
 *
 * A backup's file of which the content file has every block that the chain could
 * still show needs no map any more: in its place a record says so, and from then on
 * a sync is that of the content file alone, as for files that were created.
 */
struct work {
	uint64_t content, names;	/* its number; of its name: contents_names() */
	struct fdref *ref;		/* in use: a truncation may drop the file meanwhile */
	struct kinds_part *kinds;	/* copy of what changed in the map */
	uint64_t whole;			/* the limit, if no block below it is the chain's; else 0 */
	bool	dirty, first_time, record;
	bool	lost;			/* the kernel could not write content, and has forgotten it */
	int	failed;			/* what an earlier, unasked-for sync met */
};

/* lock exclusively held: no block is on its way from chain to diff. */
static bool
is_whole(const struct relfile *f)
{
	uint64_t blocks = relfile_chain_blocks(f);

	return blocks > 0 && kinds_all_full(f->blocks.kinds, (uint32_t)blocks);
}

/* Who wants a sync. */
enum purpose {
	ASKED,		/* an fsync: is told what went wrong */
	UNASKED,	/* a flush */
	HYDRATING,	/* takes nothing of the reserve, and has files leave the chain that nobody writes */
};

static int
take_work(struct cow *c, struct relfile *f, struct work *w, enum purpose p)
{
	bool changed;
	int rc = 0;

	*w = (struct work){ 0 };
	pthread_rwlock_wrlock(&f->lock);
	if (!relfile_has_content(f))
		goto out;
	w->content = f->content.number;
	w->names = f->content.names != 0 ? f->content.names : contents_names(c->contents);
	w->dirty = f->sync.dirty || f->sync.unsynced;
	w->first_time = f->content.state != RELFILE_SYNCED;
	w->record = !f->content.recorded;
	changed = kinds_changed(f->blocks.kinds);
	if ((changed || p == HYDRATING) && is_whole(f))
		w->whole = f->blocks.limit;
	if (!w->dirty && !changed && !w->record && w->whole == 0 && f->sync.failed == 0)
		goto out;
	if ((rc = content_fd(c->contents, w->content, false, &w->ref)) < 0)
		goto out;
	rc = 0;
	if (changed && (rc = kinds_take_changed(f->blocks.kinds, &w->kinds)) < 0)
		goto out;
	w->failed = f->sync.failed;
	if (p == ASKED)
		f->sync.failed = 0;
	f->sync.dirty = f->sync.unsynced = false;
out:
	pthread_rwlock_unlock(&f->lock);
	return rc;
}

static int
record(struct cow *c, struct relfile *f, const struct work *w, uint16_t type, uint64_t *seq)
{
	struct journal_record rec = {
		.type = type, .serial = f->serial, .content = w->content, .time = clock_real_ns(),
	};
	int rc = journal_append(c->journal, &rec);

	*seq = rec.seq;
	return rc;
}

/*
 * The content file is durable, and its name.  lock exclusively held.  Where no chain is below,
 * nothing relies on the record, so that a full disk fails no sync: the next one tries again.
 */
static int
record_content(struct cow *c, struct relfile *f, const struct work *w)
{
	uint64_t seq;
	int rc;

	if (f->content.recorded)
		return 0;
	if ((rc = record(c, f, w, JOURNAL_CONTENT, &seq)) == 0) {
		f->content.recorded = true;
		f->content.state = RELFILE_SYNCED;
	}
	return rc == -ENOSPC && f->blocks.limit == 0 ? 0 : rc;
}

static bool
is_still_there(const struct relfile *f, const struct work *w)
{
	return relfile_has_content(f) && f->content.number == w->content;
}

/*
 * The content file is whole, durable and has a durable name: a record that
 * limits the chain to nothing takes the place of the map.  Returns 1, 0 if the file
 * was cut meanwhile and needs its map, or negative errno.
 */
static int
leave_chain(struct cow *c, struct relfile *f, const struct work *w)
{
	uint64_t seq;
	int rc = 0;

	pthread_rwlock_wrlock(&f->lock);
	if (is_still_there(f, w) && f->blocks.limit == w->whole && f->content.cut == RELFILE_UNCUT) {
		if ((rc = record_content(c, f, w)) == 0 &&
		    (rc = record(c, f, w, JOURNAL_TRUNCATE, &seq)) == 0) {
			relfile_forget_chain(c, f);
			f->blocks.limit_seq = seq;
			rc = 1;
		}
	}
	pthread_rwlock_unlock(&f->lock);
	return rc;
}

static int
write_map(struct cow *c, struct relfile *f, const struct work *w, bool names)
{
	bool new_map = false;
	int rc = 0;

	if (w->kinds != NULL)
		rc = content_map_write(c->contents, w->content, w->kinds, &new_map);
	if (rc == 0 && (names || new_map))
		rc = contents_sync_names_to(c->contents, new_map ? contents_names(c->contents) : w->names);
	if (rc < 0 || !w->record)
		return rc;
	pthread_rwlock_wrlock(&f->lock);
	if (is_still_there(f, w))
		rc = record_content(c, f, w);
	pthread_rwlock_unlock(&f->lock);
	return rc;
}

static int
write_out(struct cow *c, struct relfile *f, struct work *w, bool times)
{
	int fd = fdref_fd(w->ref), rc;

	rc = times ? disk_sync_all(fd) : disk_sync(fd);
	if ((w->lost = rc < 0))
		return rc;
	if (w->whole == 0)
		return write_map(c, f, w, w->first_time);
	if (w->first_time && (rc = contents_sync_names_to(c->contents, w->names)) < 0)
		return rc;
	rc = leave_chain(c, f, w);
	return rc != 0 ? MIN(rc, 0) : write_map(c, f, w, false);
}

/* Puts back what could not be done; or notes that it was. */
static void
settle(struct cow *c, struct relfile *f, const struct work *w, int result, enum purpose p)
{
	pthread_rwlock_wrlock(&f->lock);
	if (is_still_there(f, w)) {
		if (result == 0) {
			f->content.state = RELFILE_SYNCED;
		} else {
			f->sync.dirty = f->sync.dirty || f->sync.pinned != NULL;
			f->sync.unsynced = true;
			/* Map and journal, of which hydration may lack room, the next sync writes. */
			if (p == UNASKED || (p == HYDRATING && w->lost))
				f->sync.failed = result;
			if (f->blocks.kinds != NULL)
				kinds_put_back(f->blocks.kinds, w->kinds);
		}
	}
	dirty_settle(c, f);
	pthread_rwlock_unlock(&f->lock);
}

static int
sync_file(struct cow *c, struct relfile *f, bool times, enum purpose p)
{
	struct work w;
	int rc;

	pthread_mutex_lock(&f->sync.lock);
	rc = take_work(c, f, &w, p);
	if (rc == 0 && (w.dirty || w.kinds != NULL || w.record || w.whole != 0)) {
		rc = write_out(c, f, &w, times);
		if (rc == -ENOSPC && p != HYDRATING && room_find(c))
			rc = write_out(c, f, &w, times);
		if (rc < 0 && (p != HYDRATING || rc != -ENOSPC))
			log_error("could not sync \"data/%016" PRIx64 "\" in the diff directory: %s",
			    w.content, strerror(-rc));
		settle(c, f, &w, rc, p);
	}
	if (rc == 0)
		rc = w.failed;
	if (w.ref != NULL)
		fdcache_put(c->fds, w.ref);
	kinds_parts_free(w.kinds);
	pthread_mutex_unlock(&f->sync.lock);
	return rc;
}

int
relfile_sync(struct cow *c, struct relfile *f, bool times)
{
	return sync_file(c, f, times, ASKED);
}

int
relfile_sync_unasked(struct cow *c, struct relfile *f)
{
	return sync_file(c, f, false, UNASKED);
}

int
relfile_sync_whole(struct cow *c, struct relfile *f)
{
	return sync_file(c, f, false, HYDRATING);
}

void
relfile_sync_ahead(struct cow *c, struct relfile *f, uint64_t off, uint64_t len)
{
	struct fdref *ref = NULL;
	int fd = -ENOENT;

	pthread_rwlock_rdlock(&f->lock);
	if (relfile_has_content(f))
		fd = content_fd(c->contents, f->content.number, false, &ref);
	pthread_rwlock_unlock(&f->lock);
	if (fd < 0)
		return;		/* the sync will tell */
	disk_begin_sync(fd, off, len);
	fdcache_put(c->fds, ref);
}
