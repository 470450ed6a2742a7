/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of the mounted backup while an index is built: nodes, numbered in
 * the order of arrival, found by path.
 */
#ifndef PROBACKUP_INDEX_TREE_H
#define PROBACKUP_INDEX_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "probackup/filelist.h"
#include "probackup/index.h"

/* Beside INDEX_DIR and INDEX_DATAFILE, in a node's flags. */
enum {
	NODE_PAGES = 1 << 8,	/* a data file whose pages can be anywhere in the chain */
	NODE_UNCHANGED = 1 << 9,	/* a plain file whose content a parent has */
	NODE_FOUND = 1 << 10,	/* and that parent was found */
};

struct index_node {
	uint64_t size;
	uint32_t path;		/* offset in paths */
	uint32_t mode;
	uint32_t parent;	/* node */
	uint32_t count;		/* directory: children; file: providers */
	uint32_t first;		/* file: first provider, once laid out */
	uint16_t path_len;
	uint16_t name;		/* offset of the last component in the path */
	uint16_t flags;
};

struct index_slot {
	uint32_t hash;
	uint32_t node;		/* INDEX_NONE: free */
};

struct index_tree {
	struct index_node *nodes;
	uint32_t n, cap;
	char	*paths;
	uint64_t paths_len, paths_cap;
	struct index_slot *slots;	/* open addressing, at most half full */
	uint32_t n_slots;		/* a power of two */
	uint64_t key[2];		/* of the hash: a list cannot aim at one slot */
};

/* Makes a tree of only a root, which is node 0.  Returns 0 or -ENOMEM. */
int	index_tree_init(struct index_tree *t);
void	index_tree_fini(struct index_tree *t);

/* The node of a path, or INDEX_NONE.  Safe from several threads. */
uint32_t index_tree_find(const struct index_tree *t, const char *path, size_t len);

/*
 * The same for n paths at once, at most INDEX_TREE_BATCH: the memory that one
 * search waits for is fetched while the others go on, which is several times
 * as fast when the tree does not fit the processor's cache.
 */
#define INDEX_TREE_BATCH	32
void	index_tree_find_batch(const struct index_tree *t, const struct filelist_entry *e,
	    int n, uint32_t *nodes);

/*
 * Adds a path, which is plain.  Returns 0 and *node, -EEXIST if it is there,
 * -EFBIG beyond INDEX_MAX_ENTRIES or 4 GiB of paths, or -ENOMEM.
 */
int	index_tree_add(struct index_tree *t, const char *path, size_t len, uint32_t mode,
	    unsigned flags, uint32_t *node);

/*
 * Finds the parent of each node and adds those that are missing, as
 * directories 0700.  Returns 0, -ENOTDIR with *node, whose parent is a file,
 * -EFBIG beyond max nodes, or as index_tree_add().
 */
int	index_tree_connect(struct index_tree *t, uint32_t max, uint32_t *node);

static inline const char *
index_tree_path(const struct index_tree *t, uint32_t node)
{
	return t->paths + t->nodes[node].path;
}

#endif
