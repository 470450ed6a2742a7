/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Records in whole pages of WAL: where each begins, and its bytes over the borders of pages.
 * It is no WAL reader: who wants a kind of record looks at it.
 */
#ifndef PG_WALRECORD_H
#define PG_WALRECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pg/walpage.h"

/* A record's header (XLogRecord). */
enum {
	WALRECORD_LEN = 0,		/* uint32 */
	WALRECORD_XID = 4,		/* uint32; 0 = of no transaction */
	WALRECORD_INFO = 16,		/* uint8 */
	WALRECORD_RMID = 17,		/* uint8 */
	WALRECORD_CRC = 20,		/* uint32 */
	WALRECORD_HEADER = 24,		/* bytes */
};

/* Whole pages of WAL, from a page's beginning on. */
struct walrecord_window {
	unsigned char *bytes;
	size_t	len;
	uint64_t lsn;			/* of the first byte */
	uint32_t page_size, seg_size;	/* powers of two */
};

/* A walk over the records.  Zero-initialise it, and set w. */
struct walrecord_scan {
	const struct walrecord_window *w;
	size_t	page, next;		/* being looked at; next 0: from the page's header on */
};

/*
 * Finds where the next record begins in the window, of which at least the length is there.  A page is left at the
 * first thing that a server would not accept; one that is not of its place in the WAL is left
 * out.  Returns false at the end.
 */
bool	walrecord_next(struct walrecord_scan *s, size_t *at);

/*
 * The offset in the window of byte k of the record at `at`, beyond headers of
 * pages; it may lie behind the window.
 */
size_t	walrecord_place(const struct walrecord_window *w, size_t at, size_t k);

/* Copies n bytes of the record from byte k on; returns how many the window has. */
size_t	walrecord_gather(const struct walrecord_window *w, size_t at, size_t k, size_t n, unsigned char *to);

/* The checksum that a whole record of len bytes has to have at WALRECORD_CRC. */
uint32_t walrecord_checksum(const unsigned char *rec, size_t len);

/*
 * Copies a whole record, of which the header says how long it is, to rec, and finds its data.  Returns its
 * length, or 0: it is longer than WALRECORD_WHOLE_MAX, or not all in the window, or its checksum or the pieces
 * before the data are not as they have to be.
 */
#define WALRECORD_WHOLE_MAX	1280	/* a longer record, of a transaction with many invalidations, is passed over */
size_t	walrecord_whole(const struct walrecord_window *w, size_t at, unsigned char rec[WALRECORD_WHOLE_MAX],
	    size_t *data);

/*
 * Finds where the data of a record begins, of which the first have bytes are in rec, and its length, as
 * the record says it.  Returns false if it has other pieces before.
 */
bool	walrecord_data(const unsigned char *rec, size_t have, size_t *data, uint32_t *len);

#endif
