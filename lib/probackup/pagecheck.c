/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compares one page with its checksum and with its entry in page_header_map.
 * Its callers know where the page comes from, and what to say.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>

#include "pg/page.h"
#include "pg/relpath.h"
#include "probackup/pagecheck.h"

/* As PostgreSQL writes an LSN. */
#define LSN_FORMAT	"%X/%X"
#define LSN_PARTS(lsn)	(uint32_t)((lsn) >> 32), (uint32_t)(lsn)

uint32_t
pagecheck_first_block(const char *name)
{
	struct relpath rp;

	return relpath_parse(name, &rp) == 0 ? rp.segno * RELSEG_SIZE : 0;
}

int
pagecheck_sum(const unsigned char page[BLCKSZ], uint32_t blkno, char *why)
{
	uint16_t found = page_checksum(page, blkno), expected = page_stored_checksum(page);

	if (found == expected || page_is_zero(page))
		return 0;
	return explain(why, -EUCLEAN, "calculated checksum %u, expected %u", found, expected);
}

int
pagecheck_header(const unsigned char page[BLCKSZ], uint32_t blkno, bool has_sums,
    const struct record_at *header, char *why)
{
	uint16_t sum = page_stored_checksum(page);
	uint64_t lsn = page_lsn(page);

	if (lsn == header->lsn && (sum == header->checksum ||
	    (!has_sums && page_checksum(page, blkno) == header->checksum)))
		return 0;
	return explain(why, -EUCLEAN,
	    "page_header_map expects LSN " LSN_FORMAT " and checksum %u, found " LSN_FORMAT " and %u",
	    LSN_PARTS(header->lsn), header->checksum, LSN_PARTS(lsn), sum);
}

/* The low bits change with every record, and neighbours must not cancel each other out. */
uint16_t
pagecheck_mark(uint64_t lsn, uint16_t checksum)
{
	return (uint16_t)((lsn * UINT64_C(0x9e3779b97f4a7c15)) >> 48) ^ checksum;
}

bool
pagecheck_has_mark(const unsigned char page[BLCKSZ], uint32_t blkno, bool has_sums, uint16_t mark)
{
	uint64_t lsn = page_lsn(page);

	return pagecheck_mark(lsn, page_stored_checksum(page)) == mark ||
	    (!has_sums && pagecheck_mark(lsn, page_checksum(page, blkno)) == mark);
}
