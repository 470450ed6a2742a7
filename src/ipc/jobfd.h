/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way of a job from one process to the next: a sealed memfd, and the memory
 * that outlives a worker.
 */
#ifndef IPC_JOBFD_H
#define IPC_JOBFD_H

#include "ipc/job.h"

/* argv[0] of a process that is executed for a job. */
#define JOB_ARGV0	"pbkfs-worker"

/* Puts job into a memfd that nobody can change any more.  Returns it, or negative errno. */
int	jobfd_make(const struct job *job);

/*
 * Takes the job out of descriptor JOB_FD, closes it, and maps job->shared.
 * Returns 0 and *job, which stays for the life of the process; -EBADF if JOB_FD is no sealed
 * memfd, so that nobody started us for a job; -EPROTO if what it holds is not
 * one, or a descriptor that it names is not there; or another negative errno.
 */
int	jobfd_receive(struct job **job);

/*
 * Maps a memfd as struct shared.  Returns 0 and *shared; -EPROTO where its size is
 * not sealed or another one; or negative errno.
 */
int	jobfd_map_shared(int fd, struct shared **shared);

#endif
