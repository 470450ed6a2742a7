/*
 * A store that failed, and may be back.
 */
#ifndef SUPERVISOR_REOPEN_H
#define SUPERVISOR_REOPEN_H

#include "supervisor/state.h"

/* The worker could not read the store: from now on it is looked for. */
void	reopen_ask(struct supervisor *s);

/* Looks for it when that is due. */
void	reopen_tick(struct supervisor *s);

/* A look has ended; if the store is back, the worker is replaced. */
void	reopen_done(struct supervisor *s);

/* Ends a look that is under way. */
void	reopen_stop(struct supervisor *s);

#endif
