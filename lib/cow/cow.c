#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "cow/impl.h"
#include "probackup/tablespace.h"

/*
 * Opening takes these steps, the same for the first worker of a mount and for
 * each that follows: map the index, replay the journal, take up the pending
 * log.  Only the first then sweeps: it removes content that no name holds, of
 * which an earlier mount's crash left some; later in a mount the kernel may
 * still know files that have lost their names.
 */

int64_t
cow_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return clock_ns(&ts);
}

uint64_t
cow_next_serial(struct cow *c)
{
	return atomic_fetch_add(&c->next_serial, 1);
}

static void
init_locks(struct cow *c)
{
	pthread_rwlockattr_t attr;

	/* Namespace writers and the flusher must not starve behind readers. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&c->tree_lock, &attr);
	pthread_rwlock_init(&c->gate, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&c->file_lock, NULL);
	pthread_mutex_init(&c->pending_lock, NULL);
	pthread_mutex_init(&c->list_lock, NULL);
	TAILQ_INIT(&c->dirty);
	TAILQ_INIT(&c->maps);
}

static int
make_tables(struct cow *c)
{
	size_t n = c->store.ix.n_entries;
	struct node *root;
	int r;

	c->base_node = calloc(n, sizeof(struct node *));
	c->base_lookups = calloc(n, sizeof(*c->base_lookups));
	c->base_file = calloc(n, sizeof(*c->base_file));
	c->outcomes = calloc(MAX(c->config.n_in_flight, 1u), sizeof(*c->outcomes));
	if (c->base_node == NULL || c->base_lookups == NULL || c->base_file == NULL ||
	    c->outcomes == NULL)
		return -ENOMEM;
	c->created = journal_created(c->journal);
	c->wal_entry = index_child(&c->store.ix, INDEX_ROOT, "pg_wal", strlen("pg_wal"));
	c->tblspc_entry = index_child(&c->store.ix, INDEX_ROOT, TABLESPACE_DIR,
	    strlen(TABLESPACE_DIR));
	if ((r = node_get(c, COW_ROOT, &root)) < 0)
		return r;
	return node_set_serial(c, root, JOURNAL_ROOT_SERIAL);
}

/* Remembers what became of a request that an earlier worker did not answer. */
static void
note_outcome(struct cow *c, const struct journal_record *rec)
{
	struct node *n = NULL;
	unsigned i;

	if (rec->unique == 0 || !c->this_mount)
		return;
	for (i = 0; i < c->config.n_in_flight; i++) {
		if (c->config.in_flight[i] != rec->unique)
			continue;
		if (rec->type == JOURNAL_CREATE || rec->type == JOURNAL_LINK)
			n = node_by_serial(c, rec->serial);
		/* One place for each: a forged journal may claim more than one outcome. */
		c->outcomes[i] = (struct outcome){ rec->unique, n != NULL ? n->nodeid : 0 };
		return;
	}
}

static int
replay(struct cow *c)
{
	struct journal_record rec;
	int r;

	c->replaying = true;
	while ((r = journal_next(c->journal, &rec)) > 0) {
		c->inherited = true;
		if ((r = apply_record(c, &rec)) == -ENOSPC) {
			log_error("the journal of the diff directory makes more files and names than there"
			    " is memory for (%zu MiB): pbkfs cleanup it", c->tree_bytes / MiB);
			return r;
		}
		if (r < 0) {
			log_error("record %" PRIu64 " of the journal (type %u) does not fit what comes before it",
			    rec.seq, rec.type);
			return r;
		}
		note_outcome(c, &rec);
	}
	c->replaying = false;
	return r;
}

static int
begin_mount(struct cow *c)
{
	struct journal_record rec = {
		.type = JOURNAL_MOUNT, .length = c->config.mount_id, .time = cow_now()
	};

	int r;

	if (!c->settled && (r = journal_settle(c->journal, c->config.diff_fd)) < 0)
		return r;
	return c->this_mount ? 0 : journal_append(c->journal, &rec);
}

/* Blocks that were copied up and not synced yet when the last worker died. */
static int
take_up_entry(struct cow *c, const struct pending_entry *e)
{
	struct node *n = node_by_serial(c, e->content);
	struct relfile *f;
	uint32_t end;
	int r;

	if (n == NULL || n->base == INDEX_NONE || !S_ISREG(n->mode))
		return -EUCLEAN;
	if ((r = relfile_of_node(c, n, &f)) < 0)
		return r;
	f->content.taken_up = true;
	if (!relfile_is_known(f) && (r = relfile_load(c, f)) < 0)
		return r;
	/* A truncation since may have left the file without these blocks. */
	end = MIN(e->first + e->count, kinds_count(f->blocks.kinds));
	if (!relfile_has_content(f) || f->content.number != e->content || e->first >= end)
		return 0;
	if ((r = kinds_reserve(f->blocks.kinds, e->first, end - e->first)) < 0)
		return r;
	kinds_set_full(f->blocks.kinds, e->first, end - e->first);
	return dirty_add(c, f);
}

static int
take_up(struct cow *c)
{
	const struct pending *p = c->config.pending;
	uint32_t n = atomic_load(&p->n), i;
	int r;

	if (n > PENDING_MAX) {
		log_error("the pending log claims %u entries", n);
		return -EUCLEAN;
	}
	for (i = 0; i < n; i++) {
		if (p->entry[i].count > UINT32_MAX - p->entry[i].first ||
		    (r = take_up_entry(c, &p->entry[i])) == -EUCLEAN)
			log_warn("entry %u of the pending log does not fit the journal", i);
		else if (r < 0)
			return r;
	}
	return 0;
}

static int
compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The numbers of all content files that a name leads to, sorted. */
static int
live_contents(struct cow *c, uint64_t **out, size_t *n)
{
	uint64_t *live = malloc(MAX(c->n_nodes, (size_t)1) * sizeof(*live));
	const struct relfile *f;
	const struct node *node;
	size_t i;

	if (live == NULL)
		return -ENOMEM;
	*n = 0;
	for (i = 0; i < c->n_buckets; i++)
		for (node = c->by_serial[i]; node != NULL; node = node->next) {
			f = node->base != INDEX_NONE ? c->base_file[node->base] : node->file;
			if (node->nlink == 0 || !S_ISREG(node->mode))
				continue;
			/* What no record tells of has its serial as number, and no chain below. */
			if (f == NULL && (node->base == INDEX_NONE ||
			    c->store.ix.entries[node->base].size == 0))
				live[(*n)++] = node->serial;
			else if (f != NULL && (f->blocks.limit == 0 || f->content.recorded))
				live[(*n)++] = f->content.number;
		}
	qsort(live, *n, sizeof(*live), compare_numbers);
	*out = live;
	return 0;
}

static int
sweep(struct cow *c)
{
	uint64_t *live autofree = NULL, number;
	struct content_list *list;
	bool map, removed = false;
	size_t n;
	int r;

	/* The names whose absence condemns content have to be gone for good. */
	if ((r = journal_sync(c->journal)) < 0 || (r = live_contents(c, &live, &n)) < 0 ||
	    (r = contents_list(c->contents, &list)) < 0)
		return r;
	while ((r = content_list_next(list, &number, &map)) > 0)
		if (bsearch(&number, live, n, sizeof(*live), compare_numbers) == NULL) {
			content_remove(c->contents, number);
			removed = true;
		}
	content_list_free(list);
	/* What power loss took from the journal lets a number be given out again. */
	return r == 0 && removed ? contents_sync_names(c->contents) : r;
}

/* Lookup counts of earlier workers are unknown: nothing they knew is let go. */
static void
mark_inexact(struct cow *c)
{
	struct node *n;
	size_t i;

	for (i = 0; i < c->n_buckets; i++)
		for (n = c->by_serial[i]; n != NULL; n = n->next)
			n->inexact = true;
}

enum again {	/* what was replayed is of no use */
	COMPACTED = 1,	/* cookies of readdir come from the journal, and it is another now */
	AS_FIRST,	/* the first worker of the mount died before it had swept */
};

/* Returns 0, negative errno, or why to begin again. */
static int
open_all(struct cow *c, bool may_compact)
{
	const struct cow_config *k = &c->config;
	int r;

	if ((c->fds = fdcache_new(k->max_fds)) == NULL)
		return -ENOMEM;
	if ((r = store_open(&c->store, k->store_fd, k->instance, k->index_fd, c->fds)) < 0 ||
	    (r = store_guard(&c->store)) < 0)
		return r;
	c->store.check = k->check;
	if ((r = contents_open(k->diff_fd, c->fds, &c->contents)) < 0 ||
	    (r = journal_open(k->diff_fd, &c->journal)) < 0 ||
	    (r = make_tables(c)) < 0 || (r = replay(c)) < 0 ||
	    (r = verify_tree(c)) < 0)
		return r;
	if (!k->first && !c->this_mount)
		return AS_FIRST;
	if (k->first && ((r = sweep(c)) < 0 || (may_compact && (r = compact_journal(c)) != 0)))
		return r;
	if ((r = begin_mount(c)) < 0)
		return r;
	/* Without the writeback cache, write() itself tells that the disk is full. */
	if (k->kernel_times && k->reserve > 0 &&
	    (r = reserve_open(k->diff_fd, k->reserve, &c->reserve)) < 0)
		return r;
	if (k->first)
		return 0;
	mark_inexact(c);
	return take_up(c);
}

static int
open_once(const struct cow_config *config, bool may_compact, struct cow **out)
{
	struct cow *c = calloc(1, sizeof(*c));
	int r;

	if (c == NULL)
		return -ENOMEM;
	c->config = *config;
	c->next_serial = JOURNAL_ROOT_SERIAL + 1;
	init_locks(c);
	if ((r = open_all(c, may_compact)) != 0) {
		cow_close(c);
		return r;
	}
	*out = c;
	return 0;
}

int
cow_open(const struct cow_config *config, struct cow **out)
{
	struct cow_config k = *config;
	bool may_compact = true;
	int r;

	while ((r = open_once(&k, may_compact, out)) > 0) {
		k.first |= r == AS_FIRST;
		may_compact &= r != COMPACTED;
	}
	return r;
}

static void
free_files(struct cow *c)
{
	uint32_t e;

	for (e = 0; c->base_file != NULL && e < c->store.ix.n_entries; e++)
		if (c->base_file[e] != NULL)
			relfile_free(c, c->base_file[e]);
	free(c->base_file);
}

void
cow_close(struct cow *c)
{
	struct removal *r;

	free_files(c);
	node_free_all(c);
	dentry_free_all(c);
	while ((r = c->removals) != NULL) {
		c->removals = r->next;
		free(r);
	}
	free(c->base_lookups);
	free(c->outcomes);
	reserve_close(c->reserve);
	journal_close(c->journal);
	contents_close(c->contents);
	if (c->store.fds != NULL)
		store_close(&c->store);
	fdcache_free(c->fds);
	pthread_rwlock_destroy(&c->tree_lock);
	pthread_rwlock_destroy(&c->gate);
	free(c);
}

void
cow_remove_later(struct cow *c, uint64_t content, uint64_t seq)
{
	struct removal *r = malloc(sizeof(*r));

	if (r == NULL)
		return;		/* the next mount sweeps it */
	pthread_mutex_lock(&c->list_lock);
	*r = (struct removal){ c->removals, content, seq };
	c->removals = r;
	pthread_mutex_unlock(&c->list_lock);
}

static void
remove_now(struct cow *c)
{
	struct removal *all, *r;

	pthread_mutex_lock(&c->list_lock);
	all = c->removals;
	c->removals = NULL;
	pthread_mutex_unlock(&c->list_lock);
	if (all == NULL)
		return;
	if (journal_sync(c->journal) < 0)
		log_error("could not sync the journal: removed files keep their space until the next mount");
	while ((r = all) != NULL) {
		all = r->next;
		if (journal_durable(c->journal) >= r->seq)
			content_remove(c->contents, r->content);
		free(r);
	}
}

bool
cow_find_room(struct cow *c)
{
	bool removable;

	pthread_mutex_lock(&c->list_lock);
	removable = c->removals != NULL;
	pthread_mutex_unlock(&c->list_lock);
	if (removable)
		remove_now(c);
	return reserve_release(c->reserve) || removable;
}

void
cow_idle(struct cow *c)
{
	remove_now(c);
	reserve_refill(c->reserve);
}

void
cow_drop_reserve(struct cow *c)
{
	reserve_close(c->reserve);
	c->reserve = NULL;
}

static void
save_times(struct cow *c, struct relfile *f, uint64_t nodeid)
{
	struct cow_attr attr;

	if (f == NULL || !relfile_times_unsaved(f, false))
		return;
	if (cow_getattr(c, nodeid, &attr) < 0 ||
	    attr_record(c, nodeid, COW_SET_MTIME | COW_SET_CTIME, &attr) < 0)
		relfile_times_unsaved(f, true);
}

void
cow_save_times(struct cow *c)
{
	struct node *n;
	uint32_t e;
	size_t i;

	for (e = 0; e < c->store.ix.n_entries; e++)
		save_times(c, c->base_file[e], (uint64_t)e + 1);
	for (i = 0; i < c->n_buckets; i++)
		for (n = c->by_serial[i]; n != NULL; n = n->next)
			if (n->nlink > 0)
				save_times(c, n->file, n->nodeid);
}

void
cow_drop_wal(struct cow *c)
{
	struct node *n;
	uint32_t e;
	size_t i;

	for (e = 0; e < c->store.ix.n_entries; e++)
		if (c->base_file[e] != NULL && c->base_file[e]->wal)
			relfile_discard(c, c->base_file[e], journal_last(c->journal));
	for (i = 0; i < c->n_buckets; i++)
		for (n = c->by_serial[i]; n != NULL; n = n->next)
			if (n->file != NULL && n->file->wal)
				relfile_discard(c, n->file, journal_last(c->journal));
	cow_idle(c);
}

static void
measure(struct cow *c, struct cow_figures *f)
{
	struct content_list *list;
	uint64_t number;
	struct stat st;
	bool map;

	if (contents_list(c->contents, &list) < 0)
		return;
	while (content_list_next(list, &number, &map) > 0)
		if (!map && content_stat(c->contents, number, &st) == 0) {
			f->diff_files++;
			f->diff_bytes += (uint64_t)st.st_blocks * 512;
		}
	content_list_free(list);
}

void
cow_figures(struct cow *c, struct cow_figures *f)
{
	*f = (struct cow_figures){
		.journal_bytes = journal_size(c->journal), .map_bytes = c->map_bytes,
		.dirty_files = c->n_dirty, .open_files = fdcache_count(c->fds),
	};
	pthread_rwlock_rdlock(&c->tree_lock);
	f->inodes = c->n_nodes;
	pthread_rwlock_unlock(&c->tree_lock);
	measure(c, f);
}

const struct index *
cow_index(const struct cow *c)
{
	return &c->store.ix;
}
