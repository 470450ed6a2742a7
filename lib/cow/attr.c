/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "cow/attr.h"
#include "cow/find.h"
#include "cow/frozen.h"
#include "cow/impl.h"
#include "cow/node.h"
#include "cow/record.h"
#include "cow/relfile.h"

/*
 * Attributes.  The tree knows all of them but the size of a regular file, and the times of
 * one that was written: those are with the file.
 */

/* Fills in all but the size and times of a regular file that lie elsewhere. */
static int
tree_attr(struct cow *c, uint64_t nodeid, struct cow_attr *a)
{
	const struct node *n = node_find(c, nodeid);
	char target[PATH_MAX];
	int len;

	if (n == NULL && !cow_is_base(c, nodeid))
		return -ESTALE;
	*a = (struct cow_attr){
		.nodeid = nodeid, .mode = node_mode(c, nodeid), .nlink = 1,
		.uid = c->config.uid, .gid = c->config.gid,
		.atime = c->created, .mtime = c->created, .ctime = c->created,
	};
	if (n != NULL) {
		a->nlink = n->nlink;
		a->uid = n->uid;
		a->gid = n->gid;
		a->atime = n->atime;
		a->mtime = n->mtime;
		a->ctime = n->ctime;
	}
	if (S_ISLNK(a->mode) && (len = node_target(c, nodeid, target, sizeof(target))) > 0)
		a->size = (uint64_t)len;
	else if (S_ISDIR(a->mode))
		a->size = 4096;
	return 0;
}

/* tree_lock held. */
static int
file_attr(struct cow *c, uint64_t nodeid, struct cow_attr *attr)
{
	const struct node *n;
	struct relfile *f;
	int rc;

	if (cow_is_base(c, nodeid) && c->base_file[nodeid - 1] == NULL &&
	    ((n = node_find(c, nodeid)) == NULL || n->serial == 0)) {
		attr->size = c->store.ix.entries[nodeid - 1].size;
		return 0;
	}
	if ((rc = find_relfile_locked(c, nodeid, &f)) < 0 || (!relfile_is_known(f) && (rc = relfile_load(c, f)) < 0))
		return rc;
	attr->size = f->size;
	if (relfile_has_content(f) || frozen_has_content(f))
		relfile_times_get(f, attr);
	return 0;
}

int
attr_get(struct cow *c, uint64_t nodeid, struct cow_attr *attr)
{
	int rc = tree_attr(c, nodeid, attr);

	return rc == 0 && S_ISREG(attr->mode) ? file_attr(c, nodeid, attr) : rc;
}

int
cow_getattr(struct cow *c, uint64_t nodeid, struct cow_attr *attr)
{
	int rc;

	pthread_rwlock_rdlock(&c->tree_lock);
	rc = attr_get(c, nodeid, attr);
	pthread_rwlock_unlock(&c->tree_lock);
	return rc;
}

#define COW_SET_TIMES	(COW_SET_ATIME | COW_SET_MTIME | COW_SET_CTIME)

/*
 * Size and times of a regular file, whose ctime the journal knows as known;
 * takes out of *set what the journal need not know.
 */
static int
set_file(struct cow *c, uint64_t nodeid, unsigned *set, const struct cow_attr *attr,
    int64_t known)
{
	struct relfile *f;
	int rc;

	if ((rc = find_relfile(c, nodeid, &f)) < 0)
		return rc;
	if (*set & COW_SET_SIZE) {
		if ((rc = record_own(c, nodeid, f)) < 0 ||
		    (rc = relfile_truncate(c, f, attr->size)) < 0)
			return rc;
	}
	if (*set & COW_SET_TIMES && relfile_times_set(f, *set, attr, known))
		*set &= ~(unsigned)COW_SET_TIMES;
	return 0;
}

int
cow_setattr(struct cow *c, uint64_t nodeid, unsigned set, struct cow_attr *attr)
{
	struct cow_attr known;
	uint32_t mode;
	int rc;

	pthread_rwlock_rdlock(&c->tree_lock);
	rc = tree_attr(c, nodeid, &known);
	pthread_rwlock_unlock(&c->tree_lock);
	if (rc < 0)
		return rc;
	mode = known.mode;
	if (c->config.wal_link != NULL && nodeid - 1 == c->wal_entry)
		return -EPERM;
	if (set & COW_SET_SIZE && !S_ISREG(mode))
		return S_ISDIR(mode) ? -EISDIR : -EINVAL;
	if (S_ISREG(mode) && set & (COW_SET_SIZE | COW_SET_TIMES) &&
	    (rc = set_file(c, nodeid, &set, attr, known.ctime)) < 0)
		return rc;
	if ((rc = record_attr(c, nodeid, set, attr)) < 0)
		return rc;
	return cow_getattr(c, nodeid, attr);
}
