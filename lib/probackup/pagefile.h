/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading pages of a data file from the chain.
 */
#ifndef PROBACKUP_PAGEFILE_H
#define PROBACKUP_PAGEFILE_H

#include "probackup/blockmap.h"

/*
 * Reads count blocks (at most READER_BLOCKS) from first on into dst, which has
 * room for count pages; m is the map of data file e and has all these blocks.
 * One pread(2) for all records of a provider that lie near each other.  A block
 * that no backup has reads as zeroes.  Returns 0; -EUCLEAN if a record contradicts
 * its map, does not decompress to a page, or gives a page that does not match what
 * the store is to check (logged with backup, file and block); or negative errno.
 * On failure the content of dst is undefined.
 */
int	pagefile_read(const struct store *s, uint32_t e, const struct blockmap *m,
	    BlockNumber first, uint32_t count, struct reader *rd, void *dst);

#endif
