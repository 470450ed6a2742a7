/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests that look up, make, remove, link or rename names.  One that was
 * answered once must not run again: was_done().
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/ondisk.h"
#include "probackup/tablespace.h"
#include "worker/dirty.h"
#include "worker/infodir.h"
#include "worker/op.h"
#include "worker/redirect.h"
#include "worker/reply.h"

void
op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct thread *t = thread_self();
	struct cow_attr attr;
	int rc;

	if (infodir_is(parent) || infodir_is_name(parent, name)) {
		reply_entry(req, infodir_lookup(t, parent, name, &attr), &attr);
		return;
	}
	rc = cow_lookup(t->serve->cow, parent, name, strlen(name), &attr);
	if (rc == -ENOENT && !redirect_may_appear(t->serve->cow, parent, name))
		reply_no_entry(req);
	else
		reply_entry(req, rc, &attr);
}

static void
forget(uint64_t ino, uint64_t n)
{
	if (!infodir_is(ino))
		cow_forget(thread_self()->serve->cow, ino, n);
}

void
op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	forget(ino, n);
	reply_none(req);
}

void
op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	size_t i;

	for (i = 0; i < count; i++)
		forget(forgets[i].ino, forgets[i].nlookup);
	reply_none(req);
}

/*
 * If an earlier worker did what this request asks for, fills *attr (nodeid 0:
 * nothing to tell) and returns true.
 */
static bool
was_done(struct cow_attr *attr)
{
	struct thread *t = thread_self();

	return t->request.repeated && cow_outcome(t->serve->cow, t->request.unique, attr) == 1;
}

/*
 * Whether the name is a storage of tablespaces.  Links lead there from where a
 * data directory has tablespaces: it stays where it is.
 */
static bool
is_storage(uint64_t parent, const char *name)
{
	return parent == COW_ROOT &&
	    (strcmp(name, ONDISK_TABLESPACES) == 0 || strcmp(name, ONDISK_EXTERNAL) == 0);
}

/* Checks what has to hold before anything changes under this name. */
static int
before_change(uint64_t parent, const char *name)
{
	if (infodir_is(parent) || infodir_is_name(parent, name))
		return -EROFS;
	if (is_storage(parent, name))
		return -EPERM;
	return dirty_before_write(thread_self()->serve->job);
}

/*
 * Refuses to make a name for others than the mount's owner and root when the memory for
 * names runs short: where he lets them write, they take his files no room.
 */
static int
before_making(fuse_req_t req)
{
	const struct serve *s = thread_self()->serve;
	uid_t uid = fuse_req_ctx(req)->uid;

	return uid == 0 || uid == s->job->uid || cow_has_room_for_others(s->cow) ? 0 : -ENOSPC;
}

/*
 * Refuses to move a link to where a tablespace is looked for: it could lead
 * anywhere, and redirect_link() only judges links that are made there.
 */
static int
before_move(uint64_t parent, uint64_t parent2, const char *name2)
{
	return parent != parent2 && redirect_is_place(thread_self()->serve->cow, parent2, name2) ?
	    -EPERM : before_change(parent2, name2);
}

static void
create(fuse_req_t req, uint64_t parent, const char *name, mode_t mode, const char *target)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct thread *t = thread_self();
	struct cow_attr attr;
	int rc;

	if (was_done(&attr)) {
		reply_entry(req, attr.nodeid != 0 ? 0 : -EIO, &attr);
		return;
	}
	if ((rc = before_making(req)) == 0 && (rc = before_change(parent, name)) == 0)
		rc = cow_create(t->serve->cow, t->request.unique, parent, name, mode, ctx->uid, ctx->gid,
		    target, &attr);
	reply_entry(req, rc, &attr);
}

void
op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	(void)rdev;
	create(req, parent, name, mode, NULL);
}

void
op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct thread *t = thread_self();
	int rc = 0;

	if (redirect_is_place(t->serve->cow, parent, name) &&
	    (rc = before_change(parent, name)) == 0)
		rc = redirect_directory(t->serve->cow, t->serve->job, parent, name);
	if (rc < 0)
		reply_error(req, rc);
	else
		create(req, parent, name, S_IFDIR | mode, NULL);
}

void
op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct thread *t = thread_self();
	char buf[PATH_MAX];
	int rc = 0;

	if (redirect_is_place(t->serve->cow, parent, name) &&
	    (rc = before_change(parent, name)) == 0)
		rc = redirect_link(t->serve->cow, t->serve->job, &t->rd, name, target, buf,
		    &target);
	if (rc < 0)
		reply_error(req, rc);
	else
		create(req, parent, name, S_IFLNK | 0777, target);
}

void
op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct thread *t = thread_self();
	struct cow_attr attr;
	int rc;

	if (was_done(&attr)) {
		reply_entry(req, attr.nodeid != 0 ? 0 : -EIO, &attr);
		return;
	}
	rc = infodir_is(ino) ? -EPERM : before_move(0, parent, name);
	if (rc == 0 && (rc = before_making(req)) == 0)
		rc = cow_link(t->serve->cow, t->request.unique, ino, parent, name, &attr);
	reply_entry(req, rc, &attr);
}

static void
remove_name(fuse_req_t req, uint64_t parent, const char *name, bool directory)
{
	struct thread *t = thread_self();
	struct cow_attr attr;
	int rc = 0;

	if (!was_done(&attr) && (rc = before_change(parent, name)) == 0)
		rc = cow_remove(t->serve->cow, t->request.unique, parent, name, directory);
	reply_error(req, rc);
}

void
op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_name(req, parent, name, false);
}

void
op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	remove_name(req, parent, name, true);
}

void
op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t parent2,
    const char *name2, unsigned flags)
{
	struct thread *t = thread_self();
	struct cow_attr attr;
	int rc = 0;

	if (!was_done(&attr) && (rc = before_making(req)) == 0 && (rc = before_change(parent, name)) == 0 &&
	    (rc = before_move(parent, parent2, name2)) == 0)
		rc = cow_rename(t->serve->cow, t->request.unique, parent, name, parent2, name2, flags);
	reply_error(req, rc);
}

void
op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char target[PATH_MAX];
	int rc = cow_readlink(thread_self()->serve->cow, ino, target);

	if (rc < 0)
		reply_error(req, rc);
	else
		reply_data(req, target, strlen(target));
}
