/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/util.h"
#include "cow/budget.h"
#include "cow/compact.h"
#include "cow/dentry.h"
#include "cow/impl.h"
#include "cow/layer.h"
#include "cow/node.h"
#include "cow/record.h"
#include "cow/relfile.h"
#include "cow/replay.h"
#include "cow/room.h"
#include "cow/sweep.h"
#include "cow/treecheck.h"
#include "probackup/tablespace.h"

/*
 * Opening takes these steps, the same for the first worker of a mount and for
 * each that follows: map the index, replay the journal, take up the pending
 * log.  Only the first then sweeps: it removes content that no name holds, of
 * which an earlier mount's crash left some; later in a mount the kernel may
 * still know files that have lost their names.
 */

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
	int rc;

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
	if ((rc = node_get(c, COW_ROOT, &root)) < 0)
		return rc;
	return node_set_serial(c, root, JOURNAL_ROOT_SERIAL);
}

static int
begin_mount(struct cow *c)
{
	struct journal_record rec = {
		.type = JOURNAL_MOUNT, .length = c->config.mount_id, .time = clock_real_ns()
	};

	int rc;

	if (!c->settled && (rc = journal_settle(c->journal, c->config.diff_fd)) < 0)
		return rc;
	if (c->this_mount)
		return 0;
	if ((rc = journal_append(c->journal, &rec)) == 0)
		journal_mark(c->journal);
	return rc;
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
	int rc;

	if ((c->fds = fdcache_new(k->max_fds)) == NULL)
		return -ENOMEM;
	if ((rc = store_open(&c->store, k->store_fd, k->instance, k->index_fd, c->fds)) < 0 ||
	    (k->store_fd >= 0 && (rc = store_refuse_stale(&c->store)) < 0))
		return rc;
	c->store.check = k->check;
	if ((rc = layer_open(c)) < 0 || (rc = contents_open(k->diff_fd, c->fds, &c->contents)) < 0 ||
	    (rc = journal_open(k->diff_fd, &c->journal)) < 0 ||
	    (rc = make_tables(c)) < 0 || (rc = layer_replay(c)) < 0 ||
	    (rc = replay_journal(c, c->journal, "the diff directory")) < 0 ||
	    (rc = treecheck(c)) < 0)
		return rc;
	if (!k->first && !c->this_mount)
		return AS_FIRST;
	if (k->first && ((rc = sweep_contents(c)) < 0 || (may_compact && (rc = compact_journal(c)) != 0)))
		return rc;
	if ((rc = begin_mount(c)) < 0)
		return rc;
	/* Without the writeback cache, write() itself tells that the disk is full. */
	if (k->kernel_times && k->reserve > 0 &&
	    (rc = reserve_open(k->diff_fd, k->reserve, &c->reserve)) < 0)
		return rc;
	if (k->first)
		return 0;
	node_mark_inexact(c);
	return replay_pending(c);
}

static int
open_once(const struct cow_config *config, bool may_compact, struct cow **out)
{
	struct cow *c = calloc(1, sizeof(*c));
	int rc;

	if (c == NULL)
		return -ENOMEM;
	c->config = *config;
	c->next_serial = JOURNAL_ROOT_SERIAL + 1;
	init_locks(c);
	if ((rc = open_all(c, may_compact)) != 0) {
		cow_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

int
cow_open(const struct cow_config *config, struct cow **out)
{
	struct cow_config k = *config;
	bool may_compact = true;
	int rc;

	while ((rc = open_once(&k, may_compact, out)) > 0) {
		k.first |= rc == AS_FIRST;
		may_compact &= rc != COMPACTED;
	}
	return rc;
}

int
cow_settle(const struct cow_config *config)
{
	struct cow_config k = *config;
	struct cow *c;
	int rc;

	k.first = true;
	k.reserve = 0;
	if ((rc = cow_open(&k, &c)) < 0)
		return rc;
	cow_save_times(c);
	rc = cow_flush(c);
	cow_idle(c);
	cow_close(c);
	return rc;
}

unsigned
cow_layers(const struct cow *c)
{
	return c->config.n_layers;
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
	free_files(c);
	node_free_all(c);
	dentry_free_all(c);
	room_free(c);
	free(c->base_lookups);
	free(c->outcomes);
	journal_close(c->journal);
	contents_close(c->contents);
	layer_close(c);
	if (c->store.fds != NULL)
		store_close(&c->store);
	fdcache_free(c->fds);
	pthread_rwlock_destroy(&c->tree_lock);
	pthread_rwlock_destroy(&c->gate);
	free(c);
}

void
cow_idle(struct cow *c)
{
	room_remove_now(c);
	reserve_refill(c->reserve);
	journal_mark(c->journal);
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
	    record_attr(c, nodeid, COW_SET_MTIME | COW_SET_CTIME, &attr) < 0)
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

bool
cow_has_room_for_others(struct cow *c)
{
	bool has;

	pthread_rwlock_rdlock(&c->tree_lock);
	has = budget_has_half(c);
	pthread_rwlock_unlock(&c->tree_lock);
	return has;
}

const struct index *
cow_index(const struct cow *c)
{
	return &c->store.ix;
}
