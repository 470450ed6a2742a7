/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command verify: checks all that the chain of a backup stores, in a
 * confined child, and shows progress.  probackup/verify.c does the reading.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/confined.h"
#include "cli/limited.h"
#include "cli/target_args.h"
#include "probackup/chain.h"
#include "probackup/choose.h"
#include "probackup/verify.h"

#define INDEX_MAX	(2048 * MiB)
#define TICK_MS		200	/* between two states of the progress line */
#define WORK_NS		100000	/* of processors: less than a few reads take, more than clocks differ */

/* The task of the confined child. */
struct run {
	struct verify_config config;
	struct recovery_target target;	/* to choose the backup for */
	bool	choose;
	struct choice choice;
	bool	on_terminal;	/* asked before: the child cannot */
};

static double
seconds_since(uint64_t begun)
{
	return (double)(clock_monotonic_ns() - begun) / 1e9;
}

/* Shows progress.  The bytes to read are only an estimate, so 100 % is for the end. */
static void
show_progress(const struct verify_figures *f, double seconds)
{
	static const char bar[] = "########################################";
	double part = f->bytes_expected == 0 ? 0 :
	    MIN((double)f->bytes / (double)f->bytes_expected, 0.999);
	int width = (int)sizeof(bar) - 1, full = (int)(part * width);

	cli_progress("[%.*s%*s] %4.1f %%, %.0f MB, %.0f MB/s, %llu faults",
	    full, bar, width - full, "", part * 100, (double)f->bytes / 1e6,
	    (double)f->bytes / 1e6 / MAX(seconds, 0.001), (unsigned long long)f->faults);
}

static int64_t
worked_ns(clockid_t clock)
{
	struct timespec t;

	return clock_gettime(clock, &t) != 0 ? 0 : clock_ns(&t);
}

/*
 * Whether the threads that read have computed next to nothing for long, whatever
 * this one, which only watches, has: the store does not answer them.
 */
static bool
is_stuck(int64_t *seen, unsigned *ticks)
{
	int64_t own = worked_ns(CLOCK_THREAD_CPUTIME_ID), others = worked_ns(CLOCK_PROCESS_CPUTIME_ID) - own;

	*ticks = others > *seen + WORK_NS ? 0 : *ticks + 1;
	if (*ticks == 0)
		*seen = others;
	return *ticks >= LIMITED_SECONDS * 1000 / TICK_MS;
}

static int
attend(struct verify *v, const struct run *run, uint64_t begun)
{
	struct verify_figures f;
	int64_t seen = 0;
	unsigned ticks = 0;
	double seconds;

	do {
		if (!cli_is_heard())
			_exit(EXIT_FAILURE);
		verify_figures(v, &f);
		if (is_stuck(&seen, &ticks))
			limited_give_up();
		else if (run->on_terminal)
			show_progress(&f, seconds_since(begun));
	} while (!verify_wait(v, TICK_MS));
	cli_progress_end();
	verify_figures(v, &f);
	seconds = seconds_since(begun);
	cli_print("%s: %llu files, %llu pages, %llu bytes in %.2f seconds, %.0f MB/s, %llu faults\n",
	    f.faults == 0 ? "verified" : "damaged", (unsigned long long)f.files,
	    (unsigned long long)f.pages, (unsigned long long)f.bytes, seconds,
	    (double)f.bytes / 1e6 / MAX(seconds, 0.001), (unsigned long long)f.faults);
	return f.faults == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
choose(struct run *run)
{
	struct verify_config *c = &run->config;
	struct choice *choice = &run->choice;
	char error[CHAIN_ERROR_MAX];
	int rc;

	rc = choose_backup(c->store_fd, c->store_name, c->instance, &run->target, choice, error);
	if (rc < 0)
		return confined_failed(rc, error);
	log_info("%s", choice->text);
	if (choice->warning[0] != '\0')
		log_warn("%s", choice->warning);
	c->backup_id = choice->id;
	return 0;
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
	if (run->choose && choose(run) != 0)
		return EXIT_FAILURE;
	if ((rc = verify_start(&run->config, &v, error)) < 0)
		return confined_failed(rc, error);
	rc = attend(v, run, begun);
	verify_free(v);
	return rc;
}

static int
check_arguments(const struct options *o, struct run *run)
{
	struct cli_need need[] = {
		{ "--pbk-store", o->store != NULL }, { "--instance", o->instance != NULL },
		{ "--backup-id", o->backup_id != NULL },
	};
	int rc = target_args(o, &run->target);

	if (rc != 0)
		return rc;
	run->choose = target_args_choose(o, &run->target);
	need[2].given |= run->choose;
	if ((rc = cli_require(need, ARRAY_SIZE(need))) != 0)
		return rc;
	if (!run->choose && target_args_given(&run->target))
		return cli_usage("a recovery target chooses the backup: leave --backup-id out, or give it \"latest\"");
	if (strchr(o->instance, '/') != NULL || o->instance[0] == '.')
		return cli_usage("\"%s\" cannot be the name of an instance", o->instance);
	return 0;
}

/* Allows more descriptors, for a chain of many backups takes them. */
static void
raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = MIN(limit.rlim_max, (rlim_t)8192);
	setrlimit(RLIMIT_NOFILE, &limit);
}

static unsigned
count_processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (unsigned)MIN(n, (long)VERIFY_THREADS_MAX);
}

int
cmd_verify(const struct options *o)
{
	int index_fd autoclose = -1;
	struct confined c = {
		.store = o->store, .instance = o->instance, .write_fd = -1, .sandbox = o->sandbox,
		.debug = o->debug, .so_what = "not all of it could be checked",
	};
	struct run run = { .on_terminal = isatty(STDERR_FILENO) };
	int rc;

	if ((rc = check_arguments(o, &run)) != 0)
		return rc;
	if ((index_fd = memfd_create("pbkfs-index", MFD_CLOEXEC)) < 0)
		return cli_error("could not create the index: %s", strerror(errno));
	raise_limits();
	run.config = (struct verify_config){
		.store_name = o->store, .instance = o->instance, .backup_id = o->backup_id,
		.index_fd = index_fd, .index_max = INDEX_MAX,
		.n_threads = o->threads != 0 ? (unsigned)o->threads : count_processors(),
	};
	return confined_run(&c, verify_inside, &run);
}
