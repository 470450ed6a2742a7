/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The id of a backup, as pg_probackup names its directory, and how many of them
 * make a chain.  An id is the backup's start time in base 36, upper case; people
 * may type it in either, and backup_id_normalize() makes upper case of it.
 */
#ifndef BASE_BACKUPID_H
#define BASE_BACKUPID_H

#include <stdbool.h>

#define BACKUP_ID_MAX	16	/* bytes, NUL included */
#define CHAIN_MAX	250	/* backups of one chain; the block map has 8 bits for them */

/* Whether id, of at most BACKUP_ID_MAX bytes with or without a NUL, is one. */
bool	backup_id_is_valid(const char *id);

/* Fills out with id, NUL terminated, in upper case and with zeros behind it.  Returns 0 or -EINVAL. */
int	backup_id_normalize(const char *id, char out[BACKUP_ID_MAX]);

/*
 * Which of two ids is the newer: negative if a is.  An id is a number in base
 * 36, so the longer one is.
 */
int	backup_id_compare(const char *a, const char *b);

#endif
