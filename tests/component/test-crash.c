/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Power loss, simulated: a random workload on the copy-on-write file system
 * runs on a disk that remembers (crashdisk.h), and at many points of it what a
 * crash might leave is built and opened again.
 *
 * A run is one seed.  It has several lives; each ends with a crash of the
 * machine, of the worker alone (the next one takes over with the pending log),
 * of all processes (a new mount), or with an orderly unmount, and the next goes
 * on with what that left.  So what an interrupted recovery leaves behind meets
 * the next crash.
 *
 * What is demanded, as doc/architecture.md has it:
 * - the tree (names, modes, link counts) is one that existed, at or after the
 *   last sync that covers it;
 * - a file's length is one that it had, at or after its last fsync;
 * - each 4 KiB of it is as it was at some moment at or after its last fsync,
 *   independently of the others; but what a truncation took away is back only
 *   if the length is, and stays away only if the length does.
 * Where nothing but processes died, nothing at all may be missing.
 *
 * PBKFS_CRASH_POINTS: how many points, all seeds together (default: 6000, but no
 * longer than 20 seconds).
 * PBKFS_CRASH_SEED, PBKFS_CRASH_SEEDS: the first seed, and how many.  By default the same
 * ones each time; with PBKFS_CRASH_POINTS, ones of chance.
 * PBKFS_CRASH_KEEP: leave the directory of a failure where it is.
 */
#include "config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "crash-run.h"
#include "probackup/chain.h"
#include "support/tmpdir.h"

#define SECONDS		20	/* of a run by default */

void *
more(void *p, size_t size)
{
	if ((p = realloc(p, size)) == NULL)
		abort();
	return p;
}

char why[1024];

bool
wrong(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return false;
}

char last_line[LOG_LINE_MAX];	/* of the log */

static void
keep_line(enum log_level level, const char *text, size_t len)
{
	(void)len;
	if (level <= LOGL_WARNING)
		snprintf(last_line, sizeof(last_line), "%s", text);
}

static bool
run_seed(uint64_t seed, unsigned points, unsigned *tried)
{
	struct run run = { .seed = seed, .diff_fd = -1, .pending = more(NULL, sizeof(struct pending)) };
	bool good;

	memset(run.pending, 0, sizeof(*run.pending));
	if (!(good = begin_run(&run)))
		printf("#   %s\n", why);
	for (run.life = 0; good && run.life < LIVES; run.life++) {
		good = live(&run, points / LIVES);
		if (good)
			good = next_life(&run);
	}
	crashdisk_use(NULL);
	hydration_end(&run.hydration);
	if (run.c != NULL)
		cow_close(run.c);
	if (run.index_fd >= 0)
		close(run.index_fd);
	if (run.disk != NULL)
		crashdisk_free(run.disk);
	if (run.diff_fd >= 0)
		close(run.diff_fd);
	drop_dir(run.diff, good);
	model_free(&run.m);
	free(run.done);
	free(run.pending);
	*tried = run.points;
	return good;
}

static uint64_t
number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL && *text != '\0' ? strtoull(text, NULL, 10) : otherwise;
}

/* In memory if possible, since no disk is needed to lose data that was not synced. */
static bool
make_root(void)
{
	const char *tmp = getenv("TMPDIR");

	if (tmp == NULL)
		tmp = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(root, sizeof(root), "%s/pbkfs-crash-XXXXXX", tmp);
	return mkdtemp(root) != NULL;
}

static bool
time_is_up(const struct timespec *begin)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return getenv("PBKFS_CRASH_POINTS") == NULL && getenv("PBKFS_CRASH_SEEDS") == NULL &&
	    now.tv_sec - begin->tv_sec >= SECONDS;
}

/* Returns how many seeds failed. */
static unsigned
run_seeds(uint64_t first, uint64_t n)
{
	struct timespec begin;
	unsigned failed = 0, tried;
	uint64_t i, total = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (i = 0; i < n && !time_is_up(&begin); i++) {
		bool good = run_seed(first + i, POINTS_PER_SEED, &tried);

		total += tried;
		failed += !good;
		printf("%sok %" PRIu64 " - seed %" PRIu64 ": %u points\n", good ? "" : "not ",
		    i + 1, first + i, tried);
		fflush(stdout);
	}
	printf("1..%" PRIu64 "\n# %" PRIu64 " points, %u of %" PRIu64 " seeds failed\n", i, total,
	    failed, i);
	return failed;
}

int
main(void)
{
	uint64_t points = number("PBKFS_CRASH_POINTS", 6000), seeds, seed;
	char error[CHAIN_ERROR_MAX] = "";
	unsigned failed;

	/* The short form is the same each time, the long one tries seeds that nobody has tried. */
	if (getenv("PBKFS_CRASH_POINTS") == NULL)
		seed = 1;
	else if (getrandom(&seed, sizeof(seed), 0) == sizeof(seed))
		seed >>= 32;
	else
		seed = 1;
	seed = number("PBKFS_CRASH_SEED", seed);
	seeds = number("PBKFS_CRASH_SEEDS", getenv("PBKFS_CRASH_SEED") != NULL ? 1 :
	    (points + POINTS_PER_SEED - 1) / POINTS_PER_SEED);
	log_set_sink(keep_line);
	if (!make_root() || make_store(error) < 0) {
		printf("Bail out! could not make a catalog: %s\n", error);
		return EXIT_FAILURE;
	}
	failed = run_seeds(seed, seeds);
	reader_fini(&reader);
	close(store_fd);
	close(index_fd);
	if (failed == 0 || getenv("PBKFS_CRASH_KEEP") == NULL)
		tmpdir_remove(root);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
