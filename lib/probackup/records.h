/*
 * The records of one page stream, in ascending block order, whichever way a
 * backup tells where they are.
 */
#ifndef PROBACKUP_RECORDS_H
#define PROBACKUP_RECORDS_H

#include <stdint.h>

#include "pg/pg_types.h"
#include "probackup/store.h"

#define RECORDS_VERSION_HEADER_MAP	20400	/* first with page_header_map and without padding */
#define RECORDS_VERSION_EXACT_RAW	20023	/* first in which BLCKSZ bytes always are a raw page */

struct record_at {
	BlockNumber blkno;
	uint32_t pos;		/* of the record header in the stream */
};

/* All records of one provider. */
struct records {
	struct record_at *at;
	uint32_t n;
	BlockNumber truncated;	/* the file ended here (record of size -2), or InvalidBlockNumber */
};

/*
 * Lists the records of provider p of entry e with blocks below limit.  From
 * the header map where p has one: its CRC, its order and its bounds are
 * checked.  Otherwise from the stream itself.  Returns 0 (records_fini()),
 * -EUCLEAN (logged) or negative errno.
 */
int	records_load(const struct store *s, uint32_t e, const struct index_provider *p,
	    struct reader *r, BlockNumber limit, struct records *out);
void	records_fini(struct records *rec);

/* Bytes that a payload of size takes on disk in a backup of version. */
static inline uint32_t
records_padded(uint32_t size, uint32_t version)
{
	return version < RECORDS_VERSION_HEADER_MAP ? (size + 7) & ~7u : size;
}

#endif
