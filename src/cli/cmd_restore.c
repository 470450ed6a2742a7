/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command restore: copies a backup into a plain data directory, in steps (restoring.h), and shows
 * progress.  lib/restore does the copying.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/clone_args.h"
#include "cli/confined.h"
#include "cli/headway.h"
#include "cli/keeping.h"
#include "cli/limited.h"
#include "cli/restoring.h"
#include "cli/startline.h"
#include "cli/target_args.h"
#include "supervisor/identity.h"
#include "supervisor/supervisor.h"

#define CACHE_DEFAULT	(256 * MiB)
#define FDS_MAX		256
#define LINE_SECONDS	10	/* between two lines where there is no terminal */

/* The task of the child that copies. */
struct copying {
	const struct landing *landing;
	struct restore_config config;
};

/* ---- in the confined child --------------------------------------------------- */

static void
show_progress(const struct restoring *r, const struct restore_figures *f, double seconds, double *told)
{
	char bar[HEADWAY_BAR_MAX];

	headway_bar(f->bytes, f->bytes_all, bar);
	if (r->on_terminal) {
		cli_progress("%s, %.0f MB, %.0f MB/s%s", bar, (double)f->bytes / 1e6,
		    (double)f->bytes / 1e6 / MAX(seconds, 0.001), f->syncing ? ", syncing" : "");
	} else if (seconds - *told >= LINE_SECONDS) {
		*told = seconds;
		cli_note("%s: %llu of %llu files, %.0f MB/s", f->syncing ? "syncing" : "copying",
		    (unsigned long long)f->files, (unsigned long long)f->files_all,
		    (double)f->bytes / 1e6 / MAX(seconds, 0.001));
	}
}

static int
attend(struct restore *r, const struct restoring *run)
{
	uint64_t begun = clock_monotonic_ns();
	char error[RESTORE_ERROR_MAX];
	struct headway look = { 0 };
	struct restore_figures f;
	double seconds, told = 0;

	do {
		if (!cli_is_heard())
			_exit(EXIT_FAILURE);
		if (restore_is_writing(r))
			look = (struct headway){ 0 };	/* a slow disk is no fault of the store's */
		else if (headway_is_stuck(&look))
			limited_give_up();
		restore_figures(r, &f);
		show_progress(run, &f, headway_seconds_since(begun), &told);
	} while (!restore_wait(r, HEADWAY_MS));
	cli_progress_end();
	if (restore_result(r, error) != 0)
		return cli_error("%s", error);
	restore_figures(r, &f);
	seconds = headway_seconds_since(begun);
	if (!run->options->quiet)
		cli_print("restored backup %s: %llu files, %llu bytes in %.2f seconds, %.0f MB/s, %llu bytes written\n",
		    run->found->id, (unsigned long long)f.files, (unsigned long long)f.bytes, seconds,
		    (double)f.bytes / 1e6 / MAX(seconds, 0.001), (unsigned long long)f.written);
	return EXIT_SUCCESS;
}

static int
copy(struct copying *c, struct store *s)
{
	char error[RESTORE_ERROR_MAX];
	struct restore *r;
	int rc;

	s->check = PAGECHECK_HEADERS;
	c->config.store = s;
	if (store_refuse_stale(s) < 0)
		return cli_error("out of memory");
	if (restore_start(&c->config, &r, error) < 0)
		return cli_error("%s", error);
	rc = attend(r, c->landing->r);
	restore_free(r);
	return rc;
}

static int
copy_inside(int store_fd, void *arg)
{
	struct copying *c = arg;
	const struct restoring *r = c->landing->r;
	struct fdcache *fds = fdcache_new(FDS_MAX);
	struct store s;
	int rc;

	if (fds == NULL)
		return cli_error("out of memory");
	if ((rc = store_open(&s, store_fd, r->options->instance, r->index_fd, fds)) < 0) {
		rc = cli_error("could not open the index: %s", strerror(-rc));
	} else {
		rc = copy(c, &s);
		store_close(&s);
	}
	fdcache_free(fds);
	return rc;
}

/* ---- the process that makes the directories --------------------------------------- */

/* As PostgreSQL takes it, in which % is not itself. */
static int
default_command(const struct landing *l, char *out, size_t size)
{
	char program[PATH_MAX], store[2 * PATH_MAX], name[2 * PATH_MAX], text[6 * PATH_MAX];
	const char *in;
	size_t n = 0;
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (len <= 0)
		return cli_error("could not find the path of this program: %s", strerror(errno));
	program[len] = '\0';
	text_quote_word(program, name, sizeof(name));
	text_quote_word(l->store, store, sizeof(store));
	len = snprintf(text, sizeof(text), "%s archive-get -B %s -I ", name, store);
	text_quote_word(l->r->options->instance, text + len, sizeof(text) - (size_t)len);
	for (in = text; *in != '\0' && n + 16 < size; in++) {
		if (*in == '%')
			out[n++] = '%';
		out[n++] = *in;
	}
	snprintf(out + n, size - n, " %%f \"%%p\"");
	return 0;
}

static unsigned
count_threads(const struct options *o)
{
	uint64_t cache = o->cache_size != 0 ? o->cache_size : CACHE_DEFAULT;
	uint64_t wanted = o->threads != 0 ? o->threads : headway_processors(RESTORE_THREADS_MAX);

	return (unsigned)MAX(MIN(wanted, cache / RESTORE_THREAD_BYTES), (uint64_t)1);
}

static int
fill_config(const struct landing *l, char *command, size_t size, struct restore_config *c)
{
	const struct restoring *r = l->r;
	const struct options *o = r->options;
	unsigned i;

	*c = (struct restore_config){
		.n_places = l->n, .done_fd = l->done_fd, .trust = l->trust,
		.compare = o->incremental || (l->resumed && !l->trust), .exact = o->incremental,
		.sync = !o->no_sync, .n_threads = count_threads(o),
		.conf = {
			.id = r->found->id, .stream = r->found->stream, .replica = o->replica,
			.own_command = o->restore_command != NULL,
			.restore_command = o->restore_command, .inclusive = o->inclusive,
			.action = o->action, .target = &r->target, .slot = o->slot,
			.conninfo = o->conninfo != NULL ? o->conninfo :
			    r->found->conninfo[0] != '\0' ? r->found->conninfo : NULL,
		},
	};
	for (i = 0; i < l->n; i++)
		c->place[i] = (struct restore_place){ l->place[i].shown, l->place[i].fd, l->place[i].path };
	if (o->restore_command != NULL)
		return 0;
	c->conf.restore_command = command;
	return default_command(l, command, size);
}

static int
run_copy(const struct landing *l)
{
	const struct options *o = l->r->options;
	struct confined c = {
		.store = o->store, .instance = o->instance, .write_fd = l->place[0].fd, .n_more = l->n - 1,
		.as_user = true, .uid = l->uid, .gid = l->gid, .sandbox = o->sandbox, .debug = o->debug,
		.so_what = "the restore is unfinished, the same command goes on with it",
	};
	char command[8 * PATH_MAX];
	struct copying copying = { .landing = l };
	int more[RESTORE_PLACES_MAX];
	unsigned i;
	int rc;

	if ((rc = fill_config(l, command, sizeof(command), &copying.config)) != 0)
		return rc;
	for (i = 1; i < l->n; i++)
		more[i - 1] = l->place[i].fd;
	c.more_fds = more;
	if (l->resumed)
		cli_note("going on with an unfinished restore of backup %s", l->r->found->id);
	identity_raise();
	rc = confined_run(&c, copy_inside, &copying);
	identity_drop();
	return rc;
}
_Static_assert(RESTORE_PLACES_MAX - 1 <= CONFINED_MORE_MAX, "all places have room");

/* The backups of the chain stay as they are for as long as they are copied. */
static int
copy_kept(const struct landing *l)
{
	const struct restoring *r = l->r;
	struct keeping_chain c = {
		.store = l->store, .instance = r->options->instance, .n = r->found->n_members, .since = r->since,
	};
	struct keeping k;
	int rc;

	memcpy(c.id, r->found->member, sizeof(c.id));
	limited_rest(true);
	if (r->options->store_lock == STORE_LOCK_NO)
		return run_copy(l);
	rc = keeping_begin(&k, &c, r->options->store_lock == STORE_LOCK_YES, l->place[0].path);
	if (rc == 0)
		rc = run_copy(l);
	keeping_end(&k);
	return rc;
}

static int
land(void *arg)
{
	const struct restoring *r = arg;
	struct landing *l = calloc(1, sizeof(*l));
	int rc;

	if (l == NULL)
		return cli_error("out of memory");
	l->r = r;
	log_set_sink(confined_log);
	umask(0);
	if ((rc = landing_prepare(l)) == 0) {
		if (l->complete)
			cli_note("\"%s\" was restored already, and its mark had been left", l->place[0].path);
		else
			rc = copy_kept(l);
		if (rc == 0)
			rc = landing_finish(l);
	}
	l->finished = rc == 0;
	landing_close(l);
	free(l);
	return rc;
}

/* ---- the command ---------------------------------------------------------------------- */

static int
check_arguments(const struct options *o, struct restoring *r)
{
	const struct cli_need need[] = { { "--to", o->to != NULL } };
	int rc;

	if ((rc = target_args_what(o, &r->target, &r->choose)) != 0 ||
	    (rc = cli_require(need, ARRAY_SIZE(need))) != 0 ||
	    (rc = clone_args(o, NULL, &r->clone, &r->target)) != 0)
		return rc;
	return clone_args_check_mapped(&r->clone);
}

static int
run_land(struct restoring *r)
{
	int failed = 0, rc;

	cli_if_interrupted("interrupted: \"%s\" is unfinished, and no server starts on it; the same command goes on"
	    " with it", r->options->to);
	rc = limited_program(land, r, LIMITED_SECONDS, &failed);
	if (rc == -ETIMEDOUT)
		return limited_tell("target", r->options->to, LIMITED_SECONDS, "nothing was restored");
	if (rc < 0)
		return cli_error("the process that restores was killed: the same command goes on with it");
	return rc;
}

int
cmd_restore(const struct options *o)
{
	int index_fd autoclose = memfd_create("pbkfs-index", MFD_CLOEXEC);
	struct restoring r = {
		.options = o, .index_fd = index_fd,
		.found = limited_share(sizeof(*r.found)), .restored = limited_share(sizeof(*r.restored)),
	};
	int rc;

	if (index_fd < 0 || r.found == NULL || r.restored == NULL)
		return cli_error("out of memory");
	if ((rc = check_arguments(o, &r)) != 0)
		return rc;
	if (o->quiet)
		cli_leave_out_notes();
	r.on_terminal = cli_shows_progress();
	headway_raise_limits();
	clock_gettime(CLOCK_REALTIME, &r.since);
	if ((rc = survey_run(&r)) != 0 || (rc = run_land(&r)) != 0)
		return rc;
	if (!o->quiet)
		startline_print(r.found->server_version, r.restored->uid, r.restored->path);
	return 0;
}
