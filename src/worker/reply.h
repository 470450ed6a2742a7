/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replies to the kernel, in the structures of linux/fuse.h.  Everything that is
 * answered is encoded here and sent by one writev(2) of /dev/fuse; libfuse
 * decodes requests and writes nothing.
 *
 * A handler ends with exactly one of the functions that take its req: it answers
 * the request that the calling thread has received (thread_self()) and frees
 * req.  The reply to a request that changes something is saved in the thread's
 * slot before the kernel sees it (ipc/shared.h).  Where rc is negative, that is the
 * answer, and EUCLEAN becomes EIO: the one place that does.
 */
#ifndef WORKER_REPLY_H
#define WORKER_REPLY_H

#include "worker/thread.h"

struct statvfs;

/* Answers with -rc; 0 says that it is done. */
void	reply_error(fuse_req_t req, int rc);
/*
 * Answers LOOKUP and requests that make names: the file, and how long the
 * kernel may believe in both.
 */
void	reply_entry(fuse_req_t req, int rc, const struct cow_attr *attr);
/* Answers LOOKUP: there is none, and the kernel remembers that. */
void	reply_no_entry(fuse_req_t req);
void	reply_attr(fuse_req_t req, int rc, const struct cow_attr *attr);
/* Answers READ, READDIR, READLINK: len bytes as they are; they are not copied. */
void	reply_data(fuse_req_t req, const void *data, size_t len);
/* Answers WRITE: all of size bytes were taken. */
void	reply_written(fuse_req_t req, size_t size);
void	reply_statfs(fuse_req_t req, const struct statvfs *st);
/* Ends FORGET, for which the kernel expects no answer. */
void	reply_none(fuse_req_t req);

/*
 * Encodes one entry of READDIR, or of READDIRPLUS (plus; attr NULL: the kernel is to
 * make no lookup of it), into room bytes at buf.  Returns its length, or 0 if
 * there is no room.
 */
size_t	reply_add_entry(void *buf, size_t room, const struct cow_dirent *d, bool plus,
	    const struct cow_attr *attr);

/* Answers t's request, which no handler has: errnum is 0 or a positive errno. */
void	reply_without_handler(struct thread *t, int errnum);
/*
 * Sends again what an earlier worker has answered to t's request, if its reply
 * was saved.  Returns whether it was.
 */
bool	reply_repeat(struct thread *t);

#endif
