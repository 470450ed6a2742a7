/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Encodes and sends notifications to the kernel.  Replies are reply.c's.
 */
#include "config.h"

#include <errno.h>
#include <linux/fuse.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "worker/notify.h"

void
notify_changed(const struct job *job, uint64_t ino)
{
	struct {
		struct fuse_out_header h;
		struct fuse_notify_inval_inode_out what;	/* off 0 and len 0: all that is remembered */
	} n = {
		.h = { .len = sizeof(n), .error = FUSE_NOTIFY_INVAL_INODE }, .what = { .ino = ino },
	};

	/* ENOENT: the kernel does not know the file. */
	if (job->fuse_fd >= 0 && write(job->fuse_fd, &n, sizeof(n)) < 0 && errno != ENOENT &&
	    errno != ENODEV)
		log_warn("could not tell the kernel of a change: %s", strerror(errno));
}
