/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "worker/loop.h"
#include "worker/reply.h"
#include "worker/rest.h"

/*
 * Receives requests, so that each lies in shared memory from the moment the
 * kernel hands it out until it was answered (ipc/shared.h).  libfuse decodes
 * those that have a handler; nothing else reaches it.  Handlers answer
 * (reply.h); libfuse never does: the descriptor that it was given is /dev/null,
 * so that nobody hears what it says by itself, to FUSE_INIT or where memory
 * fails it, and the request is answered here.
 */

#define UNIQUE_RESEND	(UINT64_C(1) << 63)

static pthread_mutex_t one_by_one = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_are_done = PTHREAD_COND_INITIALIZER;
static unsigned n_done;		/* threads that have finished the request they found; protected by one_by_one */

/* Ways to deal with a request. */
enum handling {
	REFUSED,		/* ENOSYS, which the kernel remembers for most */
	SERVED,			/* by a handler */
	CHANGES,		/* the same, and it must not run again once it was answered */
	SILENT,			/* by a handler, and there is no reply */
	IGNORED,		/* no reply: every handler is short, an interrupted caller gets its answer soon */
	AGREED,			/* 0, with nothing done */
};

/*
 * OPEN and OPENDIR are refused because everything is found by nodeid, and no
 * handle is ever needed.  LSEEK is refused because only the kernel knows the
 * length of a file whose writes it still holds.
 */
static const struct operation {
	uint32_t opcode;
	enum shared_op op;	/* as what it is counted */
	enum handling handling;
} operations[] = {
	{ FUSE_READ,		OP_READ,	SERVED },
	{ FUSE_WRITE,		OP_WRITE,	CHANGES },
	{ FUSE_LOOKUP,		OP_LOOKUP,	SERVED },
	{ FUSE_GETATTR,		OP_GETATTR,	SERVED },
	{ FUSE_FSYNC,		OP_FSYNC,	CHANGES },
	{ FUSE_SETATTR,		OP_SETATTR,	CHANGES },
	{ FUSE_READLINK,	OP_READLINK,	SERVED },
	{ FUSE_MKNOD,		OP_MKNOD,	CHANGES },
	{ FUSE_MKDIR,		OP_MKDIR,	CHANGES },
	{ FUSE_UNLINK,		OP_UNLINK,	CHANGES },
	{ FUSE_RMDIR,		OP_RMDIR,	CHANGES },
	{ FUSE_SYMLINK,		OP_SYMLINK,	CHANGES },
	{ FUSE_RENAME,		OP_RENAME,	CHANGES },
	{ FUSE_RENAME2,		OP_RENAME,	CHANGES },
	{ FUSE_LINK,		OP_LINK,	CHANGES },
	{ FUSE_READDIR,		OP_READDIR,	SERVED },
	{ FUSE_READDIRPLUS,	OP_READDIRPLUS,	SERVED },
	{ FUSE_FSYNCDIR,	OP_FSYNCDIR,	SERVED },
	{ FUSE_STATFS,		OP_STATFS,	SERVED },
	{ FUSE_FALLOCATE,	OP_FALLOCATE,	CHANGES },
	{ FUSE_FORGET,		OP_FORGET,	SILENT },
	{ FUSE_BATCH_FORGET,	OP_FORGET,	SILENT },
	{ FUSE_INTERRUPT,	OP_OTHER,	IGNORED },
	{ FUSE_NOTIFY_REPLY,	OP_OTHER,	IGNORED },
	{ FUSE_DESTROY,		OP_OTHER,	AGREED },
	{ FUSE_CREATE,		OP_CREATE,	REFUSED },
	{ FUSE_LSEEK,		OP_LSEEK,	REFUSED },
};

/* A request without a row, of a newer kernel perhaps, is refused. */
static struct operation
operation_of(uint32_t opcode)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(operations); i++)
		if (operations[i].opcode == opcode)
			return operations[i];
	return (struct operation){ opcode, OP_OTHER, REFUSED };
}

static void
count(struct thread *t, uint64_t start)
{
	struct shared_op_counter *k = &t->counters->op[t->request.op];
	uint64_t ns = clock_monotonic_ns() - start;
	unsigned b = ns == 0 ? 0 : 64 - (unsigned)__builtin_clzll(ns);

	iostats_add(&k->count, 1);
	iostats_add(&k->total_ns, ns);
	iostats_add(&k->bytes, t->request.bytes);
	if (t->request.failed)
		iostats_add(&k->errors, 1);
	iostats_add(&k->bucket[MIN(b, SHARED_BUCKETS - 1u)], 1);
}

static void
carry_out(struct thread *t, enum handling handling, size_t len)
{
	struct fuse_buf buf = { .mem = (void *)(uintptr_t)t->request.header, .size = len };

	switch (handling) {
	case REFUSED:
		reply_without_handler(t, ENOSYS);
		return;
	case AGREED:
		reply_without_handler(t, 0);
		return;
	case IGNORED:
		return;
	case SERVED:
	case CHANGES:
	case SILENT:
		break;
	}
	fuse_session_process_buf(t->serve->session, &buf);
	if (!t->request.answered && handling != SILENT)
		reply_without_handler(t, EIO);	/* libfuse has not called it */
}

static void
handle(struct thread *t, size_t len)
{
	const struct fuse_in_header *h = t->request.header;
	struct operation o = operation_of(h->opcode);
	uint64_t start = clock_monotonic_ns();

	t->request.unique = h->unique & ~UNIQUE_RESEND;
	t->request.op = o.op;
	t->request.save_reply = o.handling == CHANGES;
	t->request.bytes = 0;
	t->request.answered = t->request.failed = false;
	atomic_store_explicit(&t->slot->since, start, memory_order_relaxed);
	atomic_store_explicit(&t->slot->unique, h->unique, memory_order_relaxed);
	atomic_store_explicit(&t->slot->state, SLOT_COMPUTING, memory_order_release);
	carry_out(t, o.handling, len);
	count(t, start);
	atomic_store_explicit(&t->slot->state, SLOT_IDLE, memory_order_release);
}

static void
clear_slot(struct thread *t, struct fuse_in_header *h)
{
	/* First the request, then the reply to it: never the other way round. */
	atomic_store_explicit((_Atomic uint32_t *)&h->len, 0, memory_order_release);
	atomic_store_explicit(&t->slot->reply_len, 0, memory_order_release);
	atomic_store_explicit(&t->slot->unique, 0, memory_order_relaxed);
}

/* Finishes the request that an earlier worker left in this thread's slot, if there is one. */
static void
finish_request(struct thread *t)
{
	const struct fuse_in_header *h = t->request.header;

	if (h->len < sizeof(*h) || h->len > SHARED_BUFFER)
		return;
	if (h->opcode == FUSE_FORGET || h->opcode == FUSE_BATCH_FORGET)
		return;		/* a lookup count too many does no harm */
	if (reply_repeat(t))
		return;
	atomic_store(&t->slot->reply_len, 0);
	if (t->serve->job->careful)
		pthread_mutex_lock(&one_by_one);
	t->request.repeated = true;
	handle(t, h->len);
	t->request.repeated = false;
	if (t->serve->job->careful)
		pthread_mutex_unlock(&one_by_one);
}

/*
 * Waits until all that was found is answered before anything new is received: a
 * new request that is fatal must not be blamed on an old one that takes long.
 */
static void
wait_for_others(const struct job *job)
{
	unsigned n = MIN(job->threads, (unsigned)SHARED_SLOTS);

	pthread_mutex_lock(&one_by_one);
	if (++n_done == n)
		pthread_cond_broadcast(&all_are_done);
	while (n_done < n)
		pthread_cond_wait(&all_are_done, &one_by_one);
	pthread_mutex_unlock(&one_by_one);
}

unsigned
loop_in_flight(const struct shared *shared, uint64_t uniques[SHARED_SLOTS])
{
	const struct fuse_in_header *h;
	unsigned i, n = 0;

	for (i = 0; i < SHARED_SLOTS; i++) {
		h = (const void *)shared->buffer[i];
		if (h->len >= sizeof(*h) && h->len <= SHARED_BUFFER)
			uniques[n++] = h->unique & ~UNIQUE_RESEND;
	}
	return n;
}

/*
 * The kernel copies requests into our pages.  If one of them is not mapped in
 * this process when a SIGKILL is pending, it gives up and fails the request:
 * an application would see EIO.  A fork does not inherit the mappings of shared
 * memory, so every worker maps them all before its first read.  Locked ones stay
 * mapped, but for the moment in which the kernel's memory compaction moves one:
 * that is the administrator's to forbid (vm.compact_unevictable_allowed).
 */
static void
map_buffer(unsigned char *buf)
{
	size_t i;

#ifdef MADV_POPULATE_WRITE
	if (madvise(buf, SHARED_BUFFER, MADV_POPULATE_WRITE) == 0)
		return;
#endif
	for (i = 0; i < SHARED_BUFFER; i += 4096)
		*(volatile unsigned char *)(buf + i) = *(volatile unsigned char *)(buf + i);
}

int
loop_run(struct thread *t)
{
	struct fuse_in_header *h = (void *)t->serve->job->shared->buffer[t->number];
	struct io_watch watch = {
		&t->slot->state, &t->slot->since, SLOT_IN_IO, SLOT_COMPUTING
	};
	ssize_t n;

	thread_enter(t);
	t->request.header = h;
	io_watch_thread(&watch);
	map_buffer((unsigned char *)h);
	memset(t->out, 0, OUT_MAX);	/* the same for what replies are read from */
	finish_request(t);
	clear_slot(t, h);
	if (t->serve->job->careful)
		wait_for_others(t->serve->job);
	for (;;) {
		clear_slot(t, h);
		rest_if_wanted();
		n = read(t->serve->job->fuse_fd, h, SHARED_BUFFER);
		if (n >= (ssize_t)sizeof(*h))
			handle(t, (size_t)n);
		else if (n >= 0 || errno == ENODEV)
			return 0;	/* unmounted */
		else if (errno != EINTR && errno != EAGAIN && errno != ENOENT)
			return -errno;
	}
}
