/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Syncing all that is dirty.  No lock held.  Both return 0 or negative errno.
 */
#ifndef COW_FLUSH_H
#define COW_FLUSH_H

struct cow;

/*
 * Called by writers before they take a lock: the pending log must not overflow
 * and the files that are dirty, each with a descriptor, must not be too many.
 */
int	flush_make_room(struct cow *c);

#endif
