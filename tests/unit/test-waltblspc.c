/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/pg/waltblspc: CREATE TABLESPACE found in WAL and made to name no place,
 * wherever a record lies and whatever piece of the WAL is looked at.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/util.h"
#include "pg/waltblspc.h"
#include "support/unit.h"
#include "support/walwriter.h"

#define SEGMENT	(1024u * 1024)
#define START	(UINT64_C(5) * SEGMENT)	/* where the WAL that is looked at begins */
#define SIZE	(3u * SEGMENT)

static unsigned char *
new_wal(struct walwriter *w, uint32_t page)
{
	*w = (struct walwriter){
		.bytes = calloc(1, SIZE), .size = SIZE, .lsn = START, .page = page,
		.segment = SEGMENT, .timeline = 1,
	};
	ck_assert_ptr_nonnull(w->bytes);
	return w->bytes;
}

static struct walrecord_window
window(const struct walwriter *w, size_t from, size_t len)
{
	return (struct walrecord_window){
		.bytes = w->bytes + from, .len = len, .lsn = w->lsn + from,
		.page_size = w->page, .seg_size = w->segment,
	};
}

/* Reads a record back as a server would, and says whether its checksum is right. */
static bool
is_valid(const struct walwriter *w, uint64_t lsn, unsigned char rec[2048], uint32_t *len)
{
	size_t at = lsn - w->lsn, page;
	uint32_t i;

	*len = get_le32(w->bytes + at);
	ck_assert_uint_le(*len, 2048);
	for (i = 0; i < *len; i++) {
		rec[i] = w->bytes[at++];
		if (at % w->page == 0) {
			page = at;
			at += (w->lsn + page) % w->segment == 0 ? WALPAGE_LONG : 24;
		}
	}
	return crc32c(crc32c(0, rec + 24, *len - 24), rec, 20) == get_le32(rec + 20);
}

static const struct {
	const char *location;
	bool	border_is_of_a_segment;
} cases[] = {
	{ "/srv/pg/production/fast", false }, { "/srv/pg/production/fast", true },
	{ "/ssd", false }, { "/ssd", true }, { "/ts", false }, { "/ts", true }, { "/a", true },
	{ "LONG", false }, { "LONG", true },
};

/* Every place of a record before a border, in one piece and in two whose cut is the border. */
START_TEST(over_borders)
{
	static const uint32_t pages[] = { 1024, 8192, 65536 };
	const char *location = cases[_i].location;
	char longest[WALTBLSPC_LOCATION_MAX];
	unsigned char rec[2048];
	struct waltblspc_record r;
	struct walrecord_window v;
	struct waltblspc s;
	struct walwriter w;
	uint32_t left, len;
	uint64_t lsn;
	size_t p;

	if (strcmp(location, "LONG") == 0) {
		memset(longest, '/', sizeof(longest));
		longest[sizeof(longest) - 1] = '\0';
		location = longest;
	}
	for (p = 0; p < ARRAY_SIZE(pages); p++)
		for (left = 8; left <= 120; left += 8) {
			new_wal(&w, pages[p]);
			do
				walwriter_reach(&w, left);
			while (cases[_i].border_is_of_a_segment && w.at + left < SEGMENT &&
			    (walwriter_other(&w, left + 64), true));
			lsn = walwriter_tablespace(&w, 16384 + left, location);
			walwriter_other(&w, 100);
			v = window(&w, 0, SIZE);
			s = (struct waltblspc){ .scan.w = &v };
			ck_assert_msg(waltblspc_next(&s, &r) == 1, "page %u, %u left", pages[p], left);
			ck_assert_uint_eq(r.lsn, lsn);
			ck_assert_uint_eq(r.oid, 16384 + left);
			ck_assert_str_eq(r.location, location);
			ck_assert(r.whole);
			ck_assert_int_eq(waltblspc_blank(&v, &r), 0);
			ck_assert_msg(is_valid(&w, lsn, rec, &len), "page %u, %u left: the checksum", pages[p], left);
			ck_assert_int_eq(rec[r.path], '\0');
			ck_assert_uint_eq(get_le32(rec + r.path - 4), 16384 + left);
			s = (struct waltblspc){ .scan.w = &v };
			ck_assert_int_eq(waltblspc_next(&s, &r), 0);
			free(w.bytes);
		}
}
END_TEST

/*
 * WAL that is read piece by piece, each with a page before and behind it, equals
 * that which is changed at once, and nothing else in it changes.
 */
START_TEST(piece_by_piece)
{
	static const size_t sizes[] = { 8192, 65536, 3 * 8192 };
	size_t size = sizes[_i], off, from, to;
	unsigned char *piece = malloc(SIZE), *pieces = malloc(SIZE);
	struct walrecord_window v;
	struct waltblspc_record r;
	struct waltblspc s;
	struct walwriter w;
	unsigned found = 0;
	char location[64];

	new_wal(&w, 8192);
	while (w.at < SIZE - 20000) {
		snprintf(location, sizeof(location), found % 3 == 0 ? "/x%u" : "/srv/production/%u", found % 100);
		walwriter_other(&w, 26 + found * 7919 % 9000);
		walwriter_tablespace(&w, 20000 + found++, location);
	}
	for (off = 0; off < SIZE; off += size) {
		from = off >= 8192 ? off - 8192 : 0;
		to = MIN(off + size + 8192, (size_t)SIZE);
		v = window(&w, from, to - from);
		v.bytes = memcpy(piece, w.bytes + from, to - from);
		s = (struct waltblspc){ .scan.w = &v };
		while (waltblspc_next(&s, &r) == 1)
			if (waltblspc_blank(&v, &r) == -EAGAIN)
				ck_assert_uint_gt(r.at + 64, v.len - 8192);
		memcpy(pieces + off, piece + (off - from), MIN(size, SIZE - off));
	}
	v = window(&w, 0, SIZE);
	s = (struct waltblspc){ .scan.w = &v };
	for (off = 0; waltblspc_next(&s, &r) == 1; off++) {
		ck_assert_uint_eq(r.oid, 20000 + off);
		ck_assert_int_eq(waltblspc_blank(&v, &r), 0);
	}
	ck_assert_uint_eq(off, found);
	ck_assert_int_eq(memcmp(pieces, w.bytes, SIZE), 0);
	free(piece);
	free(pieces);
	free(w.bytes);
}
END_TEST

/* A short path needs the end of its record. */
START_TEST(cut_short)
{
	struct waltblspc_record r;
	struct walrecord_window v;
	struct waltblspc s = { .scan.w = &v };
	struct walwriter w;

	new_wal(&w, 8192);
	walwriter_reach(&w, 32);
	walwriter_tablespace(&w, 16400, "/a");
	v = window(&w, 0, 8192);
	ck_assert_int_eq(waltblspc_next(&s, &r), 1);
	ck_assert(!r.whole);
	ck_assert_int_eq(waltblspc_blank(&v, &r), -EAGAIN);
	free(w.bytes);
}
END_TEST

/* WAL that a server does not replay, or that asks for nothing outside, is left alone. */
START_TEST(left_alone)
{
	struct waltblspc_record r;
	struct walrecord_window v;
	struct waltblspc s;
	struct walwriter w;
	uint64_t lsn;
	unsigned what;

	for (what = 0; what < 6; what++) {
		new_wal(&w, 8192);
		walwriter_other(&w, 64);
		lsn = walwriter_tablespace(&w, 16400, what == 0 ? "" : "/srv/production") - START;
		if (what == 1)
			w.bytes[lsn + 40] ^= 1;		/* its checksum is wrong */
		else if (what == 2)
			w.bytes[8] ^= 1;		/* a page of another place */
		else if (what == 3)
			w.bytes[1] = 0;			/* no page */
		else if (what == 4)
			w.bytes[lsn + 16] = 0x10;	/* DROP TABLESPACE */
		else if (what == 5)
			walwriter_put(w.bytes + lsn - 64, 8, 4);	/* nothing can follow that */
		v = window(&w, 0, SIZE);
		s = (struct waltblspc){ .scan.w = &v };
		ck_assert_msg(waltblspc_next(&s, &r) == 0, "case %u", what);
		free(w.bytes);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("waltblspc");
	TCase *tc = tcase_create("waltblspc");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, over_borders, 0, ARRAY_SIZE(cases));
	tcase_add_loop_test(tc, piece_by_piece, 0, 3);
	tcase_add_test(tc, cut_short);
	tcase_add_test(tc, left_alone);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
