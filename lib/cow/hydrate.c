/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/log.h"
#include "base/util.h"
#include "cow/attr.h"
#include "cow/find.h"
#include "cow/hydrate.h"
#include "cow/impl.h"
#include "cow/node.h"
#include "cow/origins.h"
#include "cow/record.h"
#include "cow/relfile.h"
#include "cow/source.h"
#include "cow/treefile.h"
#include "probackup/blockmap.h"
#include "probackup/pagefile.h"

/*
 * The work that is left is a number of blocks for each entry of the index.  It is counted at the beginning,
 * from limits and block maps, so that nothing of it has to be kept: a crash, a new worker or a new mount
 * finds again what is complete.
 *
 * A file goes from the jobs, once the chain has no more blocks of it, to the batch, and with the batch, once
 * names are durable, to what is due; there the movers sync one each.  Then it has left the chain, or, if a
 * truncation came between, is begun again.  The disk has begun to write what was copied long before: so a
 * sync has little to wait for, and what several movers sync the file system makes durable at once.
 *
 * h->lock protects what movers share; it is not held while a file is read, written or synced.  tree_lock may follow it.
 */

#define SMALL		(64u * BLCKSZ)	/* bytes of a file that comes before larger ones */
#define BATCH_FILES	64u
#define BATCH_BYTES	(64 * MiB)	/* copied since the last sync: what one sync has to wait for */
#define SLICE		4096u		/* entries that are looked at while no name changes */
#define JOBS		64u		/* at most */
#define BEGIN_BYTES	(8 * MiB)	/* of a file, that the disk begins to write together; */
#define BEGIN_MIN	(1 * MiB)	/* less is left to the sync */

enum pass { PASS_SMALL, PASS_LARGE, PASS_END };

/* A file to be synced. */
struct due {
	uint32_t e;
	bool	complete;	/* the chain has no more blocks of it; else a job goes on with it */
};

struct hydrate {
	struct cow *c;
	pthread_mutex_t lock;	/* all that follows */
	uint32_t *left;		/* by entry: blocks that the chain has, but for those that failed */
	uint8_t	*busy;		/* by entry: a job, the batch or what is due has it, or it failed */
	enum pass pass;
	uint32_t cursor;
	struct hydrate_figures f;
	uint32_t batch[BATCH_FILES + JOBS];
	unsigned n_batch;
	uint32_t begun[JOBS];	/* files of jobs that have blocks which no sync covers yet */
	unsigned n_begun;
	uint64_t batch_bytes;
	uint64_t unsynced;	/* blocks that do not count as copied yet: who is killed would lose them; */
	uint64_t unsynced_due;	/* those of them that what is due has */
	struct due due[BATCH_FILES + 2 * JOBS];
	unsigned n_due, n_syncing;
};

static uint32_t
n_entries(const struct hydrate *h)
{
	return h->c->store.ix.n_entries;
}

/* ---- what there is to do ---- */

/* Whether nobody sees what is in dir: it lost its name, or pbkfs shows a link in its place. */
static bool
is_hidden(struct cow *c, uint64_t dir)
{
	const struct node *n;

	for (; dir != COW_ROOT; dir = node_parent(c, dir)) {
		if (!node_exists(c, dir) || ((n = node_find(c, dir)) != NULL && n->nlink == 0))
			return true;
		if (c->config.wal_link != NULL && cow_is_base(c, dir) && dir - 1 == c->wal_entry)
			return true;
	}
	return false;
}

/* Whether somebody can read the file e: by a name, or because it is still open.  tree_lock held. */
static bool
is_seen(struct cow *c, uint32_t e)
{
	const struct node *n = c->base_node[e];

	if (n != NULL && n->nlink == 0)
		return c->base_lookups[e] > 0 || n->inexact;
	return (n != NULL && n->nlink > 1) || !is_hidden(c, node_parent(c, (uint64_t)e + 1));
}

/* How many blocks of f the chain provides.  f->lock held. */
static uint32_t
blocks_left(const struct relfile *f)
{
	uint64_t b, n = relfile_chain_blocks(f);
	uint32_t left = 0;

	for (b = 0; b < n; b++)
		left += source_of(f, b) == SOURCE_CHAIN;
	return left;
}

/*
 * Whether an earlier worker has removed the content with the file.  Where lookups are not known, a file
 * without a name may be one that somebody has open, or this.
 */
static bool
was_removed(struct cow *c, uint32_t e, const struct relfile *f)
{
	struct stat st;
	bool nameless;

	pthread_rwlock_rdlock(&c->tree_lock);
	nameless = c->base_node[e] != NULL && c->base_node[e]->nlink == 0;
	pthread_rwlock_unlock(&c->tree_lock);
	return nameless && f != NULL && !relfile_is_known(f) && f->content.recorded &&
	    content_stat(c->contents, f->content.number, &st) == -ENOENT;
}

/* Returns the same of entry e, which is a file with a length, or negative errno. */
static int64_t
count_file(struct cow *c, uint32_t e)
{
	struct relfile *f;
	bool untouched;
	int64_t left;
	int rc;

	pthread_rwlock_rdlock(&c->tree_lock);
	untouched = c->base_file[e] == NULL && (c->base_node[e] == NULL || c->base_node[e]->serial == 0);
	pthread_rwlock_unlock(&c->tree_lock);
	if (untouched)
		return (int64_t)((c->store.ix.entries[e].size + BLCKSZ - 1) / BLCKSZ);
	if (was_removed(c, e, c->base_file[e]))
		return 0;
	if ((rc = find_relfile(c, (uint64_t)e + 1, &f)) < 0)
		return rc;
	pthread_rwlock_rdlock(&f->lock);
	left = blocks_left(f);
	/* All blocks are there, and a limit says that some may not be: it has to leave the chain. */
	if (left == 0 && f->blocks.limit > 0)
		left = 1;
	pthread_rwlock_unlock(&f->lock);
	return left;
}

static bool
is_file_with_content(const struct hydrate *h, uint32_t e)
{
	const struct index_entry *entry = &h->c->store.ix.entries[e];

	return S_ISREG(entry->mode) && entry->size > 0;
}

/* Looks which entries of [from, to) count: busy[] is 1 for those that do not. */
static void
find_seen(struct hydrate *h, uint32_t from, uint32_t to)
{
	uint32_t e;

	pthread_rwlock_rdlock(&h->c->tree_lock);
	for (e = from; e < to; e++)
		h->busy[e] = !is_file_with_content(h, e) || !is_seen(h->c, e);
	pthread_rwlock_unlock(&h->c->tree_lock);
}

static void
add_file(struct hydrate *h, uint32_t e, int64_t left)
{
	uint64_t blocks = (h->c->store.ix.entries[e].size + BLCKSZ - 1) / BLCKSZ;

	h->f.blocks += blocks;
	h->f.files++;
	if (left < 0) {		/* which was logged */
		h->busy[e] = 1;
		h->f.files_failed++;
		h->f.files_left++;
		return;
	}
	h->left[e] = (uint32_t)MIN((uint64_t)left, (uint64_t)UINT32_MAX);
	h->f.blocks_left += h->left[e];
	h->f.files_left += left > 0;
}

static void
begin_order(struct hydrate *h)
{
	h->pass = PASS_SMALL;
	h->cursor = 0;
}

static void
count_all(struct hydrate *h)
{
	uint32_t e, from, to;

	h->f = (struct hydrate_figures){ 0 };
	begin_order(h);
	for (from = 0; from < n_entries(h); from = to) {
		to = MIN(from + SLICE, n_entries(h));
		find_seen(h, from, to);
		for (e = from; e < to; e++)
			if (!h->busy[e])
				add_file(h, e, count_file(h->c, e));
	}
}

int
hydrate_begin(struct cow *c, struct hydrate **out)
{
	struct hydrate *h;
	int rc;

	if (c->config.n_layers > 0) {
		log_error("could not copy the backup in the background: the diff directory stands on layer \"%s\"",
		    c->config.layers[c->config.n_layers - 1].name);
		return -EOPNOTSUPP;
	}
	if ((h = calloc(1, sizeof(*h))) == NULL)
		return -ENOMEM;
	h->c = c;
	pthread_mutex_init(&h->lock, NULL);
	h->left = calloc(n_entries(h), sizeof(*h->left));
	h->busy = calloc(n_entries(h), 1);
	if (h->left == NULL || h->busy == NULL) {
		hydrate_end(h);
		return -ENOMEM;
	}
	/* An earlier worker may have copied what nobody has synced: that does not count. */
	if ((rc = cow_flush(c)) < 0) {
		hydrate_end(h);
		return rc;
	}
	count_all(h);
	atomic_store(&c->hot.wanted, true);
	*out = h;
	return 0;
}

void
hydrate_end(struct hydrate *h)
{
	atomic_store(&h->c->hot.wanted, false);
	pthread_mutex_destroy(&h->lock);
	free(h->left);
	free(h->busy);
	free(h);
}

/* ---- which file comes next ---- */

void
hydrate_note(struct cow *c, uint32_t e)
{
	uint32_t last = atomic_load_explicit(&c->hot.next, memory_order_relaxed);

	/* One after the other of the same file: the first has told it. */
	if (atomic_load_explicit(&c->hot.entry[(last - 1) % HYDRATE_HOT], memory_order_relaxed) == e + 1)
		return;
	atomic_store_explicit(&c->hot.entry[last % HYDRATE_HOT], e + 1, memory_order_relaxed);
	atomic_store_explicit(&c->hot.next, last + 1, memory_order_relaxed);
}

static bool
is_due(const struct hydrate *h, uint32_t e)
{
	return h->left[e] > 0 && !h->busy[e];
}

/* The one that was read last; a ring that changes meanwhile loses one at most. */
static bool
take_hot(struct hydrate *h, uint32_t *e)
{
	struct cow *c = h->c;
	uint32_t last = atomic_load_explicit(&c->hot.next, memory_order_relaxed), i, found;

	for (i = 1; i <= HYDRATE_HOT; i++) {
		found = atomic_exchange_explicit(&c->hot.entry[(last - i) % HYDRATE_HOT], 0, memory_order_relaxed);
		if (found == 0 || !is_due(h, found - 1))
			continue;
		*e = found - 1;
		return true;
	}
	return false;
}

static bool
take_in_order(struct hydrate *h, uint32_t *e)
{
	for (; h->pass < PASS_END; h->pass++, h->cursor = 0)
		for (; h->cursor < n_entries(h); h->cursor++) {
			if (!is_due(h, h->cursor) || (h->pass == PASS_SMALL &&
			    h->c->store.ix.entries[h->cursor].size > SMALL))
				continue;
			*e = h->cursor++;
			return true;
		}
	return false;
}

/* ---- one run ---- */

static void
free_map(struct hydrate_job *job)
{
	if (job->map != NULL)
		blockmap_free(job->map);
	job->map = NULL;
}

static void
set_left(struct hydrate *h, uint32_t e, uint32_t left)
{
	h->f.blocks_left += left;
	h->f.blocks_left -= h->left[e];
	h->f.files_left += left > 0;
	h->f.files_left -= h->left[e] > 0;
	h->left[e] = left;
}

/* Puts the number of a file on the list of those that have something to sync. */
static void
note_begun(struct hydrate *h, uint32_t e)
{
	unsigned i;

	for (i = 0; i < h->n_begun && h->begun[i] != e; i++)
		;
	if (i == h->n_begun && h->n_begun < JOBS)
		h->begun[h->n_begun++] = e;
}

static void
forget_begun(struct hydrate *h, uint32_t e)
{
	unsigned i;

	for (i = 0; i < h->n_begun; i++)
		if (h->begun[i] == e)
			h->begun[i--] = h->begun[--h->n_begun];
}

/* The job has no file any more.  Returns which it had.  lock held. */
static uint32_t
end_job(struct hydrate *h, struct hydrate_job *job)
{
	uint32_t e = job->entry - 1;

	forget_begun(h, e);
	free_map(job);
	job->entry = 0;
	return e;
}

/* The chain has no more blocks of the job's file that were not taken up. */
static void
put_into_batch(struct hydrate *h, struct hydrate_job *job)
{
	pthread_mutex_lock(&h->lock);
	h->batch[h->n_batch++] = end_job(h, job);
	pthread_mutex_unlock(&h->lock);
}

/* Has the disk begin to write what was taken up of a file, if that is worth a call. */
static void
begin_sync(struct hydrate *h, struct hydrate_job *job, struct relfile *f, uint64_t least)
{
	if (job->at - job->begun < least)
		return;
	relfile_sync_ahead(h->c, f, job->begun, job->at - job->begun);
	job->begun = job->at;
}

/* Finds the first run of the chain's at or behind job->at. */
static bool
find_run(struct relfile *f, struct hydrate_job *job)
{
	uint64_t end = MIN(relfile_chain_blocks(f) * BLCKSZ, (uint64_t)f->size);
	enum source s;

	job->len = 0;
	for (; job->at < end; job->at += job->len) {
		job->len = source_run(f, job->at, (size_t)MIN(end - job->at, READER_BLOCKS * (uint64_t)BLCKSZ), &s);
		if (s != SOURCE_CHAIN)
			continue;
		job->off = job->at;
		return true;
	}
	return false;
}

/* Whether the file still has somebody to read it: a temporary one need not be copied. */
static bool
is_wanted(struct hydrate *h, uint32_t e)
{
	bool seen;

	pthread_rwlock_rdlock(&h->c->tree_lock);
	seen = is_seen(h->c, e);
	pthread_rwlock_unlock(&h->c->tree_lock);
	return seen;
}

static bool
take_next(struct hydrate *h, struct hydrate_job *job)
{
	uint32_t e;

	pthread_mutex_lock(&h->lock);
	while (job->entry == 0 && h->n_batch < BATCH_FILES && (take_hot(h, &e) || take_in_order(h, &e))) {
		if (!is_wanted(h, e)) {
			set_left(h, e, 0);
			continue;
		}
		h->busy[e] = 1;
		job->entry = e + 1;
		job->at = job->begun = 0;
		job->failed = 0;
	}
	pthread_mutex_unlock(&h->lock);
	return job->entry != 0;
}

/*
 * The chain keeps it; why is in the log.  The file is busy: nobody takes it again, and the figures keep what is left.
 * lock held.
 */
static void
leave_file(struct hydrate *h, uint32_t e)
{
	h->f.files_failed++;
	h->left[e] = 0;
}

static void
leave_out(struct hydrate *h, struct hydrate_job *job)
{
	pthread_mutex_lock(&h->lock);
	leave_file(h, end_job(h, job));
	pthread_mutex_unlock(&h->lock);
}

/* Whether a failure to write lies in the one file, and not in what all files are on. */
static bool
is_of_file(int rc)
{
	static const int others[] = { -ENOSPC, -EDQUOT, -ENOMEM, -EIO, -EROFS, -EMFILE, -ENFILE };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++)
		if (rc == others[i])
			return false;
	return true;
}

static void
log_not_copied(struct cow *c, uint32_t e, int rc)
{
	static struct log_budget budget;
	char path[PATH_MAX];
	unsigned skipped;

	if (!log_allowed(&budget, &skipped))
		return;
	if (index_path(&c->store.ix, e, path, sizeof(path)) < 0)
		strcpy(path, "?");
	log_error("could not copy \"%s\" of the backup into the diff directory: %s", path, strerror(-rc));
}

/* A file that could not be written.  lock held. */
static void
leave_unwritten(struct hydrate *h, uint32_t e, int rc)
{
	if (!is_wanted(h, e)) {
		set_left(h, e, 0);
		return;
	}
	log_not_copied(h->c, e, rc);
	leave_file(h, e);
}

int
hydrate_plan(struct hydrate *h, struct hydrate_job *job)
{
	struct relfile *f;
	bool found;
	int rc;

	while (job->entry != 0 || take_next(h, job)) {
		if ((rc = find_relfile(h->c, job->entry, &f)) == -ENOMEM)
			return rc;
		if (rc < 0) {
			leave_out(h, job);
			continue;
		}
		pthread_rwlock_rdlock(&f->lock);
		found = find_run(f, job);
		pthread_rwlock_unlock(&f->lock);
		if (found)
			return 1;
		begin_sync(h, job, f, BEGIN_MIN);
		put_into_batch(h, job);
	}
	return 0;
}

/* Blocks beyond what the map has are beyond the end: zeroes. */
static int
read_pages(const struct store *s, uint32_t e, struct hydrate_job *job, struct reader *rd)
{
	uint32_t first = (uint32_t)(job->off / BLCKSZ), count = (uint32_t)((job->len + BLCKSZ - 1) / BLCKSZ);
	uint32_t n;
	int rc;

	if (job->map == NULL && (rc = blockmap_build(s, e, rd, &job->map)) < 0)
		return rc;
	n = first < job->map->n ? MIN(count, job->map->n - first) : 0;
	memset(job->buf + (size_t)n * BLCKSZ, 0, (size_t)(count - n) * BLCKSZ);
	return n > 0 ? pagefile_read(s, e, job->map, first, n, rd, job->buf) : 0;
}

static int
read_plain(const struct store *s, uint32_t e, struct hydrate_job *job, struct reader *rd)
{
	uint64_t size = s->ix.entries[e].size;
	size_t n = job->off < size ? (size_t)MIN((uint64_t)job->len, size - job->off) : 0;

	memset(job->buf + n, 0, job->len - n);
	return n > 0 ? plainfile_read(s, e, job->off, n, job->buf, rd) : 0;
}

void
hydrate_read(struct hydrate *h, struct hydrate_job *job, struct reader *rd)
{
	const struct store *s = &h->c->store;
	uint32_t e = job->entry - 1;

	job->failed = s->ix.entries[e].flags & INDEX_DATAFILE ? read_pages(s, e, job, rd) :
	    read_plain(s, e, job, rd);
}

void
hydrate_drop(struct hydrate *h, struct hydrate_job *job)
{
	pthread_mutex_lock(&h->lock);
	if (job->entry != 0)
		h->busy[job->entry - 1] = 0;
	free_map(job);
	job->entry = 0;
	begin_order(h);
	pthread_mutex_unlock(&h->lock);
}

/* The time of a copy is none of the file's: the journal says which is. */
static int
save_times(struct cow *c, uint64_t nodeid, struct relfile *f)
{
	struct cow_attr attr;
	int rc;

	if (!relfile_times_unsaved(f, false))
		return 0;
	if ((rc = cow_getattr(c, nodeid, &attr)) == 0)
		rc = record_attr(c, nodeid, COW_SET_MTIME | COW_SET_CTIME, &attr);
	if (rc < 0)
		relfile_times_unsaved(f, true);
	return rc;
}

static int64_t
give_up_file(struct hydrate *h, struct hydrate_job *job, int rc)
{
	pthread_mutex_lock(&h->lock);
	leave_unwritten(h, end_job(h, job), rc);
	pthread_mutex_unlock(&h->lock);
	return 0;
}

static void
count_moved(struct hydrate *h, uint32_t e, uint64_t moved)
{
	uint64_t before;

	pthread_mutex_lock(&h->lock);
	before = h->f.blocks_left;
	h->batch_bytes += moved * BLCKSZ;
	/* One is kept until the file has left the chain. */
	if (h->left[e] > 1)
		set_left(h, e, h->left[e] - (uint32_t)MIN(moved, (uint64_t)h->left[e] - 1));
	h->unsynced += before - h->f.blocks_left;
	note_begun(h, e);
	pthread_mutex_unlock(&h->lock);
}

int64_t
hydrate_take(struct hydrate *h, struct hydrate_job *job)
{
	uint64_t nodeid = job->entry;	/* an entry's is one more than its number */
	struct relfile *f;
	int64_t moved;
	int rc;

	if (job->failed < 0) {
		leave_out(h, job);
		return 0;
	}
	if ((rc = find_relfile(h->c, nodeid, &f)) < 0 || (rc = record_own(h->c, nodeid, f)) < 0)
		moved = rc;
	else
		moved = relfile_write_take_up(h->c, f, job->off, job->len, job->buf);
	if (moved > 0) {
		relfile_times_unsaved(f, true);
		if ((rc = save_times(h->c, nodeid, f)) < 0)
			moved = rc;
	}
	if (moved < 0)
		return is_of_file((int)moved) ? give_up_file(h, job, (int)moved) : moved;
	job->at = job->off + job->len;
	count_moved(h, job->entry - 1, (uint64_t)moved);
	begin_sync(h, job, f, BEGIN_BYTES);
	return moved * BLCKSZ;
}

/* ---- syncing ---- */

bool
hydrate_wants_sync(struct hydrate *h)
{
	bool wants;

	pthread_mutex_lock(&h->lock);
	wants = h->n_batch >= BATCH_FILES || (h->n_batch > 0 && h->batch_bytes >= BATCH_BYTES);
	pthread_mutex_unlock(&h->lock);
	return wants;
}

/* Puts the batch, and what jobs have begun, on the list of what is due.  lock held. */
static void
put_due(struct hydrate *h)
{
	while (h->n_batch > 0)
		h->due[h->n_due++] = (struct due){ .e = h->batch[--h->n_batch], .complete = true };
	while (h->n_begun > 0)
		h->due[h->n_due++] = (struct due){ .e = h->begun[--h->n_begun] };
	h->unsynced_due = h->unsynced;
	h->batch_bytes = 0;
}

int
hydrate_sync_begin(struct hydrate *h)
{
	pthread_mutex_lock(&h->lock);
	/* The rest of an earlier sync comes first. */
	if (h->n_due == 0 && h->n_syncing == 0)
		put_due(h);
	pthread_mutex_unlock(&h->lock);
	return contents_sync_names(h->c->contents);
}

/* Returns the blocks that the file still needs of the chain, or negative errno. */
static int64_t
complete(struct hydrate *h, uint32_t e)
{
	uint64_t nodeid = (uint64_t)e + 1;
	struct relfile *f;
	int64_t left;
	int rc;

	if ((rc = find_relfile(h->c, nodeid, &f)) < 0 || (rc = relfile_sync_whole(h->c, f)) < 0)
		return rc;
	if ((left = count_file(h->c, e)) != 0)
		return left;
	return save_times(h->c, nodeid, f);
}

/* Syncs what there is of a file that is not complete. */
static int
sync_begun(struct hydrate *h, uint32_t e)
{
	struct relfile *f;
	int rc;

	if ((rc = find_relfile(h->c, (uint64_t)e + 1, &f)) == 0)
		rc = relfile_sync_whole(h->c, f);
	/* One whose file is at fault is met again when it is complete. */
	return rc < 0 && is_of_file(rc) ? 0 : rc;
}

/* After complete() returned left: the file has left the chain, is taken again, or left out.  lock held. */
static void
end_complete(struct hydrate *h, uint32_t e, int64_t left)
{
	if (left < 0) {
		leave_unwritten(h, e, (int)left);
		return;
	}
	set_left(h, e, (uint32_t)MIN(left, (int64_t)UINT32_MAX));
	if (left > 0) {
		h->busy[e] = 0;
		begin_order(h);
	}
}

/* lock held. */
static int
end_due(struct hydrate *h, const struct due *d, int64_t left)
{
	h->n_syncing--;
	if (left < 0 && !is_of_file((int)left) && is_wanted(h, d->e)) {
		h->due[h->n_due++] = *d;
		return (int)left;
	}
	if (d->complete)
		end_complete(h, d->e, left);
	if (h->n_due == 0 && h->n_syncing == 0) {
		h->unsynced -= h->unsynced_due;
		h->unsynced_due = 0;
	}
	return 1;
}

int
hydrate_sync_next(struct hydrate *h)
{
	struct due d = { 0 };
	int64_t left;
	bool some;
	int rc;

	pthread_mutex_lock(&h->lock);
	if ((some = h->n_due > 0)) {
		d = h->due[--h->n_due];
		h->n_syncing++;
	}
	pthread_mutex_unlock(&h->lock);
	if (!some)
		return 0;
	left = d.complete ? complete(h, d.e) : sync_begun(h, d.e);
	pthread_mutex_lock(&h->lock);
	rc = end_due(h, &d, left);
	pthread_mutex_unlock(&h->lock);
	return rc;
}

int
hydrate_sync(struct hydrate *h)
{
	int rc;

	if ((rc = hydrate_sync_begin(h)) < 0)
		return rc;
	while ((rc = hydrate_sync_next(h)) > 0)
		;
	return rc;
}

/* ---- the end ---- */

bool
hydrate_is_done(struct hydrate *h)
{
	bool done;

	pthread_mutex_lock(&h->lock);
	done = h->pass == PASS_END && h->n_batch == 0 && h->n_due == 0 && h->n_syncing == 0;
	pthread_mutex_unlock(&h->lock);
	return done;
}

const char *
hydrate_waits_for(const struct hydrate *h)
{
	static const char *const names[] = { "recovery.signal", "standby.signal" };
	struct cow_attr attr;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (cow_find(h->c, COW_ROOT, names[i], &attr) == 0)
			return names[i];
	return NULL;
}

int
hydrate_detach(struct hydrate *h)
{
	struct cow *c = h->c;
	int rc;

	count_all(h);
	if (h->f.files_left > 0)
		return 0;
	if (hydrate_waits_for(h) != NULL)
		return 0;
	/* Files that were cut to nothing, or lost their names, were not copied: that has to last. */
	if ((rc = contents_sync_names(c->contents)) < 0 || (rc = journal_sync(c->journal)) < 0)
		return rc;
	journal_mark(c->journal);
	if ((rc = origins_write(c)) < 0)
		return rc;
	return (rc = treefile_write(c)) < 0 ? rc : 1;
}

void
hydrate_figures(struct hydrate *h, struct hydrate_figures *f)
{
	pthread_mutex_lock(&h->lock);
	*f = h->f;
	f->blocks_left = MIN(f->blocks_left + h->unsynced, f->blocks);
	pthread_mutex_unlock(&h->lock);
}

#define LEFT_MAX	((uint64_t)1 << 30)	/* bytes of a large disk that are left to others */

/* The reserve takes its room again where four times as much is free: so much stays, too. */
int
hydrate_room(const struct hydrate *h, uint64_t *bytes)
{
	uint64_t total, available, others;
	struct statvfs st;

	if (fstatvfs(h->c->config.diff_fd, &st) != 0)
		return -errno;
	total = (uint64_t)st.f_blocks * st.f_frsize;
	available = (uint64_t)st.f_bavail * st.f_frsize;
	others = MIN(total / 20, LEFT_MAX) + MIN(total / 10, 4 * h->c->config.reserve);
	*bytes = available > others ? available - others : 0;
	return 0;
}
