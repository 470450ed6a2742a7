/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A store that failed, and may be back.
 */
#ifndef SUPERVISOR_REOPEN_H
#define SUPERVISOR_REOPEN_H

#include <stdint.h>

#include "supervisor/errand.h"

struct supervisor;

struct reopen {
	uint64_t until;		/* CLOCK_MONOTONIC ns: a store that failed is looked for; 0 = none has */
	uint64_t due;		/* the next look */
	struct errand child;	/* who looks */
	int	sock;		/* where what he found comes, in the process that starts workers; -1 */
};

/* The worker could not read the store: from now on it is looked for. */
void	reopen_ask(struct reopen *r, const char *store);

/* Looks for it when that is due. */
void	reopen_tick(struct supervisor *s);

/* A look has ended; if the store is back, the worker is replaced. */
void	reopen_done(struct supervisor *s);

/* ERRAND_LOOK. */
void	reopen_child(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
	    __attribute__((noreturn));

/*
 * In the process that starts workers, before that: opens s->reopen.sock for what is
 * found, and its other end for the child, as a descriptor of fds.  Returns 0 or negative errno.
 */
int	reopen_listen(struct supervisor *s, int fds[ERRAND_FDS]);

/* There, too: what was found takes the place of s->source.fd.  Returns 0 or negative errno. */
int	reopen_adopt(struct supervisor *s);

#endif
