/*
 * The programs of the confined side: see ipc/job.h.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "ipc/job.h"

/* Reads the chain, builds the index, fills pg_wal.  Returns an exit status. */
int	worker_prepare(const struct job *job);

/* Fills the directories of -T and --external-mapping.  Returns an exit status. */
int	worker_fill(const struct job *job);

/* Serves FUSE requests until the mount is gone.  Returns an exit status. */
int	worker_serve(const struct job *job);

#endif
