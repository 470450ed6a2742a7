/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of branches and snapshots, as users give them, and where a branch lies.
 */
#ifndef CLI_BRANCHNAME_H
#define CLI_BRANCHNAME_H

#include <limits.h>

/* Checks what an option, or an argument, names; NULL is in order.  Returns 0, or EXIT_USAGE after one line. */
int	branchname_check(const char *option, const char *name);

/*
 * The path of a branch in the diff directory that the user calls diff, or diff itself without a branch.  Returns 0, or
 * EXIT_FAILURE after one line.
 */
int	branchname_path(const char *diff, const char *branch, char path[PATH_MAX]);

#endif
