/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header of a page of WAL (XLogPageHeaderData of access/xlog_internal.h), and of
 * the first one of a segment (XLogLongPageHeaderData).
 */
#ifndef PG_WALPAGE_H
#define PG_WALPAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pg/walname.h"

/* Where the fields are, in bytes. */
enum {
	WALPAGE_MAGIC = 0,		/* uint16 */
	WALPAGE_INFO = 2,		/* uint16 */
	WALPAGE_TIMELINE = 4,		/* uint32 */
	WALPAGE_ADDR = 8,		/* uint64 */
	WALPAGE_REST = 16,		/* uint32: what is left of a record begun before */
	WALPAGE_SHORT = 24,		/* bytes of the header of most pages */
	WALPAGE_SYSID = 24,		/* uint64 */
	WALPAGE_SEG_SIZE = 32,		/* uint32 */
	WALPAGE_BLOCK_SIZE = 36,	/* uint32 */
	WALPAGE_LONG = 40,		/* bytes of the header of a segment's first page */
};
#define WALPAGE_CONTINUES	0x0001	/* of WALPAGE_INFO: the page begins with such a rest */
#define WALPAGE_IS_LONG		0x0002	/* it has the fields from WALPAGE_SYSID on */

#define WALPAGE_WHY_MAX	128	/* bytes of a reason, NUL included */

/* Facts that the header of a segment has to agree with. */
struct walpage_expected {
	uint32_t timeline;	/* of the name: the page may be of an ancestor, which is a smaller number */
	uint64_t segno;
	uint32_t seg_size;
	uint32_t server_version;	/* major, 0 = not known */
	uint64_t sysid;		/* 0 = not known */
};

/*
 * Compares the first WALPAGE_LONG bytes of a segment with what is expected.
 * Returns 0, or -EUCLEAN with the reason in why: which field, what was
 * expected and what found.
 */
int	walpage_check(const unsigned char page[WALPAGE_LONG], const struct walpage_expected *e,
	    char why[WALPAGE_WHY_MAX]);

/* Whether a page has the header of one of any server's at lsn. */
bool	walpage_is_at(const unsigned char page[WALPAGE_SHORT], uint64_t lsn);

/* Bytes of a page of the segment that begins so; 0 if that cannot be. */
uint32_t walpage_size(const unsigned char page[WALPAGE_LONG]);

#endif
