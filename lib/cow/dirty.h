/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that were written and not synced since.
 */
#ifndef COW_DIRTY_H
#define COW_DIRTY_H

struct cow;
struct relfile;

/* f->lock held, at least shared, with a content file there.  Returns 0 or negative errno. */
int	dirty_add(struct cow *c, struct relfile *f);
/* Takes f out.  f->lock exclusively held, or nobody else has f. */
void	dirty_remove(struct cow *c, struct relfile *f);
/* The same, unless a write came since a sync took its work. */
void	dirty_settle(struct cow *c, struct relfile *f);
/* The oldest but not_this, or NULL.  tree_lock keeps it from being freed. */
struct relfile *dirty_first(struct cow *c, const struct relfile *not_this);

#endif
