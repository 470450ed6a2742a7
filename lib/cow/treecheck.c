/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/log.h"
#include "cow/dentry.h"
#include "cow/impl.h"
#include "cow/node.h"
#include "cow/treecheck.h"

/*
 * After replay, whatever the journal said: every name stands for something,
 * everything has as many names as it claims, and every directory leads up to the
 * root.  The rest of cow relies on it, and whoever owns the diff directory can
 * write a journal in which each record fits and the whole does not.
 */

static int
check_dentry(struct cow *c, const struct dentry *d)
{
	struct node *n;

	if (!node_exists(c, d->dir) || !S_ISDIR(node_mode(c, d->dir)))
		return -EUCLEAN;
	if (d->nodeid == 0)
		return 0;
	if ((n = node_find(c, d->dir)) != NULL && n->nlink == 0)
		return -EUCLEAN;
	if ((n = node_find(c, d->nodeid)) == NULL)
		return -EUCLEAN;
	n->names++;
	return 0;
}

static int
check_node(struct cow *c, const struct node *n)
{
	uint64_t dir = n->nodeid;
	size_t steps;

	if (n->nodeid == COW_ROOT)
		return n->names == 0 ? 0 : -EUCLEAN;
	if (n->names != n->nlink || (S_ISDIR(n->mode) && n->nlink > 1))
		return -EUCLEAN;
	if (!S_ISDIR(n->mode) || n->nlink == 0)
		return 0;
	for (steps = 0; dir != COW_ROOT; steps++) {
		dir = node_parent(c, dir);
		if (steps > c->n_nodes + INDEX_DEPTH_MAX || !node_exists(c, dir))
			return -EUCLEAN;
	}
	return 0;
}

static int
check_dentries(struct cow *c)
{
	const struct dentry *d;
	size_t i;
	int rc;

	for (i = 0; i < c->n_dentry_buckets; i++)
		for (d = c->dentries[i]; d != NULL; d = d->next)
			if ((rc = check_dentry(c, d)) < 0)
				return rc;
	return 0;
}

/* The name that the backup gives, unless something hides it. */
static void
count_base_name(struct cow *c, struct node *n)
{
	const struct index_entry *e = &c->store.ix.entries[n->base];

	if (n->base != INDEX_ROOT && dentry_find(c, (uint64_t)e->parent + 1, c->store.ix.strings + e->name,
	    e->name_len) == NULL)
		n->names++;
}

static int
check_nodes(struct cow *c)
{
	struct node *n;
	uint32_t e;
	size_t i;
	int rc;

	for (e = 0; e < c->store.ix.n_entries; e++)
		if ((n = c->base_node[e]) != NULL) {
			count_base_name(c, n);
			if ((rc = check_node(c, n)) < 0)
				return rc;
		}
	for (i = 0; i < c->n_buckets; i++)
		for (n = c->by_serial[i]; n != NULL; n = n->next)
			if (n->base == INDEX_NONE && (rc = check_node(c, n)) < 0)
				return rc;
	return 0;
}

int
treecheck(struct cow *c)
{
	int rc;

	if ((rc = check_dentries(c)) < 0 || (rc = check_nodes(c)) < 0)
		log_error("the journal does not give a tree");
	return rc;
}
