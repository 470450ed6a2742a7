/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds the records of CREATE TABLESPACE in a window of WAL and makes their
 * paths empty.  It is no WAL reader: of all other records it wants the length
 * alone.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/util.h"
#include "pg/walpage.h"
#include "pg/waltblspc.h"

/* A record's header (XLogRecord). */
enum {
	REC_LEN = 0,			/* uint32 */
	REC_INFO = 16,			/* uint8 */
	REC_RMID = 17,			/* uint8 */
	REC_CRC = 20,			/* uint32 */
	REC_HEADER = 24,		/* bytes */
};
#define RM_TBLSPC	5
#define CREATE		0x00		/* in the high bits of REC_INFO */
#define ALIGN(n)	(((n) + 7) & ~(size_t)7)

/* Behind the header: pieces, each of which begins with its kind. */
enum { PIECE_TOPLEVEL_XID = 252, PIECE_ORIGIN, PIECE_DATA_LONG, PIECE_DATA };
#define PIECES_MAX	16		/* bytes of all that come before the data */
#define OID_LEN		4

/* XORed into "/xxxx": an empty path, and a checksum that stays.  test-waltblspc.c proves it. */
static const unsigned char blank[] = { '/', 0xFA, 0xB2, 0xAE, 0x7E };

static size_t
header_len(const struct waltblspc_window *w, size_t page)
{
	return (w->lsn + page) % w->seg_size == 0 ? WALPAGE_LONG : WALPAGE_SHORT;
}

/*
 * The offset in the window of byte k of the record at `at`, beyond headers of
 * pages; it may lie behind the window.
 */
static size_t
place_of(const struct waltblspc_window *w, size_t at, size_t k)
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

/* Copies n bytes of the record from byte k on; returns how many the window has. */
static size_t
gather(const struct waltblspc_window *w, size_t at, size_t k, size_t n, unsigned char *to)
{
	size_t done = 0, from, piece;

	while (done < n && (from = place_of(w, at, k + done)) < w->len) {
		piece = MIN(n - done, w->page_size - from % w->page_size);
		piece = MIN(piece, w->len - from);
		memcpy(to + done, w->bytes + from, piece);
		done += piece;
	}
	return done;
}

static uint32_t
checksum(const unsigned char *rec, size_t len)
{
	return crc32c(crc32c(0, rec + REC_HEADER, len - REC_HEADER), rec, REC_CRC);
}

/*
 * Finds where the data of a record begins, behind the header.  False: the
 * record has other pieces.
 */
static bool
find_data(const unsigned char *pieces, size_t n, size_t *data, uint32_t *len)
{
	size_t k = 0;

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
			*data = k + 5;
			return true;
		case PIECE_DATA:
			*len = pieces[k + 1];
			*data = k + 2;
			return true;
		default:
			return false;
		}
	return false;
}

/* Whether the record at `at` is one that we look for; fills *record. */
static bool
judge(const struct waltblspc_window *w, size_t at, struct waltblspc_record *record)
{
	unsigned char rec[WALTBLSPC_RECORD_MAX], *data;
	uint32_t len = get_le32(w->bytes + at), data_len;
	size_t have, data_at;

	if (len > sizeof(rec))
		return false;
	have = gather(w, at, 0, len, rec);
	if (have < REC_HEADER || rec[REC_RMID] != RM_TBLSPC || (rec[REC_INFO] & 0xF0) != CREATE ||
	    !find_data(rec + REC_HEADER, MIN(have - REC_HEADER, (size_t)PIECES_MAX), &data_at,
	    &data_len))
		return false;
	data_at += REC_HEADER;
	if (data_len <= OID_LEN + 1 || data_at + data_len != len || have <= data_at + OID_LEN)
		return false;
	if (have == len && checksum(rec, len) != get_le32(rec + REC_CRC))
		return false;
	data = rec + data_at;
	*record = (struct waltblspc_record){
		.lsn = w->lsn + at, .oid = get_le32(data), .at = at, .len = len,
		.path = (uint32_t)data_at + OID_LEN, .path_len = data_len - OID_LEN,
		.whole = have == len,
	};
	memcpy(record->location, data + OID_LEN,
	    MIN(have - data_at - OID_LEN, sizeof(record->location) - 1));
	return record->location[0] == '/';
}

/* Returns where the first record of a page begins, or 0 if none does. */
static size_t
first_record(const struct waltblspc_window *w, size_t page)
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
step(struct waltblspc *s, size_t at)
{
	size_t left = s->page + s->w->page_size - at;
	uint32_t len = get_le32(s->w->bytes + at);

	if (len >= REC_HEADER && ALIGN((size_t)len) < left) {
		s->next = at + ALIGN((size_t)len);
		return;
	}
	s->page += s->w->page_size;
	s->next = 0;
}

int
waltblspc_next(struct waltblspc *s, struct waltblspc_record *record)
{
	const struct waltblspc_window *w = s->w;
	size_t at;

	while (s->page + w->page_size <= w->len) {
		if ((at = s->next) == 0 && ((at = first_record(w, s->page)) == 0 ||
		    at >= s->page + w->page_size)) {
			s->page += w->page_size;
			continue;
		}
		step(s, at);
		/* The two bytes that tell most records from ours are mostly in the same page. */
		if (at % w->page_size + REC_HEADER <= w->page_size &&
		    w->bytes[at + REC_RMID] != RM_TBLSPC)
			continue;
		if (get_le32(w->bytes + at) >= REC_HEADER && judge(w, at, record))
			return 1;
	}
	return 0;
}

bool
waltblspc_continues(const unsigned char page[WALPAGE_SHORT])
{
	return get_le16(page + WALPAGE_INFO) & WALPAGE_CONTINUES &&
	    get_le32(page + WALPAGE_REST) > 0 && get_le32(page + WALPAGE_REST) < WALTBLSPC_RECORD_MAX;
}

static void
put(const struct waltblspc_window *w, const struct waltblspc_record *record, size_t k, unsigned char xor)
{
	size_t at = place_of(w, record->at, k);

	if (at < w->len)
		w->bytes[at] ^= xor;
}

int
waltblspc_blank(const struct waltblspc_window *w, const struct waltblspc_record *record)
{
	unsigned char rec[WALTBLSPC_RECORD_MAX];
	uint32_t i, crc;

	for (i = 0; record->path_len >= sizeof(blank) && i < sizeof(blank); i++)
		put(w, record, record->path + i, blank[i]);
	if (record->path_len >= sizeof(blank))
		return 0;
	if (!record->whole || record->len > sizeof(rec))
		return -EAGAIN;
	put(w, record, record->path, '/');
	gather(w, record->at, 0, record->len, rec);
	crc = checksum(rec, record->len) ^ get_le32(rec + REC_CRC);
	for (i = 0; i < sizeof(crc); i++)
		put(w, record, REC_CRC + i, (unsigned char)(crc >> 8 * i));
	return 0;
}
