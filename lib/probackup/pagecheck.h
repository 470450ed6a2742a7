/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells whether a page is the one that was backed up: by its own checksum, and
 * by its entry in page_header_map.  pg_probackup refuses to back up a page
 * whose checksum is wrong, so a difference is damage to the backup.
 */
#ifndef PROBACKUP_PAGECHECK_H
#define PROBACKUP_PAGECHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "probackup/records.h"

/*
 * Returns the number of a file's first block within its relation, by the file's
 * name ("16384.1").
 */
uint32_t pagecheck_first_block(const char *name);

/*
 * Compares the checksum of a page with the one it carries; a page of zeroes has
 * none.  blkno counts over all segments.  Returns 0, or -EUCLEAN with the reason
 * in why (CHAIN_ERROR_MAX bytes).
 */
int	pagecheck_sum(const unsigned char page[BLCKSZ], uint32_t blkno, char *why);

/*
 * Compares a page with its element of page_header_map.  The checksum there is
 * the one that the page carries; without data checksums it may also be the one
 * that it would have.  Returns as above.
 */
int	pagecheck_header(const unsigned char page[BLCKSZ], uint32_t blkno, bool has_sums,
	    const struct record_at *header, char *why);

/* Makes 16 bits of an element of page_header_map, for block maps. */
uint16_t pagecheck_mark(uint64_t lsn, uint16_t checksum);

/* Whether a page can be the one of which the mark was made. */
bool	pagecheck_has_mark(const unsigned char page[BLCKSZ], uint32_t blkno, bool has_sums,
	    uint16_t mark);

#endif
