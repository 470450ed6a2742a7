/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cow/dirty.h"
#include "cow/find.h"
#include "cow/flush.h"
#include "cow/impl.h"
#include "cow/node.h"
#include "cow/relfile.h"

/*
 * Durability on demand: fsync(2), and the flush of everything, which has to come before
 * the pending log overflows and at the end of a mount.  How one file is synced:
 * relfile_sync.c.
 */

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
	int rc;

	if (c->config.no_sync)
		return 0;
	if (is_untouched(c, nodeid))
		return 0;
	if ((rc = find_relfile(c, nodeid, &f)) < 0)
		return rc;
	if (f->wal || f->serial == 0)
		return 0;
	if ((rc = relfile_sync(c, f, !datasync)) < 0)
		return rc;
	trim_pending(c);
	return journal_sync(c->journal);
}

int
cow_fsync_names(struct cow *c)
{
	return c->config.no_sync ? 0 : journal_sync(c->journal);
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
static int
flush_dirty(struct cow *c)
{
	struct relfile *f, *stuck = NULL;
	int rc = 0, one;

	pthread_rwlock_wrlock(&c->gate);
	pthread_rwlock_rdlock(&c->tree_lock);
	while ((f = dirty_first(c, stuck)) != NULL) {
		if ((one = relfile_sync_unasked(c, f)) == 0) {
			tell_durable(c);
			continue;
		}
		rc = one;
		if (stuck != NULL)
			break;
		stuck = f;
	}
	pthread_rwlock_unlock(&c->tree_lock);
	if ((one = journal_sync(c->journal)) < 0)
		rc = one;
	if (rc == 0)
		pending_reset(c->config.pending);
	pthread_rwlock_unlock(&c->gate);
	return rc;
}

/*
 * Content that an earlier worker made and sync_inherited() has made durable, which the journal
 * does not say yet.  What this worker makes is recorded by its own sync.
 */
static int
record_inherited(struct cow *c, struct node *n)
{
	struct journal_record rec = {
		.type = JOURNAL_CONTENT, .serial = n->serial, .time = clock_real_ns(),
	};
	struct relfile *f;
	struct stat st;
	int rc;

	if (n->nlink == 0 || !S_ISREG(n->mode) || n->recorded)
		return 0;
	if ((rc = find_relfile_of(c, n, &f)) < 0)
		return rc;
	pthread_rwlock_wrlock(&f->lock);
	rec.content = f->content.number;
	if (!f->content.recorded && f->blocks.limit == 0 &&
	    (f->content.state == RELFILE_UNKNOWN || f->content.state == RELFILE_FOUND) &&
	    content_stat(c->contents, rec.content, &st) == 0 &&
	    (rc = journal_append(c->journal, &rec)) == 0)
		f->content.recorded = true;
	pthread_rwlock_unlock(&f->lock);
	return rc;
}

static int
record_all_inherited(struct cow *c)
{
	struct node *n;
	size_t i;
	int rc = 0;

	pthread_rwlock_rdlock(&c->tree_lock);
	for (i = 0; i < c->n_buckets && rc == 0; i++)
		for (n = c->by_serial[i]; n != NULL && rc == 0; n = n->next)
			rc = record_inherited(c, n);
	pthread_rwlock_unlock(&c->tree_lock);
	/* Nothing relies on these records: on a full disk the next mount writes them. */
	return rc < 0 && rc != -ENOSPC ? rc : journal_sync(c->journal);
}

/* Content that nobody has asked for since is in no list of ours. */
static int
sync_inherited(struct cow *c)
{
	struct content_list *list;
	uint64_t number;
	bool map;
	int rc, failed = 0;

	if ((rc = contents_list(c->contents, &list)) < 0)
		return rc;
	while ((rc = content_list_next(list, &number, &map)) > 0) {
		/* Nothing that waits to be synced was written to what is no plain file. */
		if ((rc = content_sync(c->contents, number, map)) < 0 && rc != -EUCLEAN &&
		    rc != -ELOOP && rc != -EISDIR)
			failed = rc;
		tell_durable(c);
	}
	content_list_free(list);
	if (rc == 0)
		rc = failed;
	if (rc == 0)
		rc = contents_sync_names(c->contents);
	return rc < 0 ? rc : record_all_inherited(c);
}

int
cow_flush(struct cow *c)
{
	int rc = flush_dirty(c), later = 0;

	if (c->inherited && (later = sync_inherited(c)) == 0)
		c->inherited = false;
	journal_mark(c->journal);
	return rc < 0 ? rc : later;
}

/* Room in the pending log for what all threads may add at once. */
#define PENDING_MARGIN	4096

int
flush_make_room(struct cow *c)
{
	if (atomic_load_explicit(&c->config.pending->n, memory_order_relaxed) <
	    PENDING_MAX - PENDING_MARGIN && c->n_dirty < c->config.max_fds / 2)
		return 0;
	return flush_dirty(c);
}
