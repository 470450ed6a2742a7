/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the tree of a diff directory that becomes a data directory, and makes that, in a confined process.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/confined.h"
#include "cli/headway.h"
#include "cli/limited.h"
#include "cli/promoting.h"
#include "cow/cow.h"
#include "cow/treefile.h"

#define INDEX_MAX	(2048 * MiB)
#define CACHE_SIZE	(64 * MiB)
#define FDS_MAX		256
#define LINE_SECONDS	10	/* between two lines where there is no terminal */

struct task {
	struct promoting *m;
	int	(*step)(struct promoting *m, struct cow *c);
	bool	on_terminal;
	uint64_t begun, shown;		/* ns */
};

/* ---- in the child --------------------------------------------------------------- */

static int
open_tree(const struct promoting *m, struct pending *pending, struct cow **c)
{
	struct cow_config config = {
		.store_fd = -1, .diff_fd = m->dir.changes_fd, .index_fd = m->index_fd, .instance = m->binding.instance,
		.uid = m->dir.uid, .gid = m->dir.gid, .pending = pending, .first = true,
		.check = PAGECHECK_NOTHING, .cache_size = CACHE_SIZE, .max_fds = FDS_MAX,
	};
	int rc;

	if (getrandom(&config.mount_id, sizeof(config.mount_id), 0) != sizeof(config.mount_id))
		return -errno;
	if ((rc = treefile_load(m->dir.changes_fd, m->index_fd, INDEX_MAX)) < 0)
		return rc;
	return cow_open(&config, c);
}

static int
run_step(int store_fd, void *arg)
{
	const struct task *t = arg;
	struct pending *pending autofree = calloc(1, sizeof(*pending));
	struct cow *c;
	int rc;

	(void)store_fd;
	if (pending == NULL)
		return cli_error("out of memory");
	if ((rc = open_tree(t->m, pending, &c)) < 0)
		return cli_error("could not open \"%s/" ONDISK_CHANGES "\": %s", t->m->diff,
		    rc == -EUCLEAN ? "it contradicts itself" : strerror(-rc));
	rc = t->step(t->m, c);
	cow_close(c);
	return rc;
}

/* pg_wal of --wal=direct. */
static int
open_wal(const struct promoting *m)
{
	int fd = io_open_beneath(m->dir.changes_fd, ONDISK_WAL, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		cli_error("could not open \"%s/" ONDISK_CHANGES "/" ONDISK_WAL "\": %s", m->diff, strerror(-fd));
	return fd;
}

static int
survey(struct promoting *m, struct cow *c)
{
	int wal_fd autoclose = -1, rc = promote_survey(c, &m->told->outside);

	if (rc < 0)
		return cli_error("could not list the tablespaces of \"%s\": %s", m->diff, rc == -E2BIG ?
		    "there are too many" : rc == -EUCLEAN ? "it contradicts itself" : strerror(-rc));
	if (!m->options->copy)
		return 0;
	if (m->binding.wal == WAL_DIRECT && (wal_fd = open_wal(m)) < 0)
		return EXIT_FAILURE;
	limited_rest(true);	/* so many files, a slow disk */
	rc = promote_measure(c, wal_fd, &m->told->outside, &m->told->sizes);
	return rc == 0 ? 0 : cli_error("could not measure what \"%s\" shows: %s", m->diff, strerror(-rc));
}

static void
show_progress(void *arg)
{
	struct task *t = arg;
	const struct promoted *told = t->m->told;
	uint64_t now = clock_monotonic_ns();
	double seconds = headway_seconds_since(t->begun);

	if (!t->on_terminal ? now - t->shown < (uint64_t)LINE_SECONDS * 1000000000 :
	    now - t->shown < (uint64_t)HEADWAY_MS * 1000000)
		return;
	if (!cli_is_heard())
		_exit(EXIT_FAILURE);
	if (t->on_terminal)
		cli_progress("%llu files, %.0f MB, %.0f MB/s", (unsigned long long)told->figures.files,
		    (double)told->figures.bytes / 1e6, (double)told->figures.bytes / 1e6 / MAX(seconds, 0.001));
	else
		cli_note("promoting: %llu files, %.0f MB", (unsigned long long)told->figures.files,
		    (double)told->figures.bytes / 1e6);
	t->shown = now;
}

static struct task *current;	/* of this process */

static int
build(struct promoting *m, struct cow *c)
{
	struct promote_config config = {
		.cow = c, .wal_fd = -1, .keep_settings = m->options->keep_clone_settings, .copy = m->options->copy,
		.server_version = m->binding.server_version, .n_places = m->n, .on_file = show_progress, .arg = current,
	};
	char error[CHAIN_ERROR_MAX];
	unsigned i;
	int rc;

	for (i = 0; i < m->n; i++)
		config.place[i] = (struct promote_place){ m->state.place[i].shown, m->place[i].path, m->fd[i] };
	if (m->binding.wal == WAL_DIRECT && (config.wal_fd = open_wal(m)) < 0)
		return EXIT_FAILURE;
	limited_rest(true);	/* a slow disk is no fault */
	rc = promote_build(&config, &m->told->figures, error);
	cli_progress_end();
	if (config.wal_fd >= 0)
		close(config.wal_fd);
	return rc == 0 ? 0 : cli_error("%s", error);
}

/* ---- outside ------------------------------------------------------------------------ */

static int
confine(struct promoting *m, int (*step)(struct promoting *m, struct cow *c), bool builds)
{
	struct confined c = {
		.diff = m->diff, .write_fd = m->dir.changes_fd, .more_fds = m->fd, .n_more = builds ? m->n : 0,
		.as_user = true, .uid = m->dir.uid, .gid = m->dir.gid, .sandbox = m->options->sandbox,
		.promotes = builds, .links_across = builds && !m->options->copy, .debug = m->options->debug,
		.so_what = builds ? "the promotion is unfinished, the same command goes on with it" :
		    "nothing was promoted",
	};
	struct task t = {
		.m = m, .step = step, .on_terminal = cli_shows_progress(), .begun = clock_monotonic_ns(),
	};

	t.shown = t.begun;
	current = &t;
	if (ftruncate(m->index_fd, 0) != 0)
		return cli_error("could not empty a file in memory: %s", strerror(errno));
	return confined_run_inside(&c, run_step, &t);
}

int
promote_tree_survey(struct promoting *m)
{
	unsigned i;
	int rc = confine(m, survey, false);

	/* Whoever took the child over says anything: names are checked where they are used. */
	m->told->outside.n = MIN(m->told->outside.n, (unsigned)PROMOTE_PLACES_MAX);
	for (i = 0; i < m->told->outside.n; i++)
		m->told->outside.shown[i][PROMOTE_SHOWN_MAX - 1] = '\0';
	return rc;
}

int
promote_tree_build(struct promoting *m)
{
	return confine(m, build, true);
}
