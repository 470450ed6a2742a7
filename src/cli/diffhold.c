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
#include <unistd.h>

#include "base/ondisk.h"
#include "base/util.h"
#include "cli/branchname.h"
#include "cli/cli.h"
#include "cli/diffhold.h"
#include "cli/place.h"
#include "supervisor/identity.h"
#include "supervisor/lock.h"
#include "supervisor/mountinfo.h"
#include "supervisor/paths.h"
#include "supervisor/username.h"

#define LOCK_MS		10000	/* for processes of a mount that has just ended */

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

/* flock(2) on the directory goes on with a copy of its descriptor.  What is no directory of the owner's is no branch. */
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
	if (rc == 0 && (rc = diffhold_lock(&d, "unmount it first", &b->lock_fd)) == 0)
		b->fd = fcntl(d.fd, F_DUPFD_CLOEXEC, 0);
	else if (rc < 0)
		rc = 0;
	diffdir_close(&d);
	return rc;
}

static int
lock_each(const struct diffdir *whole, DIR *dir, struct diffhold_branches *b)
{
	struct diffhold_branch *more;
	const struct dirent *e;
	int rc = 0;

	while (rc == 0 && (e = readdir(dir)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
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
	int fd = openat(whole->fd, ONDISK_BRANCHES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	*b = (struct diffhold_branches){ 0 };
	if (dir == NULL)
		return 0;
	rc = lock_each(whole, dir, b);
	closedir(dir);
	return rc;
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
