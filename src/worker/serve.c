/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "diff/disk.h"
#include "probackup/staleness.h"
#include "worker/archivedir.h"
#include "worker/confine.h"
#include "worker/dirty.h"
#include "worker/engine.h"
#include "worker/foreground.h"
#include "worker/hydrator.h"
#include "worker/loop.h"
#include "worker/report.h"
#include "worker/rest.h"
#include "worker/segcache.h"
#include "worker/session.h"
#include "worker/worker.h"

/*
 * The serving worker.  Its first thread talks with the supervisor; the others
 * serve.  It ends when the mount is gone: whatever is dirty is made durable
 * first, also when the supervisor died before it.
 */

#define HEARTBEAT_MS	1000
#define REST_MS		5000	/* for all requests that were received to be answered */
#define THREAD_STACK	(8 * MiB)	/* whatever the limits of whoever mounted are */

struct server {
	struct serve s;
	struct thread thread[SHARED_SLOTS];
	pthread_t id[SHARED_SLOTS];
	unsigned n;
	pthread_mutex_t gate;		/* held by the first thread until they may serve */
	int	wake[2];		/* a serving thread that ends closes its interest here */
	bool	supervised;		/* the pipe from the supervisor is open */
	bool	resting;		/* no thread serves, and all is durable */
	bool	told_to_end;		/* though the mount is there */
};

static struct server server = { .gate = PTHREAD_MUTEX_INITIALIZER };
static int wake_fd = -1;
static _Atomic bool aborted;	/* through fusectl */

static void *
thread_main(void *arg)
{
	struct thread *t = arg;
	int rc;

	pthread_mutex_lock(&server.gate);
	pthread_mutex_unlock(&server.gate);
	rc = loop_run(t);
	rest_leave();
	if (rc == -ECONNABORTED)
		atomic_store(&aborted, true);
	else if (rc < 0)
		log_error("could not read requests: %s", strerror(-rc));
	if (write(wake_fd, "", 1) < 0)
		log_debug("could not wake the main thread: %s", strerror(errno));
	return NULL;
}

/*
 * All threads begin before a byte of the store or the journal is read, and none after:
 * whoever takes the worker over has no others.  They wait at the gate.
 */
static int
start_threads(struct server *v)
{
	unsigned i, n = MIN(v->s.job->threads, (unsigned)SHARED_SLOTS);
	pthread_attr_t attr;
	int rc;

	pthread_mutex_lock(&v->gate);
	if ((rc = pthread_attr_init(&attr)) != 0 ||
	    (rc = pthread_attr_setstacksize(&attr, THREAD_STACK)) != 0)
		return -rc;
	for (i = 0; i < n; i++, v->n++)
		if ((rc = pthread_create(&v->id[i], &attr, thread_main, &v->thread[i])) != 0)
			return -rc;
	pthread_attr_destroy(&attr);
	if ((rc = hydrator_start(&v->s)) < 0)
		return rc;
	return confine_end_threads(v->s.job);
}

static int
open_gate(struct server *v)
{
	const struct job *job = v->s.job;
	struct thread *t;
	unsigned i;
	int rc;

	for (i = 0; i < v->n; i++) {
		t = &v->thread[i];
		t->serve = &v->s;
		t->number = i;
		t->slot = &job->shared->slot[i];
		t->counters = &job->shared->counters[i];
		if ((rc = reader_init(&t->rd, &t->counters->io)) < 0)
			return rc;
		if ((t->out = aligned_alloc(4096, OUT_MAX)) == NULL)
			return -ENOMEM;
	}
	pthread_mutex_unlock(&v->gate);
	return hydrator_open();
}

/*
 * Reports to the supervisor, once a second at most, that one more file is durable:
 * so it knows a last flush that takes long from a worker that hangs.
 */
static void
report_flushing(void)
{
	static _Atomic time_t reported;
	time_t now = clock_monotonic_seconds();

	if (atomic_exchange(&reported, now) != now)
		report_send(MSG_FLUSHING, NULL, 0);
}

static int
open_cow(struct server *v)
{
	const struct job *job = v->s.job;
	uint64_t uniques[SHARED_SLOTS];
	struct cow_config config;
	int rc;

	if ((rc = engine_open_layers(job, NULL)) < 0)
		return rc;
	engine_config(job, &config);
	config.first = job->generation == 1;
	config.on_durable = report_flushing;
	config.in_flight = uniques;
	config.n_in_flight = loop_in_flight(job->shared, uniques);
	return cow_open(&config, &v->s.cow);
}

static void
send_stats(struct server *v)
{
	struct cow_figures f;
	struct msg_stats m = { .map_bytes_max = v->s.job->cache_size };

	cow_figures(v->s.cow, &f);
	m.diff_bytes = f.diff_bytes;
	m.diff_files = f.diff_files;
	m.journal_bytes = f.journal_bytes;
	m.map_bytes = f.map_bytes;
	m.open_files = f.open_files;
	m.inodes = f.inodes;
	m.dirty_files = f.dirty_files;
	m.store_changed = staleness_was_found();
	report_send(MSG_STATS, &m, sizeof(m));
}

/* Counters are the slots' threads' to write: a reset may lose a few counts. */
static void
reset_counters(struct shared *shared)
{
	unsigned i;

	for (i = 0; i < SHARED_SLOTS; i++)
		memset(&shared->counters[i], 0, sizeof(shared->counters[i]));
}

/* Most of it is made durable while requests are served. */
static int
come_to_rest(struct server *v, uint64_t *since)
{
	int rc;

	if ((rc = cow_flush(v->s.cow)) < 0 || (rc = rest_begin(v->thread, v->id, v->n, REST_MS)) < 0)
		return rc;
	*since = clock_monotonic_ns();
	cow_save_times(v->s.cow);
	if ((rc = cow_flush(v->s.cow)) < 0) {
		rest_end();
		return rc;
	}
	cow_idle(v->s.cow);
	return 0;
}

static void
rest(struct server *v)
{
	struct msg_rested m = { 0 };
	int rc = v->resting ? 0 : come_to_rest(v, &m.since);

	v->resting = rc == 0;
	m.error = (uint32_t)-rc;
	report_send(MSG_RESTED, &m, sizeof(m));
}

static void
resume(struct server *v)
{
	if (v->resting)
		rest_end();
	v->resting = false;
}

static void
obey(struct server *v, const struct msg_header *h, const unsigned char *body)
{
	switch (h->type) {
	case MSG_DIRTY_DONE:
		dirty_done();
		break;
	case MSG_DUMP:
		send_stats(v);
		break;
	case MSG_RESET:
		reset_counters(v->s.job->shared);
		break;
	case MSG_HYDRATE:
		if (h->len == sizeof(struct msg_hydrate))
			hydrator_obey((const struct msg_hydrate *)(const void *)body);
		break;
	case MSG_REST:
		rest(v);
		break;
	case MSG_RESUME:
		resume(v);
		break;
	case MSG_END:
		v->told_to_end = v->resting;
		break;
	default:
		log_error("the supervisor sent an unknown message %u", h->type);
	}
}

static void
read_messages(struct server *v, struct msg_reader *in)
{
	const unsigned char *body;
	struct msg_header h;
	int rc = msg_fill(v->s.job->in_fd, in);

	while (rc > 0 && (rc = msg_next(in, &h, &body)) == 1)
		obey(v, &h, body);
	if (rc < 0 && rc != -EAGAIN)
		log_error("could not read from the supervisor: %s", strerror(-rc));
}

/* The supervisor died: go on alone until the mount is gone. */
static void
go_on_alone(struct server *v)
{
	v->supervised = false;
	dirty_abandon();
	resume(v);
}

static void
talk(struct server *v)
{
	struct msg_reader in = { 0 };
	struct pollfd p[2] = {
		{ .fd = v->wake[0], .events = POLLIN }, { .fd = v->s.job->in_fd, .events = POLLIN }
	};
	time_t now, last = 0;

	while (!(p[0].revents & POLLIN) && !v->told_to_end) {
		if (poll(p, v->supervised ? 2 : 1, HEARTBEAT_MS) < 0 && errno != EINTR)
			return;
		if (v->supervised && p[1].revents & POLLIN)
			read_messages(v, &in);
		else if (v->supervised && p[1].revents & (POLLHUP | POLLERR))
			go_on_alone(v);
		if ((now = clock_monotonic_seconds()) == last)
			continue;
		last = now;
		if (v->supervised)
			report_send(MSG_HEARTBEAT, NULL, 0);
		if (v->supervised && store_took_failure())
			report_send(MSG_STORE_FAILED, NULL, 0);
		cow_idle(v->s.cow);
		segcache_idle(v->s.segments);
	}
}

/* The supervisor removes the note that says how the mount ended, if it lives. */
static void
forget_cut(const struct server *v)
{
	int rc;

	if (v->supervised || atomic_load(&aborted))
		return;
	if ((rc = disk_unlink(v->s.job->diff_fd, ONDISK_CUT)) < 0 && rc != -ENOENT)
		log_error("could not remove \"%s\": %s", ONDISK_CUT, strerror(-rc));
}

static int
finish(struct server *v)
{
	int rc;

	cow_save_times(v->s.cow);
	if ((rc = cow_flush(v->s.cow)) < 0) {
		log_error("could not make all changes durable: %s", strerror(-rc));
		return EXIT_FAILURE;
	}
	cow_idle(v->s.cow);
	cow_drop_reserve(v->s.cow);
	if (v->s.job->no_wal)
		cow_drop_wal(v->s.cow);
	forget_cut(v);
	report_send(MSG_CLEAN, NULL, 0);
	return EXIT_SUCCESS;
}

/* Another worker goes on, with another directory perhaps: nothing is written any more.  The reserve stays: the disk may be full. */
static int
hand_over(void)
{
	hydrator_end();
	return EXIT_SUCCESS;
}

static int
serve(struct server *v)
{
	unsigned i;
	int rc;

	if ((rc = start_threads(v)) < 0 || (rc = open_cow(v)) < 0 || (rc = archivedir_init(&v->s)) < 0 ||
	    (rc = session_init(&v->s)) < 0 || (rc = open_gate(v)) < 0) {
		report_failed("%s", report_last_error()[0] != '\0' ? report_last_error() :
		    strerror(-rc));
		return EXIT_FAILURE;
	}
	report_send(MSG_READY, NULL, 0);
	talk(v);
	if (v->told_to_end)
		return hand_over();
	report_send(MSG_FLUSHING, NULL, 0);	/* so the supervisor hears at once of the end */
	hydrator_end();
	for (i = 0; i < v->n; i++)
		pthread_join(v->id[i], NULL);
	return finish(v);
}

/*
 * See map_buffer() in loop.c; where it is not allowed, mapping has to do.  The
 * usual limit of a user has room for most of the slots: so one by one.
 */
static void
lock_buffers(const struct job *job)
{
	unsigned i;

	for (i = 0; i < MIN(job->threads, (unsigned)SHARED_SLOTS); i++)
		mlock(job->shared->buffer[i], SHARED_BUFFER);
}

int
worker_serve(const struct job *job)
{
	struct server *v = &server;

	v->s.job = job;
	v->supervised = true;
	lock_buffers(job);
	foreground_open();
	if (pipe2(v->wake, O_CLOEXEC) != 0 || rest_init() != 0 ||
	    (v->s.null_fd = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0 || confine_worker(job) < 0)
		return EXIT_FAILURE;
	wake_fd = v->wake[1];
	return serve(v);
}
