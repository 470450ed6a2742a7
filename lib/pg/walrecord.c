/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Goes from record to record by their lengths, page by page.
 */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/util.h"
#include "pg/walrecord.h"

#define ALIGN(n)	(((n) + 7) & ~(size_t)7)

/* Behind the header: pieces, each of which begins with its kind. */
enum { PIECE_TOPLEVEL_XID = 252, PIECE_ORIGIN, PIECE_DATA_LONG, PIECE_DATA };
#define PIECES_MAX	16		/* bytes of all that come before the data */

static size_t
header_len(const struct walrecord_window *w, size_t page)
{
	return (w->lsn + page) % w->seg_size == 0 ? WALPAGE_LONG : WALPAGE_SHORT;
}

size_t
walrecord_place(const struct walrecord_window *w, size_t at, size_t k)
{
	size_t left = w->page_size - at % w->page_size;

	while (k >= left) {
		k -= left;
		at = at / w->page_size * w->page_size + w->page_size;
		left = w->page_size - header_len(w, at);
		at += w->page_size - left;
	}
	return at + k;
}

size_t
walrecord_gather(const struct walrecord_window *w, size_t at, size_t k, size_t n, unsigned char *to)
{
	size_t done = 0, from, piece;

	while (done < n && (from = walrecord_place(w, at, k + done)) < w->len) {
		piece = MIN(n - done, w->page_size - from % w->page_size);
		piece = MIN(piece, w->len - from);
		memcpy(to + done, w->bytes + from, piece);
		done += piece;
	}
	return done;
}

uint32_t
walrecord_checksum(const unsigned char *rec, size_t len)
{
	return crc32c(crc32c(0, rec + WALRECORD_HEADER, len - WALRECORD_HEADER), rec, WALRECORD_CRC);
}

bool
walrecord_data(const unsigned char *rec, size_t have, size_t *data, uint32_t *len)
{
	const unsigned char *pieces = rec + WALRECORD_HEADER;
	size_t n = MIN(have - MIN(have, (size_t)WALRECORD_HEADER), (size_t)PIECES_MAX), k = 0;

	while (k + 5 <= n)
		switch (pieces[k]) {
		case PIECE_TOPLEVEL_XID:
			k += 5;
			break;
		case PIECE_ORIGIN:
			k += 3;
			break;
		case PIECE_DATA_LONG:
			*len = get_le32(pieces + k + 1);
			*data = WALRECORD_HEADER + k + 5;
			return true;
		case PIECE_DATA:
			*len = pieces[k + 1];
			*data = WALRECORD_HEADER + k + 2;
			return true;
		default:
			return false;
		}
	return false;
}

size_t
walrecord_whole(const struct walrecord_window *w, size_t at, unsigned char rec[WALRECORD_WHOLE_MAX], size_t *data)
{
	uint32_t len = get_le32(w->bytes + at), data_len;

	if (len > WALRECORD_WHOLE_MAX || walrecord_gather(w, at, 0, len, rec) < len ||
	    walrecord_checksum(rec, len) != get_le32(rec + WALRECORD_CRC) ||
	    !walrecord_data(rec, len, data, &data_len))
		return 0;
	return len;
}

/* Returns where the first record of a page begins, or 0 if none does. */
static size_t
first_record(const struct walrecord_window *w, size_t page)
{
	const unsigned char *p = w->bytes + page;
	size_t header = header_len(w, page), rest;

	if (!walpage_is_at(p, w->lsn + page))
		return 0;
	rest = get_le16(p + WALPAGE_INFO) & WALPAGE_CONTINUES ? get_le32(p + WALPAGE_REST) : 0;
	return rest < w->page_size - header ? page + header + ALIGN(rest) : 0;
}

/*
 * Goes to the next record of the page, or to the next page if the one at `at`
 * does not end in this one.
 */
static void
step(struct walrecord_scan *s, size_t at)
{
	size_t left = s->page + s->w->page_size - at;
	uint32_t len = get_le32(s->w->bytes + at);

	if (len >= WALRECORD_HEADER && ALIGN((size_t)len) < left) {
		s->next = at + ALIGN((size_t)len);
		return;
	}
	s->page += s->w->page_size;
	s->next = 0;
}

bool
walrecord_next(struct walrecord_scan *s, size_t *at)
{
	const struct walrecord_window *w = s->w;

	while (s->page + w->page_size <= w->len) {
		if ((*at = s->next) == 0 && ((*at = first_record(w, s->page)) == 0 ||
		    *at >= s->page + w->page_size)) {
			s->page += w->page_size;
			continue;
		}
		step(s, *at);
		if (get_le32(w->bytes + *at) >= WALRECORD_HEADER)
			return true;
	}
	return false;
}
