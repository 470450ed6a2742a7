/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "probackup/blockmap.h"
#include "probackup/explain.h"
#include "probackup/member.h"
#include "probackup/records.h"
#include "probackup/verify_impl.h"

/*
 * The threads take one stored file after the other from the lists.  Large files
 * come first, in a pass of their own, so that at the end nobody waits for a
 * thread with a gigabyte before it.  This costs a second look at the lists, but
 * no memory for their entries.
 */

#define LARGE	(8 * MiB)	/* of a stored file */
#define MAX_FDS	256

/* Logs once that a list is bad, unless index_build() failed because of it. */
static void
complain_of_list(struct verify *v, const char *error)
{
	struct verify_queue *q = &v->queue;

	if (!q->bad_list[q->member] && strcmp(error, v->index_error) != 0)
		verify_fault_line(v, "%s", error);
	q->bad_list[q->member] = true;
}

/* Reads the next entries of the list.  Returns false at its end, or if it is bad. */
static bool
refill(struct verify *v)
{
	struct verify_queue *q = &v->queue;
	char error[CHAIN_ERROR_MAX];
	int rc;

	if (!q->is_open) {
		if ((rc = listread_open(&q->list, &v->chain->member[q->member], error)) < 0) {
			complain_of_list(v, error);
			return false;
		}
		q->is_open = true;
	}
	q->at = q->n = 0;
	if ((rc = listread_next(&q->list, q->batch, VERIFY_BATCH, error)) > 0) {
		q->n = rc;
		return true;
	}
	if (rc < 0)
		complain_of_list(v, error);
	listread_close(&q->list);
	q->is_open = false;
	return false;
}

/* Goes to the next list; behind the last one the second pass begins, or all is done. */
static void
next_list(struct verify *v)
{
	struct verify_queue *q = &v->queue;

	if (++q->member < v->chain->n)
		return;
	q->done = q->small;
	q->small = true;
	q->member = 0;
}

static bool
is_wanted(const struct verify_queue *q, const struct filelist_entry *e)
{
	return S_ISREG(e->mode) && e->size > 0 && (e->size < (int64_t)LARGE) == q->small;
}

/* Takes the next stored file.  Returns false when there are no more. */
static bool
take_file(struct verify *v, struct verify_task *task)
{
	struct verify_queue *q = &v->queue;
	bool found = false;

	pthread_mutex_lock(&q->lock);
	while (!found && !q->done) {
		if (q->at == q->n && !refill(v)) {
			next_list(v);
			continue;
		}
		task->e = q->batch[q->at++];
		found = is_wanted(q, &task->e);
	}
	if (found) {
		task->member = q->member;
		memcpy(task->path, task->e.path, task->e.path_len);
		task->path[task->e.path_len] = '\0';
		task->e.path = task->path;
	}
	pthread_mutex_unlock(&q->lock);
	return found;
}

/* Logs each run of blocks that no backup has. */
static void
complain_of_holes(struct verify *v, const char *path, const struct blockmap *m)
{
	const char *id = v->chain->member[0].id;
	uint32_t b, end, n = 0;

	for (b = 0; b < m->n; b = end) {
		for (end = b + 1; end < m->n && (blockmap_provider(m, end) == BLOCKMAP_NOWHERE) ==
		    (blockmap_provider(m, b) == BLOCKMAP_NOWHERE); end++)
			;
		if (blockmap_provider(m, b) != BLOCKMAP_NOWHERE)
			continue;
		if (n++ == VERIFY_SHOWN) {
			verify_fault(v, id, path, "more blocks are in no backup of the chain");
			return;
		}
		if (end == b + 1)
			verify_fault(v, id, path, "block %u is in no backup of the chain", b);
		else
			verify_fault(v, id, path, "blocks %u to %u are in no backup of the chain",
			    b, end - 1);
	}
}

/* Looks for blocks of entry e that no backup stores.  It reads no page: verify_file() did. */
static void
check_blocks(struct verify_thread *t, uint32_t e)
{
	struct verify *v = t->v;
	const struct index_entry *f = &v->store.ix.entries[e];
	char path[PATH_MAX];
	struct blockmap *m;

	if ((f->flags & INDEX_DATAFILE) == 0 || f->size == 0 || f->size == INDEX_SIZE_UNKNOWN)
		return;
	if (index_path(&v->store.ix, e, path, sizeof(path)) < 0)
		strcpy(path, "?");
	if (f->size / BLCKSZ > BLOCKMAP_MAX_BLOCKS) {
		verify_fault(v, v->chain->member[0].id, path,
		    "%" PRIu64 " blocks are more than a file can have", f->size / BLCKSZ);
		return;
	}
	if (v->holes_are_normal)
		return;
	/* check_all() has logged the faults of the stored files. */
	if (blockmap_build(&v->store, e, &t->reader, &m) < 0) {
		atomic_fetch_add(&v->unmapped, 1);
		return;
	}
	complain_of_holes(v, path, m);
	blockmap_free(m);
}

static void
check_all(struct verify_thread *t)
{
	struct verify *v = t->v;
	uint32_t e;

	if (!atomic_exchange(&v->wal_taken, true))
		verify_wal(t);
	while (take_file(v, &t->task))
		verify_file(t);
	while (v->has_index && (e = atomic_fetch_add(&v->next_entry, 1)) < v->store.ix.n_entries)
		check_blocks(t, e);
}

static void *
thread_main(void *arg)
{
	struct verify_thread *t = arg;

	check_all(t);
	pthread_mutex_lock(&t->v->lock);
	t->v->running--;
	pthread_cond_signal(&t->v->ended);
	pthread_mutex_unlock(&t->v->lock);
	return NULL;
}

/* Starts the threads; fewer than asked for will do. */
static int
start_threads(struct verify *v, unsigned wanted)
{
	struct verify_thread *t;
	int rc = 0;

	if ((v->threads = calloc(wanted, sizeof(*v->threads))) == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&v->lock);
	while (v->n_threads < wanted) {
		t = &v->threads[v->n_threads];
		t->v = v;
		if ((rc = reader_init(&t->reader, &t->stats)) < 0)
			break;
		if ((rc = -pthread_create(&t->id, NULL, thread_main, t)) < 0) {
			reader_fini(&t->reader);
			break;
		}
		v->n_threads++;
		v->running++;
	}
	pthread_mutex_unlock(&v->lock);
	return v->n_threads > 0 ? 0 : rc;
}

/*
 * Builds the index of the backup and opens it.  If that fails, the backup is at
 * fault and its stored files are checked all the same; only a lack of memory is an error.
 */
static int
open_index(struct verify *v, const struct verify_config *c, char *error)
{
	int rc = index_build(v->chain, c->index_fd, c->index_max, c->n_threads, v->index_error);

	if (rc == 0 && (rc = store_open(&v->store, c->store_fd, c->instance, c->index_fd, v->fds)) < 0)
		explain(v->index_error, rc, "could not open the index of backup \"%s\": %s",
		    v->chain->member[0].id, strerror(-rc));
	v->has_index = rc == 0;
	v->store.quiet = true;
	if (rc == -ENOMEM)
		return explain(error, rc, "%s", v->index_error);
	if (rc < 0)
		verify_fault_line(v, "%s", v->index_error);
	return 0;
}

/*
 * Whether a block may be in no backup.  A FULL stores every page and a DELTA every
 * page of zeroes; PAGE and PTRACK store only the pages that WAL or the server's map
 * names, and before 2.4 a backup could cut a file.
 */
static bool
may_have_holes(const struct chain *c)
{
	unsigned i;

	for (i = 0; i < c->n; i++)
		if (c->member[i].control.mode == MODE_PAGE ||
		    c->member[i].control.mode == MODE_PTRACK ||
		    c->member[i].control.version < RECORDS_VERSION_HEADER_MAP)
			return true;
	return false;
}

static struct verify *
verify_new(void)
{
	struct verify *v = calloc(1, sizeof(*v));
	pthread_condattr_t attr;

	if (v == NULL)
		return NULL;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&v->ended, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&v->lock, NULL);
	pthread_mutex_init(&v->queue.lock, NULL);
	return v;
}

void
verify_free(struct verify *v)
{
	unsigned i;

	if (v == NULL)
		return;
	for (i = 0; i < v->n_threads; i++) {
		pthread_join(v->threads[i].id, NULL);
		reader_fini(&v->threads[i].reader);
	}
	free(v->threads);
	if (v->has_index)
		store_close(&v->store);
	if (v->fds != NULL)
		fdcache_free(v->fds);
	chain_free(v->chain);
	free(v);
}

static int
prepare(struct verify *v, const struct verify_config *c, char *error)
{
	unsigned i;
	int rc;

	rc = chain_open(c->store_fd, c->store_name, c->instance, c->backup_id, true, &v->chain,
	    error);
	if (rc < 0)
		return rc;
	if (v->chain->warning[0] != '\0')
		log_warn("%s", v->chain->warning);
	if ((v->fds = fdcache_new(MAX_FDS)) == NULL)
		return explain(error, -ENOMEM, "out of memory");
	if ((rc = archive_init(&v->archive, c->store_fd, c->instance, v->chain->xlog_seg_size, 0)) < 0)
		return explain(error, rc, "\"%.100s\" is not a name of an instance", c->instance);
	v->holes_are_normal = may_have_holes(v->chain);
	for (i = 0; i < v->chain->n; i++)
		if (member_lost_lines(v->chain->member[i].dirfd, &v->chain->member[i].control))
			verify_fault(v, v->chain->member[i].id, "backup_content.control",
			    "it is as long as a list of which pg_probackup %s lost lines",
			    v->chain->member[i].control.program_version);
	return open_index(v, c, error);
}

int
verify_start(const struct verify_config *config, struct verify **out, char *error)
{
	struct verify *v = verify_new();
	int rc;

	if (v == NULL)
		return explain(error, -ENOMEM, "out of memory");
	if ((rc = prepare(v, config, error)) == 0 &&
	    (rc = start_threads(v, config->n_threads)) < 0)
		explain(error, rc, "could not start a thread: %s", strerror(-rc));
	if (rc < 0) {
		verify_free(v);
		return rc;
	}
	*out = v;
	return 0;
}

/* Logs that block maps could not be built, if no fault in the log explains it. */
static void
complain_of_unmapped(struct verify *v)
{
	uint64_t n = atomic_load(&v->unmapped);

	if (n == 0 || atomic_load(&v->faults) > 0)
		return;
	verify_fault_line(v, "could not find the blocks of %" PRIu64 " files of backup %s", n,
	    v->chain->member[0].id);
}

bool
verify_wait(struct verify *v, unsigned ms)
{
	struct timespec until;
	bool done;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&v->lock);
	while (v->running > 0 && pthread_cond_timedwait(&v->ended, &v->lock, &until) == 0)
		;
	done = v->running == 0;
	pthread_mutex_unlock(&v->lock);
	if (done)
		complain_of_unmapped(v);
	return done;
}

void
verify_figures(const struct verify *v, struct verify_figures *f)
{
	const struct control *c;
	unsigned i;

	*f = (struct verify_figures){
		.files = atomic_load(&v->files), .pages = atomic_load(&v->pages),
		.bytes = atomic_load(&v->bytes), .faults = atomic_load(&v->faults),
	};
	for (i = 0; i < v->chain->n; i++) {
		c = &v->chain->member[i].control;
		f->bytes_expected += c->data_bytes + (c->stream ? c->wal_bytes : 0);
	}
}
