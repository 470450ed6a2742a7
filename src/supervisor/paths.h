/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of directories: canonical forms, and which of them overlap.
 */
#ifndef SUPERVISOR_PATHS_H
#define SUPERVISOR_PATHS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The canonical form of path; the second without touching its last component,
 * which may be a mountpoint that does not answer, or not exist.  For root no link
 * counts that others can change: walk.h.  Returns 0 or negative errno, for
 * paths_strerror().
 */
int	paths_resolve(const char *path, char out[PATH_MAX]);
int	paths_resolve_parent(const char *path, char out[PATH_MAX]);
const char *paths_strerror(int rc);

/* Whether path is dir or lies beneath it; both canonical. */
bool	paths_contains(const char *dir, const char *path);

struct paths_named {
	const char *what;	/* "store", "mountpoint", ... */
	const char *path;	/* canonical; NULL is skipped */
};

/*
 * Refuses paths that are equal or contain one another.  Returns 0, or -EINVAL
 * with one line in error.
 */
int	paths_check_overlap(const struct paths_named *paths, size_t n, char *error, size_t size);

#endif
