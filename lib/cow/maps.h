/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Block maps in memory: which backup of the chain has which block.  They are built on first
 * use, and those not used lately go when all of them take more than cache_size.
 */
#ifndef COW_MAPS_H
#define COW_MAPS_H

struct cow;
struct reader;
struct relfile;

/*
 * Builds f->map, if it is not there, for as long as f->lock is held, at least shared.
 * Returns 0 or what blockmap_build() does.  Safe from several threads.
 */
int	maps_build(struct cow *c, struct relfile *f, struct reader *rd);
/* Frees it.  f->lock exclusively held, or nobody else has f. */
void	maps_drop(struct cow *c, struct relfile *f);

#endif
