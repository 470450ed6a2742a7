/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <limits.h>

#include "base/clock.h"
#include "cow/apply.h"
#include "cow/impl.h"
#include "cow/node.h"
#include "cow/record.h"
#include "cow/relfile.h"

/*
 * Changes that the journal keeps: a record is appended, then applied to the tree, so that
 * nothing has changed when that fails.
 */

int
record_change(struct cow *c, struct journal_record *rec)
{
	int rc = journal_append(c->journal, rec);

	return rc < 0 ? rc : apply_record(c, rec);
}

int
record_bind(struct cow *c, struct node *n)
{
	char path[PATH_MAX];
	struct journal_record rec = {
		.type = JOURNAL_BIND, .name = path, .time = clock_real_ns(),
		.flags = n->nlink == 0 ? JOURNAL_ORPHAN : 0,
	};
	int rc;

	if (n->serial != 0)
		return 0;
	if ((rc = index_path(&c->store.ix, n->base, path, sizeof(path))) < 0)
		return rc;
	rec.name_len = (uint16_t)rc;
	rec.serial = cow_next_serial(c);
	return record_change(c, &rec);
}

int
record_attr(struct cow *c, uint64_t nodeid, unsigned set, const struct cow_attr *attr)
{
	struct journal_record rec = {
		.type = JOURNAL_ATTR, .time = clock_real_ns(), .mode = attr->mode & 07777,
		.uid = attr->uid, .gid = attr->gid, .atime = attr->atime, .mtime = attr->mtime,
		.valid = (set & COW_SET_MODE ? JOURNAL_MODE : 0u) |
		    (set & COW_SET_UID ? JOURNAL_UID : 0u) |
		    (set & COW_SET_GID ? JOURNAL_GID : 0u) |
		    (set & COW_SET_ATIME ? JOURNAL_ATIME : 0u) |
		    (set & COW_SET_MTIME ? JOURNAL_MTIME : 0u) |
		    (set & COW_SET_CTIME ? JOURNAL_CTIME : 0u),
		.length = set & COW_SET_CTIME ? (uint64_t)attr->ctime : 0,
	};
	struct node *n;
	int rc;

	if (rec.valid == 0)
		return 0;
	pthread_rwlock_wrlock(&c->tree_lock);
	if ((rc = node_get(c, nodeid, &n)) == 0 && (rc = record_bind(c, n)) == 0) {
		rec.serial = n->serial;
		/* A file without a name is gone for the next mount: it replays no record of it. */
		if (n->nlink > 0)
			rc = journal_append(c->journal, &rec);
		if (rc == 0)
			rc = apply_record(c, &rec);
	}
	pthread_rwlock_unlock(&c->tree_lock);
	return rc;
}

int
record_own(struct cow *c, uint64_t nodeid, struct relfile *f)
{
	struct node *n;
	int rc = 0;

	if (f->content.cut != RELFILE_UNCUT) {
		pthread_rwlock_wrlock(&f->lock);
		if (f->content.cut != RELFILE_UNCUT)
			rc = relfile_finish_cut(c, f);
		pthread_rwlock_unlock(&f->lock);
	}
	if (rc < 0 || f->serial != 0)
		return rc;
	pthread_rwlock_wrlock(&c->tree_lock);
	if ((rc = node_get(c, nodeid, &n)) == 0)
		rc = record_bind(c, n);
	pthread_rwlock_unlock(&c->tree_lock);
	return rc;
}
