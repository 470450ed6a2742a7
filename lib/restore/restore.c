/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "probackup/explain.h"
#include "restore/mark.h"
#include "restore/restore_impl.h"

/*
 * The threads take one file after the other: in a first pass large ones, so that at the end nobody
 * waits for a thread with a gigabyte before it; then small ones in the order of the index, in which those of a
 * directory stand together.  Who finds no file left helps with the pieces of a large one.
 */

#define LARGE		(8 * MiB)
#define STACK_SIZE	(512 * KiB)	/* of a thread: paths and tables of runs */

/* ---- what there is to do ------------------------------------------------------- */

static void
add_top(struct restore *r, const char *shown, uint8_t place)
{
	uint32_t e = index_lookup(r->ix, shown, strlen(shown));

	if (e == INDEX_NONE)
		return;
	r->top[r->n_top].e = e;
	r->top[r->n_top++].place = place;
}

static void
find_places(struct restore *r)
{
	unsigned i;

	for (i = 0; i < r->config.n_places; i++)
		add_top(r, r->config.place[i].shown, (uint8_t)i);
	add_top(r, ONDISK_TABLESPACES, NO_PLACE);
	add_top(r, ONDISK_EXTERNAL, NO_PLACE);
	r->conf = index_lookup(r->ix, SERVCONF_FILE, strlen(SERVCONF_FILE));
	r->control = index_lookup(r->ix, MARK_CONTROL_FILE, strlen(MARK_CONTROL_FILE));
}

static int
load_done(struct restore *r)
{
	ssize_t n;

	if ((r->done = calloc(1, r->ix->n_entries)) == NULL)
		return restore_fail(r, -ENOMEM, "out of memory");
	if (!r->config.trust)
		return ftruncate(r->config.done_fd, 0) == 0 ? 0 :
		    restore_fail(r, -errno, "could not note what is copied: %s", strerror(errno));
	n = io_pread(r->config.done_fd, r->done, r->ix->n_entries, 0);
	return n < 0 ? restore_fail(r, (int)n, "could not read what is copied: %s", strerror((int)-n)) : 0;
}

static void
count(struct restore *r)
{
	uint32_t e;

	for (e = 0; e < r->ix->n_entries; e++) {
		if (!tree_is_copied(r, e))
			continue;
		r->files_all++;
		r->bytes_all += r->ix->entries[e].size;
		if (r->done[e] == 0)
			continue;
		atomic_fetch_add(&r->files, 1);
		atomic_fetch_add(&r->bytes, r->ix->entries[e].size);
	}
}

/* ---- files that are made, not copied ----------------------------------------------- */

static int
write_file(struct restore *r, const char *name, const char *text, size_t len)
{
	int fd autoclose = -1, dir_fd = r->config.place[0].fd, rc;

	unlinkat(dir_fd, name, 0);
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	rc = fd < 0 ? -errno : io_write(fd, text, len);
	if (rc == 0 && r->config.sync && fsync(fd) != 0)
		rc = -errno;
	return rc == 0 ? 0 : restore_fail(r, rc, "could not write \"%.800s/%s\": %s", r->config.place[0].path,
	    name, strerror(-rc));
}

/* Reads the settings of the backup, if it has any. */
static int
read_settings(struct restore *r, char **text, size_t *len)
{
	static struct iostats stats;
	struct reader rd;
	int rc;

	*len = r->conf != INDEX_NONE ? (size_t)r->ix->entries[r->conf].size : 0;
	if (*len == 0)
		return 0;
	if (*len > PGAUTOCONF_SIZE_MAX)
		return restore_fail(r, -EFBIG, "\"" SERVCONF_FILE "\" of the backup is too large");
	if ((*text = malloc(*len)) == NULL || reader_init(&rd, &stats) < 0)
		return restore_fail(r, -ENOMEM, "out of memory");
	if ((rc = plainfile_read(r->store, r->conf, 0, *len, *text, &rd)) < 0)
		restore_fail(r, rc, "could not read \"" SERVCONF_FILE "\" of the backup: %s", strerror(-rc));
	reader_fini(&rd);
	return rc;
}

/* The same restore may have been begun with other options of recovery. */
static int
remove_signals(struct restore *r)
{
	static const char *const names[] = { SERVCONF_RECOVERY, SERVCONF_STANDBY };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (unlinkat(r->config.place[0].fd, names[i], 0) != 0 && errno != ENOENT)
			return restore_fail(r, -errno, "could not remove \"%.800s/%s\": %s",
			    r->config.place[0].path, names[i], strerror(errno));
	return 0;
}

static int
write_settings(struct restore *r)
{
	const char *signal = servconf_signal(&r->config.conf);
	char *text autofree = NULL;
	struct pgautoconf a = { 0 };
	size_t len;
	int rc;

	if ((rc = remove_signals(r)) != 0 || (rc = read_settings(r, &text, &len)) < 0)
		return rc;
	servconf_compose(&r->config.conf, text != NULL ? text : "", len, &a);
	if ((rc = a.error) != 0)
		restore_fail(r, rc, "could not make \"" SERVCONF_FILE "\": %s", strerror(-rc));
	else if ((rc = write_file(r, SERVCONF_FILE, a.text, a.len)) == 0 && signal != NULL)
		rc = write_file(r, signal, "", 0);
	free(a.text);
	return rc;
}

/* ---- the threads ------------------------------------------------------------------ */

static void
publish(struct restore *r, struct copyfile *f)
{
	pthread_mutex_lock(&r->lock);
	f->after = r->active;
	r->active = f;
	pthread_mutex_unlock(&r->lock);
}

static void
copy_one(struct restore_thread *t, uint32_t e, bool large)
{
	struct copyfile *f = copyfile_open(t, e);

	if (f == NULL)
		return;
	if (large)
		publish(t->r, f);
	copyfile_copy(t, f);
	copyfile_leave(t, f);
}

static void
copy_pass(struct restore_thread *t, _Atomic uint32_t *next, bool large)
{
	struct restore *r = t->r;
	uint32_t e;

	while (atomic_load(&r->failed) == 0 && (e = atomic_fetch_add(next, 1)) < r->ix->n_entries)
		if ((r->ix->entries[e].size >= LARGE) == large && r->done[e] == 0 && tree_is_copied(r, e))
			copy_one(t, e, large);
}

/* Joins who copies a large file.  Returns false if there is none with pieces left. */
static bool
help(struct restore_thread *t)
{
	struct restore *r = t->r;
	struct copyfile *f;

	pthread_mutex_lock(&r->lock);
	for (f = r->active; f != NULL && (f->map == NULL || atomic_load(&f->next) >= f->n_pieces); f = f->after)
		;
	if (f != NULL)
		f->users++;
	pthread_mutex_unlock(&r->lock);
	if (f == NULL)
		return false;
	copyfile_copy(t, f);
	copyfile_leave(t, f);
	return true;
}

static int
open_to_sync(struct restore_thread *t, uint32_t e)
{
	int dir_fd, fd;

	if ((t->r->ix->entries[e].flags & INDEX_DIR) != 0)
		return tree_open(t->r, e);
	if ((dir_fd = copyfile_dir(t, e)) < 0)
		return dir_fd;
	fd = openat(dir_fd, tree_last_name(t->r, e), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void
sync_one(struct restore_thread *t, uint32_t e)
{
	int fd autoclose = RESTORE_WRITING(t->r, open_to_sync(t, e));

	if (fd < 0 || RESTORE_WRITING(t->r, fsync(fd)) != 0)
		tree_fail(t->r, fd < 0 ? fd : -errno, "sync", e);
}

static void
sync_pass(struct restore_thread *t)
{
	struct restore *r = t->r;
	uint32_t e;

	while (atomic_load(&r->failed) == 0 && (e = atomic_fetch_add(&r->sync, 1)) < r->ix->n_entries)
		if (tree_is_copied(r, e) ||
		    ((r->ix->entries[e].flags & INDEX_DIR) != 0 && tree_place(r, e) != NO_PLACE))
			sync_one(t, e);
}

static void *
thread_main(void *arg)
{
	struct restore_thread *t = arg;
	struct restore *r = t->r;

	/* Until all have been started. */
	pthread_mutex_lock(&r->lock);
	pthread_mutex_unlock(&r->lock);
	copy_pass(t, &r->large, true);
	copy_pass(t, &r->small, false);
	while (atomic_load(&r->failed) == 0 && help(t))
		;
	pthread_barrier_wait(&r->copied);
	atomic_store(&r->syncing, true);
	if (r->config.sync)
		sync_pass(t);
	pthread_mutex_lock(&r->lock);
	r->running--;
	pthread_cond_signal(&r->ended);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static void
thread_fini(struct restore_thread *t)
{
	reader_fini(&t->reader);
	free(t->piece);
	free(t->old);
	if (t->dir_fd >= 0)
		close(t->dir_fd);
}

static int
thread_start(struct restore *r, struct restore_thread *t)
{
	pthread_attr_t attr;
	int rc;

	*t = (struct restore_thread){ .r = r, .dir_fd = -1 };
	if (reader_init(&t->reader, &t->stats) < 0 || (t->piece = malloc(PIECE_BYTES)) == NULL ||
	    (r->config.compare && (t->old = malloc(PIECE_BYTES)) == NULL)) {
		thread_fini(t);
		return -ENOMEM;
	}
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	if ((rc = -pthread_create(&t->id, &attr, thread_main, t)) != 0)
		thread_fini(t);
	pthread_attr_destroy(&attr);
	return rc;
}

/* Starts them; fewer than asked for will do. */
static int
start_threads(struct restore *r)
{
	int rc = 0;

	if ((r->threads = calloc(r->config.n_threads, sizeof(*r->threads))) == NULL)
		return restore_fail(r, -ENOMEM, "out of memory");
	pthread_mutex_lock(&r->lock);
	while (r->n_threads < r->config.n_threads &&
	    (rc = thread_start(r, &r->threads[r->n_threads])) == 0)
		r->n_threads++;
	r->running = r->n_threads;
	if (r->n_threads > 0)
		pthread_barrier_init(&r->copied, NULL, r->n_threads);
	pthread_mutex_unlock(&r->lock);
	return r->n_threads > 0 ? 0 : restore_fail(r, rc, "could not start a thread: %s", strerror(-rc));
}

/* ---- all of it ---------------------------------------------------------------------- */

static struct restore *
restore_new(const struct restore_config *config)
{
	struct restore *r = calloc(1, sizeof(*r));
	pthread_condattr_t attr;

	if (r == NULL)
		return NULL;
	r->config = *config;
	r->store = config->store;
	r->ix = &config->store->ix;
	r->mark_fd = -1;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->ended, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void
restore_free(struct restore *r)
{
	unsigned i;

	if (r == NULL)
		return;
	for (i = 0; i < r->n_threads; i++) {
		pthread_join(r->threads[i].id, NULL);
		thread_fini(&r->threads[i]);
	}
	if (r->n_threads > 0)
		pthread_barrier_destroy(&r->copied);
	if (r->mark_fd >= 0)
		close(r->mark_fd);
	free(r->threads);
	free(r->done);
	free(r);
}

static int
open_mark(struct restore *r)
{
	r->mark_fd = openat(r->config.place[0].fd, ONDISK_RESTORE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return r->mark_fd >= 0 ? 0 : restore_fail(r, -errno, "could not open \"%.800s/" ONDISK_RESTORE "\": %s",
	    r->config.place[0].path, strerror(errno));
}

static int
begin(struct restore *r)
{
	int rc;

	find_places(r);
	if (r->control == INDEX_NONE)
		return restore_fail(r, -EUCLEAN, "the backup has no \"" MARK_CONTROL_FILE "\"");
	if ((rc = open_mark(r)) != 0 || (rc = load_done(r)) != 0)
		return rc;
	if ((rc = tree_make(r)) != 0)
		return rc;
	tree_recheck(r);
	count(r);
	if ((r->config.exact && (rc = tree_remove_others(r)) != 0) || (rc = write_settings(r)) != 0)
		return rc;
	return start_threads(r);
}

int
restore_start(const struct restore_config *config, struct restore **out, char *error)
{
	struct restore *r = restore_new(config);
	int rc;

	if (r == NULL) {
		snprintf(error, RESTORE_ERROR_MAX, "out of memory");
		return -ENOMEM;
	}
	if ((rc = begin(r)) == 0) {
		*out = r;
		return 0;
	}
	memcpy(error, r->error, RESTORE_ERROR_MAX);
	restore_free(r);
	return rc;
}

bool
restore_wait(struct restore *r, unsigned ms)
{
	int64_t end = (int64_t)clock_monotonic_ns() + (int64_t)ms * 1000000;
	struct timespec until = { end / 1000000000, end % 1000000000 };
	bool done;

	pthread_mutex_lock(&r->lock);
	while (r->running > 0 && pthread_cond_timedwait(&r->ended, &r->lock, &until) == 0)
		;
	done = r->running == 0;
	pthread_mutex_unlock(&r->lock);
	return done;
}

int
restore_result(const struct restore *r, char *error)
{
	memcpy(error, r->error, RESTORE_ERROR_MAX);
	return atomic_load(&r->failed);
}

void
restore_figures(const struct restore *r, struct restore_figures *f)
{
	*f = (struct restore_figures){
		.files = atomic_load(&r->files), .files_all = r->files_all,
		.bytes = atomic_load(&r->bytes), .bytes_all = r->bytes_all,
		.written = atomic_load(&r->written), .removed = atomic_load(&r->removed),
		.syncing = atomic_load(&r->syncing),
	};
}

bool
restore_is_writing(const struct restore *r)
{
	return atomic_load(&r->writing) > 0;
}
