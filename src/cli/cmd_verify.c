/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command verify: checks all that the chain of a backup stores, in a
 * confined child, and shows progress.  probackup/verify.c does the reading.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/confined.h"
#include "cli/headway.h"
#include "cli/limited.h"
#include "cli/target_args.h"
#include "probackup/chain.h"
#include "probackup/verify.h"

#define INDEX_MAX	(2048 * MiB)

/* The task of the confined child. */
struct run {
	struct verify_config config;
	struct recovery_target target;	/* to choose the backup for */
	bool	choose;
	const struct options *options;
	char	id[BACKUP_ID_MAX];	/* of what was chosen */
	bool	on_terminal;	/* asked before: the child cannot */
};

/* Shows progress.  The bytes to read are only an estimate, so 100 % is for the end. */
static void
show_progress(const struct verify_figures *f, double seconds)
{
	char bar[HEADWAY_BAR_MAX];

	headway_bar(f->bytes, f->bytes_expected, bar);
	cli_progress("%s, %.0f MB, %.0f MB/s, %llu faults", bar, (double)f->bytes / 1e6,
	    (double)f->bytes / 1e6 / MAX(seconds, 0.001), (unsigned long long)f->faults);
}

static int
attend(struct verify *v, const struct run *run, uint64_t begun)
{
	struct verify_figures f;
	struct headway look = { 0 };
	double seconds;

	do {
		if (!cli_is_heard())
			_exit(EXIT_FAILURE);
		verify_figures(v, &f);
		if (headway_is_stuck(&look))
			limited_give_up();
		else if (run->on_terminal)
			show_progress(&f, headway_seconds_since(begun));
	} while (!verify_wait(v, HEADWAY_MS));
	cli_progress_end();
	verify_figures(v, &f);
	seconds = headway_seconds_since(begun);
	cli_print("%s: %llu files, %llu pages, %llu bytes in %.2f seconds, %.0f MB/s, %llu faults\n",
	    f.faults == 0 ? "verified" : "damaged", (unsigned long long)f.files,
	    (unsigned long long)f.pages, (unsigned long long)f.bytes, seconds,
	    (double)f.bytes / 1e6 / MAX(seconds, 0.001), (unsigned long long)f.faults);
	return f.faults == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Runs in the confined child. */
static int
verify_inside(int store_fd, void *arg)
{
	struct run *run = arg;
	char error[CHAIN_ERROR_MAX];
	uint64_t begun = clock_monotonic_ns();
	struct verify *v;
	int rc;

	run->config.store_fd = store_fd;
	if (run->choose && target_args_find(store_fd, run->options, &run->target, run->id) != 0)
		return EXIT_FAILURE;
	if ((rc = verify_start(&run->config, &v, error)) < 0)
		return confined_failed(rc, error);
	rc = attend(v, run, begun);
	verify_free(v);
	return rc;
}

int
cmd_verify(const struct options *o)
{
	int index_fd autoclose = -1;
	struct confined c = {
		.store = o->store, .instance = o->instance, .write_fd = -1, .sandbox = o->sandbox,
		.debug = o->debug, .so_what = "not all of it could be checked",
	};
	struct run run = { .on_terminal = cli_shows_progress(), .options = o };
	int rc;

	if ((rc = target_args_what(o, &run.target, &run.choose)) != 0)
		return rc;
	if (!run.choose && target_args_given(&run.target))
		return cli_usage("a recovery target chooses the backup: leave --backup-id out, or give it \"latest\"");
	if ((index_fd = memfd_create("pbkfs-index", MFD_CLOEXEC)) < 0)
		return cli_error("could not create the index: %s", strerror(errno));
	headway_raise_limits();
	run.config = (struct verify_config){
		.store_name = o->store, .instance = o->instance, .backup_id = run.choose ? run.id : o->backup_id,
		.index_fd = index_fd, .index_max = INDEX_MAX,
		.n_threads = o->threads != 0 ? (unsigned)o->threads : headway_processors(VERIFY_THREADS_MAX),
	};
	return confined_run(&c, verify_inside, &run);
}
