/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where tablespaces and external directories of the backup were in production: "origins" in the diff directory, for
 * those who name them so once the backup is away.  They are text, and never followed.  Format: doc/format.md.
 */
#ifndef COW_ORIGINS_H
#define COW_ORIGINS_H

#include <limits.h>
#include <stdbool.h>

struct cow;

/*
 * Writes it durably, from the backup of c.  A backup that says nothing of them leaves an empty list, one that cannot
 * be read a warning in the log and no file.  Returns 0 or negative errno.
 */
int	origins_write(struct cow *c);

/*
 * Reads what that wrote into changes_fd.  Returns text for origins_find(), which the caller frees; NULL if there is none
 * that is fit for use: versions before this wrote none.
 */
char	*origins_load(int changes_fd);

/* The path of the tablespace or external directory with this name, a number.  False if it is not known. */
bool	origins_find(const char *origins, bool external, const char *name, char path[PATH_MAX]);

#endif
