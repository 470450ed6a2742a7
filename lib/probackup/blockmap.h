/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The block map of a data file: for each block, which backup of the chain has
 * it and where in that backup's page stream its record begins.
 */
#ifndef PROBACKUP_BLOCKMAP_H
#define PROBACKUP_BLOCKMAP_H

#include <stddef.h>
#include <stdint.h>

#include "pg/pg_types.h"
#include "probackup/store.h"

#define BLOCKMAP_NOWHERE	UINT8_MAX	/* no backup has the block: it reads as zeroes */
#define BLOCKMAP_MAX_BLOCKS	(1u << 26)	/* 512 GiB: more than any segment size */

/*
 * A list may claim any length: blocks that no backup has take no memory, since
 * the arrays are fresh from the kernel and a zero says NOWHERE.
 */
struct blockmap {
	uint32_t n;		/* blocks */
	uint32_t *pos;		/* offset of the record in the provider's stream */
	uint8_t	*provider;		/* 1 + number among the file's providers, or 0: blockmap_provider() */
	uint16_t *mark;		/* PAGECHECK_HEADERS: pagecheck_mark() where there is a map; else NULL */
};

/*
 * Builds the block map of data file e: the newest provider of a block wins,
 * bounded by the length that the mounted backup lists: doc/catalog.md, "A page
 * stream becomes a file".  Positions come from the page_header_map, or where a
 * backup has none from a scan of the stream's record headers.  Reads no page.  Returns 0
 * and *out (blockmap_free), -EUCLEAN if a backup contradicts itself (logged),
 * -ENOMEM, or another negative errno.  Safe from several threads.
 */
int	blockmap_build(const struct store *s, uint32_t e, struct reader *rd, struct blockmap **out);
void	blockmap_free(struct blockmap *m);

/*
 * Returns who has block b: number among the file's providers, newest 0, or
 * BLOCKMAP_NOWHERE.
 */
static inline uint8_t
blockmap_provider(const struct blockmap *m, uint32_t b)
{
	return (uint8_t)(m->provider[b] - 1u);
}

/* Bytes of memory that m takes at most. */
size_t	blockmap_bytes(const struct blockmap *m);

/*
 * Finds the length in blocks of data file e from its providers, 1 + the highest
 * block stored, for lists that do not say n_blocks.  Returns 0 or negative
 * errno as blockmap_build().
 */
int	blockmap_length(const struct store *s, uint32_t e, struct reader *rd, uint32_t *blocks);

/*
 * Asks the backups for every length that no list says, and puts it into the index, which is open as
 * index_fd and mapped by s.  Returns 0 or negative errno as blockmap_build().
 */
int	blockmap_find_lengths(const struct store *s, int index_fd, struct reader *rd);

#endif
