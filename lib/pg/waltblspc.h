/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * CREATE TABLESPACE in WAL: found record by record, and made to name no place.
 *
 * Whoever replays such a record goes to the absolute path in it, changes its
 * mode and makes a directory there, before the link in pg_tblspc is made.  A
 * record whose path is empty asks for a tablespace "in place" instead: the
 * server makes pg_tblspc/OID, or takes what is there, and leaves the rest of the
 * machine alone (PostgreSQL 15, and 14 from 14.5 on; before, replay ends with an error).
 *
 * Empty is never longer than what was there.  And the checksum of the record
 * need not change: the bytes behind the path's end are nobody's, and four of
 * them are enough to make up for the first one.  Since a checksum is linear, it
 * is the same four, whatever the record is: five bytes are changed in place, in
 * whichever piece of the WAL they happen to be.
 */
#ifndef PG_WALTBLSPC_H
#define PG_WALTBLSPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pg/walrecord.h"

#define WALTBLSPC_LOCATION_MAX	1024	/* bytes of a path, NUL included: MAXPGPATH */
#define WALTBLSPC_RECORD_MAX	1280	/* a longer record is none of these */

/* One record. */
struct waltblspc_record {
	uint64_t lsn;			/* where it begins */
	uint32_t oid;
	char	location[WALTBLSPC_LOCATION_MAX];	/* as far as the window has it */
	/* for waltblspc_blank() */
	size_t	at;			/* where it begins in the window */
	uint32_t len, path, path_len;	/* bytes: of the record, before the path, of the path with its NUL */
	bool	whole;			/* all of it is in the window */
};

/* A search.  Zero-initialise it, and set scan.w. */
struct waltblspc {
	struct walrecord_scan scan;
};

/*
 * Finds the next record that makes a tablespace outside of the data directory.
 * A page is left at the first thing that a server would not accept; one that is
 * not of its place in the WAL is left out.  Returns 1 and *record, or 0 at the end.
 */
int	waltblspc_next(struct waltblspc *s, struct waltblspc_record *record);

/*
 * Empties the path of record, as far as it is in the window, in w->bytes; the record
 * stays valid.  A path of three bytes or less has no room for the checksum to
 * stay, so that the record has to be whole.  Returns 0, or -EAGAIN if it is not.
 */
int	waltblspc_blank(const struct walrecord_window *w, const struct waltblspc_record *record);

/* Whether a page, of which this is the header, begins with the rest of a record that may be one. */
bool	waltblspc_continues(const unsigned char page[WALPAGE_SHORT]);

#endif
