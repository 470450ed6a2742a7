/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of WAL files: what a name says, and the name of a place in the WAL.
 *
 * A segment has 24 digits, upper case hexadecimal: 8 each of timeline, of the
 * high half of the place, and of the segment in it, so that the same place has
 * another name with another segment size.
 */
#ifndef PG_WALNAME_H
#define PG_WALNAME_H

#include <stddef.h>
#include <stdint.h>

#define WALNAME_MAX	33		/* bytes of a name, NUL included */
#define WALNAME_SEGMENT_LEN	24
#define WALNAME_HISTORY_LEN	8	/* before ".history" */
#define WAL_SEG_SIZE_MIN	(1024 * 1024)
#define WAL_SEG_SIZE_MAX	(1024 * 1024 * 1024)

enum wal_kind {
	WAL_NONE,		/* no name of these */
	WAL_SEGMENT,		/* 000000010000000000000001 */
	WAL_PARTIAL,		/* the same and ".partial": where a timeline was left */
	WAL_HISTORY,		/* 00000002.history */
};

struct walname {
	enum wal_kind kind;
	uint32_t timeline;	/* never 0 */
	uint64_t segno;		/* from 0 at LSN 0/0; 0 for histories */
};

/*
 * Reads a name of len bytes.  seg_size is a power of two in the limits above.
 * Returns 0 and *w, or -EINVAL if it is no such name, also where its last
 * eight digits are no segment of that size.
 */
int	walname_parse(const char *name, size_t len, uint32_t seg_size, struct walname *w);

/* Writes the name of *w (a segno that fits; kind not WAL_NONE), NUL terminated. */
void	walname_format(const struct walname *w, uint32_t seg_size, char name[WALNAME_MAX]);

/* The segment that holds the byte at lsn. */
static inline uint64_t
wal_segno(uint64_t lsn, uint32_t seg_size)
{
	return lsn / seg_size;
}

/* The segment that holds the last byte before lsn. */
static inline uint64_t
wal_segno_before(uint64_t lsn, uint32_t seg_size)
{
	return lsn == 0 ? 0 : (lsn - 1) / seg_size;
}

#endif
