/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The programs of the confined side.  Each returns an exit status, 0 for an
 * orderly end.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "ipc/job.h"

/*
 * Reads the chain, builds the index into index_fd, fills pg_wal, reports MSG_MEMBER
 * for each backup and MSG_PREPARED or MSG_FAILED.
 */
int	worker_prepare(const struct job *job);

/*
 * After it, and only where there are mappings: makes real copies in mapped_fds, beneath
 * which it may write besides.
 */
int	worker_fill(const struct job *job);

/*
 * Compares the lists of the chain beneath job->store_fd with what is expected.
 * It has no pipes: its status is 0 if the store is the one that was prepared.
 */
int	worker_recheck(const struct job *job);

/*
 * Freezes what lies in changes/ of the diff directory, or finds out what an earlier try has come to, and reports MSG_STEPPED; where
 * it has not come to anything, MSG_FAILED before that.
 */
int	worker_step(const struct job *job);

/* Reports MSG_READY and serves FUSE requests until the mount is gone. */
int	worker_serve(const struct job *job);

#endif
