/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
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

struct fuse_in_header;
struct segcache;

struct serve {
	const struct job *job;
	struct cow *cow;
	struct fuse_session *session;
	int	null_fd;		/* /dev/null, opened before the confinement: libfuse's to write to */
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
	const struct fuse_in_header *request;	/* begins the buffer of its slot */
	uint64_t unique;		/* of the request, without bit 63 */
	enum shared_op op;
	bool	save_reply;		/* the request changes something */
	bool	taken_up;		/* an earlier worker had received it */
	bool	answered;
	uint64_t bytes;			/* transferred by it */
	bool	failed;			/* answered with an error */
};

#define OUT_MAX		((size_t)1 << 20)

struct thread *thread_self(void);

/* loop.c: receives and handles requests until the mount is gone.  Returns 0 or negative errno. */
int	loop_run(struct thread *t);
/*
 * Makes libfuse believe that the kernel has just said FUSE_INIT.  Once, before the
 * threads.  Returns 0 or negative errno.
 */
int	loop_init_session(struct serve *s);
/* Fills in the uniques of requests that earlier workers received; returns how many. */
unsigned loop_in_flight(const struct shared *shared, uint64_t uniques[SHARED_SLOTS]);

/* dirty.c: --perf-unsafe */
/* Asks for .pbkfs-dirty before the first write, and waits.  Returns 0 or -EIO. */
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

#endif
