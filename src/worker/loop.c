#include "config.h"

#include <errno.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "worker/serve.h"

/*
 * Receiving and replying.  libfuse decodes requests and encodes replies; the
 * bytes pass through here both ways, so that a request lies in shared memory
 * from the moment the kernel hands it out until it was answered
 * (ipc/shared.h).
 */

#define UNIQUE_RESEND	(UINT64_C(1) << 63)
#define UNIQUE_INIT	(UINT64_C(1) << 62)	/* of the INIT that we make up ourselves */

static _Thread_local struct thread *self;
static pthread_mutex_t one_by_one = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_are_done = PTHREAD_COND_INITIALIZER;
static unsigned n_done;		/* threads that took up what they found; protected by one_by_one */

struct thread *
thread_self(void)
{
	return self;
}

static const struct {
	uint32_t opcode;
	enum shared_op op;
	bool	changes;	/* it must not run again once it was answered */
} opcodes[] = {
	{ FUSE_LOOKUP,		OP_LOOKUP,	false },
	{ FUSE_GETATTR,		OP_GETATTR,	false },
	{ FUSE_SETATTR,		OP_SETATTR,	true },
	{ FUSE_READLINK,	OP_READLINK,	false },
	{ FUSE_MKNOD,		OP_MKNOD,	true },
	{ FUSE_MKDIR,		OP_MKDIR,	true },
	{ FUSE_UNLINK,		OP_UNLINK,	true },
	{ FUSE_RMDIR,		OP_RMDIR,	true },
	{ FUSE_SYMLINK,		OP_SYMLINK,	true },
	{ FUSE_RENAME,		OP_RENAME,	true },
	{ FUSE_RENAME2,		OP_RENAME,	true },
	{ FUSE_LINK,		OP_LINK,	true },
	{ FUSE_CREATE,		OP_CREATE,	false },
	{ FUSE_READ,		OP_READ,	false },
	{ FUSE_WRITE,		OP_WRITE,	true },
	{ FUSE_FSYNC,		OP_FSYNC,	true },
	{ FUSE_READDIR,		OP_READDIR,	false },
	{ FUSE_READDIRPLUS,	OP_READDIRPLUS,	false },
	{ FUSE_FSYNCDIR,	OP_FSYNCDIR,	false },
	{ FUSE_STATFS,		OP_STATFS,	false },
	{ FUSE_FALLOCATE,	OP_FALLOCATE,	true },
	{ FUSE_LSEEK,		OP_LSEEK,	false },
	{ FUSE_FORGET,		OP_FORGET,	false },
	{ FUSE_BATCH_FORGET,	OP_FORGET,	false },
};

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void
classify(struct thread *t, uint32_t opcode)
{
	size_t i;

	t->op = OP_OTHER;
	t->save_reply = false;
	for (i = 0; i < ARRAY_SIZE(opcodes); i++)
		if (opcodes[i].opcode == opcode) {
			t->op = opcodes[i].op;
			t->save_reply = opcodes[i].changes;
			return;
		}
}

/* Keeps a short reply where the next worker finds it, before the kernel sees it. */
static void
save_reply(struct shared_slot *slot, const struct iovec *iov, int count, size_t total)
{
	size_t at = 0;
	int i;

	if (total > SHARED_REPLY_MAX)
		return;
	for (i = 0; i < count; i++) {
		memcpy(slot->reply + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	atomic_store_explicit(&slot->reply_len, (uint32_t)total, memory_order_release);
}

static ssize_t
reply_writev(int fd, struct iovec *iov, int count, void *userdata)
{
	const struct fuse_out_header *h = iov[0].iov_base;
	size_t total = 0;
	int i;

	(void)userdata;
	for (i = 0; i < count; i++)
		total += iov[i].iov_len;
	if (h->unique == UNIQUE_INIT)
		return (ssize_t)total;
	if (self != NULL) {
		self->failed = h->error != 0;
		if (self->save_reply)
			save_reply(self->slot, iov, count, total);
	}
	return writev(fd, iov, count);
}

/* Never used: loop_run() reads by itself. */
static ssize_t
no_read(int fd, void *buf, size_t len, void *userdata)
{
	(void)fd; (void)buf; (void)len; (void)userdata;
	errno = EIO;
	return -1;
}

static const struct fuse_custom_io custom_io = { .writev = reply_writev, .read = no_read };

static void quiet_log(enum fuse_log_level, const char *, va_list)
    __attribute__((format(printf, 2, 0)));

static void
quiet_log(enum fuse_log_level level, const char *fmt, va_list ap)
{
	char text[256];

	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	if (level <= FUSE_LOG_ERR)
		log_error("libfuse: %s", text);
	else
		log_debug("libfuse: %s", text);
}

int
loop_init_session(struct serve *s)
{
	char name[] = "pbkfs", *argv[] = { name, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct shared *shared = s->job->shared;
	union {
		struct fuse_in_header h;
		unsigned char bytes[SHARED_INIT_MAX];
	} init;
	struct fuse_buf buf = { .mem = &init };

	if (shared->init_len < sizeof(init.h) || shared->init_len > sizeof(init))
		return -EPROTO;
	fuse_set_log_func(quiet_log);
	s->session = fuse_session_new(&args, &serve_ops, sizeof(serve_ops), s);
	fuse_opt_free_args(&args);
	if (s->session == NULL ||
	    fuse_session_custom_io(s->session, &custom_io, s->job->fuse_fd) != 0)
		return -EIO;
	memcpy(init.bytes, shared->init, shared->init_len);
	init.h.unique = UNIQUE_INIT;
	init.h.len = shared->init_len;
	buf.size = shared->init_len;
	fuse_session_process_buf(s->session, &buf);
	return 0;
}

static void
count(struct thread *t, uint64_t start)
{
	struct shared_op_counter *k = &t->counters->op[t->op];
	uint64_t ns = now_ns() - start;
	unsigned b = ns == 0 ? 0 : 64 - (unsigned)__builtin_clzll(ns);

	iostats_add(&k->count, 1);
	iostats_add(&k->total_ns, ns);
	iostats_add(&k->bytes, t->bytes);
	if (t->failed)
		iostats_add(&k->errors, 1);
	iostats_add(&k->bucket[MIN(b, SHARED_BUCKETS - 1u)], 1);
}

static void
handle(struct thread *t, struct fuse_in_header *h, size_t len)
{
	struct fuse_buf buf = { .mem = h, .size = len };
	uint64_t start = now_ns();

	t->unique = h->unique & ~UNIQUE_RESEND;
	t->bytes = 0;
	t->failed = false;
	classify(t, h->opcode);
	atomic_store_explicit(&t->slot->since, start, memory_order_relaxed);
	atomic_store_explicit(&t->slot->unique, h->unique, memory_order_relaxed);
	atomic_store_explicit(&t->slot->state, SLOT_COMPUTING, memory_order_release);
	/* Every handler is short: an interrupted caller gets its answer soon. */
	if (h->opcode != FUSE_INTERRUPT && h->opcode != FUSE_DESTROY)
		fuse_session_process_buf(t->serve->session, &buf);
	count(t, start);
	atomic_store_explicit(&t->slot->state, SLOT_IDLE, memory_order_release);
}

static void
clear_slot(struct thread *t, struct fuse_in_header *h)
{
	/* First the request, then the reply to it: never the other way round. */
	__atomic_store_n(&h->len, 0, __ATOMIC_RELEASE);
	atomic_store_explicit(&t->slot->reply_len, 0, memory_order_release);
	atomic_store_explicit(&t->slot->unique, 0, memory_order_relaxed);
}

/* What an earlier worker left in this thread's slot. */
static void
take_up(struct thread *t, struct fuse_in_header *h)
{
	uint32_t saved = atomic_load(&t->slot->reply_len);
	const struct fuse_out_header *reply = (const void *)t->slot->reply;

	if (h->len < sizeof(*h) || h->len > SHARED_BUFFER)
		return;
	if (h->opcode == FUSE_FORGET || h->opcode == FUSE_BATCH_FORGET)
		return;		/* a lookup count too many does no harm */
	if (saved >= sizeof(*reply) && saved <= SHARED_REPLY_MAX && reply->len == saved &&
	    reply->unique == h->unique) {
		if (write(t->serve->job->fuse_fd, t->slot->reply, saved) < 0 && errno != ENOENT)
			log_warn("could not repeat a reply: %s", strerror(errno));
		return;
	}
	atomic_store(&t->slot->reply_len, 0);
	if (t->serve->job->careful)
		pthread_mutex_lock(&one_by_one);
	t->taken_up = true;
	handle(t, h, h->len);
	t->taken_up = false;
	if (t->serve->job->careful)
		pthread_mutex_unlock(&one_by_one);
}

/*
 * A new request that is fatal must not be blamed on an old one that takes long:
 * nothing new is received before all that was found is answered.
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
 * memory, so every worker maps them all before its first read.
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

	self = t;
	io_watch_thread(&watch);
	map_buffer((unsigned char *)h);
	memset(t->out, 0, OUT_MAX);	/* the same for what replies are read from */
	take_up(t, h);
	clear_slot(t, h);
	if (t->serve->job->careful)
		wait_for_others(t->serve->job);
	for (;;) {
		clear_slot(t, h);
		n = read(t->serve->job->fuse_fd, h, SHARED_BUFFER);
		if (n >= (ssize_t)sizeof(*h))
			handle(t, h, (size_t)n);
		else if (n >= 0 || errno == ENODEV)
			return 0;	/* unmounted */
		else if (errno != EINTR && errno != EAGAIN && errno != ENOENT)
			return -errno;
	}
}
