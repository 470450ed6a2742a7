/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tree of a backup without the backup: "tree" in the diff directory, which takes the place of the chain
 * once nothing needs that any more.  Format: doc/format.md.
 */
#ifndef COW_TREEFILE_H
#define COW_TREEFILE_H

#include <stddef.h>

struct cow;

/* Writes it durably in one step, of the index of c.  Returns 0 or negative errno. */
int	treefile_write(struct cow *c);

/*
 * Makes an index of what treefile_write() wrote into changes_fd, in index_fd, a memfd that is empty, of at most
 * max bytes: every file is empty and no backup provides anything.  What is read is input: index_open()
 * judges the tree.  Returns 0; -EUCLEAN or -EFBIG (logged); or another negative errno.
 */
int	treefile_load(int changes_fd, int index_fd, size_t max);

#endif
