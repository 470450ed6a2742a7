/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A mount finds and locks its diff directory in the supervisor (claim.c), which may make it and give it away; here
 * it has to be there, and nothing of it changes but the lock file.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "cli/branchname.h"
#include "cli/cli.h"
#include "cli/diffhold.h"
#include "cli/place.h"
#include "diff/layers.h"
#include "supervisor/identity.h"
#include "supervisor/lock.h"
#include "supervisor/mountinfo.h"
#include "supervisor/paths.h"
#include "supervisor/username.h"

#define LOCK_MS		10000	/* for processes of a mount that has just ended */
#define TURN_MS		3000	/* for a command that changes snapshots and branches */
#define PAUSE_NS	5000000

static int
take_owner(const struct diffdir *d, const char *verb)
{
	char error[DIFFDIR_ERROR_MAX], name[USERNAME_MAX];
	int rc;

	if (geteuid() != 0 && d->uid != geteuid())
		return cli_error("diff directory \"%s\" belongs to user %s: only that user and root can %s it", d->path,
		    username_of(d->uid, name), verb);
	if (diffdir_check_way(d, d->uid, error) != 0)
		return cli_error("%s", error);
	if ((rc = identity_assume(d->uid, d->gid)) != 0)
		return cli_error("could not act as user %s: %s", username_of(d->uid, name), strerror(-rc));
	return 0;
}

int
diffhold_open(struct diffdir *d, const char *given, char path[PATH_MAX], const char *verb)
{
	char error[DIFFDIR_ERROR_MAX] = "";
	int rc;

	if ((rc = paths_resolve_parent(given, path)) != 0)
		return cli_error("could not use \"%s\": %s", given, paths_strerror(rc));
	if (diffdir_open(d, path, false, error) != 0)
		return cli_error("%s", error);
	return take_owner(d, verb);
}

int
diffhold_check_content(const struct diffdir *d, const char *participle)
{
	char foreign[NAME_MAX + 1];
	int content = diffdir_content(d, foreign);

	if (content < 0)
		return cli_error("could not read \"%s\": %s", d->path, strerror(-content));
	if (content == DIFFDIR_EMPTY)
		return cli_error("\"%s\" is empty: nothing is to be %s", d->path, participle);
	if (content == DIFFDIR_FOREIGN)
		return cli_error("\"%s\" is not a pbkfs diff directory: it holds \"%s\"", d->path, foreign);
	if (content == DIFFDIR_UNFINISHED)
		return cli_error("no backup was mounted with \"%s\": nothing is to be %s", d->path, participle);
	if (content == DIFFDIR_LEFT_OVER)
		return cli_error(DIFFDIR_LEFT_OVER_TEXT, d->path, d->path);
	return 0;
}

int
diffhold_load_binding(const struct diffdir *d, struct binding *b)
{
	int rc = binding_load(d->fd, b);

	if (rc == 0)
		return 0;
	return cli_error("could not read \"%s/" ONDISK_BINDING "\": %s", d->path, rc == -ENOENT ?
		    "no backup was mounted with this diff directory" : rc == -ENOTSUP ? "it is of another version of pbkfs" :
		    rc == -EUCLEAN ? "it is not what pbkfs writes" : strerror(-rc));
}

int
diffhold_check_changes(const struct diffdir *d, const struct binding *b, const char *participle)
{
	if (b->no_wal)
		return cli_error("\"%s\" was mounted with --no-wal: what was changed is gone, nothing is to be %s", d->path,
		    participle);
	if (diffdir_is_dirty(d))
		return cli_error("\"%s\" is of a --perf-unsafe mount that did not end in order: mount it with --force, look"
		    " at it, and unmount it first", d->path);
	return 0;
}

static int
in_use(const struct diffdir *d, int lock_fd)
{
	pid_t pid = lock_holder(lock_fd);

	if (pid > 0)
		return cli_error("\"%s\" is in use by process %d", d->path, (int)pid);
	return cli_error("\"%s\" is in use by another command", d->path);
}

/* The rest of a sentence: whether a server runs on the mount. */
static const char *
server_at(const char *mnt, char text[64])
{
	int fd autoclose = open(mnt, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t pid = fd >= 0 ? place_server(fd) : 0;

	text[0] = '\0';
	if (pid > 0)
		snprintf(text, 64, ", where a server runs (pid %d)", (int)pid);
	return text;
}

static int
check_unmounted(const struct diffdir *d, const char *way_out)
{
	struct mountinfo *i autofree = malloc(sizeof(*i));
	int rc = i == NULL ? -ENOMEM : mountinfo_find_source(d->path, d->uid, i);
	char server[64];

	if (rc == 0)
		return cli_error("\"%s\" is mounted at \"%s\"%s: %s", d->path, i->mountpoint,
		    server_at(i->mountpoint, server), way_out);
	if (rc == -EEXIST)
		return cli_error("\"%s\" is mounted: %s", d->path, way_out);
	return rc == -ENOENT ? 0 : cli_error("could not read the table of mounts: %s", strerror(-rc));
}

int
diffhold_lock(const struct diffdir *d, const char *way_out, int *lock_fd)
{
	int rc;

	*lock_fd = lock_open(d->fd, d->uid, O_RDWR | O_CREAT);
	if (*lock_fd < 0)
		return cli_error("could not use \"%s/" ONDISK_LOCK "\": %s", d->path, *lock_fd == -EPERM ?
		    "it is not a plain file of the owner's" : strerror(-*lock_fd));
	if (check_unmounted(d, way_out) != 0)
		return EXIT_FAILURE;
	rc = lock_await_idle(d->fd, *lock_fd, LOCK_MS);
	if (check_unmounted(d, way_out) != 0)
		return EXIT_FAILURE;
	if (rc == -EWOULDBLOCK)
		return in_use(d, *lock_fd);
	return rc == 0 ? 0 : cli_error("could not lock \"%s\": %s", d->path, strerror(-rc));
}

/* ---- branches --------------------------------------------------------------------- */

/* An error that says that there is no directory of that name. */
static bool
is_nothing(int error)
{
	return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

/* *dir is NULL if there is nothing to list. */
static int
open_listing(const struct diffdir *whole, const char *place, DIR **dir)
{
	int rc = io_opendir(whole->fd, place, dir);

	if (rc < 0)
		*dir = NULL;
	return rc == 0 || is_nothing(-rc) ? 0 : cli_error("could not list \"%s/%s\": %s", whole->path, place, strerror(-rc));
}

/* Gone meanwhile, or no directory, it is no branch; it is one if we are kept from finding out. */
static bool
is_no_branch(const struct diffdir *d, const char *name, int rc)
{
	struct stat st;

	return rc == -ENOENT || (rc == -EPERM && d->parent_fd >= 0 && fstatat(d->parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISDIR(st.st_mode));
}

/* flock(2) on the directory goes on with a copy of its descriptor. */
static int
lock_branch(const struct diffdir *whole, const char *name, struct diffhold_branch *b)
{
	char path[PATH_MAX];
	struct diffdir d;
	int rc;

	if (branchname_path(whole->path, name, path) != 0)
		return EXIT_FAILURE;
	b->fd = b->lock_fd = -1;
	strlcpy(b->name, name, sizeof(b->name));
	rc = diffdir_open_branch(&d, whole, name, path);
	if (rc < 0)
		rc = is_no_branch(&d, name, rc) ? 0 : cli_error("could not use branch \"%s\" of \"%s\", which may be mounted: %s", name,
		    whole->path, diffdir_layers_strerror(rc));
	else if ((rc = diffhold_lock(&d, "unmount it first", &b->lock_fd)) == 0 && (b->fd = fcntl(d.fd, F_DUPFD_CLOEXEC, 0)) < 0)
		rc = cli_error("could not copy a descriptor of branch \"%s\": %s", name, strerror(errno));
	diffdir_close(&d);
	return rc;
}

static int
lock_each(const struct diffdir *whole, DIR *dir, struct diffhold_branches *b)
{
	struct diffhold_branch *more;
	const struct dirent *e;
	int found, rc = 0;

	while (rc == 0 && (found = io_readdir(dir, &e)) != 0) {
		if (found < 0)
			return cli_error("could not list the branches of \"%s\": %s", whole->path, strerror(-found));
		if ((more = realloc(b->branch, (b->n + 1) * sizeof(*more))) == NULL)
			return cli_error("out of memory");
		b->branch = more;
		rc = lock_branch(whole, e->d_name, &b->branch[b->n++]);
	}
	return rc;
}

int
diffhold_lock_branches(const struct diffdir *whole, struct diffhold_branches *b)
{
	DIR *dir;
	int rc = open_listing(whole, ONDISK_BRANCHES, &dir);

	*b = (struct diffhold_branches){ 0 };
	if (rc != 0 || dir == NULL)
		return rc;
	rc = lock_each(whole, dir, b);
	closedir(dir);
	return rc;
}

/* ---- the turn ------------------------------------------------------------------- */

int
diffhold_await_turn(int layers_fd, int ms)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	int64_t until = clock_monotonic_ms() + ms;

	while (flock(layers_fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK || clock_monotonic_ms() >= until)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return 0;
}

int
diffhold_take_turn(const struct diffdir *whole, int *layers_fd)
{
	int rc;

	*layers_fd = openat(whole->fd, ONDISK_LAYERS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*layers_fd < 0 && is_nothing(errno))
		return 0;
	if (*layers_fd < 0)
		return cli_error("could not use \"%s/" ONDISK_LAYERS "\": %s", whole->path, strerror(errno));
	rc = diffhold_await_turn(*layers_fd, TURN_MS);
	return rc == 0 ? 0 : cli_error("could not lock \"%s/" ONDISK_LAYERS "\": %s", whole->path, rc == -EWOULDBLOCK ?
	    "another command is at work there, repeat this when that has ended" : strerror(-rc));
}

/* ---- protection ------------------------------------------------------------------- */

static int
refuse_protected(const struct diffdir *whole, const char *what, const char *name)
{
	return cli_error("%s \"%s\" of \"%s\" is protected: pbkfs delete -d \"%s\" --%s %s --unprotect allows it, or use --force",
	    what, name, whole->path, whole->path, what, name);
}

/* Returns negative errno if that is not to be found out; a directory alone can be. */
static int
is_protected(int dir_fd, const char *name)
{
	int fd autoclose = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return is_nothing(errno) ? 0 : -errno;
	if (fstatat(fd, ONDISK_PROTECTED, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : -errno;
}

static int
find_protected(const struct diffdir *whole, const char *what, DIR *dir)
{
	const struct dirent *e;
	int found, rc;

	while ((found = io_readdir(dir, &e)) > 0) {
		if (!layers_name_is_valid(e->d_name) || (rc = is_protected(dirfd(dir), e->d_name)) == 0)
			continue;
		return rc > 0 ? refuse_protected(whole, what, e->d_name) :
		    cli_error("could not find out whether %s \"%s\" of \"%s\" is protected: %s; --force does without", what, e->d_name,
		    whole->path, strerror(-rc));
	}
	return found == 0 ? 0 : cli_error("could not list what may be protected in \"%s\": %s", whole->path, strerror(-found));
}

static int
check_protected_in(const struct diffdir *whole, const char *what, const char *place)
{
	DIR *dir;
	int rc = open_listing(whole, place, &dir);

	if (rc != 0 || dir == NULL)
		return rc;
	rc = find_protected(whole, what, dir);
	closedir(dir);
	return rc;
}

int
diffhold_check_protected(const struct diffdir *whole)
{
	int rc = check_protected_in(whole, "snapshot", ONDISK_LAYERS);

	return rc != 0 ? rc : check_protected_in(whole, "branch", ONDISK_BRANCHES);
}

void
diffhold_unlock_branches(struct diffhold_branches *b)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		if (b->branch[i].fd >= 0)
			close(b->branch[i].fd);
		if (b->branch[i].lock_fd >= 0)
			close(b->branch[i].lock_fd);
	}
	free(b->branch);
	*b = (struct diffhold_branches){ 0 };
}
