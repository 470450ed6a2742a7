/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Decides, once all lists are read, who provides a file: the rules of
 * doc/catalog.md, "A page stream becomes a file" and "Other files".  Blocks are
 * blockmap.c's.
 */
#include "config.h"

#include <errno.h>

#include "base/util.h"
#include "probackup/explain.h"
#include "probackup/index_merge.h"

#define SHOWN	200	/* bytes of a path that a message quotes */

static bool
is_listed(const struct index_source *src, uint32_t node)
{
	return (src->listed[node / 8] >> node % 8 & 1) != 0;
}

static int
explain_hole(const struct index_collect *c, uint32_t node, unsigned member, char *error)
{
	const struct index_node *n = &c->tree.nodes[node];
	const struct backup *b = &c->chain->member[MIN(member, c->chain->n - 1)];

	return explain(error, -EUCLEAN,
	    "\"%.*s\" is unchanged since the parent of backup \"%s\", but backup \"%s\" %s: mount an older backup",
	    (int)MIN(n->path_len, SHOWN), index_tree_path(&c->tree, node),
	    c->chain->member[0].id, b->id,
	    member < c->chain->n ? "does not list it" : "does not store it either");
}

/*
 * Each backup between the mounted one and the parent that stores an unchanged
 * file must list it, or it is not the same file.
 */
static int
check_between(const struct index_collect *c, uint32_t node, unsigned end, char *error)
{
	unsigned member;

	for (member = 1; member < end; member++)
		if (!is_listed(&c->source[member], node))
			return explain_hole(c, node, member, error);
	return 0;
}

/*
 * Takes the newest parent that stores a plain file which the mounted backup has
 * as unchanged.
 */
static int
merge_unchanged(struct index_collect *c, struct index_item *item, char *error)
{
	struct index_node *node = &c->tree.nodes[item->node];
	uint32_t number = item->node;
	unsigned member = item->provider.backup;

	if ((node->flags & NODE_FOUND) != 0) {
		item->node = INDEX_NONE;
		return 0;
	}
	node->flags |= NODE_FOUND;
	node->size = item->provider.stored;
	if (node->size > 0)
		node->count = 1;
	else
		item->node = INDEX_NONE;
	return check_between(c, number, member, error);
}

static int
merge_source(struct index_collect *c, struct index_source *src, char *error)
{
	struct index_node *node;
	size_t i;
	int rc;

	for (i = 0; i < src->n; i++) {
		node = &c->tree.nodes[src->items[i].node];
		if ((node->flags & NODE_UNCHANGED) == 0)
			node->count++;
		else if ((rc = merge_unchanged(c, &src->items[i], error)) < 0)
			return rc;
	}
	return 0;
}

static int
check_found(const struct index_collect *c, char *error)
{
	struct index_node *node;
	uint32_t i;
	int rc;

	for (i = 0; i < c->tree.n; i++) {
		node = &c->tree.nodes[i];
		if ((node->flags & (NODE_UNCHANGED | NODE_FOUND)) == NODE_UNCHANGED) {
			rc = check_between(c, i, c->chain->n, error);
			return rc < 0 ? rc : explain_hole(c, i, c->chain->n, error);
		}
		/* Nobody stores a page of it, and no list has a length: it is empty. */
		if (node->size == INDEX_SIZE_UNKNOWN && node->count == 0)
			node->size = 0;
	}
	return 0;
}

int
index_merge(struct index_collect *c, char *error)
{
	unsigned i;
	int rc;

	for (i = 0; i < c->chain->n; i++)
		if ((rc = merge_source(c, &c->source[i], error)) < 0)
			return rc;
	return check_found(c, error);
}
