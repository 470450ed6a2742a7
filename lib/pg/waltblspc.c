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
#include "pg/walrecord.h"
#include "pg/waltblspc.h"

#define RM_TBLSPC	5
#define OID_LEN		4
#define CREATE		0x00		/* in the high bits of WALRECORD_INFO */

/* XORed into "/xxxx": an empty path, and a checksum that stays.  test-waltblspc.c proves it. */
static const unsigned char blank[] = { '/', 0xFA, 0xB2, 0xAE, 0x7E };

/* Whether the record at `at` is one that we look for; fills *record. */
static bool
judge(const struct walrecord_window *w, size_t at, struct waltblspc_record *record)
{
	unsigned char rec[WALTBLSPC_RECORD_MAX], *data;
	uint32_t len = get_le32(w->bytes + at), data_len;
	size_t have, data_at;

	if (len > sizeof(rec))
		return false;
	have = walrecord_gather(w, at, 0, len, rec);
	if (have < WALRECORD_HEADER || rec[WALRECORD_RMID] != RM_TBLSPC || (rec[WALRECORD_INFO] & 0xF0) != CREATE ||
	    !walrecord_data(rec, have, &data_at, &data_len))
		return false;
	if (data_len <= OID_LEN + 1 || data_at + data_len != len || have <= data_at + OID_LEN)
		return false;
	if (have == len && walrecord_checksum(rec, len) != get_le32(rec + WALRECORD_CRC))
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

int
waltblspc_next(struct waltblspc *s, struct waltblspc_record *record)
{
	const struct walrecord_window *w = s->scan.w;
	size_t at;

	while (walrecord_next(&s->scan, &at)) {
		/* The two bytes that tell most records from ours are mostly in the same page. */
		if (at % w->page_size + WALRECORD_HEADER <= w->page_size &&
		    w->bytes[at + WALRECORD_RMID] != RM_TBLSPC)
			continue;
		if (judge(w, at, record))
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
put(const struct walrecord_window *w, const struct waltblspc_record *record, size_t k, unsigned char xor)
{
	size_t at = walrecord_place(w, record->at, k);

	if (at < w->len)
		w->bytes[at] ^= xor;
}

int
waltblspc_blank(const struct walrecord_window *w, const struct waltblspc_record *record)
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
	walrecord_gather(w, record->at, 0, record->len, rec);
	crc = walrecord_checksum(rec, record->len) ^ get_le32(rec + WALRECORD_CRC);
	for (i = 0; i < sizeof(crc); i++)
		put(w, record, WALRECORD_CRC + i, (unsigned char)(crc >> 8 * i));
	return 0;
}
