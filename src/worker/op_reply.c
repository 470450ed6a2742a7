#include "config.h"

#include <errno.h>
#include <sys/stat.h>

#include "worker/provided.h"
#include "worker/serve.h"

/* The mount is the only one that changes files: what the kernel knows stays true. */
#define FOREVER	(365.0 * 86400)

void
reply_error(fuse_req_t req, int r)
{
	fuse_reply_err(req, r == -EUCLEAN ? EIO : -r);
}

static struct timespec
timespec_of(int64_t ns)
{
	struct timespec ts = { ns / 1000000000, ns % 1000000000 };

	if (ts.tv_nsec < 0) {
		ts.tv_sec--;
		ts.tv_nsec += 1000000000;
	}
	return ts;
}

void
reply_fill_stat(struct stat *st, const struct cow_attr *a)
{
	*st = (struct stat){
		.st_ino = a->nodeid, .st_mode = a->mode, .st_nlink = a->nlink, .st_uid = a->uid,
		.st_gid = a->gid, .st_size = (off_t)a->size, .st_blksize = 8192,
		.st_blocks = (blkcnt_t)((a->size + 511) / 512),
		.st_atim = timespec_of(a->atime), .st_mtim = timespec_of(a->mtime),
		.st_ctim = timespec_of(a->ctime),
	};
}

void
reply_fill_entry(struct fuse_entry_param *e, const struct cow_attr *a)
{
	*e = (struct fuse_entry_param){
		.ino = a->nodeid, .attr_timeout = FOREVER, .entry_timeout = FOREVER,
	};
	if (provided_is(a->nodeid))
		provided_timeouts(a->nodeid, &e->entry_timeout, &e->attr_timeout);
	reply_fill_stat(&e->attr, a);
}

void
reply_entry(fuse_req_t req, int r, const struct cow_attr *a)
{
	struct fuse_entry_param e = { .entry_timeout = FOREVER };

	if (r < 0) {
		reply_error(req, r);
		return;
	}
	reply_fill_entry(&e, a);
	fuse_reply_entry(req, &e);
}

void
reply_attr(fuse_req_t req, int r, const struct cow_attr *a)
{
	struct fuse_entry_param e;

	if (r < 0) {
		reply_error(req, r);
		return;
	}
	reply_fill_entry(&e, a);
	fuse_reply_attr(req, &e.attr, e.attr_timeout);
}

bool
reply_was_done(struct cow_attr *attr)
{
	struct thread *t = thread_self();

	return t->taken_up && cow_outcome(t->serve->cow, t->unique, attr) == 1;
}
