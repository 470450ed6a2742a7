/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Receiving requests, and handling each with its handler.
 */
#ifndef WORKER_LOOP_H
#define WORKER_LOOP_H

#include "worker/thread.h"

/*
 * Receives and handles requests in the calling thread until the mount is gone.  Returns 0
 * or negative errno.
 */
int	loop_run(struct thread *t);

/* Fills in the uniques of requests that earlier workers received; returns how many. */
unsigned loop_in_flight(const struct shared *shared, uint64_t uniques[SHARED_SLOTS]);

#endif
