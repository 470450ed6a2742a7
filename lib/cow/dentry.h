/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names beyond the backup's, in memory: see dentry.c.  tree_lock held by all, exclusively
 * by those that change something.
 */
#ifndef COW_DENTRY_H
#define COW_DENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cow;
struct node;

struct dentry {
	struct dentry *next;		/* in the hash bucket */
	uint64_t dir;			/* nodeid of the directory */
	uint64_t nodeid;		/* what the name is; 0: nothing, it hides the backup's */
	uint64_t seq;			/* twice that of the record that made it: its cookie */
	uint16_t len;
	bool	charged;		/* to tree_bytes: the backup has no such name */
	char	name[];			/* NUL terminated */
};

/* The names that a directory has beyond the backup's. */
struct dir {
	struct dirslot { uint64_t seq; struct dentry *d; } *slot;	/* ascending seq; d NULL: gone */
	uint32_t n, room, live;
	uint32_t hidden;		/* names of the backup that a dentry hides or replaces */
};

/* Neither empty, too long, "." or "..", nor with a slash or a NUL. */
bool	dentry_name_is_valid(const char *name, size_t len);
/* The dentry of a name, or NULL. */
struct dentry *dentry_find(struct cow *c, uint64_t dir, const char *name, size_t len);
/* The nodeid that a name stands for, the backup's names too; or 0. */
uint64_t dentry_resolve(struct cow *c, uint64_t dir, const char *name, size_t len);
/* Makes name stand for nodeid, or hides it (nodeid 0).  Returns 0, -ENOMEM or -ENOSPC. */
int	dentry_set(struct cow *c, struct node *dir, const char *name, size_t len,
	    uint64_t nodeid, uint64_t seq);
void	dentry_free_dir(struct dir *d);
void	dentry_free_all(struct cow *c);

#endif
