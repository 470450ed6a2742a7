/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --perf-unsafe: the note .pbkfs-dirty, which is durable before the first change.
 */
#ifndef WORKER_DIRTY_H
#define WORKER_DIRTY_H

#include "ipc/job.h"

/*
 * Asks for .pbkfs-dirty before the first write, and waits; returns at once without
 * --perf-unsafe.  Returns 0 or -EIO.  Safe from several threads.
 */
int	dirty_before_write(const struct job *job);

/* The supervisor has made the note: those who wait go on. */
void	dirty_done(void);

/* The supervisor is gone and cannot make it: those who wait fail, and those who come. */
void	dirty_abandon(void);

#endif
