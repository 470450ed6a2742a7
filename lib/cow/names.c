/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cow/apply.h"
#include "cow/budget.h"
#include "cow/dentry.h"
#include "cow/impl.h"
#include "cow/node.h"
#include "cow/record.h"

/*
 * Operations on names.  Each is: find the nodes, check what POSIX says, append
 * one record, apply it.  Nothing has changed when one of them fails.
 */

/* A (directory, name) pair and what is there. */
struct place {
	struct node *dir;
	const char *name;
	size_t	len;
	uint64_t nodeid;	/* 0: nothing */
};

/* pg_wal, where it is a link that pbkfs makes, is not the server's to change. */
static bool
is_fixed(const struct cow *c, uint64_t nodeid)
{
	return c->config.wal_link != NULL && cow_is_base(c, nodeid) &&
	    nodeid - 1 == c->wal_entry;
}

static int
find_place(struct cow *c, uint64_t dir, const char *name, struct place *p)
{
	int rc;

	p->name = name;
	p->len = strlen(name);
	if (p->len > COW_NAME_MAX)
		return -ENAMETOOLONG;
	if (!dentry_name_is_valid(name, p->len))
		return -EINVAL;
	if ((rc = node_get(c, dir, &p->dir)) < 0)
		return rc;
	if (!S_ISDIR(p->dir->mode) || is_fixed(c, dir))
		return -ENOTDIR;
	p->nodeid = dentry_resolve(c, dir, p->name, p->len);
	return is_fixed(c, p->nodeid) ? -EPERM : 0;
}

/* The same, for something that has to be there. */
static int
find_existing(struct cow *c, uint64_t dir, const char *name, struct place *p, struct node **n)
{
	int rc = find_place(c, dir, name, p);

	if (rc < 0)
		return rc;
	return p->nodeid == 0 ? -ENOENT : node_get(c, p->nodeid, n);
}

/* The same, for something that must not be there, in a directory that lives. */
static int
find_free(struct cow *c, uint64_t dir, const char *name, struct place *p)
{
	int rc = find_place(c, dir, name, p);

	if (rc < 0)
		return rc == -EPERM ? -EEXIST : rc;
	if (p->nodeid != 0)
		return -EEXIST;
	return p->dir->nlink == 0 ? -ENOENT : 0;
}

static void
set_name(struct journal_record *rec, const struct place *p)
{
	rec->parent = p->dir->serial;
	rec->name = p->name;
	rec->name_len = (uint16_t)p->len;
}

int
cow_lookup(struct cow *c, uint64_t dir, const char *name, size_t len, struct cow_attr *attr)
{
	uint64_t nodeid = 0;
	int rc = 0;

	if (len > COW_NAME_MAX)
		return -ENAMETOOLONG;
	pthread_rwlock_rdlock(&c->tree_lock);
	if (!node_exists(c, dir))
		rc = -ESTALE;
	else if ((nodeid = dentry_resolve(c, dir, name, len)) == 0)
		rc = -ENOENT;
	else
		node_count_lookup(c, nodeid);
	pthread_rwlock_unlock(&c->tree_lock);
	if (rc == 0 && (rc = cow_getattr(c, nodeid, attr)) < 0)
		cow_forget(c, nodeid, 1);
	return rc;
}

int
cow_find(struct cow *c, uint64_t dir, const char *name, struct cow_attr *attr)
{
	int rc = cow_lookup(c, dir, name, strlen(name), attr);

	if (rc == 0)
		cow_forget(c, attr->nodeid, 1);
	return rc;
}

void
cow_forget(struct cow *c, uint64_t nodeid, uint64_t n)
{
	struct node *node;
	bool gone = false;

	pthread_rwlock_rdlock(&c->tree_lock);
	node = node_find(c, nodeid);
	if (cow_is_base(c, nodeid))
		gone = atomic_fetch_sub(&c->base_lookups[nodeid - 1], (uint32_t)n) == (uint32_t)n;
	else if (node != NULL)
		gone = atomic_fetch_sub(&node->lookups, n) == n;
	gone = gone && node != NULL && node->nlink == 0 && !node->inexact;
	pthread_rwlock_unlock(&c->tree_lock);
	if (!gone)
		return;
	pthread_rwlock_wrlock(&c->tree_lock);
	node = node_find(c, nodeid);
	if (node != NULL && node->nlink == 0 && (node->base != INDEX_NONE ?
	    c->base_lookups[node->base] == 0 : node->lookups == 0))
		apply_gone(c, node, journal_last(c->journal));
	pthread_rwlock_unlock(&c->tree_lock);
}

static int
create_locked(struct cow *c, struct journal_record *rec, uint64_t dir, const char *name,
    uint64_t *nodeid)
{
	struct place p;
	int rc;

	if ((rc = find_free(c, dir, name, &p)) < 0 || (rc = budget_check(c)) < 0 ||
	    (rc = record_bind(c, p.dir)) < 0)
		return rc;
	set_name(rec, &p);
	if (p.dir->mode & S_ISGID) {
		rec->gid = p.dir->gid;
		if (S_ISDIR(rec->mode))
			rec->mode |= S_ISGID;
	}
	rec->serial = cow_next_serial(c);
	if ((rc = record_change(c, rec)) < 0)
		return rc;
	*nodeid = COW_CREATED + rec->serial;
	node_count_lookup(c, *nodeid);
	return 0;
}

int
cow_create(struct cow *c, uint64_t unique, uint64_t dir, const char *name, uint32_t mode,
    uid_t uid, gid_t gid, const char *target, struct cow_attr *attr)
{
	struct journal_record rec = {
		.type = JOURNAL_CREATE, .unique = unique, .mode = mode, .uid = uid, .gid = gid,
		.time = clock_real_ns(), .name2 = target,
		.name2_len = target != NULL ? (uint16_t)strnlen(target, PATH_MAX) : 0,
	};
	uint64_t nodeid = 0;
	int rc;

	if (S_ISCHR(mode) || S_ISBLK(mode))
		return -EPERM;
	if (rec.name2_len >= PATH_MAX)
		return -ENAMETOOLONG;
	pthread_rwlock_wrlock(&c->tree_lock);
	rc = create_locked(c, &rec, dir, name, &nodeid);
	pthread_rwlock_unlock(&c->tree_lock);
	return rc < 0 ? rc : cow_getattr(c, nodeid, attr);
}

static int
link_locked(struct cow *c, struct journal_record *rec, uint64_t nodeid, uint64_t dir,
    const char *name)
{
	struct place p;
	struct node *n;
	int rc;

	if ((rc = node_get(c, nodeid, &n)) < 0 || (rc = find_free(c, dir, name, &p)) < 0)
		return rc;
	if (S_ISDIR(n->mode) || is_fixed(c, nodeid))
		return -EPERM;
	if (n->nlink == 0)
		return -ENOENT;
	if ((rc = budget_check(c)) < 0 || (rc = record_bind(c, p.dir)) < 0 ||
	    (rc = record_bind(c, n)) < 0)
		return rc;
	set_name(rec, &p);
	rec->serial = n->serial;
	if ((rc = record_change(c, rec)) < 0)
		return rc;
	node_count_lookup(c, nodeid);
	return 0;
}

int
cow_link(struct cow *c, uint64_t unique, uint64_t nodeid, uint64_t dir, const char *name,
    struct cow_attr *attr)
{
	struct journal_record rec = {
		.type = JOURNAL_LINK, .unique = unique, .time = clock_real_ns()
	};
	int rc;

	pthread_rwlock_wrlock(&c->tree_lock);
	rc = link_locked(c, &rec, nodeid, dir, name);
	pthread_rwlock_unlock(&c->tree_lock);
	return rc < 0 ? rc : cow_getattr(c, nodeid, attr);
}

/* The name p goes, which is n's. */
static int
drop_name(struct cow *c, struct journal_record *rec, struct place *p, const struct node *n)
{
	int rc;

	if ((rc = record_bind(c, p->dir)) < 0)
		return rc;
	set_name(rec, p);
	rec->serial = n->serial;
	return record_change(c, rec);
}

static int
remove_locked(struct cow *c, struct journal_record *rec, uint64_t dir, const char *name,
    bool directory)
{
	struct place p;
	struct node *n;
	int rc;

	if ((rc = find_existing(c, dir, name, &p, &n)) < 0)
		return rc;
	if (directory && !S_ISDIR(n->mode))
		return -ENOTDIR;
	if (!directory && S_ISDIR(n->mode))
		return -EISDIR;
	if (directory && !node_dir_is_empty(c, n->nodeid))
		return -ENOTEMPTY;
	return drop_name(c, rec, &p, n);
}

int
cow_remove(struct cow *c, uint64_t unique, uint64_t dir, const char *name, bool directory)
{
	struct journal_record rec = {
		.type = JOURNAL_UNLINK, .unique = unique, .time = clock_real_ns()
	};
	int rc;

	pthread_rwlock_wrlock(&c->tree_lock);
	rc = remove_locked(c, &rec, dir, name, directory);
	pthread_rwlock_unlock(&c->tree_lock);
	return rc;
}

static int
hide_locked(struct cow *c, struct journal_record *rec, uint64_t dir, const char *name)
{
	struct place p;
	struct node *n;
	int rc;

	if ((rc = find_existing(c, dir, name, &p, &n)) < 0)
		return rc;
	if (n->base == INDEX_NONE || !S_ISDIR(n->mode))
		return -ENOTDIR;
	return drop_name(c, rec, &p, n);
}

int
cow_hide(struct cow *c, uint64_t dir, const char *name)
{
	struct journal_record rec = { .type = JOURNAL_UNLINK, .time = clock_real_ns() };
	int rc;

	pthread_rwlock_wrlock(&c->tree_lock);
	rc = hide_locked(c, &rec, dir, name);
	pthread_rwlock_unlock(&c->tree_lock);
	return rc;
}

/* Whether dir is inside n or n itself: a directory cannot move there. */
static bool
lies_within(struct cow *c, uint64_t dir, uint64_t n)
{
	for (;; dir = node_parent(c, dir)) {
		if (dir == n)
			return true;
		if (dir == COW_ROOT || !node_exists(c, dir))
			return false;
	}
}

/* POSIX decides whether n may be renamed onto victim, which exists. */
static int
check_replace(struct cow *c, const struct node *n, const struct node *victim)
{
	if (S_ISDIR(n->mode) && !S_ISDIR(victim->mode))
		return -ENOTDIR;
	if (!S_ISDIR(n->mode) && S_ISDIR(victim->mode))
		return -EISDIR;
	if (S_ISDIR(victim->mode) && !node_dir_is_empty(c, victim->nodeid))
		return -ENOTEMPTY;
	return 0;
}

static int
check_rename(struct cow *c, const struct place *from, const struct place *to,
    const struct node *n, const struct node *victim, unsigned flags)
{
	if (flags & RENAME_NOREPLACE && victim != NULL)
		return -EEXIST;
	if (flags & RENAME_EXCHANGE && victim == NULL)
		return -ENOENT;
	if (to->dir->nlink == 0)
		return -ENOENT;
	if (S_ISDIR(n->mode) && lies_within(c, to->dir->nodeid, n->nodeid))
		return -EINVAL;
	if (flags & RENAME_EXCHANGE)
		return S_ISDIR(victim->mode) &&
		    lies_within(c, from->dir->nodeid, victim->nodeid) ? -EINVAL : 0;
	return victim != NULL ? check_replace(c, n, victim) : 0;
}

static int
rename_locked(struct cow *c, struct journal_record *rec, uint64_t dir, const char *name,
    uint64_t dir2, const char *name2, unsigned flags)
{
	struct node *n, *victim = NULL;
	struct place from, to;
	int rc;

	if ((rc = find_existing(c, dir, name, &from, &n)) < 0 ||
	    (rc = find_place(c, dir2, name2, &to)) < 0)
		return rc;
	if (to.nodeid != 0 && (rc = node_get(c, to.nodeid, &victim)) < 0)
		return rc;
	/* One name, or two names of one file: POSIX says to do nothing. */
	if (victim == n && !(flags & RENAME_NOREPLACE))
		return 0;
	if ((rc = check_rename(c, &from, &to, n, victim, flags)) < 0 ||
	    (victim == NULL && (rc = budget_check(c)) < 0))
		return rc;
	if ((rc = record_bind(c, from.dir)) < 0 || (rc = record_bind(c, to.dir)) < 0 ||
	    (rc = record_bind(c, n)) < 0)
		return rc;
	if (flags & RENAME_EXCHANGE && (rc = record_bind(c, victim)) < 0)
		return rc;
	set_name(rec, &from);
	rec->serial = n->serial;
	rec->parent2 = to.dir->serial;
	rec->name2 = to.name;
	rec->name2_len = (uint16_t)to.len;
	rec->flags = flags & RENAME_EXCHANGE ? JOURNAL_EXCHANGE : 0;
	return record_change(c, rec);
}

int
cow_rename(struct cow *c, uint64_t unique, uint64_t dir, const char *name, uint64_t dir2,
    const char *name2, unsigned flags)
{
	struct journal_record rec = {
		.type = JOURNAL_RENAME, .unique = unique, .time = clock_real_ns()
	};
	int rc;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE) ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	pthread_rwlock_wrlock(&c->tree_lock);
	rc = rename_locked(c, &rec, dir, name, dir2, name2, flags);
	pthread_rwlock_unlock(&c->tree_lock);
	return rc;
}

int
cow_readlink(struct cow *c, uint64_t nodeid, char *buf)
{
	int rc;

	pthread_rwlock_rdlock(&c->tree_lock);
	rc = node_target(c, nodeid, buf, PATH_MAX);
	pthread_rwlock_unlock(&c->tree_lock);
	return rc < 0 ? rc : 0;
}

int
cow_outcome(struct cow *c, uint64_t unique, struct cow_attr *attr)
{
	unsigned i;

	for (i = 0; i < c->config.n_in_flight; i++) {
		const struct outcome *o = &c->outcomes[i];

		if (unique == 0 || o->unique != unique)
			continue;
		attr->nodeid = 0;
		if (o->nodeid != 0 && cow_getattr(c, o->nodeid, attr) == 0) {
			pthread_rwlock_rdlock(&c->tree_lock);
			node_count_lookup(c, o->nodeid);
			pthread_rwlock_unlock(&c->tree_lock);
		}
		return 1;
	}
	return 0;
}
