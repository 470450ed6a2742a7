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

/*
 * Compares the lists of the chain beneath job->store_fd with what is expected.
 * Says nothing to the supervisor.  Returns 0 if all are the same.
 */
int	worker_check_store(const struct job *job);

/* Serves FUSE requests until the mount is gone.  Returns an exit status. */
int	worker_serve(const struct job *job);

#endif
