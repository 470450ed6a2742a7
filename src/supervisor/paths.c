/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Comparing names, and finding their canonical form; opening is left to walk.c.
 */
#include "config.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/paths.h"
#include "supervisor/walk.h"

int
paths_resolve(const char *path, char out[PATH_MAX])
{
	if (geteuid() == 0)
		return walk_resolve(path, true, out);
	return realpath(path, out) == NULL ? -errno : 0;
}

const char *
paths_strerror(int rc)
{
	if (rc == -ELOOP && geteuid() == 0)
		return "it goes through a symbolic link that others can change:"
		    " name where that leads to";
	return strerror(-rc);
}

int
paths_resolve_parent(const char *path, char out[PATH_MAX])
{
	char *copy autofree = strdup(path), *copy2 autofree = strdup(path);
	char parent[PATH_MAX];
	const char *base;

	if (geteuid() == 0)
		return walk_resolve(path, false, out);
	if (copy == NULL || copy2 == NULL)
		return -ENOMEM;
	if (path[0] == '\0')
		return -ENOENT;
	base = basename(copy);
	if (strcmp(base, ".") == 0 || strcmp(base, "..") == 0 || strcmp(base, "/") == 0)
		return realpath(path, out) == NULL ? -errno : 0;
	if (realpath(dirname(copy2), parent) == NULL)
		return -errno;
	if (snprintf(out, PATH_MAX, "%s%s%s", parent, parent[1] == '\0' ? "" : "/",
	    base) >= PATH_MAX)
		return -ENAMETOOLONG;
	return 0;
}

bool
paths_contains(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	if (n == 1)	/* the root directory contains everything */
		return true;
	return strncmp(dir, path, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static bool
same_inode(const char *a, const char *b)
{
	struct stat sa, sb;

	return lstat(a, &sa) == 0 && lstat(b, &sb) == 0 &&
	    sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

static int
check_pair(const struct paths_named *a, const struct paths_named *b, char *error, size_t size)
{
	if (strcmp(a->path, b->path) == 0 || same_inode(a->path, b->path))
		snprintf(error, size, "%s and %s are the same: \"%s\"", a->what, b->what, b->path);
	else if (paths_contains(a->path, b->path))
		snprintf(error, size, "%s \"%s\" lies inside %s \"%s\"",
		    b->what, b->path, a->what, a->path);
	else if (paths_contains(b->path, a->path))
		snprintf(error, size, "%s \"%s\" lies inside %s \"%s\"",
		    a->what, a->path, b->what, b->path);
	else
		return 0;
	return -EINVAL;
}

int
paths_check_overlap(const struct paths_named *paths, size_t n, char *error, size_t size)
{
	size_t i, j;

	for (i = 0; i < n; i++)
		for (j = i + 1; j < n; j++)
			if (paths[i].path != NULL && paths[j].path != NULL &&
			    check_pair(&paths[i], &paths[j], error, size) != 0)
				return -EINVAL;
	return 0;
}
