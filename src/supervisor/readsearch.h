/*
 * Whether the worker reads the store with CAP_DAC_READ_SEARCH, a right that the
 * mount's owner lacks.
 */
#ifndef SUPERVISOR_READSEARCH_H
#define SUPERVISOR_READSEARCH_H

#include "supervisor/state.h"

/*
 * Opens the store: with the caller's rights if he named it, with the owner's if
 * only the binding does, which the owner can write.  Returns 0 and sets
 * s->store_fd, or -1 after state_fail().
 */
int	readsearch_open_store(struct supervisor *s);

/*
 * Finds out whether the owner may read the store himself, and if not, whether
 * root has decided everything that the capability would open to him.  Returns
 * 0 and sets s->keep_read_search, or -1 after state_fail().
 */
int	readsearch_choose(struct supervisor *s);

#endif
