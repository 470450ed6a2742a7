/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rest of the serving threads: between two requests, all of them at once.
 *
 * What the kernel has not handed out by then waits in its queue, for whoever serves next.
 */
#ifndef WORKER_REST_H
#define WORKER_REST_H

#include "worker/thread.h"

/* Before there are threads, and before the sandbox.  Returns 0 or negative errno. */
int	rest_init(void);

/* For a serving thread that has answered what it had: waits while the others are to rest, too. */
void	rest_if_wanted(void);
/* For one that ends: nobody waits for it. */
void	rest_leave(void);

/*
 * Waits until all n threads rest, thread[i] being the one that pthread calls id[i], or have ended.  Returns 0, or -ETIMEDOUT
 * after ms: then they serve as before.  For one thread, which does not serve.
 */
int	rest_begin(const struct thread *thread, const pthread_t *id, unsigned n, int ms);
/* They serve again. */
void	rest_end(void);

#endif
