/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk that remembers a tree of directories, as crashdisk.h remembers a diff directory: of all that the linked code
 * does to names, links, content and attributes beneath a directory it can build what a crash of the machine may
 * leave.  It stands in front of the C library (--wrap), since who promotes has no other room for that.
 *
 * What a crash may leave, given the first k operations:
 * - each name as it was when its directory was last synced, or at any moment since, independently of others and of what
 *   it leads to; but a directory never has two names: it was renamed, or was not;
 * - content and length of a file as at its last sync or any moment since: each 4 KiB by itself, but all of one
 *   moment where it was cut meanwhile;
 * - mode, owner and times of an inode as at its last sync or any moment since.
 * A sync of a file does nothing for its names, one of a directory nothing for what is in it, syncfs(2) does all.
 */
#ifndef COMPONENT_CRASHTREE_H
#define COMPONENT_CRASHTREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum crashtree_loss { CRASHTREE_LOSES_NOTHING, CRASHTREE_LOSES_ALL, CRASHTREE_LOSES_SOME };

struct crashtree;

/* Takes all beneath the directory as durable.  A test that fails here ends. */
struct crashtree *crashtree_new(const char *path);
void	crashtree_free(struct crashtree *t);

/* Records there from now on; NULL: nothing is recorded. */
void	crashtree_use(struct crashtree *t);

/* Operations recorded. */
size_t	crashtree_count(const struct crashtree *t);

/*
 * Makes of the directory what a crash after the first k operations leaves.  keep: the name in it of a directory that
 * keeps its inode number.  Equal seeds give equal trees.
 */
void	crashtree_build(struct crashtree *t, size_t k, enum crashtree_loss loss, uint64_t seed, const char *keep);

/* The inode number that a directory with this one has in the tree that was built; 0: it is not there. */
ino_t	crashtree_inode(const struct crashtree *t, ino_t recorded);

#endif
