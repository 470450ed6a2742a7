/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/pg: names of WAL files, first pages of segments, timeline histories.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "pg/timeline.h"
#include "support/unit.h"
#include "support/wal.h"

#define M	(1024u * 1024)

static const struct {
	const char *name;
	uint32_t seg_size;
	int rc;
	struct walname w;
} names[] = {
	{ "000000010000000000000001", 16 * M, 0, { WAL_SEGMENT, 1, 1 } },
	{ "0000000A00000001000000FF", 16 * M, 0, { WAL_SEGMENT, 10, 511 } },
	{ "000000010000000100000FFF", 1 * M, 0, { WAL_SEGMENT, 1, 8191 } },
	{ "000000010000000200000003", 1024 * M, 0, { WAL_SEGMENT, 1, 11 } },
	{ "FFFFFFFFFFFFFFFF00000FFF", 1 * M, 0, { WAL_SEGMENT, UINT32_MAX, (UINT64_C(1) << 44) - 1 } },
	{ "000000010000000000000000", 16 * M, 0, { WAL_SEGMENT, 1, 0 } },
	{ "000000010000000000000001.partial", 16 * M, 0, { WAL_PARTIAL, 1, 1 } },
	{ "0000000B.history", 16 * M, 0, { WAL_HISTORY, 11, 0 } },
	/* beyond the last segment of that size */
	{ "000000010000000000000100", 16 * M, -EINVAL, { 0 } },
	{ "000000010000000000001000", 1 * M, -EINVAL, { 0 } },
	{ "000000010000000000000004", 1024 * M, -EINVAL, { 0 } },
	/* no such names */
	{ "", 16 * M, -EINVAL, { 0 } },
	{ "00000001", 16 * M, -EINVAL, { 0 } },
	{ "00000000.history", 16 * M, -EINVAL, { 0 } },
	{ "000000000000000000000001", 16 * M, -EINVAL, { 0 } },
	{ "00000001000000000000001", 16 * M, -EINVAL, { 0 } },
	{ "0000000100000000000000011", 16 * M, -EINVAL, { 0 } },
	{ "00000001000000000000000a", 16 * M, -EINVAL, { 0 } },
	{ "00000001 00000000000001", 16 * M, -EINVAL, { 0 } },
	{ "+00000010000000000000001", 16 * M, -EINVAL, { 0 } },
	{ "000000010000000000000001.gz", 16 * M, -EINVAL, { 0 } },
	{ "000000010000000000000001.part", 16 * M, -EINVAL, { 0 } },
	{ "000000010000000000000001.partial.part", 16 * M, -EINVAL, { 0 } },
	{ "000000010000000000000001.00000028.backup", 16 * M, -EINVAL, { 0 } },
	{ "00000002.history.gz", 16 * M, -EINVAL, { 0 } },
	{ "0000000b.history", 16 * M, -EINVAL, { 0 } },
};

START_TEST(wal_names)
{
	struct walname w = { WAL_NONE, 77, 77 };
	char again[WALNAME_MAX];
	int r = walname_parse(names[_i].name, strlen(names[_i].name), names[_i].seg_size, &w);

	ck_assert_msg(r == names[_i].rc, "\"%s\": %d", names[_i].name, r);
	if (r < 0) {
		ck_assert_uint_eq(w.timeline, 77);	/* left alone */
		return;
	}
	ck_assert_uint_eq(w.kind, names[_i].w.kind);
	ck_assert_uint_eq(w.timeline, names[_i].w.timeline);
	ck_assert_uint_eq(w.segno, names[_i].w.segno);
	walname_format(&w, names[_i].seg_size, again);
	ck_assert_str_eq(again, names[_i].name);
}
END_TEST

START_TEST(wal_places)
{
	ck_assert_uint_eq(wal_segno(0x2000000, M), 32);
	ck_assert_uint_eq(wal_segno_before(0x2000000, M), 31);
	ck_assert_uint_eq(wal_segno_before(0x2000001, M), 32);
	ck_assert_uint_eq(wal_segno_before(0, M), 0);
}
END_TEST

/* One field of a good header is replaced. */
static const struct {
	const char *what;
	size_t at, len;
	uint64_t value;
	struct walpage_expected e;
	const char *why;	/* NULL: accepted */
} pages[] = {
#define EXPECTED(tli, version, sysid)	{ tli, 5, WAL_SEG, version, sysid }
	{ "as it is", 0, 0, 0, EXPECTED(3, 15, WAL_SYSID), NULL },
	{ "nothing known", 0, 0, 0, EXPECTED(3, 0, 0), NULL },
	{ "an ancestor's page", 4, 4, 2, EXPECTED(3, 15, WAL_SYSID), NULL },
	{ "a descendant's page", 4, 4, 4, EXPECTED(3, 15, WAL_SYSID), "timeline 3 or an ancestor, found 4" },
	{ "no timeline", 4, 4, 0, EXPECTED(3, 15, WAL_SYSID), "found 0" },
	{ "another version", 0, 2, 0xD113, EXPECTED(3, 15, WAL_SYSID), "D113 is no magic number" },
	{ "another version, unknown", 0, 2, 0xD113, EXPECTED(3, 0, WAL_SYSID), NULL },
	{ "a version to come", 0, 2, 0xD120, EXPECTED(3, 19, WAL_SYSID), NULL },
	{ "an old page for a version to come", 0, 2, 0xD110, EXPECTED(3, 19, WAL_SYSID), "magic" },
	{ "zero magic", 0, 2, 0, EXPECTED(3, 0, 0), "0000 is no magic number" },
	{ "a short header", 2, 2, 0, EXPECTED(3, 15, WAL_SYSID), "flags 0000" },
	{ "unknown flags", 2, 2, 0x0102, EXPECTED(3, 15, WAL_SYSID), "flags 0102" },
	{ "all known flags", 2, 2, 0x000F, EXPECTED(3, 15, WAL_SYSID), NULL },
	{ "another place", 8, 8, 0x600000, EXPECTED(3, 15, WAL_SYSID), "page at 0/500000, found the one at 0/600000" },
	{ "another cluster", 24, 8, 1, EXPECTED(3, 15, WAL_SYSID), "system identifier 7711124431891965847, found 1" },
	{ "any cluster", 24, 8, 1, EXPECTED(3, 15, 0), NULL },
	{ "other segments", 32, 4, 16 * M, EXPECTED(3, 15, WAL_SYSID), "segments of 1048576 bytes, found 16777216" },
	{ "blocks of 12 KiB", 36, 4, 12288, EXPECTED(3, 15, WAL_SYSID), "12288 is no size" },
	{ "blocks of nothing", 36, 4, 0, EXPECTED(3, 15, WAL_SYSID), "0 is no size" },
	{ "blocks of 64 KiB", 36, 4, 65536, EXPECTED(3, 15, WAL_SYSID), NULL },
};

START_TEST(wal_pages)
{
	unsigned char page[WALPAGE_LONG];
	char why[WALPAGE_WHY_MAX] = "";
	int r;

	wal_header(page, 3, 5, WAL_SEG);
	wal_put(page, pages[_i].at, pages[_i].value, pages[_i].len);
	r = walpage_check(page, &pages[_i].e, why);
	ck_assert_msg(r == (pages[_i].why == NULL ? 0 : -EUCLEAN), "%s: %d %s", pages[_i].what, r, why);
	if (r < 0)
		ck_assert_msg(strstr(why, pages[_i].why) != NULL, "%s: %s", pages[_i].what, why);
}
END_TEST

static const struct {
	const char *text;
	uint32_t id;
	int rc;
	unsigned n, line;
	struct timeline last_but_one;
} histories[] = {
	{ "", 1, 0, 1, 0, { 0 } },
	{ "1\t0/1C00000\tno recovery target specified\n", 2, 0, 2, 0, { 1, 0, 0x1C00000 } },
	{ "1\t0/1C00000\tx\n\n2\tA/2\ty\n", 3, 0, 3, 0, { 2, 0x1C00000, 0xA00000002 } },
	{ "# a comment\r\n  1  0/10", 7, 0, 2, 0, { 1, 0, 0x10 } },
	{ "1 0/1C00000 a\n2 0/1C00000 b\n", 3, 0, 3, 0, { 2, 0x1C00000, 0x1C00000 } },
	{ "1\t0/1C00000\tx\n", 1, -EUCLEAN, 0, 1, { 0 } },
	{ "2\t0/1\tx\n1\t0/2\ty\n", 3, -EUCLEAN, 0, 2, { 0 } },
	{ "1\t0/2\tx\n2\t0/1\ty\n", 3, -EUCLEAN, 0, 2, { 0 } },
	{ "0\t0/2\tx\n", 3, -EUCLEAN, 0, 1, { 0 } },
	{ "1\t0\tx\n", 3, -EUCLEAN, 0, 1, { 0 } },
	{ "1\t/2\tx\n", 3, -EUCLEAN, 0, 1, { 0 } },
	{ "1\t0/\n", 3, -EUCLEAN, 0, 1, { 0 } },
	{ "1\t0/123456789\tx\n", 3, -EUCLEAN, 0, 1, { 0 } },
	{ "4294967296\t0/1\tx\n", 3, -EUCLEAN, 0, 1, { 0 } },
	{ "-1\t0/1\tx\n", 3, -EUCLEAN, 0, 1, { 0 } },
	{ "\n\nnonsense\n", 3, -EUCLEAN, 0, 3, { 0 } },
};

START_TEST(wal_histories)
{
	struct timelines t = { 0 };
	unsigned line = 0;
	int r = timelines_parse(histories[_i].text, strlen(histories[_i].text), histories[_i].id, &t,
	    &line);

	ck_assert_msg(r == histories[_i].rc, "\"%s\": %d", histories[_i].text, r);
	if (r < 0) {
		ck_assert_uint_eq(line, histories[_i].line);
		ck_assert_ptr_null(t.list);
		return;
	}
	ck_assert_uint_eq(t.n, histories[_i].n);
	ck_assert_uint_eq(t.list[t.n - 1].id, histories[_i].id);
	ck_assert_uint_eq(t.list[t.n - 1].end, UINT64_MAX);
	if (t.n > 1) {
		ck_assert_uint_eq(t.list[t.n - 2].id, histories[_i].last_but_one.id);
		ck_assert_uint_eq(t.list[t.n - 2].begin, histories[_i].last_but_one.begin);
		ck_assert_uint_eq(t.list[t.n - 2].end, histories[_i].last_but_one.end);
		ck_assert_uint_eq(t.list[t.n - 1].begin, t.list[t.n - 2].end);
	}
	ck_assert_int_eq(timelines_find(&t, histories[_i].id), (int)t.n - 1);
	ck_assert_int_eq(timelines_find(&t, 99), -1);
	timelines_free(&t);
}
END_TEST

/* More ancestors than anybody has are refused, not read. */
START_TEST(wal_history_bounded)
{
	size_t i, len = 0, room = (TIMELINE_ANCESTORS_MAX + 1) * 24;
	char *text = malloc(room);
	struct timelines t = { 0 };
	unsigned line;

	for (i = 1; i <= TIMELINE_ANCESTORS_MAX; i++)
		len += (size_t)snprintf(text + len, room - len, "%zu\t0/%zX\tx\n", i, i);
	ck_assert_int_eq(timelines_parse(text, len, 100000, &t, &line), 0);
	ck_assert_uint_eq(t.n, TIMELINE_ANCESTORS_MAX + 1);
	timelines_free(&t);
	len += (size_t)snprintf(text + len, room - len, "%zu\t0/%zX\tx\n", i, i);
	ck_assert_int_eq(timelines_parse(text, len, 100000, &t, &line), -EUCLEAN);
	free(text);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("wal");
	TCase *tc = tcase_create("wal");

	tcase_add_loop_test(tc, wal_names, 0, ARRAY_SIZE(names));
	tcase_add_test(tc, wal_places);
	tcase_add_loop_test(tc, wal_pages, 0, ARRAY_SIZE(pages));
	tcase_add_loop_test(tc, wal_histories, 0, ARRAY_SIZE(histories));
	tcase_add_test(tc, wal_history_bounded);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
