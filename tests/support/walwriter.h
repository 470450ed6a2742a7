/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * WAL that a server would replay: records over borders of pages and segments.
 */
#ifndef SUPPORT_WALWRITER_H
#define SUPPORT_WALWRITER_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "pg/walpage.h"

#define WALWRITER_RM_TBLSPC	5
#define WALWRITER_RM_OTHER	10

/* Writes into bytes, which begins at lsn, the beginning of a page. */
struct walwriter {
	unsigned char *bytes;
	size_t	size, at;
	uint64_t lsn, prev;
	uint32_t page, segment, timeline;
};

static inline void
walwriter_put(unsigned char *to, uint64_t value, size_t len)
{
	memcpy(to, &value, len);
}

/* The header of the page at w->at, with rest bytes of a record that began before. */
static inline void
walwriter_header(struct walwriter *w, uint32_t rest)
{
	uint64_t lsn = w->lsn + w->at;
	int first = lsn % w->segment == 0;
	unsigned char *p = w->bytes + w->at;

	memset(p, 0, w->page);
	walwriter_put(p, 0xD110, 2);
	walwriter_put(p + 2, (rest > 0 ? 1u : 0u) | (first ? 2u : 0u), 2);
	walwriter_put(p + 4, w->timeline, 4);
	walwriter_put(p + 8, lsn, 8);
	walwriter_put(p + 16, rest, 4);
	if (first) {
		walwriter_put(p + 24, UINT64_C(7711124431891965847), 8);
		walwriter_put(p + 32, w->segment, 4);
		walwriter_put(p + 36, w->page, 4);
	}
	w->at += first ? WALPAGE_LONG : 24;
}

/* One record of len bytes in all, its checksum set.  Returns its LSN. */
static inline uint64_t
walwriter_record(struct walwriter *w, unsigned char *rec, uint32_t len)
{
	uint64_t lsn;
	uint32_t done, n;

	if (w->at % w->page == 0)
		walwriter_header(w, 0);
	lsn = w->lsn + w->at;
	walwriter_put(rec, len, 4);
	walwriter_put(rec + 8, w->prev, 8);
	walwriter_put(rec + 20, crc32c(crc32c(0, rec + 24, len - 24), rec, 20), 4);
	for (done = 0; done < len; done += n) {
		if (w->at % w->page == 0)
			walwriter_header(w, len - done);
		n = w->page - (uint32_t)(w->at % w->page);
		n = n < len - done ? n : len - done;
		memcpy(w->bytes + w->at, rec + done, n);
		w->at += n;
	}
	w->at = (w->at + 7) & ~(size_t)7;
	w->prev = lsn;
	return lsn;
}

/* CREATE TABLESPACE of oid at location. */
static inline uint64_t
walwriter_tablespace(struct walwriter *w, uint32_t oid, const char *location)
{
	unsigned char rec[2048] = { 0 };
	uint32_t data = 4 + (uint32_t)strlen(location) + 1, at = 24;

	rec[17] = WALWRITER_RM_TBLSPC;
	if (data < 256) {
		rec[at++] = 255;
		rec[at++] = (unsigned char)data;
	} else {
		rec[at++] = 254;
		walwriter_put(rec + at, data, 4);
		at += 4;
	}
	walwriter_put(rec + at, oid, 4);
	memcpy(rec + at + 4, location, data - 4);
	return walwriter_record(w, rec, at + data);
}

/* A record of another kind, len bytes (at least 26), full of what looks like ours. */
static inline uint64_t
walwriter_other(struct walwriter *w, uint32_t len)
{
	unsigned char *rec = calloc(1, len);
	uint64_t lsn;

	if (rec == NULL)
		abort();
	memset(rec + 26, '/', len - 26);
	rec[17] = WALWRITER_RM_OTHER;
	rec[24] = 255;
	lsn = walwriter_record(w, rec, len);
	free(rec);
	return lsn;
}

/* Fills up until the next record begins left bytes (of 8) before the end of a page. */
static inline void
walwriter_reach(struct walwriter *w, uint32_t left)
{
	uint32_t room;

	if (w->at % w->page == 0)
		walwriter_other(w, 32);
	room = w->page - (uint32_t)(w->at % w->page);
	if (room == left)
		return;
	if (room < left + 32) {
		walwriter_other(w, room + 40);
		room = w->page - (uint32_t)(w->at % w->page);
	}
	walwriter_other(w, room - left);
}

#endif
