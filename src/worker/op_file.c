/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests on a file that is known by its nodeid: GETATTR, SETATTR, READ, WRITE, FSYNC,
 * FALLOCATE; and STATFS.  No file is ever opened.  The journal keeps modes and owners: no
 * file of the diff directory gets them.
 */
#include "config.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/clock.h"
#include "base/util.h"
#include "worker/dirty.h"
#include "worker/infodir.h"
#include "worker/op.h"
#include "worker/reply.h"

void
op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct thread *t = thread_self();
	struct cow_attr attr;
	int rc;

	(void)fi;
	rc = infodir_is(ino) ? infodir_getattr(t, ino, &attr) :
	    cow_getattr(t->serve->cow, ino, &attr);
	reply_attr(req, rc, &attr);
}

static unsigned
decode(const struct stat *st, int to_set, struct cow_attr *attr)
{
	struct timespec now;
	unsigned set = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	attr->mode = st->st_mode & 07777;
	attr->uid = st->st_uid;
	attr->gid = st->st_gid;
	attr->size = (uint64_t)st->st_size;
	attr->atime = clock_ns(to_set & FUSE_SET_ATTR_ATIME_NOW ? &now : &st->st_atim);
	attr->mtime = clock_ns(to_set & FUSE_SET_ATTR_MTIME_NOW ? &now : &st->st_mtim);
	attr->ctime = clock_ns(&st->st_ctim);
	set |= to_set & FUSE_SET_ATTR_MODE ? COW_SET_MODE : 0;
	set |= to_set & FUSE_SET_ATTR_UID ? COW_SET_UID : 0;
	set |= to_set & FUSE_SET_ATTR_GID ? COW_SET_GID : 0;
	set |= to_set & FUSE_SET_ATTR_SIZE ? COW_SET_SIZE : 0;
	set |= to_set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW) ? COW_SET_ATIME : 0;
	set |= to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW) ? COW_SET_MTIME : 0;
	set |= to_set & FUSE_SET_ATTR_CTIME ? COW_SET_CTIME : 0;
	return set;
}

void
op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int to_set,
    struct fuse_file_info *fi)
{
	struct thread *t = thread_self();
	struct cow_attr attr;
	unsigned set = decode(st, to_set, &attr);
	int rc;

	(void)fi;
	rc = infodir_is(ino) ? -EROFS : dirty_before_write(t->serve->job);
	if (rc == 0)
		rc = cow_setattr(t->serve->cow, ino, set, &attr);
	reply_attr(req, rc, &attr);
}

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

/* Reports as room what the file system of the diff directory has. */
void
op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;

	(void)ino;
	if (fstatvfs(thread_self()->serve->job->diff_fd, &st) != 0) {
		reply_error(req, -errno);
		return;
	}
	st.f_namemax = COW_NAME_MAX;
	reply_statfs(req, &st);
}
