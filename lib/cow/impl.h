/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside cow: what its files share, and the order of locks.
 *
 * Locks, in this order; nobody waits for one to the left while holding one to the right:
 *
 *	gate -> tree_lock -> file_lock
 *	gate -> tree_lock -> sync.lock -> lock -> blocks.copyup -> map.lock
 *	any of these -> pending_lock, list_lock, times.lock
 *
 * Those with a dot, and lock, are a relfile's, and nobody holds those of two: with
 * list_lock held, lock is only ever tried.  gate is held shared by whoever writes
 * content, exclusively by whoever empties the pending log.
 */
#ifndef COW_IMPL_H
#define COW_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "cow/cow.h"
#include "base/fdcache.h"
#include "diff/content.h"
#include "diff/journal.h"
#include "diff/reserve.h"

struct dentry;
struct layer;
struct node;
struct relfile;
struct removal;

struct outcome {
	uint64_t unique, nodeid;	/* nodeid 0: no attributes to tell */
};

#define HYDRATE_HOT	16	/* files, a power of two */

/* Serials and numbers of content files stay below: nodeids are made of them. */
#define SERIAL_MAX	CONTENT_NUMBER_MAX

struct cow {
	struct cow_config config;
	struct fdcache *fds;
	struct store store;
	struct contents *contents;
	struct reserve *reserve;	/* NULL: none */
	struct journal *journal;
	struct layer *layers;		/* config.n_layers; NULL: none */
	struct reader reader;		/* for what happens before the first request */
	int64_t	created;		/* times of what the backup holds */
	uint32_t wal_entry;		/* index entry of pg_wal, or INDEX_NONE */
	uint32_t tblspc_entry;		/* of pg_tblspc */

	pthread_rwlock_t tree_lock;	/* all that follows up to the next comment */
	struct node **base_node;	/* by index entry */
	struct node **by_serial;	/* hash */
	size_t	n_buckets, n_nodes;
	struct dentry **dentries;	/* hash */
	size_t	n_dentry_buckets, n_dentries;
	size_t	tree_bytes;		/* memory of created nodes and their names */
	struct outcome *outcomes;	/* one for each of in_flight; complete after replay */
	bool	replaying;		/* records come from the journal */
	bool	this_mount;		/* replay is behind this mount's JOURNAL_MOUNT */
	bool	settled;		/* the journal has a JOURNAL_MOUNT of any mount */
	_Atomic bool inherited;		/* an earlier worker or mount may not have synced what it wrote */

	_Atomic uint64_t next_serial;
	_Atomic uint32_t *base_lookups;	/* by index entry */
	struct relfile *_Atomic *base_file;	/* by index entry */
	pthread_mutex_t file_lock;	/* setting base_file */

	pthread_rwlock_t gate;
	pthread_mutex_t pending_lock;	/* appending to config.pending */
	pthread_mutex_t list_lock;	/* dirty, maps, removals */
	TAILQ_HEAD(relfile_list, relfile) dirty;
	_Atomic uint32_t n_dirty;
	struct relfile_list maps;
	_Atomic uint64_t map_bytes;
	struct removal *removals;

	struct {		/* hydrate.c: files whose blocks requests have read from the chain lately */
		_Atomic bool wanted;
		_Atomic uint32_t next;
		_Atomic uint32_t entry[HYDRATE_HOT];	/* index entry + 1; 0: none */
	} hot;
};

static inline bool
cow_is_base(const struct cow *c, uint64_t nodeid)
{
	return nodeid > 0 && nodeid <= c->store.ix.n_entries;
}

/* A number that nothing has had. */
static inline uint64_t
cow_next_serial(struct cow *c)
{
	return atomic_fetch_add(&c->next_serial, 1);
}

#endif
