/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens and locks; what is done then is up to each command, and what there is found by layered_survey.c.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/rmtree.h"
#include "base/util.h"
#include "cli/branchname.h"
#include "cli/cli.h"
#include "cli/confined.h"
#include "cli/diffhold.h"
#include "cli/layered.h"
#include "cli/limited.h"
#include "cli/niceness.h"
#include "sandbox/sandbox.h"
#include "supervisor/lock.h"

#define TURN_MS		10000	/* for another command to end */

struct task {
	struct layered *l;
	const struct layered_work *work;
	int	(*step)(struct layered *l);
};

/* ---- in the confined child -------------------------------------------------------- */

/* Brings what a command that was killed has left of this one to an end, and tells the user to which. */
static int
recover(struct layered *l, const char *branch)
{
	int layers autoclose = layered_layers(l), fd autoclose = layered_directory(l, branch), rc;
	const char *base = branch[0] != '\0' ? branch : l->path;
	char name[LAYERED_NAME];

	if (fd < 0 || (layers < 0 && layers != -ENOENT))
		return layered_failed(l, "open", fd < 0 ? fd : layers);
	rc = layers_recover(fd, layers < 0 ? -1 : layers, name);
	switch (rc) {
	case LAYERS_NOTHING:
		return 0;
	case LAYERS_TAKEN_BACK:
		cli_note("an unfinished command changed nothing of \"%s\"", base);
		return 0;
	case LAYERS_FROZEN:
		cli_note("snapshot \"%s\" of \"%s\" was unfinished, and is made now", name, base);
		l->told->is_done = strcmp(branch, l->options->branch != NULL ? l->options->branch : "") == 0 &&
		    l->options->name != NULL && strcmp(l->options->name, name) == 0;
		return 0;
	case LAYERS_RESET:
		cli_note("the reset of \"%s\" to snapshot \"%s\" was unfinished, and is done now", base, name);
		return 0;
	}
	return cli_error("could not finish what an earlier command began with \"%s\": %s", base, strerror(-rc));
}

static int
run_step(int store_fd, void *arg)
{
	const struct task *t = arg;
	struct layered *l = t->l;
	unsigned i;
	int rc = 0;

	(void)store_fd;
	if (l->lock_fd >= 0)
		rc = recover(l, l->target == &l->branch ? l->options->branch : "");
	for (i = 0; i < l->n_locked && rc == 0; i++)
		rc = recover(l, l->locked[i].name);
	if (rc == 0 && l->is_our_turn)
		rc = layered_tidy(l);
	return rc != 0 ? rc : t->step(l);
}

int
layered_confine(struct layered *l, int (*step)(struct layered *l))
{
	const struct confined c = {
		.diff = l->path, .write_fd = l->whole.fd, .as_user = true, .uid = l->whole.uid, .gid = l->whole.gid,
		.makes_layers = true, .sandbox = l->options->sandbox, .debug = l->options->debug, .so_what = "pbkfs tree says what there is",
	};
	struct task t = { .l = l, .step = step };

	return confined_run_inside(&c, run_step, &t);
}

/* ---- opening and locking --------------------------------------------------------------- */

static int
open_branch(struct layered *l)
{
	const char *name = l->options->branch;
	int rc;

	if (branchname_path(l->path, name, l->branch_path) != 0)
		return EXIT_FAILURE;
	rc = diffdir_open_branch(&l->branch, &l->whole, name, l->branch_path);
	if (rc == -ENOENT)
		return cli_error("\"%s\" has no branch \"%s\": pbkfs tree -d \"%s\" shows what there is", l->path, name, l->path);
	return rc == 0 ? 0 : cli_error("could not use branch \"%s\" of \"%s\": %s", name, l->path,
	    diffdir_layers_strerror(rc));
}

/* A layer may lie where versions before there were any had it. */
static int
open_changes(struct diffdir *d)
{
	char error[DIFFDIR_ERROR_MAX];

	return diffdir_is_between(d) || diffdir_open_changes(d, error) == 0 ? 0 : cli_error("%s", error);
}

static int
lock_target(struct layered *l, const struct layered_work *w)
{
	int rc;

	l->target = l->options->branch != NULL ? &l->branch : &l->whole;
	if (l->options->branch != NULL && (rc = open_branch(l)) != 0)
		return rc;
	if (!w->changes_target)
		return 0;
	return (rc = diffhold_lock(l->target, "unmount it first", &l->lock_fd)) != 0 ? rc : open_changes(l->target);
}

/* Who has the lock of layers/ changes snapshots and branches; who waits for it may be another command. */
static int
take_turn(struct layered *l, enum layered_turn turn)
{
	int rc;

	if (turn == LAYERED_SWEEPS)
		return 0;
	l->layers_fd = layers_directory(l->whole.fd, turn == LAYERED_BEGINS);
	if (l->layers_fd == -ENOENT)
		return turn == LAYERED_LOOKS ? 0 : cli_error("\"%s\" has no snapshots: pbkfs snapshot -d \"%s\" NAME makes one",
		    l->path, l->path);
	if (l->layers_fd < 0)
		return cli_error("could not use \"%s/" ONDISK_LAYERS "\": %s", l->path, strerror(-l->layers_fd));
	rc = diffhold_await_turn(l->layers_fd, turn == LAYERED_LOOKS ? 0 : TURN_MS);
	l->is_our_turn = rc == 0;
	if (rc == 0 || turn == LAYERED_LOOKS)
		return 0;
	return cli_error("could not lock \"%s/" ONDISK_LAYERS "\": %s", l->path, rc == -EWOULDBLOCK ?
	    "another command is at work there" : strerror(-rc));
}

static int
note_locked(struct layered *l, const char *name, const struct diffdir *d, int lock_fd, bool is_orphan)
{
	struct layered_locked *k = &l->locked[l->n_locked];

	if (l->n_locked == LAYERED_MAX)
		return cli_error("\"%s\" has too many branches", l->path);
	/* flock(2) on the directory goes on with a copy of the descriptor. */
	if ((k->fd = fcntl(d->fd, F_DUPFD_CLOEXEC, 0)) < 0)
		return cli_error("could not copy a descriptor: %s", strerror(errno));
	strlcpy(k->name, name, sizeof(k->name));
	k->lock_fd = lock_fd;
	k->is_orphan = is_orphan;
	l->n_locked++;
	return 0;
}

int
layered_lock_also(struct layered *l, const char *branch)
{
	char path[PATH_MAX];
	struct diffdir d;
	int lock_fd, rc;

	if (branchname_path(l->path, branch, path) != 0)
		return EXIT_FAILURE;
	if ((rc = diffdir_open_branch(&d, &l->whole, branch, path)) != 0)
		rc = cli_error("could not use branch \"%s\" of \"%s\": %s", branch, l->path, diffdir_layers_strerror(rc));
	else if ((rc = diffhold_lock(&d, "unmount it first", &lock_fd)) == 0)
		rc = note_locked(l, branch, &d, lock_fd, false);
	diffdir_close(&d);
	return rc;
}

static int
lock_idle(struct layered *l, const char *name, const struct diffdir *d, bool is_orphan)
{
	int lock_fd;

	if ((lock_fd = lock_open(d->fd, d->uid, O_RDWR | O_CREAT)) < 0)
		return 0;
	if (lock_take_idle(d->fd, lock_fd) == 0)
		return note_locked(l, name, d, lock_fd, is_orphan);
	close(lock_fd);
	return 0;
}

int
layered_lock_idle(struct layered *l, const char *branch)
{
	char path[PATH_MAX];
	struct diffdir d;
	int rc = 0;

	if (branchname_path(l->path, branch, path) != 0)
		return EXIT_FAILURE;
	if (diffdir_open_branch(&d, &l->whole, branch, path) == 0)
		rc = lock_idle(l, branch, &d, true);
	diffdir_close(&d);
	return rc;
}

/* Takes one that a command has left unfinished, and nobody uses: it is brought to an end. */
static int
take_unfinished(struct layered *l, const char *name, const struct diffdir *d)
{
	return diffdir_is_between(d) ? lock_idle(l, name, d, false) : 0;
}

static int
find_unfinished(struct layered *l)
{
	const struct dirent *e;
	char path[PATH_MAX];
	struct diffdir d;
	int rc = 0;
	DIR *dir;

	if (l->lock_fd < 0 || l->target != &l->whole)
		rc = take_unfinished(l, "", &l->whole);
	if (io_opendir(l->whole.fd, ONDISK_BRANCHES, &dir) < 0)
		return rc;
	while (rc == 0 && io_readdir(dir, &e) > 0) {
		if (!layers_name_is_valid(e->d_name) || branchname_path(l->path, e->d_name, path) != 0 ||
		    (l->lock_fd >= 0 && l->options->branch != NULL && strcmp(e->d_name, l->options->branch) == 0))
			continue;
		if (diffdir_open_branch(&d, &l->whole, e->d_name, path) == 0)
			rc = take_unfinished(l, e->d_name, &d);
		diffdir_close(&d);
	}
	closedir(dir);
	return rc;
}

/* Layers get their places by a rename. */
static int
check_kernel(const struct layered *l, const struct layered_work *w)
{
	if (w->turn == LAYERED_LOOKS || sandbox_level(l->options->sandbox) != SANDBOX_FULL || !sandbox_parts_directories())
		return 0;
	return cli_error("the sandbox of this kernel (before Linux 5.19) allows no rename from one directory to another:"
	    " --sandbox=seccomp-only does with less confinement");
}

static int
open_all(struct layered *l, const struct layered_work *w)
{
	int rc;

	if ((rc = diffhold_open(&l->whole, l->options->diff, l->path, "do that with")) != 0 ||
	    (rc = diffhold_check_content(&l->whole, w->participle)) != 0)
		return rc;
	if (diffdir_content(&l->whole, (char[NAME_MAX + 1]){ "" }) == DIFFDIR_PROMOTING)
		return cli_error(DIFFDIR_PROMOTING_TEXT, l->path, l->path);
	if ((rc = diffhold_load_binding(&l->whole, &l->binding)) != 0)
		return rc;
	if (l->binding.branch != NULL)
		return cli_error("\"%s\" is a branch itself: name the diff directory that it is in with -d, and --branch \"%s\"",
		    l->path, l->binding.branch);
	if ((rc = check_kernel(l, w)) != 0 || (rc = lock_target(l, w)) != 0 || (rc = take_turn(l, w->turn)) != 0)
		return rc;
	return l->is_our_turn ? find_unfinished(l) : 0;
}

static void
close_all(struct layered *l)
{
	unsigned i;

	for (i = 0; i < l->n_locked; i++) {
		close(l->locked[i].lock_fd);
		close(l->locked[i].fd);
	}
	if (l->layers_fd >= 0)
		close(l->layers_fd);
	if (l->lock_fd >= 0)
		close(l->lock_fd);
	free(l->found);
	l->found = NULL;
	diffdir_close(&l->branch);
	diffdir_close(&l->whole);
	binding_fini(&l->binding);
}

/* Runs in a child: names may not answer. */
static int
run_inside(void *arg)
{
	const struct task *t = arg;
	struct layered *l = t->l;
	int rc;

	log_set_sink(confined_log);
	umask(077);
	if ((rc = open_all(l, t->work)) == 0)
		rc = t->work->act(l);
	close_all(l);
	return rc;
}

static const struct diffdir none = { .fd = -1, .changes_fd = -1, .infodir_fd = -1, .parent_fd = -1 };

/* ---- the process that removes what was discarded ------------------------------------------- */

static int
sweep(struct layered *l)
{
	char failed[NAME_MAX + 1];
	const struct dirent *e;
	DIR *dir;

	if (io_opendir(l->whole.fd, ONDISK_BRANCHES, &dir) < 0)
		return 0;
	while (io_readdir(dir, &e) > 0)
		if (strncmp(e->d_name, LAYERED_GONE, strlen(LAYERED_GONE)) == 0)
			rmtree(dirfd(dir), e->d_name, failed);
	closedir(dir);
	return 0;
}

static int
sweep_all(struct layered *l)
{
	return layered_confine(l, sweep);
}

void
layered_sweep_later(const struct options *o)
{
	static const struct layered_work work = {
		.participle = "swept", .so_what = "nothing was removed", .turn = LAYERED_SWEEPS, .act = sweep_all,
	};
	struct options whole = *o;
	int null, i;

	fflush(NULL);
	if (fork() != 0)
		return;
	whole.branch = NULL;
	if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0 || setsid() < 0)
		_exit(EXIT_FAILURE);
	for (i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		dup2(null, i);
	niceness_lower(NULL);
	_exit(layered_run(&whole, &work));
}

int
layered_run(const struct options *o, const struct layered_work *work)
{
	struct layered *l autofree = calloc(1, sizeof(*l));
	struct task t = { .l = l, .work = work };
	int failed = 0, rc;

	if (l == NULL || (l->told = limited_share(sizeof(*l->told))) == NULL)
		return cli_error("out of memory");
	l->options = o;
	l->whole = l->branch = none;
	l->lock_fd = l->layers_fd = -1;
	rc = limited_program(run_inside, &t, LIMITED_SECONDS, &failed);
	if (rc == -ETIMEDOUT)
		return limited_tell("diff directory", o->diff, LIMITED_SECONDS, work->so_what);
	if (rc < 0)
		return cli_error("the process that works on \"%s\" was killed: pbkfs tree -d says what there is", o->diff);
	if (l->told->has_waste)
		layered_sweep_later(o);
	return rc == 0 && failed != 0 ? cli_error("could not write to standard output: %s", strerror(-failed)) : rc;
}
