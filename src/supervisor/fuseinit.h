/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FUSE_INIT: the first request of a mount, answered by the supervisor, so that
 * every flag is ours whatever the version of libfuse.
 */
#ifndef SUPERVISOR_FUSEINIT_H
#define SUPERVISOR_FUSEINIT_H

#include <linux/fuse.h>
#include <stdbool.h>
#include <stddef.h>

#include "ipc/job.h"
#include "ipc/shared.h"

#define FUSEINIT_ERROR_MAX	256

/*
 * Decides the answer to a request of len bytes.  Returns 0, -EPROTO if it is not a
 * FUSE_INIT, or -EOPNOTSUPP for a kernel that lacks what we need; with one
 * line in error.  Asks the kernel nothing.
 */
int	fuseinit_decide(const void *request, size_t len, enum cache_mode cache,
	    struct fuse_init_out *out, char *error);

/*
 * Reads the request from fuse_fd, answers it, and keeps it in shared for the
 * workers.  Returns 0 or negative errno with one line in error.
 */
int	fuseinit_answer(int fuse_fd, enum cache_mode cache, struct shared *shared, char *error);

#endif
