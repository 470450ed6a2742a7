/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header and the checksum of a page of a relation file.
 */
#ifndef PG_PAGE_H
#define PG_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "pg/pg_types.h"

/*
 * The checksum that PostgreSQL gives a page stored as block blkno of its
 * relation's fork, counted over all segments.  The field that holds it takes
 * part as 0, so a page is intact if the result equals page_stored_checksum().
 * Never 0.  A page of zeroes has none: ask page_is_zero() first.
 */
uint16_t page_checksum(const unsigned char page[BLCKSZ], uint32_t blkno);

/*
 * Whether this processor computes it by vector instructions: in about 0.15
 * microseconds instead of 0.5.
 */
bool	page_checksum_is_fast(void);

/* The checksum field; 0 in a cluster without data checksums. */
uint16_t page_stored_checksum(const unsigned char page[BLCKSZ]);

/* Whether all BLCKSZ bytes are 0: a block that was allocated and never written. */
bool	page_is_zero(const unsigned char page[BLCKSZ]);

/* The LSN of the last change of the page. */
uint64_t page_lsn(const unsigned char page[BLCKSZ]);

/*
 * Whether these bytes begin with a header that PostgreSQL 8.3 or newer writes
 * for a page of BLCKSZ, by the limits that it checks itself.  False for a page
 * of zeroes.  Compressed data passes with a chance of less than 1 in 2^40.
 */
bool	page_header_plausible(const unsigned char page[BLCKSZ]);

#endif
