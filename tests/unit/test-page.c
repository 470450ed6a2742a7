/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/pg/page: checksums, LSNs and headers of pages.
 */
/* Includes the source itself, for the functions behind the choice of the processor. */
#include "pg/page.c"

#include "base/util.h"
#include "support/unit.h"

static unsigned char page[BLCKSZ];

static void
put16(size_t at, unsigned v)
{
	page[at] = (unsigned char)v;
	page[at + 1] = (unsigned char)(v >> 8);
}

/* A page that any reader can rebuild: LSN 12/3456789A, 40 bytes of pointers, and a pattern. */
static void
setup(void)
{
	static const unsigned char header[] = {
		0x12, 0, 0, 0, 0x9a, 0x78, 0x56, 0x34,	/* LSN */
		0, 0, 0, 0,				/* checksum, flags */
		0x40, 0, 0, 0x10, 0xf0, 0x1f,		/* lower, upper, special */
		0x04, 0x20, 0, 0, 0, 0,			/* size and version, prune xid */
	};
	size_t i;

	for (i = 0; i < BLCKSZ; i++)
		page[i] = (unsigned char)(i * 7 + i / 256);
	memcpy(page, header, sizeof(header));
}

/* The results are those of page_checksum() of PostgreSQL 15's pageinspect. */
static const struct { uint32_t blkno; uint16_t sum; } sums[] = {
	{ 0, 2974 }, { 1, 2973 }, { 131072, 2976 }, { 4294967294U, 62564 },
};

START_TEST(checksum_is_postgres)
{
	ck_assert_uint_eq(page_checksum(page, sums[_i].blkno), sums[_i].sum);
	/* The sum does not depend on the field's value, and nothing writes to the field. */
	put16(8, 0xbeef);
	ck_assert_uint_eq(page_checksum(page, sums[_i].blkno), sums[_i].sum);
	ck_assert_uint_eq(page_stored_checksum(page), 0xbeef);
}
END_TEST

/* The code that every compiler makes gives the same sum as that for this processor. */
START_TEST(all_ways_agree)
{
	unsigned char shifted[BLCKSZ + 1];
	uint32_t state = (uint32_t)_i;
	size_t i;

	for (i = 0; i < BLCKSZ; i++) {
		state = state * 1664525U + 1013904223U;
		page[i] = (unsigned char)(state >> 24);
	}
	memcpy(shifted + 1, page, BLCKSZ);
	ck_assert_uint_eq(sum_portable(page), sum_best(page));
	ck_assert_uint_eq(sum_portable(shifted + 1), sum_best(page));
	ck_assert_uint_eq(sum_best(shifted + 1), sum_best(page));
}
END_TEST

START_TEST(checksum_sees_changes)
{
	uint16_t sum = page_checksum(page, 5);
	size_t i;

	for (i = 0; i < BLCKSZ; i++) {
		if (i == 8 || i == 9)
			continue;
		page[i] ^= 0x10;
		ck_assert_msg(page_checksum(page, 5) != sum, "byte %zu", i);
		page[i] ^= 0x10;
	}
}
END_TEST

START_TEST(zero_pages)
{
	static const size_t places[] = { 0, 1, 7, 8, 4096, BLCKSZ - 2, BLCKSZ - 1 };
	size_t i;

	ck_assert(!page_is_zero(page));
	memset(page, 0, sizeof(page));
	ck_assert(page_is_zero(page));
	ck_assert(!page_header_plausible(page));
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		page[places[i]] = 1;
		ck_assert_msg(!page_is_zero(page), "byte %zu", places[i]);
		page[places[i]] = 0;
	}
	memset(page, 1, sizeof(page));
	ck_assert(!page_is_zero(page));
}
END_TEST

START_TEST(lsn)
{
	ck_assert_uint_eq(page_lsn(page), UINT64_C(0x123456789A));
}
END_TEST

/* One field of the good page changed. */
static const struct { const char *what; size_t at; unsigned value; bool plausible; } headers[] = {
	{ "as it is",		12, 0x40, true },
	{ "all known flags",	10, 7, true },
	{ "an unknown flag",	10, 8, false },
	{ "a high flag",	10, 0x8000, false },
	{ "no line pointers",	12, 24, true },
	{ "lower in the header", 12, 23, false },
	{ "lower = upper",	12, 0x1000, true },
	{ "lower > upper",	12, 0x1001, false },
	{ "upper = special",	14, BLCKSZ - 16, true },
	{ "upper > special",	14, BLCKSZ - 15, false },
	{ "no special space",	16, BLCKSZ, true },
	{ "special > page",	16, BLCKSZ + 8, false },
	{ "special unaligned",	16, BLCKSZ - 12, false },
	{ "version 3",		18, BLCKSZ | 3, false },
	{ "version 0",		18, BLCKSZ, false },
	{ "pages of 16 KiB",	18, 2 * BLCKSZ | 4, false },
};

START_TEST(header)
{
	put16(headers[_i].at, headers[_i].value);
	ck_assert_msg(page_header_plausible(page) == headers[_i].plausible, "%s", headers[_i].what);
}
END_TEST

START_TEST(other_bytes_are_no_header)
{
	uint32_t state = 3;
	size_t i, n;

	for (n = 0; n < 2000; n++) {
		for (i = 0; i < 64; i++) {
			state = state * 1664525U + 1013904223U;
			page[i] = (unsigned char)(state >> 24);
		}
		page[0] = 0x78;	/* as zlib streams begin */
		ck_assert(!page_header_plausible(page));
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("page");
	TCase *tc = tcase_create("page");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, checksum_is_postgres, 0, ARRAY_SIZE(sums));
	tcase_add_loop_test(tc, all_ways_agree, 0, 50);
	tcase_add_test(tc, checksum_sees_changes);
	tcase_add_test(tc, zero_pages);
	tcase_add_test(tc, lsn);
	tcase_add_loop_test(tc, header, 0, ARRAY_SIZE(headers));
	tcase_add_test(tc, other_bytes_are_no_header);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
