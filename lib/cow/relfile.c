#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

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
	pthread_mutex_init(&f->blocks.copyup, NULL);
	pthread_mutex_init(&f->map.lock, NULL);
	pthread_mutex_init(&f->sync.lock, NULL);
	pthread_mutex_init(&f->times.lock, NULL);
	f->base = base;
	f->serial = f->content.number = serial;
	f->content.cut = RELFILE_UNCUT;
	f->times.atime = f->times.mtime = c->created;
	if (base != INDEX_NONE)
		f->size = f->blocks.limit = c->store.ix.entries[base].size;
	return f;
}

static void
drop_map(struct cow *c, struct relfile *f)
{
	if (f->map.built == NULL)
		return;
	TAILQ_REMOVE(&c->maps, f, map.link);
	c->map_bytes -= blockmap_bytes(f->map.built);
	blockmap_free(f->map.built);
	f->map.built = NULL;
}

void
relfile_free(struct cow *c, struct relfile *f)
{
	dirty_remove(c, f);
	pthread_mutex_lock(&c->list_lock);
	drop_map(c, f);
	pthread_mutex_unlock(&c->list_lock);
	kinds_free(f->blocks.kinds);
	pthread_rwlock_destroy(&f->lock);
	pthread_mutex_destroy(&f->blocks.copyup);
	pthread_mutex_destroy(&f->map.lock);
	pthread_mutex_destroy(&f->sync.lock);
	pthread_mutex_destroy(&f->times.lock);
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

	pthread_mutex_lock(&c->file_lock);
	f = n->base != INDEX_NONE ? c->base_file[n->base] : n->file;
	if (f == NULL && (f = relfile_new(c, n->base, n->serial)) != NULL) {
		f->wal = in_wal(c, n->dirnode);
		f->times.atime = n->atime;
		f->times.mtime = n->mtime;
		/* Others find it from now on. */
		if (n->base != INDEX_NONE)
			c->base_file[n->base] = f;
		else
			n->file = f;
	}
	pthread_mutex_unlock(&c->file_lock);
	*out = f;
	return f != NULL ? 0 : -ENOMEM;
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
	if (r < 0 || relfile_is_known(*out))
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

	if (relfile_has_content(f)) {
		if ((fd = content_fd(c->contents, f->content.number, false, &ref)) < 0)
			return fd;
		/* What counts is the content file: size may have been cut already. */
		if (fstat(fd, &st) != 0)
			r = -errno;
		else if ((uint64_t)st.st_size > f->content.cut)
			r = disk_truncate(fd, f->content.cut);
		if (r == 0)
			r = disk_sync(fd);
		fdcache_put(c->fds, ref);
		if (r == 0)
			f->size = MIN((uint64_t)f->size, f->content.cut);
	}
	if (r == 0 && (r = journal_append(c->journal, &rec)) == 0)
		f->content.cut = RELFILE_UNCUT;
	return r;
}

static int
load_kinds(struct cow *c, struct relfile *f, struct kinds **out)
{
	uint64_t n = relfile_chain_blocks(f);
	struct kinds *kinds;
	int r;

	*out = NULL;
	if (n == 0)
		return 0;
	if (n > COW_BLOCKS_MAX)
		return -EFBIG;
	if ((kinds = kinds_new((uint32_t)n)) == NULL)
		return -ENOMEM;
	if ((r = content_map_read(c->contents, f->content.number, kinds)) < 0)
		kinds_free(kinds);
	else
		*out = kinds;
	return r;
}

static int
load_content(struct cow *c, struct relfile *f)
{
	struct kinds *kinds;
	struct stat st;
	int r;

	r = content_stat(c->contents, f->content.number, &st);
	if (r == -ENOENT && f->content.recorded) {
		log_error("\"data/%016" PRIx64 "\" is missing from the diff directory",
		    f->content.number);
		return -EUCLEAN;
	}
	if (r == -ENOENT)
		return 0;
	if (r < 0 || (r = load_kinds(c, f, &kinds)) < 0)
		return r;
	/* An earlier worker may have written what no fsync has covered yet. */
	if (!c->config.first && (r = dirty_add(c, f)) < 0) {
		kinds_free(kinds);
		return r;
	}
	f->blocks.kinds = kinds;
	f->size = MIN((uint64_t)st.st_size, f->content.cut);
	f->sync.unsynced = true;	/* for all we know */
	relfile_times_found(f, &st);
	f->content.state = RELFILE_FOUND;
	return 0;
}

int
relfile_load(struct cow *c, struct relfile *f)
{
	int r = 0;

	pthread_rwlock_wrlock(&f->lock);
	/* Below a visible chain, content counts only if it is known to be whole. */
	if (!relfile_is_known(f) && f->serial != 0 &&
	    (f->blocks.limit == 0 || f->content.recorded || f->content.taken_up))
		r = load_content(c, f);
	/* Where that fails, readers see no more than size, and writers try again. */
	if (r == 0 && f->content.cut != RELFILE_UNCUT)
		relfile_finish_cut(c, f);
	if (r == 0 && !relfile_is_known(f))
		f->content.state = RELFILE_BARE;
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
	if ((r = find_file(c, nodeid, &f)) < 0 || (!relfile_is_known(f) && (r = relfile_load(c, f)) < 0))
		return r;
	attr->size = f->size;
	if (relfile_has_content(f))
		relfile_times_get(f, attr);
	return 0;
}

int
relfile_content(struct cow *c, struct relfile *f, struct fdref **ref)
{
	int fd = content_fd(c->contents, f->content.number, false, ref);

	if (fd < 0)
		log_error("could not open \"data/%016" PRIx64 "\" in the diff directory: %s",
		    f->content.number, strerror(-fd));
	return fd == -ENOENT || fd == -EUCLEAN ? -EIO : fd;
}

void
relfile_discard(struct cow *c, struct relfile *f, uint64_t seq)
{
	pthread_rwlock_wrlock(&f->lock);
	dirty_remove(c, f);
	if (f->content.state == RELFILE_FRESH)
		content_remove(c->contents, f->content.number);
	else if (f->content.state != RELFILE_BARE)
		cow_remove_later(c, f->content.number, seq);
	f->content.state = RELFILE_BARE;
	pthread_rwlock_unlock(&f->lock);
}

int
relfile_map(struct cow *c, struct relfile *f, struct reader *r)
{
	struct blockmap *m;
	int rc = 0;

	f->map.used = true;
	if (__atomic_load_n(&f->map.built, __ATOMIC_ACQUIRE) != NULL)
		return 0;
	pthread_mutex_lock(&f->map.lock);
	if (f->map.built == NULL && (rc = blockmap_build(&c->store, f->base, r, &m)) == 0) {
		pthread_mutex_lock(&c->list_lock);
		__atomic_store_n(&f->map.built, m, __ATOMIC_RELEASE);
		TAILQ_INSERT_TAIL(&c->maps, f, map.link);
		c->map_bytes += blockmap_bytes(m);
		pthread_mutex_unlock(&c->list_lock);
		if (c->map_bytes > c->config.cache_size)
			relfile_evict_maps(c, r);
	}
	pthread_mutex_unlock(&f->map.lock);
	return rc;
}

/*
 * The chain has no more to say of f: its content file is all there is.  lock
 * exclusively held.
 */
void
relfile_forget_chain(struct cow *c, struct relfile *f)
{
	kinds_free(f->blocks.kinds);
	f->blocks.kinds = NULL;
	f->blocks.limit = 0;
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

			if (!f->map.used && pthread_rwlock_trywrlock(&f->lock) == 0) {
				drop_map(c, f);
				pthread_rwlock_unlock(&f->lock);
				iostats_add(&r->stats->map_evictions, 1);
			} else {
				f->map.used = false;
				TAILQ_REMOVE(&c->maps, f, map.link);
				TAILQ_INSERT_TAIL(&c->maps, f, map.link);
			}
			if (end)
				break;
		}
	}
	pthread_mutex_unlock(&c->list_lock);
}
