/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/ondisk.h"
#include "cow/budget.h"
#include "cow/dentry.h"
#include "cow/impl.h"
#include "cow/node.h"
#include "cow/relfile.h"
#include "probackup/tablespace.h"

/*
 * Nodes in memory: by index entry for what the backup has, in a hash by serial for what the
 * journal knows.  What the backup has and nobody changed needs none.
 */

static size_t
bucket(size_t n_buckets, uint64_t serial)
{
	return (size_t)(serial * 0x9e3779b97f4a7c15ULL >> 20) & (n_buckets - 1);
}

struct node *
node_by_serial(struct cow *c, uint64_t serial)
{
	struct node *n;

	if (c->n_buckets == 0 || serial == 0)
		return NULL;
	for (n = c->by_serial[bucket(c->n_buckets, serial)]; n != NULL; n = n->next)
		if (n->serial == serial)
			return n;
	return NULL;
}

struct node *
node_find(struct cow *c, uint64_t nodeid)
{
	if (cow_is_base(c, nodeid))
		return c->base_node[nodeid - 1];
	return nodeid > COW_CREATED ? node_by_serial(c, nodeid - COW_CREATED) : NULL;
}

static int
grow(struct cow *c)
{
	size_t n = c->n_buckets == 0 ? 1024 : c->n_buckets * 2, i, b;
	struct node **table, *node, *next;

	if (c->n_nodes < c->n_buckets)
		return 0;
	if ((table = calloc(n, sizeof(*table))) == NULL)
		return -ENOMEM;
	for (i = 0; i < c->n_buckets; i++)
		for (node = c->by_serial[i]; node != NULL; node = next) {
			next = node->next;
			b = bucket(n, node->serial);
			node->next = table[b];
			table[b] = node;
		}
	free(c->by_serial);
	c->by_serial = table;
	c->n_buckets = n;
	return 0;
}

int
node_set_serial(struct cow *c, struct node *n, uint64_t serial)
{
	size_t b;
	int rc;

	if (serial == 0 || serial >= SERIAL_MAX || node_by_serial(c, serial) != NULL)
		return -EUCLEAN;
	if ((rc = grow(c)) < 0)
		return rc;
	n->serial = serial;
	b = bucket(c->n_buckets, serial);
	n->next = c->by_serial[b];
	c->by_serial[b] = n;
	c->n_nodes++;
	if (serial >= c->next_serial)
		c->next_serial = serial + 1;
	return 0;
}

/* A node for what the backup has, as the index describes it. */
static struct node *
from_index(struct cow *c, uint32_t e)
{
	const struct index_entry *f = &c->store.ix.entries[e];
	struct node *n = calloc(1, sizeof(*n));
	char target[NODE_LINK_MAX];

	if (n == NULL)
		return NULL;
	n->nodeid = (uint64_t)e + 1;
	n->base = e;
	n->mode = f->mode;
	n->uid = c->config.uid;
	n->gid = c->config.gid;
	n->nlink = 1;
	n->atime = n->mtime = n->ctime = c->created;
	n->dirnode = (uint64_t)f->parent + 1;
	n->inexact = !c->config.first;
	if (S_ISLNK(f->mode) && index_link_target(&c->store.ix, e, target, sizeof(target)) >= 0 &&
	    (n->target = strdup(target)) == NULL) {
		free(n);
		return NULL;
	}
	return n;
}

int
node_get(struct cow *c, uint64_t nodeid, struct node **out)
{
	struct node *n = node_find(c, nodeid);

	if (n == NULL) {
		if (!cow_is_base(c, nodeid))
			return -ESTALE;
		if ((n = from_index(c, (uint32_t)(nodeid - 1))) == NULL)
			return -ENOMEM;
		c->base_node[nodeid - 1] = n;
	}
	*out = n;
	return 0;
}

int
node_set_target(struct cow *c, struct node *n, const char *target, size_t len)
{
	int rc = n->base == INDEX_NONE ? budget_charge(c, len + 1) : 0;

	if (rc < 0)
		return rc;
	if ((n->target = strndup(target, len)) != NULL)
		return 0;
	if (n->base == INDEX_NONE)
		budget_return(c, len + 1);
	return -ENOMEM;
}

int
node_create(struct cow *c, uint64_t serial, struct node **out)
{
	struct node *n = calloc(1, sizeof(*n));
	int rc;

	if (n == NULL)
		return -ENOMEM;
	if ((rc = budget_charge(c, NODE_COST)) < 0) {
		free(n);
		return rc;
	}
	n->nodeid = COW_CREATED + serial;
	n->base = INDEX_NONE;
	if ((rc = node_set_serial(c, n, serial)) < 0) {
		budget_return(c, NODE_COST);
		free(n);
		return rc;
	}
	*out = n;
	return 0;
}

static void
unhash(struct cow *c, struct node *n)
{
	struct node **p;

	if (n->serial == 0)
		return;
	for (p = &c->by_serial[bucket(c->n_buckets, n->serial)]; *p != n; p = &(*p)->next)
		;
	*p = n->next;
	c->n_nodes--;
}

void
node_free(struct cow *c, struct node *n)
{
	unhash(c, n);
	if (n->base != INDEX_NONE)
		c->base_node[n->base] = NULL;
	else
		budget_return(c, NODE_COST + (n->target != NULL ? strlen(n->target) + 1 : 0));
	if (n->file != NULL)
		relfile_free(c, n->file);
	dentry_free_dir(n->dir);
	free(n->target);
	free(n);
}

void
node_free_all(struct cow *c)
{
	uint32_t e;
	size_t i;

	for (e = 0; c->base_node != NULL && e < c->store.ix.n_entries; e++)
		if (c->base_node[e] != NULL)
			node_free(c, c->base_node[e]);
	for (i = 0; i < c->n_buckets; i++)
		while (c->by_serial[i] != NULL)
			node_free(c, c->by_serial[i]);
	free(c->by_serial);
	free(c->base_node);
}

bool
node_exists(struct cow *c, uint64_t nodeid)
{
	return cow_is_base(c, nodeid) || node_find(c, nodeid) != NULL;
}

uint32_t
node_mode(struct cow *c, uint64_t nodeid)
{
	const struct node *n = node_find(c, nodeid);

	if (cow_is_base(c, nodeid) && nodeid - 1 == c->wal_entry && c->config.wal_link != NULL)
		return S_IFLNK | 0777;
	return n != NULL ? n->mode : c->store.ix.entries[nodeid - 1].mode;
}

/*
 * A link of pg_tblspc to what the mount keeps is stored relative, and shown as
 * PostgreSQL's tools want it: pg_basebackup, pg_combinebackup and pg_upgrade know
 * no relative ones.
 */
static bool
is_shown_absolute(struct cow *c, uint64_t nodeid, const char *target)
{
	return c->config.tablespace_root != NULL && c->tblspc_entry != INDEX_NONE &&
	    node_parent(c, nodeid) == (uint64_t)c->tblspc_entry + 1 &&
	    strncmp(target, "../" ONDISK_TABLESPACES "/", strlen("../" ONDISK_TABLESPACES "/")) == 0;
}

int
node_target(struct cow *c, uint64_t nodeid, char *buf, size_t size)
{
	const struct node *n = node_find(c, nodeid);
	char own[NODE_LINK_MAX];
	const char *target = NULL;
	int len;

	if (cow_is_base(c, nodeid) && nodeid - 1 == c->wal_entry && c->config.wal_link != NULL)
		target = c->config.wal_link;
	else if (n != NULL)
		target = n->target;
	else if (cow_is_base(c, nodeid) && S_ISLNK(c->store.ix.entries[nodeid - 1].mode) &&
	    index_link_target(&c->store.ix, (uint32_t)(nodeid - 1), own, sizeof(own)) > 0)
		target = own;
	if (target == NULL)
		return -EINVAL;
	if (is_shown_absolute(c, nodeid, target))
		len = snprintf(buf, size, "%s%s", c->config.tablespace_root, target + strlen(".."));
	else
		len = snprintf(buf, size, "%s", target);
	return (size_t)len < size ? len : -ENAMETOOLONG;
}

uint64_t
node_parent(struct cow *c, uint64_t nodeid)
{
	const struct node *n = node_find(c, nodeid);

	return n != NULL ? n->dirnode : (uint64_t)c->store.ix.entries[nodeid - 1].parent + 1;
}

void
node_count_lookup(struct cow *c, uint64_t nodeid)
{
	struct node *n;

	if (cow_is_base(c, nodeid))
		atomic_fetch_add_explicit(&c->base_lookups[nodeid - 1], 1, memory_order_relaxed);
	else if ((n = node_find(c, nodeid)) != NULL)
		atomic_fetch_add_explicit(&n->lookups, 1, memory_order_relaxed);
}

bool
node_dir_is_empty(struct cow *c, uint64_t dir)
{
	const struct node *n = node_find(c, dir);
	uint32_t below = cow_is_base(c, dir) ? c->store.ix.entries[dir - 1].count : 0;

	if (n == NULL || n->dir == NULL)
		return below == 0;
	return n->dir->live == 0 && n->dir->hidden == below;
}

/* Lookup counts of earlier workers are unknown: nothing they knew is let go. */
void
node_mark_inexact(struct cow *c)
{
	struct node *n;
	size_t i;

	for (i = 0; i < c->n_buckets; i++)
		for (n = c->by_serial[i]; n != NULL; n = n->next)
			n->inexact = true;
}
