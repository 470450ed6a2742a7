/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Directories in which a command writes, named by whoever calls it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/outdir.h"
#include "supervisor/walk.h"

/* Root is led by no link that others could have put there, and opens a name once. */
static int
open_as_root(const char *dir, int flags, bool make)
{
	char path[PATH_MAX], error[WALK_ERROR_MAX];
	int rc = walk_resolve(dir, true, path), parent autoclose = -1, fd;
	bool is_new = rc == -ENOENT && make;
	const char *base;

	if (is_new)
		rc = walk_resolve(dir, false, path);
	if (rc != 0)
		return rc;
	if ((parent = walk_parent(path, NULL, error)) < 0)
		return parent;
	base = strrchr(path, '/') + 1;
	if (is_new && mkdirat(parent, base, 0700) != 0)
		return -errno;
	fd = openat(parent, base[0] != '\0' ? base : ".", flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? fd : -errno;
}

int
outdir_open(const char *dir, int flags, bool make)
{
	int fd autoclose = -1;

	if (geteuid() == 0)
		fd = open_as_root(dir, flags, make);
	else if ((fd = open(dir, flags | O_DIRECTORY | O_CLOEXEC)) < 0 && errno == ENOENT && make &&
	    mkdir(dir, 0700) == 0)
		fd = open(dir, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return geteuid() == 0 ? fd : -errno;
	return faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) == 0 ? steal_fd(&fd) : -errno;
}

const char *
outdir_strerror(int rc)
{
	return rc == -ELOOP ? "a symbolic link on the way is not root's" : strerror(-rc);
}
