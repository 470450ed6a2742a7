/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Nodes: what the journal knows of a file, a directory or a link.  tree_lock held by all,
 * exclusively by those that change something.
 */
#ifndef COW_NODE_H
#define COW_NODE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cow/relfile.h"
#include "probackup/index.h"

struct cow;
struct dir;

/*
 * A file that the journal knows, or is about to.  Protected by tree_lock; a
 * backup's file without a node is as the index says.
 */
struct node {
	struct node *next;		/* in the hash of serials */
	uint64_t nodeid, serial;	/* serial 0: the journal does not know it */
	uint32_t base;			/* index entry or INDEX_NONE */
	uint32_t mode, uid, gid, nlink;
	uint32_t names;			/* treecheck.c: how many there are */
	int64_t	atime, mtime, ctime;
	uint64_t dirnode;		/* nodeid of a directory that holds it: the last one known */
	char	*target;		/* symbolic links */
	struct dir *dir;		/* directories: NULL if just as in the backup */
	struct relfile *file;		/* created files; the backup's are in cow.base_file */
	_Atomic uint64_t lookups;	/* created files */
	bool	recorded;		/* created files: file->content.recorded as replay found it */
	bool	inexact;		/* an earlier worker may have counted lookups, too */
};

#define NODE_LINK_MAX	64	/* bytes of what a link of the index holds, NUL included */

/* Memory of a node that is created, with its place in a table and what its content takes. */
#define NODE_COST	(sizeof(struct node) + sizeof(struct relfile) + 4 * sizeof(void *))

/* Whether something older than the diff directory has, or had, content of the regular file n. */
static inline bool
node_has_older(const struct node *n)
{
	return n->base != INDEX_NONE || (n->file != NULL && n->file->frozen != NULL);
}

/* The node, or NULL. */
struct node *node_find(struct cow *c, uint64_t nodeid);
struct node *node_by_serial(struct cow *c, uint64_t serial);
/* The node, which is made for what the backup has.  Returns 0 and *out, -ESTALE or -ENOMEM. */
int	node_get(struct cow *c, uint64_t nodeid, struct node **out);
/* A new one.  Returns 0 and *out, -EUCLEAN if the serial is not new, -ENOSPC or -ENOMEM. */
int	node_create(struct cow *c, uint64_t serial, struct node **out);
/* Gives n, which has none, a serial.  Returns 0, -EUCLEAN if that is not new, or -ENOMEM. */
int	node_set_serial(struct cow *c, struct node *n, uint64_t serial);
/* Sets what a link holds.  Returns 0, -ENOSPC or -ENOMEM. */
int	node_set_target(struct cow *c, struct node *n, const char *target, size_t len);
void	node_free(struct cow *c, struct node *n);
void	node_free_all(struct cow *c);
bool	node_exists(struct cow *c, uint64_t nodeid);
uint32_t node_mode(struct cow *c, uint64_t nodeid);
/* Fills in what the link nodeid holds, NUL terminated; returns its length or negative errno. */
int	node_target(struct cow *c, uint64_t nodeid, char *buf, size_t size);
uint64_t node_parent(struct cow *c, uint64_t nodeid);
bool	node_dir_is_empty(struct cow *c, uint64_t dir);
void	node_count_lookup(struct cow *c, uint64_t nodeid);
/* An earlier worker may have counted lookups of any. */
void	node_mark_inexact(struct cow *c);

#endif
