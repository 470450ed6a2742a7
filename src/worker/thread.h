/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A serving thread, the request that it handles, and what all of them share.
 * Whatever answers requests is built on this; receiving them is loop.c's.
 */
#ifndef WORKER_THREAD_H
#define WORKER_THREAD_H

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>

#include "cow/cow.h"
#include "ipc/job.h"
#include "ipc/shared.h"
#include "probackup/archive.h"

struct fuse_in_header;
struct segcache;

/* Set up before the threads serve, and not changed after that. */
struct serve {
	const struct job *job;
	struct cow *cow;
	struct fuse_session *session;
	int	null_fd;		/* /dev/null, opened before the confinement: libfuse's to write to */
	struct archive archive;		/* .pbkfs/wal */
	struct segcache *segments;
};

/* A request, from its receipt to its answer. */
struct request {
	const struct fuse_in_header *header;	/* begins the buffer of the thread's slot */
	uint64_t unique;		/* without bit 63 */
	enum shared_op op;
	bool	save_reply;		/* the request changes something */
	bool	repeated;		/* an earlier worker had received it */
	bool	answered;
	uint64_t bytes;			/* transferred by it */
	bool	failed;			/* answered with an error */
};

/* All of it is the thread's own; slot and counters are read by the supervisor, too. */
struct thread {
	struct serve *serve;
	unsigned number;		/* of its slot */
	struct shared_slot *slot;
	struct shared_counters *counters;
	struct reader rd;
	unsigned char *out;		/* OUT_MAX bytes for a reply */
	struct request request;
};

#define OUT_MAX		((size_t)1 << 20)

/* Makes t the calling thread's own.  Once for each thread, before it handles a request. */
void	thread_enter(struct thread *t);

/* Returns what thread_enter() was given in the calling thread: handlers find their request there. */
struct thread *thread_self(void);

#endif
