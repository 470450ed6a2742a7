/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * READ, WRITE, FSYNC, FALLOCATE.  No file is ever opened: the nodeid says it
 * all.
 */
#include "config.h"

#include <errno.h>

#include "base/util.h"
#include "worker/dirty.h"
#include "worker/infodir.h"
#include "worker/op.h"
#include "worker/reply.h"

void
op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct thread *t = thread_self();
	ssize_t n;

	(void)fi;
	size = MIN(size, OUT_MAX);
	n = infodir_is(ino) ? infodir_read(t, ino, (uint64_t)off, size, t->out) :
	    cow_read(t->serve->cow, ino, (uint64_t)off, size, t->out, &t->rd);
	if (n < 0) {
		reply_error(req, (int)n);
		return;
	}
	t->request.bytes = (uint64_t)n;
	reply_data(req, t->out, (size_t)n);
}

void
op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
    struct fuse_file_info *fi)
{
	struct thread *t = thread_self();
	int rc;

	(void)fi;
	rc = infodir_is(ino) ? -EROFS : dirty_before_write(t->serve->job);
	if (rc == 0)
		rc = cow_write(t->serve->cow, ino, (uint64_t)off, size, buf, &t->rd);
	if (rc < 0) {
		reply_error(req, rc);
		return;
	}
	t->request.bytes = size;
	reply_written(req, size);
}

void
op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)fi;
	reply_error(req, infodir_is(ino) ? 0 :
	    cow_fsync(thread_self()->serve->cow, ino, datasync != 0));
}

void
op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino; (void)datasync; (void)fi;
	reply_error(req, cow_fsync_names(thread_self()->serve->cow));
}

void
op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
    struct fuse_file_info *fi)
{
	struct thread *t = thread_self();
	int rc;

	(void)fi;
	rc = infodir_is(ino) ? -EROFS : dirty_before_write(t->serve->job);
	if (rc == 0)
		rc = cow_fallocate(t->serve->cow, ino, mode, (uint64_t)off, (uint64_t)len,
		    &t->rd);
	reply_error(req, rc);
}
