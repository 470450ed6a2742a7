/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening a store, and what of it is closed to the process that asks.
 */
#ifndef SUPERVISOR_STOREACCESS_H
#define SUPERVISOR_STOREACCESS_H

#include <stdbool.h>
#include <sys/stat.h>

/*
 * Opens, O_PATH, a store by its canonical path.  With check, as root, who can put
 * another one in its place has to be its owner, or root.  Returns the descriptor
 * and what *st says of it; or negative errno with one line in error (WALK_ERROR_MAX).
 */
int	storeaccess_open(const char *path, bool check, struct stat *st, char *error);

/*
 * Whether something of an instance is closed (EACCES): opens the files that a
 * reader needs.  instance NULL: of all.
 */
bool	storeaccess_is_denied(int store_fd, const char *instance);

/* Whether none of its backups can be read at all. */
bool	storeaccess_is_closed(int store_fd, const char *instance);

#endif
