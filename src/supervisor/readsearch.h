/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * With which rights the store is opened and read: the least that do.
 */
#ifndef SUPERVISOR_READSEARCH_H
#define SUPERVISOR_READSEARCH_H

#include "supervisor/state.h"

/*
 * Opens the store: with the caller's rights if he named it, with the owner's if
 * only the binding does, which the owner can write.  Where root's do not reach
 * the instance, a child opens it that is the owner.  Returns 0 and sets
 * s->source.fd, store_uid, store_is_closed and owner, or -1 after state_fail().
 */
int	readsearch_open_store(struct supervisor *s);

/*
 * Finds out whether the owner may read the store himself, alone or in his
 * groups; if not, whether the capability helps, and whether root has decided
 * everything that it would open to him.  Returns 0 and sets s->owner.with_groups and
 * s->owner.keep_read_search, or -1 after state_fail().
 */
int	readsearch_choose(struct supervisor *s);

#endif
