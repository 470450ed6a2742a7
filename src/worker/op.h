/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The handlers of FUSE operations, in op_*.c.  Each decodes, makes one call of the
 * engine, and ends with exactly one function of reply.h.  They run in any serving
 * thread, and find it by thread_self().
 */
#ifndef WORKER_OP_H
#define WORKER_OP_H

#include "worker/thread.h"

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
