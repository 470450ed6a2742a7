/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes the tree as a record says.  tree_lock exclusively held, or replay.
 */
#ifndef COW_APPLY_H
#define COW_APPLY_H

#include <stdint.h>

struct cow;
struct journal_record;
struct node;

/* Returns 0, -EUCLEAN if the record does not fit the tree, -ENOSPC or -ENOMEM. */
int	apply_record(struct cow *c, const struct journal_record *rec);
/* After the last name and lookup of n went. */
void	apply_gone(struct cow *c, struct node *n, uint64_t seq);

#endif
