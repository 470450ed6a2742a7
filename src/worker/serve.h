/*
 * A serving worker: its threads, what each of them is doing, and the handlers.
 */
#ifndef WORKER_SERVE_H
#define WORKER_SERVE_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include "cow/cow.h"
#include "ipc/job.h"
#include "ipc/shared.h"
#include "probackup/archive.h"

struct segcache;

struct serve {
	const struct job *job;
	struct cow *cow;
	struct fuse_session *session;
	struct archive archive;		/* .pbkfs/wal */
	struct segcache *segments;
};

/* A serving thread; handlers find their own through thread_self(). */
struct thread {
	struct serve *serve;
	unsigned number;		/* of its slot */
	struct shared_slot *slot;
	struct shared_counters *counters;
	struct reader reader;
	unsigned char *out;		/* OUT_MAX bytes for a reply */
	uint64_t unique;		/* of the request, without bit 63 */
	enum shared_op op;
	bool	save_reply;		/* the request changes something */
	bool	taken_up;		/* an earlier worker had received it */
	uint64_t bytes;			/* transferred by it */
	bool	failed;			/* answered with an error */
};

#define OUT_MAX		((size_t)1 << 20)

struct thread *thread_self(void);

/* loop.c: receives and handles requests until the mount is gone.  Returns 0 or negative errno. */
int	loop_run(struct thread *t);
/* Makes libfuse believe that the kernel has just said FUSE_INIT.  Once, before the threads. */
int	loop_init_session(struct serve *s);
/* The uniques of requests that earlier workers received; returns how many. */
unsigned loop_in_flight(const struct shared *shared, uint64_t uniques[SHARED_SLOTS]);

/* dirty.c: --perf-unsafe */
/* Before the first write: asks for .pbkfs-dirty and waits.  Returns 0 or -EIO. */
int	dirty_before_write(const struct serve *s);
void	dirty_done(void);
/* The supervisor is gone and cannot answer. */
void	dirty_abandon(void);

/* op_*.c: the table of handlers */
extern const struct fuse_lowlevel_ops serve_ops;
void	op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void	op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n);
void	op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void	op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void	op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
	    struct fuse_file_info *fi);
void	op_readlink(fuse_req_t req, fuse_ino_t ino);
void	op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void	op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void	op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void	op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);
void	op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void	op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void	op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t parent2,
	    const char *name2, unsigned flags);
void	op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void	op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	    struct fuse_file_info *fi);
void	op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
	    struct fuse_file_info *fi);
void	op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void	op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void	op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
	    struct fuse_file_info *fi);
void	op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	    struct fuse_file_info *fi);
void	op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	    struct fuse_file_info *fi);
void	op_statfs(fuse_req_t req, fuse_ino_t ino);

/* op_reply.c */
/* Answers with -r; the one place where EUCLEAN becomes EIO. */
void	reply_error(fuse_req_t req, int r);
void	reply_entry(fuse_req_t req, int r, const struct cow_attr *attr);
void	reply_attr(fuse_req_t req, int r, const struct cow_attr *attr);
void	reply_fill_stat(struct stat *st, const struct cow_attr *attr);
void	reply_fill_entry(struct fuse_entry_param *e, const struct cow_attr *attr);
/*
 * If an earlier worker did what this request asks for, fills *attr (nodeid 0:
 * nothing to tell) and returns true.
 */
bool	reply_was_done(struct cow_attr *attr);

#endif
