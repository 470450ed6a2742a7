/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The records of one page stream, in ascending block order, whether
 * page_header_map or the stream itself tells where they are.  Format:
 * doc/catalog.md, "Page streams".
 */
#ifndef PROBACKUP_RECORDS_H
#define PROBACKUP_RECORDS_H

#include <stdint.h>

#include "pg/pg_types.h"
#include "probackup/explain.h"
#include "probackup/store.h"

#define RECORDS_VERSION_HEADER_MAP	20400	/* first with page_header_map and without padding */
#define RECORDS_VERSION_EXACT_RAW	20023	/* first in which BLCKSZ bytes always are a raw page */

struct record_at {
	uint64_t lsn;		/* of the page; this and checksum are 0 without a header map */
	BlockNumber blkno;
	uint32_t pos;		/* of the record header in the stream */
	uint16_t checksum;
};

/* The records of one provider. */
struct records {
	struct record_at *at;
	uint32_t n;
	uint32_t end;		/* offset behind the last record; 0 if a limit left some out */
	BlockNumber truncated;	/* the file ended here (record of size -2), or InvalidBlockNumber */
};

/* The fault that was found in the records of a file. */
struct records_fault {
	BlockNumber blkno;	/* InvalidBlockNumber: no block in particular */
	char	why[CHAIN_ERROR_MAX];
};

/*
 * Reads the headers that page_header_map, open as fd, has of a file: p says
 * where and how many, and how long the file is.  Their CRC, their order and
 * their bounds are checked; those of blocks from limit on are left out.
 * Returns 0 (records_fini()), -ENOMEM, or another negative errno with *fault
 * filled.
 */
int	records_unpack(int fd, const struct index_provider *p, struct codec *codec,
	    BlockNumber limit, struct records *out, struct records_fault *fault);

/*
 * Lists the records of provider p of entry e with blocks below limit.  From
 * the header map where p has one: its CRC, its order and its bounds are
 * checked.  Otherwise from the stream itself.  Returns 0 (records_fini()),
 * -EUCLEAN (logged) or negative errno.
 */
int	records_load(const struct store *s, uint32_t e, const struct index_provider *p,
	    struct reader *rd, BlockNumber limit, struct records *out);
void	records_fini(struct records *rec);

/*
 * Returns how a payload of size bytes is compressed, in a file of alg of a
 * backup of version.  Before 2.0.23 BLCKSZ bytes could be a compressed page
 * that happened to have that length; a raw page shows a plausible header.
 */
enum codec_alg records_payload_alg(enum codec_alg alg, uint32_t version,
	    const unsigned char *payload, uint32_t size);

/* Bytes that a payload of size takes on disk in a backup of version. */
static inline uint32_t
records_padded(uint32_t size, uint32_t version)
{
	return version < RECORDS_VERSION_HEADER_MAP ? (size + 7) & ~7u : size;
}

#endif
