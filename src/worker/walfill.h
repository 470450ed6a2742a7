/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * --wal=direct: pg_wal as a real directory in the diff directory.
 */
#ifndef WORKER_WALFILL_H
#define WORKER_WALFILL_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/job.h"
#include "probackup/store.h"

/*
 * Makes pg_wal in the diff directory from what the backup has, unless it is
 * there already: in a temporary directory that is renamed once all of it is
 * durable.  Adds the bytes copied to *copied and reports MSG_PROGRESS.  Returns
 * 0 or negative errno (logged).
 */
int	walfill(const struct job *job, const struct store *s, struct reader *rd, uint64_t *copied);

#endif
