/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/util.h"
#include "cow/budget.h"
#include "cow/dentry.h"
#include "cow/impl.h"
#include "cow/node.h"

/*
 * Names beyond the backup's.  A dentry says what a name is now; one that says
 * "nothing" hides a name of the backup.  The dentries of a directory that
 * stand for something are also listed in its slots, in the order in which
 * they were made.  The cookie of readdir is twice the sequence number of the
 * record, and one more for its second name; so a listing goes on where it
 * stood, whatever was removed since, and whichever worker it meets.
 */

static size_t
bucket(size_t n_buckets, uint64_t dir, const char *name, size_t len)
{
	uint32_t h = crc32c((uint32_t)(dir ^ dir >> 32), name, len);

	return (h ^ h >> 15) & (n_buckets - 1);
}

struct dentry *
dentry_find(struct cow *c, uint64_t dir, const char *name, size_t len)
{
	struct dentry *d;

	if (c->n_dentry_buckets == 0)
		return NULL;
	d = c->dentries[bucket(c->n_dentry_buckets, dir, name, len)];
	for (; d != NULL; d = d->next)
		if (d->dir == dir && d->len == len && memcmp(d->name, name, len) == 0)
			return d;
	return NULL;
}

bool
dentry_name_is_valid(const char *name, size_t len)
{
	return len > 0 && len <= COW_NAME_MAX && memchr(name, '/', len) == NULL &&
	    memchr(name, '\0', len) == NULL && !(len == 1 && name[0] == '.') &&
	    !(len == 2 && name[0] == '.' && name[1] == '.');
}

static uint32_t
base_child(struct cow *c, uint64_t dir, const char *name, size_t len)
{
	return cow_is_base(c, dir) ?
	    index_child(&c->store.ix, (uint32_t)(dir - 1), name, len) : INDEX_NONE;
}

uint64_t
dentry_resolve(struct cow *c, uint64_t dir, const char *name, size_t len)
{
	const struct dentry *d = dentry_find(c, dir, name, len);
	uint32_t e;

	if (d != NULL)
		return d->nodeid;
	e = base_child(c, dir, name, len);
	return e == INDEX_NONE ? 0 : (uint64_t)e + 1;
}

static int
grow_table(struct cow *c)
{
	size_t n = c->n_dentry_buckets == 0 ? 1024 : c->n_dentry_buckets * 2, i, b;
	struct dentry **table, *d, *next;

	if (c->n_dentries < c->n_dentry_buckets)
		return 0;
	if ((table = calloc(n, sizeof(*table))) == NULL)
		return -ENOMEM;
	for (i = 0; i < c->n_dentry_buckets; i++)
		for (d = c->dentries[i]; d != NULL; d = next) {
			next = d->next;
			b = bucket(n, d->dir, d->name, d->len);
			d->next = table[b];
			table[b] = d;
		}
	free(c->dentries);
	c->dentries = table;
	c->n_dentry_buckets = n;
	return 0;
}

/* With its places in the table and in the directory's slots. */
static size_t
cost(size_t len)
{
	return sizeof(struct dentry) + len + 1 + sizeof(void *) + 2 * sizeof(struct dirslot);
}

static int
add(struct cow *c, uint64_t dir, const char *name, size_t len, bool charged, struct dentry **out)
{
	struct dentry *d;
	size_t b;
	int rc;

	if ((rc = grow_table(c)) < 0)
		return rc;
	if ((d = malloc(sizeof(*d) + len + 1)) == NULL)
		return -ENOMEM;
	if (charged && (rc = budget_charge(c, cost(len))) < 0) {
		free(d);
		return rc;
	}
	*d = (struct dentry){ .dir = dir, .len = (uint16_t)len, .charged = charged };
	memcpy(d->name, name, len);
	d->name[len] = '\0';
	b = bucket(c->n_dentry_buckets, dir, name, len);
	d->next = c->dentries[b];
	c->dentries[b] = d;
	c->n_dentries++;
	*out = d;
	return 0;
}

static void
drop(struct cow *c, struct dentry *d)
{
	struct dentry **p;

	for (p = &c->dentries[bucket(c->n_dentry_buckets, d->dir, d->name, d->len)]; *p != d;
	    p = &(*p)->next)
		;
	*p = d->next;
	c->n_dentries--;
	if (d->charged)
		budget_return(c, cost(d->len));
	free(d);
}

/* Makes room for one more slot; drops those that are gone when they are many. */
static int
reserve_slot(struct node *n)
{
	struct dir *dir = n->dir;
	struct dirslot *slot;
	uint32_t i, live = 0;

	if (dir == NULL && (dir = n->dir = calloc(1, sizeof(*dir))) == NULL)
		return -ENOMEM;
	if (dir->n < dir->room)
		return 0;
	if (dir->live < dir->n / 2) {
		for (i = 0; i < dir->n; i++)
			if (dir->slot[i].d != NULL)
				dir->slot[live++] = dir->slot[i];
		dir->n = live;
		return 0;
	}
	slot = realloc(dir->slot, MAX(dir->room * 2, 16u) * sizeof(*slot));
	if (slot == NULL)
		return -ENOMEM;
	dir->slot = slot;
	dir->room = MAX(dir->room * 2, 16u);
	return 0;
}

static void
clear_slot(struct dir *dir, const struct dentry *d)
{
	uint32_t lo = 0, hi = dir->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (dir->slot[mid].seq < d->seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* Each name has a cookie of its own, in an exchange too: this ends at once. */
	while (lo < dir->n && dir->slot[lo].d != d)
		lo++;
	if (lo < dir->n) {
		dir->slot[lo].d = NULL;
		dir->live--;
	}
}

int
dentry_set(struct cow *c, struct node *n, const char *name, size_t len, uint64_t nodeid,
    uint64_t seq)
{
	bool shadows = base_child(c, n->nodeid, name, len) != INDEX_NONE;
	struct dentry *d = dentry_find(c, n->nodeid, name, len);
	int rc;

	if ((rc = reserve_slot(n)) < 0)
		return rc;
	if (d == NULL) {
		if (nodeid == 0 && !shadows)
			return 0;
		if ((rc = add(c, n->nodeid, name, len, !shadows, &d)) < 0)
			return rc;
		n->dir->hidden += shadows;
	} else if (d->nodeid != 0) {
		clear_slot(n->dir, d);
	}
	d->nodeid = nodeid;
	d->seq = seq;
	if (nodeid != 0) {
		n->dir->slot[n->dir->n++] = (struct dirslot){ seq, d };
		n->dir->live++;
	} else if (!shadows) {
		drop(c, d);
	}
	return 0;
}

void
dentry_free_dir(struct dir *d)
{
	if (d != NULL)
		free(d->slot);
	free(d);
}

void
dentry_free_all(struct cow *c)
{
	size_t i;

	for (i = 0; i < c->n_dentry_buckets; i++)
		while (c->dentries[i] != NULL)
			drop(c, c->dentries[i]);
	free(c->dentries);
}
