/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Chains that an interrupted "pg_probackup merge" has left behind.  Each step of
 * a merge (doc/catalog.md, "Locks, merge and delete") leaves a state:
 *
 *	FULL MERGING	merge replaces its files one by one by those of the target's
 *			time; then its page_header_map, its list, its control file
 *	FULL MERGED	all of it is of the target's time; members are DELETING
 *			or gone, the oldest first
 *	renamed		the same in the target's directory
 *
 * What a mount shows must be of one time: see merge_check_times() and
 * merge_check_file().
 */
#ifndef PROBACKUP_MERGE_H
#define PROBACKUP_MERGE_H

#include "probackup/chain.h"
#include "probackup/store.h"

/* Whether the status is one that a merge gives: MERGING, MERGED or, at its end, DELETING. */
bool	merge_is_under_way(const struct control *c);

/*
 * Whether the FULL at the end of the chain, if it is being merged, is not of a
 * later time than the mounted backup.  Returns 0, or -EUCLEAN with one line in
 * error (CHAIN_ERROR_MAX bytes).
 */
int	merge_check_times(const struct chain *c, char *error);

/* Whether files of the chain may be other ones than listed, or gone. */
bool	merge_is_suspect(const struct chain *c);

/*
 * Compares what suspect members of the chain store of file e with what their
 * lists say: length, crc, page headers.  Adds what was read to *bytes.  Returns
 * 0, -EUCLEAN or negative errno, after a line in the log that names the file.
 */
int	merge_check_file(const struct chain *c, const struct store *s, uint32_t e, struct reader *rd,
	    uint64_t *bytes);

/*
 * Looks in an instance for the FULL with status MERGED into which id was, or is to be,
 * merged.  Returns 0 and its id in full, or -ENOENT.
 */
int	merge_find_full(int instance_fd, const char *id, char full[BACKUP_ID_MAX]);

#endif
