/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells whether the backups of a chain are still those that were prepared.
 * pg_probackup's lock keeps merge and delete away, but not everybody asks for
 * it: a file that is opened after such a change must not be taken for the one
 * that the index describes.  A file that is open already stays what it was.
 */
#ifndef PROBACKUP_STALENESS_H
#define PROBACKUP_STALENESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "probackup/index.h"

struct staleness;

/*
 * Returns one that knows what ix was made from, in the catalog store_fd; or NULL
 * when memory is short.  ix, store_fd and instance are borrowed.
 */
struct staleness *staleness_new(const struct index *ix, int store_fd, const char *instance);
void	staleness_free(struct staleness *g);

/*
 * Call it when a file of backup number n has been opened, and before it is
 * used; *st is of that file, dirfd is the directory of the backup, or -1 where it
 * is out of reach.  It compares the backup's control file and list with those that
 * the index was made from, or that were accepted since, and reads them if they
 * differ.  A status of a merge or a deletion, another list, or a file written after
 * the chain was prepared is -ESTALE, with one line in the log a minute.  Returns
 * 0, -ESTALE, or negative errno where it could not find out.  Safe from several
 * threads.
 */
int	staleness_check(struct staleness *g, uint16_t n, int dirfd, const struct stat *st);

/*
 * Compares the list of backup id beneath store_fd with the CRC-32C of the one that
 * was prepared.  Returns 0, -ESTALE if it is another one, or negative errno.  Logs
 * nothing.
 */
int	staleness_compare_list(int store_fd, const char *instance, const char *id,
	    uint32_t list_crc);

/* Whether the last check of this process, whatever the backup, found it changed. */
bool	staleness_was_found(void);

#endif
