#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "cow/impl.h"
#include "diff/disk.h"

/*
 * fsync: content, then the block map that names it, then the journal.  What is
 * to be synced is taken under the file's lock, exclusively, so that no write is
 * half done; writes that come later make the file dirty again.
 *
 * A backup's file of which the content file has every block that the chain could
 * still show needs no map any more: in its place a record says so, and from then on
 * a sync is that of the content file alone, as for files that were created.
 */
struct work {
	uint64_t content;
	struct fdref *ref;		/* in use: a truncation may drop the file meanwhile */
	struct kinds_part *kinds;	/* copy of what changed in the map */
	uint64_t whole;			/* the limit, if no block below it is the chain's; else 0 */
	bool	dirty, first_time, record;
	int	failed;			/* what an earlier, unasked-for sync met */
};

/* lock exclusively held: no block is on its way from chain to diff. */
static bool
is_whole(const struct relfile *f)
{
	uint64_t blocks = (f->limit + BLCKSZ - 1) / BLCKSZ;

	return blocks > 0 && kinds_all_full(f->kinds, (uint32_t)blocks);
}

static int
take_work(struct cow *c, struct relfile *f, struct work *w)
{
	int r = 0;

	*w = (struct work){ 0 };
	pthread_rwlock_wrlock(&f->lock);
	if (!f->has_content)
		goto out;
	w->content = f->content;
	w->dirty = f->dirty || f->unsynced;
	w->first_time = !f->named;
	w->record = f->limit > 0 && !f->recorded;
	if (!w->dirty && !kinds_changed(f->kinds) && !w->record && f->failed == 0)
		goto out;
	if ((r = content_fd(c->contents, w->content, false, &w->ref)) < 0)
		goto out;
	r = 0;
	if (kinds_changed(f->kinds)) {
		if ((r = kinds_take_changed(f->kinds, &w->kinds)) < 0)
			goto out;
		w->whole = is_whole(f) ? f->limit : 0;
	}
	w->failed = f->failed;
	f->failed = 0;
	f->dirty = f->unsynced = false;
out:
	pthread_rwlock_unlock(&f->lock);
	return r;
}

static int
record(struct cow *c, struct relfile *f, const struct work *w, uint16_t type)
{
	struct journal_record rec = {
		.type = type, .serial = f->serial, .content = w->content, .time = cow_now(),
	};

	return journal_append(c->journal, &rec);
}

/*
 * The content file is whole, durable and has a durable name: a record that
 * limits the chain to nothing takes the place of the map.  Returns 1, 0 if the file
 * was cut meanwhile and needs its map, or negative errno.
 */
static int
leave_chain(struct cow *c, struct relfile *f, const struct work *w)
{
	int r = 0;

	pthread_rwlock_wrlock(&f->lock);
	if (f->has_content && f->content == w->content && f->limit == w->whole &&
	    f->cut == UINT64_MAX) {
		if (w->record)
			r = record(c, f, w, JOURNAL_CONTENT);
		if (r == 0 && (r = record(c, f, w, JOURNAL_TRUNCATE)) == 0) {
			relfile_forget_chain(c, f);
			r = 1;
		}
	}
	pthread_rwlock_unlock(&f->lock);
	return r;
}

static int
write_map(struct cow *c, struct relfile *f, const struct work *w, bool names)
{
	bool new_map = false;
	int r = 0;

	if (w->kinds != NULL)
		r = content_map_write(c->contents, w->content, w->kinds, &new_map);
	if (r == 0 && (names || new_map))
		r = contents_sync_names(c->contents);
	if (r == 0 && w->record)
		r = record(c, f, w, JOURNAL_CONTENT);
	return r;
}

static int
write_out(struct cow *c, struct relfile *f, const struct work *w, bool times)
{
	int fd = fdref_fd(w->ref), r;

	if ((r = times ? disk_sync_all(fd) : disk_sync(fd)) < 0)
		return r;
	if (w->whole == 0)
		return write_map(c, f, w, w->first_time);
	if (w->first_time && (r = contents_sync_names(c->contents)) < 0)
		return r;
	r = leave_chain(c, f, w);
	return r != 0 ? MIN(r, 0) : write_map(c, f, w, false);
}

/* Puts back what could not be done; or notes that it was. */
static void
settle(struct cow *c, struct relfile *f, const struct work *w, int result)
{
	pthread_rwlock_wrlock(&f->lock);
	if (f->has_content && f->content == w->content) {
		if (result == 0) {
			f->durable = f->named = true;
			f->recorded = f->recorded || w->record;
		} else {
			f->dirty = f->dirty || f->listed;
			f->unsynced = true;
			if (f->kinds != NULL)
				kinds_put_back(f->kinds, w->kinds);
		}
	}
	pthread_mutex_lock(&c->list_lock);
	if (!f->dirty && f->listed) {
		TAILQ_REMOVE(&c->dirty, f, dirty_link);
		f->listed = false;
		c->n_dirty--;
		fdcache_put(c->fds, f->pinned);
		f->pinned = NULL;
	}
	pthread_mutex_unlock(&c->list_lock);
	pthread_rwlock_unlock(&f->lock);
}

int
relfile_sync(struct cow *c, struct relfile *f, bool times)
{
	struct work w;
	int r;

	pthread_mutex_lock(&f->sync_lock);
	r = take_work(c, f, &w);
	if (r == 0 && (w.dirty || w.kinds != NULL || w.record)) {
		r = write_out(c, f, &w, times);
		if (r == -ENOSPC && cow_find_room(c))
			r = write_out(c, f, &w, times);
		if (r < 0)
			log_error("could not sync \"data/%016" PRIx64 "\" in the diff directory: %s",
			    w.content, strerror(-r));
		settle(c, f, &w, r);
	}
	if (r == 0)
		r = w.failed;
	if (w.ref != NULL)
		fdcache_put(c->fds, w.ref);
	kinds_parts_free(w.kinds);
	pthread_mutex_unlock(&f->sync_lock);
	return r;
}

void
relfile_unlist(struct cow *c, struct relfile *f)
{
	pthread_mutex_lock(&c->list_lock);
	f->dirty = false;
	if (f->listed) {
		TAILQ_REMOVE(&c->dirty, f, dirty_link);
		f->listed = false;
		c->n_dirty--;
		fdcache_put(c->fds, f->pinned);
		f->pinned = NULL;
	}
	pthread_mutex_unlock(&c->list_lock);
}

/* When nothing is dirty, the pending log has nothing to say. */
static void
trim_pending(struct cow *c)
{
	if (c->n_dirty > 0 ||
	    atomic_load_explicit(&c->config.pending->n, memory_order_relaxed) < 1024)
		return;
	if (pthread_rwlock_trywrlock(&c->gate) != 0)
		return;
	if (c->n_dirty == 0)
		pending_reset(c->config.pending);
	pthread_rwlock_unlock(&c->gate);
}

/* Whether the journal knows nothing of nodeid, so that there is nothing to sync. */
static bool
is_untouched(struct cow *c, uint64_t nodeid)
{
	const struct node *n;
	bool untouched;

	if (!cow_is_base(c, nodeid) || c->base_file[nodeid - 1] != NULL)
		return false;
	pthread_rwlock_rdlock(&c->tree_lock);
	n = node_find(c, nodeid);
	untouched = n == NULL || n->serial == 0;
	pthread_rwlock_unlock(&c->tree_lock);
	return untouched;
}

int
cow_fsync(struct cow *c, uint64_t nodeid, bool datasync)
{
	struct relfile *f;
	int r;

	if (c->config.no_sync)
		return 0;
	if (is_untouched(c, nodeid))
		return 0;
	if ((r = relfile_of(c, nodeid, &f)) < 0)
		return r;
	if (f->wal || f->serial == 0)
		return 0;
	if ((r = relfile_sync(c, f, !datasync)) < 0)
		return r;
	trim_pending(c);
	return journal_sync(c->journal);
}

int
cow_fsync_names(struct cow *c)
{
	return c->config.no_sync ? 0 : journal_sync(c->journal);
}

/* The next dirty file; tree_lock keeps it from being freed. */
static struct relfile *
first_dirty(struct cow *c, const struct relfile *not_this)
{
	struct relfile *f;

	pthread_mutex_lock(&c->list_lock);
	f = TAILQ_FIRST(&c->dirty);
	if (f != NULL && f == not_this)
		f = TAILQ_NEXT(f, dirty_link);
	pthread_mutex_unlock(&c->list_lock);
	return f;
}

static void
tell_durable(const struct cow *c)
{
	if (c->config.on_durable != NULL)
		c->config.on_durable();
}

/*
 * Every dirty file is synced while no writer runs; an error is told to whoever
 * asked, and once more to the next fsync of the file that it belongs to.
 */
int
relfile_flush(struct cow *c)
{
	struct relfile *f, *stuck = NULL;
	int r = 0, rc;

	pthread_rwlock_wrlock(&c->gate);
	pthread_rwlock_rdlock(&c->tree_lock);
	while ((f = first_dirty(c, stuck)) != NULL) {
		if ((rc = relfile_sync(c, f, false)) == 0) {
			tell_durable(c);
			continue;
		}
		f->failed = rc;
		r = rc;
		if (stuck != NULL)
			break;
		stuck = f;
	}
	pthread_rwlock_unlock(&c->tree_lock);
	if ((rc = journal_sync(c->journal)) < 0)
		r = rc;
	if (r == 0)
		pending_reset(c->config.pending);
	pthread_rwlock_unlock(&c->gate);
	return r;
}

/* Content that nobody has asked for since is in no list of ours. */
static int
sync_inherited(struct cow *c)
{
	struct content_list *list;
	uint64_t number;
	bool map;
	int r, rc = 0;

	if ((r = contents_list(c->contents, &list)) < 0)
		return r;
	while ((r = content_list_next(list, &number, &map)) > 0) {
		if ((r = content_sync(c->contents, number, map)) < 0)
			rc = r;
		tell_durable(c);
	}
	content_list_free(list);
	return r < 0 ? r : rc < 0 ? rc : contents_sync_names(c->contents);
}

int
cow_flush(struct cow *c)
{
	int r = relfile_flush(c), rc = 0;

	if (c->inherited && (rc = sync_inherited(c)) == 0)
		c->inherited = false;
	return r < 0 ? r : rc;
}
