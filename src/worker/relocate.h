/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * -T and --external-mapping: tablespaces and external directories as real
 * copies in directories of their own.
 */
#ifndef WORKER_RELOCATE_H
#define WORKER_RELOCATE_H

#include <limits.h>

#include "ipc/job.h"
#include "probackup/chain.h"

/*
 * Finds where what a mapping names is in the tree: dir (".pbkfs-tblspc" or
 * ".pbkfs-external") and name, NUL terminated, in buffers of the caller's.
 * Returns 0, -ENOENT with one line in error (CHAIN_ERROR_MAX bytes) that says
 * what the backup has instead, or another negative errno with error filled.
 */
#define RELOCATE_NAME_MAX	16
int	relocate_find(const struct clone_config *p, unsigned i, const struct chain *c,
	    const char **dir, char name[RELOCATE_NAME_MAX], char *error);

/*
 * The same for a tablespace that is not in the backup: one that WAL of the archive makes
 * at that location.  Once for each mapping, then it is remembered.  Returns 0 or -ENOENT.
 */
int	relocate_find_in_wal(const struct job *job, unsigned i, const struct chain *c,
	    char name[RELOCATE_NAME_MAX]);

#endif
