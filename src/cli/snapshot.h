/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file .pbkfs/stat of a diff directory, read in the directory itself and
 * not through the mount.  It belongs to the mount's owner: hostile input.
 */
#ifndef CLI_SNAPSHOT_H
#define CLI_SNAPSHOT_H

#include <stddef.h>

#define SNAPSHOT_NODES	8192	/* of its JSON */

/* Reads it, following no link.  Returns 0 with a text that the caller frees, or negative errno. */
int	snapshot_read(int diff_fd, char **text, size_t *len);

#endif
