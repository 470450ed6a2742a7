/*
 * The header of the first page of a WAL segment (XLogLongPageHeaderData of
 * access/xlog_internal.h).
 */
#ifndef PG_WALPAGE_H
#define PG_WALPAGE_H

#include <stddef.h>
#include <stdint.h>

#include "pg/walname.h"

#define WALPAGE_LONG	40	/* bytes of the header */
#define WALPAGE_WHY_MAX	128	/* bytes of a reason, NUL included */

/* What the header of a segment has to agree with. */
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

/* Bytes of a page of the segment that begins so; 0 if that cannot be. */
uint32_t walpage_size(const unsigned char page[WALPAGE_LONG]);

#endif
