/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/ondisk.h"
#include "cow/attr.h"
#include "cow/dentry.h"
#include "cow/impl.h"
#include "cow/node.h"
#include "probackup/tablespace.h"

/*
 * A listing has three parts, told apart by the cookie: "." and ".." (1 and 2),
 * the backup's names in their order (from BASE_FIRST on), then the names made
 * since, by the sequence number that made them.
 */
#define COOKIE_DOT	1
#define COOKIE_DOTDOT	2
#define COOKIE_BASE	3			/* + position among the children */
#define COOKIE_MADE	(UINT64_C(1) << 32)	/* + sequence number */

int
cow_list_begin(struct cow_list *l, struct cow *c, uint64_t dir, uint64_t cookie)
{
	int rc = 0;

	pthread_rwlock_rdlock(&c->tree_lock);
	if (!node_exists(c, dir))
		rc = -ESTALE;
	else if (!S_ISDIR(node_mode(c, dir)))
		rc = -ENOTDIR;
	if (rc < 0)
		pthread_rwlock_unlock(&c->tree_lock);
	*l = (struct cow_list){ c, dir, cookie };
	return rc;
}

void
cow_list_end(struct cow_list *l)
{
	pthread_rwlock_unlock(&l->c->tree_lock);
}

static int
give(struct cow_list *l, struct cow_dirent *d, const char *name, size_t len, uint64_t nodeid,
    uint64_t cookie)
{
	*d = (struct cow_dirent){
		.name = name, .len = len, .nodeid = nodeid, .cookie = cookie,
		.mode = node_mode(l->c, nodeid),
	};
	l->cookie = cookie;
	return 1;
}

/*
 * A directory beside PGDATA is reached by its name, and met by nobody who walks the
 * tree: copies of a data directory have it from where the links lead.
 */
static bool
is_hidden(const struct cow_list *l, const char *name)
{
	if (l->dir != COW_ROOT || name[0] != '.')
		return false;
	return strcmp(name, ONDISK_EXTERNAL) == 0 ||
	    (l->c->config.tablespace_root != NULL && strcmp(name, ONDISK_TABLESPACES) == 0);
}

static int
next_base(struct cow_list *l, struct cow_dirent *d)
{
	const struct index *ix = &l->c->store.ix;
	const struct index_entry *dir = &ix->entries[l->dir - 1], *e;
	uint64_t i = l->cookie < COOKIE_BASE ? 0 : l->cookie - COOKIE_BASE + 1;

	for (; i < dir->count; i++) {
		e = &ix->entries[dir->first + i];
		if (is_hidden(l, ix->strings + e->name) ||
		    dentry_find(l->c, l->dir, ix->strings + e->name, e->name_len) != NULL)
			continue;
		return give(l, d, ix->strings + e->name, e->name_len,
		    (uint64_t)dir->first + i + 1, COOKIE_BASE + i);
	}
	return 0;
}

static int
next_made(struct cow_list *l, struct cow_dirent *d)
{
	const struct node *n = node_find(l->c, l->dir);
	uint64_t after = l->cookie < COOKIE_MADE ? 0 : l->cookie - COOKIE_MADE;
	uint32_t lo = 0, hi, mid;

	if (n == NULL || n->dir == NULL)
		return 0;
	for (hi = n->dir->n; lo < hi;) {
		mid = lo + (hi - lo) / 2;
		if (n->dir->slot[mid].seq <= after)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < n->dir->n; lo++) {
		const struct dentry *e = n->dir->slot[lo].d;

		if (e != NULL && !is_hidden(l, e->name))
			return give(l, d, e->name, e->len, e->nodeid, COOKIE_MADE + e->seq);
	}
	return 0;
}

int
cow_list_next(struct cow_list *l, struct cow_dirent *d)
{
	if (l->cookie < COOKIE_DOT)
		return give(l, d, ".", 1, l->dir, COOKIE_DOT);
	if (l->cookie < COOKIE_DOTDOT)
		return give(l, d, "..", 2, node_parent(l->c, l->dir), COOKIE_DOTDOT);
	if (l->cookie < COOKIE_MADE && cow_is_base(l->c, l->dir) && next_base(l, d) != 0)
		return 1;
	return next_made(l, d);
}

int
cow_list_attr(struct cow_list *l, const struct cow_dirent *d, struct cow_attr *attr)
{
	int rc = attr_get(l->c, d->nodeid, attr);

	if (rc == 0)
		node_count_lookup(l->c, d->nodeid);
	return rc;
}

void
cow_list_uncount(struct cow_list *l, const struct cow_dirent *d)
{
	struct node *n;

	if (cow_is_base(l->c, d->nodeid))
		atomic_fetch_sub(&l->c->base_lookups[d->nodeid - 1], 1);
	else if ((n = node_find(l->c, d->nodeid)) != NULL)
		atomic_fetch_sub(&n->lookups, 1);
}
