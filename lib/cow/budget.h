/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The budget: memory for what the journal makes.  Whoever wrote the journal may have wanted
 * all of it.  tree_lock exclusively held, or replay.
 */
#ifndef COW_BUDGET_H
#define COW_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

struct cow;

/* Takes bytes, or returns -ENOSPC.  budget_return() gives them back. */
int	budget_charge(struct cow *c, size_t bytes);
void	budget_return(struct cow *c, size_t bytes);
/*
 * A live operation asks beforehand whether there is room for the largest record, so that
 * none is appended in vain.  Returns 0, or -ENOSPC, which is logged.
 */
int	budget_check(struct cow *c);
/* Whether less than half is taken.  tree_lock held. */
bool	budget_has_half(const struct cow *c);

#endif
