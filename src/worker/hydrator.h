/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The threads that hydrate while the others serve: one mover, and readers.  They begin with the serving
 * ones, for none may begin later, and sleep until the supervisor says so.
 */
#ifndef WORKER_HYDRATOR_H
#define WORKER_HYDRATOR_H

#include "ipc/msg.h"

struct serve;

/* Starts the threads, which wait for hydrator_open().  Returns 0 or negative errno. */
int	hydrator_start(const struct serve *s);
/* s->cow is there.  Returns 0, or -ENOMEM. */
int	hydrator_open(void);
/* Begins, goes on otherwise, or stops.  Returns at once. */
void	hydrator_obey(const struct msg_hydrate *m);
/* Stops for good, and waits until nothing more is written; a reader may still wait for the store. */
void	hydrator_end(void);

#endif
