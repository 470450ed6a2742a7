/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the lists of a chain into a tree of the mounted backup, and into what
 * each backup stores of it.
 */
#ifndef PROBACKUP_INDEX_COLLECT_H
#define PROBACKUP_INDEX_COLLECT_H

#include <stdatomic.h>

#include "probackup/chain.h"
#include "probackup/index_tree.h"
#include "probackup/tablespace.h"

/* One backup stores something of one node. */
struct index_item {
	uint32_t node;		/* INDEX_NONE: not needed after all */
	uint32_t reserved;
	struct index_provider provider;
};

/* The result of reading the list of one backup. */
struct index_source {
	struct index_item *items;
	size_t	n, cap;
	unsigned char *listed;	/* parents: bit for each node that is listed as the same kind */
	int	rc;
	char	error[CHAIN_ERROR_MAX];
};

struct index_collect {
	struct chain *chain;
	struct index_tree tree;
	struct tablespace_map tablespaces;	/* of the mounted backup */
	struct index_source source[CHAIN_MAX];	/* as in the chain */
	int64_t	since;		/* see struct index */
	uint64_t max_items;	/* an index of the largest size has no room for more */
	uint32_t max_nodes;
	_Atomic uint64_t n_items;
	_Atomic unsigned next;	/* member whose list is to be read next */
	_Atomic bool failed;
};

/* Prepares for an index of at most max bytes.  Returns 0 or -ENOMEM. */
int	index_collect_init(struct index_collect *c, struct chain *chain, size_t max);
void	index_collect_fini(struct index_collect *c);

/*
 * Reads all lists, the parents' by n_threads threads.  Returns 0, or negative
 * errno with error filled as index_build() does.
 */
int	index_collect_run(struct index_collect *c, unsigned n_threads, char *error);

#endif
