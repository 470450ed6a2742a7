/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding the file of a nodeid.  A file is made in memory when it is first asked for.
 *
 * All return 0 and *out, -ESTALE if nodeid is nothing, -EINVAL if it is no regular file, or
 * negative errno.  Safe from several threads.
 */
#ifndef COW_FIND_H
#define COW_FIND_H

#include <stdint.h>

struct cow;
struct node;
struct relfile;

/* With what the diff directory has of it.  No lock held. */
int	find_relfile(struct cow *c, uint64_t nodeid, struct relfile **out);
/* Without that.  tree_lock held, at least shared. */
int	find_relfile_locked(struct cow *c, uint64_t nodeid, struct relfile **out);
/* The same for a node, which is a regular file. */
int	find_relfile_of(struct cow *c, struct node *n, struct relfile **out);

#endif
