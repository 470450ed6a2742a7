#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "cow/impl.h"
#include "diff/disk.h"

struct relfile *
relfile_new(struct cow *c, uint32_t base, uint64_t serial)
{
	struct relfile *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	pthread_rwlock_init(&f->lock, NULL);
	pthread_mutex_init(&f->copyup, NULL);
	pthread_mutex_init(&f->map_lock, NULL);
	pthread_mutex_init(&f->sync_lock, NULL);
	f->base = base;
	f->serial = f->content = serial;
	f->cut = UINT64_MAX;
	f->atime = f->mtime = c->created;
	if (base != INDEX_NONE)
		f->size = f->limit = c->store.ix.entries[base].size;
	return f;
}

static void
drop_map(struct cow *c, struct relfile *f)
{
	if (f->map == NULL)
		return;
	TAILQ_REMOVE(&c->maps, f, map_link);
	c->map_bytes -= blockmap_bytes(f->map);
	blockmap_free(f->map);
	f->map = NULL;
}

void
relfile_free(struct cow *c, struct relfile *f)
{
	relfile_unlist(c, f);
	pthread_mutex_lock(&c->list_lock);
	drop_map(c, f);
	pthread_mutex_unlock(&c->list_lock);
	kinds_free(f->kinds);
	pthread_rwlock_destroy(&f->lock);
	pthread_mutex_destroy(&f->copyup);
	pthread_mutex_destroy(&f->map_lock);
	pthread_mutex_destroy(&f->sync_lock);
	free(f);
}

/* Whether n lies in pg_wal: with --no-wal such a file is never synced. */
static bool
in_wal(const struct cow *c, uint64_t dirnode)
{
	return c->config.no_wal && c->wal_entry != INDEX_NONE &&
	    dirnode == (uint64_t)c->wal_entry + 1;
}

int
relfile_of_node(struct cow *c, struct node *n, struct relfile **out)
{
	struct relfile *f;
	int r = 0;

	pthread_mutex_lock(&c->file_lock);
	f = n->base != INDEX_NONE ? c->base_file[n->base] : n->file;
	if (f == NULL) {
		f = relfile_new(c, n->base, n->serial);
		if (f == NULL)
			r = -ENOMEM;
		else if (n->base != INDEX_NONE)
			c->base_file[n->base] = f;
		else
			n->file = f;
		if (f != NULL) {
			f->wal = in_wal(c, n->dirnode);
			f->atime = n->atime;
			f->mtime = n->mtime;
		}
	}
	pthread_mutex_unlock(&c->file_lock);
	*out = f;
	return r;
}

/* What the backup has and nobody changed needs no node. */
static int
file_of_base(struct cow *c, uint32_t e, struct relfile **out)
{
	struct relfile *f;

	if (!S_ISREG(c->store.ix.entries[e].mode))
		return -EINVAL;
	pthread_mutex_lock(&c->file_lock);
	if ((f = c->base_file[e]) == NULL && (f = relfile_new(c, e, 0)) != NULL) {
		f->wal = in_wal(c, (uint64_t)c->store.ix.entries[e].parent + 1);
		c->base_file[e] = f;
	}
	pthread_mutex_unlock(&c->file_lock);
	*out = f;
	return f != NULL ? 0 : -ENOMEM;
}

/* tree_lock held. */
static int
find_file(struct cow *c, uint64_t nodeid, struct relfile **out)
{
	struct node *n = node_find(c, nodeid);

	if (n != NULL)
		return S_ISREG(n->mode) ? relfile_of_node(c, n, out) : -EINVAL;
	return cow_is_base(c, nodeid) ? file_of_base(c, (uint32_t)(nodeid - 1), out) : -ESTALE;
}

int
relfile_of(struct cow *c, uint64_t nodeid, struct relfile **out)
{
	int r = 0;

	if (!cow_is_base(c, nodeid) || (*out = c->base_file[nodeid - 1]) == NULL) {
		pthread_rwlock_rdlock(&c->tree_lock);
		r = find_file(c, nodeid, out);
		pthread_rwlock_unlock(&c->tree_lock);
	}
	if (r < 0 || (*out)->loaded)
		return r;
	return relfile_load(c, *out);
}

/*
 * Finishes a truncation that a crash interrupted, or whose end it kept out of
 * the journal: left there, it would cut what is written from now on.
 */
int
relfile_finish_cut(struct cow *c, struct relfile *f)
{
	struct journal_record rec = {
		.type = JOURNAL_TRUNCATED, .serial = f->serial, .time = cow_now()
	};
	struct fdref *ref;
	struct stat st;
	int fd, r = 0;

	if (f->has_content) {
		if ((fd = content_fd(c->contents, f->content, false, &ref)) < 0)
			return fd;
		/* What counts is the content file: size may have been cut already. */
		if (fstat(fd, &st) != 0)
			r = -errno;
		else if ((uint64_t)st.st_size > f->cut)
			r = disk_truncate(fd, f->cut);
		if (r == 0)
			r = disk_sync(fd);
		fdcache_put(c->fds, ref);
		if (r == 0)
			f->size = MIN((uint64_t)f->size, f->cut);
	}
	if (r == 0 && (r = journal_append(c->journal, &rec)) == 0)
		f->cut = UINT64_MAX;
	return r;
}

static int
load_kinds(struct cow *c, struct relfile *f)
{
	uint64_t n = (f->limit + BLCKSZ - 1) / BLCKSZ;
	int r;

	if (n == 0)
		return 0;
	if (n > COW_BLOCKS_MAX)
		return -EFBIG;
	if ((f->kinds = kinds_new((uint32_t)n)) == NULL)
		return -ENOMEM;
	if ((r = content_map_read(c->contents, f->content, f->kinds)) < 0) {
		kinds_free(f->kinds);
		f->kinds = NULL;
	}
	return r;
}

static int
load_content(struct cow *c, struct relfile *f)
{
	struct stat st;
	int64_t written;
	int r;

	r = content_stat(c->contents, f->content, &st);
	if (r == -ENOENT && f->recorded) {
		log_error("\"data/%016" PRIx64 "\" is missing from the diff directory", f->content);
		return -EUCLEAN;
	}
	if (r == -ENOENT)
		return 0;
	if (r < 0 || (r = load_kinds(c, f)) < 0)
		return r;
	f->has_content = true;
	f->durable = f->unsynced = true;	/* for all we know */
	f->size = MIN((uint64_t)st.st_size, f->cut);
	f->atime = f->said_at != 0 ? f->said_atime : clock_ns(&st.st_atim);
	written = clock_ns(&st.st_mtim);
	f->mtime = written <= f->said_at ? f->said_mtime : written;
	f->ctime = written <= f->said_at ? 0 : written;
	/* An earlier worker may have written what no fsync has covered yet. */
	return c->config.first ? 0 : relfile_mark_dirty(c, f);
}

int
relfile_load(struct cow *c, struct relfile *f)
{
	int r = 0;

	pthread_rwlock_wrlock(&f->lock);
	/* Below a visible chain, content counts only if it is known to be whole. */
	if (!f->loaded && !f->has_content && f->serial != 0 &&
	    (f->limit == 0 || f->recorded || f->taken_up))
		r = load_content(c, f);
	/* Where that fails, readers see no more than size, and writers try again. */
	if (r == 0 && f->cut != UINT64_MAX)
		relfile_finish_cut(c, f);
	if (r == 0)
		f->loaded = true;
	pthread_rwlock_unlock(&f->lock);
	return r;
}

int
relfile_attr(struct cow *c, uint64_t nodeid, struct cow_attr *attr)
{
	const struct node *n;
	struct relfile *f;
	int r;

	if (cow_is_base(c, nodeid) && c->base_file[nodeid - 1] == NULL &&
	    ((n = node_find(c, nodeid)) == NULL || n->serial == 0)) {
		attr->size = c->store.ix.entries[nodeid - 1].size;
		return 0;
	}
	if ((r = find_file(c, nodeid, &f)) < 0 || (!f->loaded && (r = relfile_load(c, f)) < 0))
		return r;
	attr->size = f->size;
	if (f->has_content) {
		attr->atime = f->atime;
		attr->mtime = f->mtime;
		attr->ctime = MAX(attr->ctime, (int64_t)f->ctime);
	}
	return 0;
}

int
relfile_content(struct cow *c, struct relfile *f, struct fdref **ref)
{
	int fd = content_fd(c->contents, f->content, false, ref);

	if (fd < 0)
		log_error("could not open \"data/%016" PRIx64 "\" in the diff directory: %s",
		    f->content, strerror(-fd));
	return fd == -ENOENT || fd == -EUCLEAN ? -EIO : fd;
}

/*
 * With the writeback cache the kernel tells mtime and ctime after each round of
 * writes.  The content file has much the same time by itself, so that is kept in
 * memory, and goes to the journal at the end of the mount; any other change of times
 * goes there now.  So does the ctime that the kernel made when it renamed or linked
 * the file, which is nearly, but not quite, that of our record.
 */
#define FLUSHED_WITHIN	INT64_C(60000000000)	/* ns */

/* Whether that is what a write makes: nothing but times, now, and not before what is known. */
static bool
is_of_write(unsigned set, const struct cow_attr *attr, int64_t known)
{
	int64_t age = cow_now() - attr->mtime;

	if (set & COW_SET_CTIME && (attr->ctime != attr->mtime || attr->ctime < known))
		return false;
	return (set & ~(unsigned)(COW_SET_SIZE | COW_SET_CTIME)) == COW_SET_MTIME &&
	    age > -FLUSHED_WITHIN && age < FLUSHED_WITHIN;
}

bool
relfile_set_times(struct relfile *f, unsigned set, const struct cow_attr *attr, int64_t known)
{
	bool done = false;

	pthread_rwlock_wrlock(&f->lock);
	if (f->has_content) {
		if (set & COW_SET_ATIME)
			f->atime = attr->atime;
		if (set & COW_SET_MTIME)
			f->mtime = attr->mtime;
		f->ctime = set & COW_SET_CTIME ? attr->ctime : cow_now();
		done = is_of_write(set, attr, known);
		if (done)
			f->times_unsaved = true;
	}
	pthread_rwlock_unlock(&f->lock);
	return done;
}

void
relfile_discard(struct cow *c, struct relfile *f, uint64_t seq)
{
	relfile_unlist(c, f);
	pthread_rwlock_wrlock(&f->lock);
	if (!f->loaded || f->has_content) {
		if (f->loaded && !f->durable)
			content_remove(c->contents, f->content);
		else
			cow_remove_later(c, f->content, seq);
	}
	f->has_content = false;
	f->loaded = true;
	f->dirty = false;
	pthread_rwlock_unlock(&f->lock);
}

bool
relfile_in_chain(const struct relfile *f, uint64_t blkno)
{
	if (blkno * BLCKSZ >= f->limit)
		return false;
	return f->kinds == NULL || kinds_get(f->kinds, (uint32_t)blkno) == CONTENT_CHAIN;
}

int
relfile_map(struct cow *c, struct relfile *f, struct reader *r)
{
	struct blockmap *m;
	int rc = 0;

	f->map_used = true;
	if (__atomic_load_n(&f->map, __ATOMIC_ACQUIRE) != NULL)
		return 0;
	pthread_mutex_lock(&f->map_lock);
	if (f->map == NULL && (rc = blockmap_build(&c->store, f->base, r, &m)) == 0) {
		pthread_mutex_lock(&c->list_lock);
		__atomic_store_n(&f->map, m, __ATOMIC_RELEASE);
		TAILQ_INSERT_TAIL(&c->maps, f, map_link);
		c->map_bytes += blockmap_bytes(m);
		pthread_mutex_unlock(&c->list_lock);
		if (c->map_bytes > c->config.cache_size)
			relfile_evict_maps(c, r);
	}
	pthread_mutex_unlock(&f->map_lock);
	return rc;
}

/*
 * The chain has no more to say of f: its content file is all there is.  lock
 * exclusively held.
 */
void
relfile_forget_chain(struct cow *c, struct relfile *f)
{
	kinds_free(f->kinds);
	f->kinds = NULL;
	f->limit = 0;
	pthread_mutex_lock(&c->list_lock);
	drop_map(c, f);
	pthread_mutex_unlock(&c->list_lock);
}

/* Second chance: what was used since the last round stays for one more. */
void
relfile_evict_maps(struct cow *c, struct reader *r)
{
	struct relfile *f, *last;
	int rounds;

	pthread_mutex_lock(&c->list_lock);
	for (rounds = 0; rounds < 2; rounds++) {
		last = TAILQ_LAST(&c->maps, relfile_list);
		while (c->map_bytes > c->config.cache_size &&
		    (f = TAILQ_FIRST(&c->maps)) != NULL) {
			bool end = f == last;

			if (!f->map_used && pthread_rwlock_trywrlock(&f->lock) == 0) {
				drop_map(c, f);
				pthread_rwlock_unlock(&f->lock);
				iostats_add(&r->stats->map_evictions, 1);
			} else {
				f->map_used = false;
				TAILQ_REMOVE(&c->maps, f, map_link);
				TAILQ_INSERT_TAIL(&c->maps, f, map_link);
			}
			if (end)
				break;
		}
	}
	pthread_mutex_unlock(&c->list_lock);
}
