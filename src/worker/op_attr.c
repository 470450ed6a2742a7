/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GETATTR, SETATTR, STATFS.  The journal keeps modes and owners: no file of the
 * diff directory gets them.
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
