/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether what was replayed is a tree.
 */
#ifndef COW_TREECHECK_H
#define COW_TREECHECK_H

struct cow;

/* Returns 0, or -EUCLEAN (logged).  One thread. */
int	treecheck(struct cow *c);

#endif
