/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Entering the sandbox: each program of worker.h begins with it.
 */
#ifndef WORKER_CONFINE_H
#define WORKER_CONFINE_H

#include <stdint.h>
#include <sys/types.h>

#include "ipc/job.h"

/*
 * Sets up reporting, limits and locale, says what the kernel cannot confine,
 * and enters the sandbox.  Returns 0 after MSG_CONFINED, or negative errno
 * after MSG_FAILED.
 */
int	confine_worker(const struct job *job);

/*
 * Call it when the serving worker has all its threads.  Returns 0, or negative
 * errno after MSG_FAILED.
 */
int	confine_end_threads(const struct job *job);

/*
 * Restricts a process with CAP_DAC_READ_SEARCH: io_admit_only() the mount's
 * owner, the store's, and whom the latter lets have backups or an archive in
 * it.  Returns 0 or negative errno.
 */
int	confine_admit(int store_fd, const char *instance, uid_t mount_owner);

/*
 * Returns how much of a mount's writes the kernel may hold back: about 1 % of
 * memory, in bytes.
 */
uint64_t confine_kernel_holds(void);

/* Descriptors that the descriptor cache may keep open. */
unsigned confine_max_fds(void);

#endif
