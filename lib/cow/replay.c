/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/util.h"
#include "cow/apply.h"
#include "cow/dirty.h"
#include "cow/find.h"
#include "cow/impl.h"
#include "cow/node.h"
#include "cow/relfile.h"
#include "cow/replay.h"

/*
 * Taking up what earlier mounts and workers did: the journal gives the tree, and what became
 * of requests that nobody has answered; the pending log gives the blocks that were copied up
 * and not synced.
 */

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

int
replay_journal(struct cow *c, struct journal *j, const char *where)
{
	struct journal_record rec;
	int rc;

	c->replaying = true;
	while ((rc = journal_next(j, &rec)) > 0) {
		c->inherited = true;
		if ((rc = apply_record(c, &rec)) == -ENOSPC) {
			log_error("the journal of %s makes more files and names than there"
			    " is memory for (%zu MiB): pbkfs cleanup it", where, c->tree_bytes / MiB);
			return rc;
		}
		if (rc < 0) {
			log_error("record %" PRIu64 " of the journal of %s (type %u) does not fit what comes before it",
			    rec.seq, where, rec.type);
			return rc;
		}
		note_outcome(c, &rec);
	}
	c->replaying = false;
	return rc;
}

/* Blocks that were copied up and not synced yet when the last worker died. */
static int
take_up_entry(struct cow *c, const struct pending_entry *e)
{
	struct node *n = node_by_serial(c, e->content);
	struct relfile *f;
	uint32_t end;
	int rc;

	if (n == NULL || !S_ISREG(n->mode) || !node_has_older(n))
		return -EUCLEAN;
	if ((rc = find_relfile_of(c, n, &f)) < 0)
		return rc;
	f->content.taken_up = true;
	if (!relfile_is_known(f) && (rc = relfile_load(c, f)) < 0)
		return rc;
	/* A truncation since may have left the file without these blocks. */
	end = MIN(e->first + e->count, kinds_count(f->blocks.kinds));
	if (!relfile_has_content(f) || f->content.number != e->content || e->first >= end)
		return 0;
	if ((rc = kinds_reserve(f->blocks.kinds, e->first, end - e->first)) < 0)
		return rc;
	kinds_set_full(f->blocks.kinds, e->first, end - e->first);
	return dirty_add(c, f);
}

int
replay_pending(struct cow *c)
{
	const struct pending *p = c->config.pending;
	uint32_t n = atomic_load(&p->n), i;
	int rc;

	if (n > PENDING_MAX) {
		log_error("the pending log claims %u entries", n);
		return -EUCLEAN;
	}
	for (i = 0; i < n; i++) {
		if (p->entry[i].count > UINT32_MAX - p->entry[i].first ||
		    (rc = take_up_entry(c, &p->entry[i])) == -EUCLEAN)
			log_warn("entry %u of the pending log does not fit the journal", i);
		else if (rc < 0)
			return rc;
	}
	return 0;
}
