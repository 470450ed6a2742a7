/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/base/crc32c: known checksums, and the same results of every implementation.
 */
/* Includes the source itself, for the functions behind the choice of the processor. */
#include "base/crc32c.c"

#include "base/util.h"
#include "support/unit.h"

static unsigned char buf[5000];

static void
setup(void)
{
	size_t i;

	for (i = 0; i < sizeof(buf); i++)
		buf[i] = (unsigned char)(i * 167 + i / 251);
	pthread_once(&slice_once, fill_slices);
}

static uint32_t
by_software(const void *p, size_t len)
{
	return ~update_software(~0U, p, len);
}

static uint32_t
by_bit(const unsigned char *p, size_t len)
{
	uint32_t reg = ~0U;
	int k;

	for (; len > 0; len--) {
		reg ^= *p++;
		for (k = 0; k < 8; k++)
			reg = reg & 1 ? reg >> 1 ^ POLYNOMIAL : reg >> 1;
	}
	return ~reg;
}

/* The 32-byte ones are those of RFC 3720, appendix B.4. */
static const struct { const char *what; const char *bytes; size_t len; uint32_t crc; } vectors[] = {
	{ "nothing",	"", 0, 0 },
	{ "digits",	"123456789", 9, 0xE3069283 },
	{ "a",		"a", 1, 0xC1D04330 },
	{ "zeroes",	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32, 0x8A9136AA },
	{ "ones",	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
			"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 32, 0x62A8AB43 },
	{ "ascending",	"\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25\26\27"
			"\30\31\32\33\34\35\36\37", 32, 0x46DD794E },
};

START_TEST(known_vectors)
{
	ck_assert_msg(crc32c(0, vectors[_i].bytes, vectors[_i].len) == vectors[_i].crc,
	    "%s", vectors[_i].what);
	ck_assert_msg(by_software(vectors[_i].bytes, vectors[_i].len) == vectors[_i].crc,
	    "%s by software", vectors[_i].what);
}
END_TEST

START_TEST(all_ways_agree)
{
	size_t start, len;
	uint32_t want;

	for (start = 0; start < 16; start++)
		for (len = 0; len < 300; len++) {
			want = by_bit(buf + start, len);
			ck_assert_uint_eq(by_software(buf + start, len), want);
			ck_assert_uint_eq(crc32c(0, buf + start, len), want);
#ifdef HAVE_UPDATE_HARDWARE
			if (hardware_has_crc32c())
				ck_assert_uint_eq(~update_hardware(~0U, buf + start, len), want);
#endif
		}
	ck_assert_uint_eq(by_software(buf, sizeof(buf)), by_bit(buf, sizeof(buf)));
	ck_assert_uint_eq(crc32c(0, buf, sizeof(buf)), by_bit(buf, sizeof(buf)));
}
END_TEST

START_TEST(chaining)
{
	uint32_t whole = crc32c(0, buf, sizeof(buf));
	size_t cut;

	for (cut = 0; cut <= sizeof(buf); cut += 37)
		ck_assert_uint_eq(crc32c(crc32c(0, buf, cut), buf + cut, sizeof(buf) - cut), whole);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("crc32c");
	TCase *tc = tcase_create("crc32c");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, known_vectors, 0, ARRAY_SIZE(vectors));
	tcase_add_test(tc, all_ways_agree);
	tcase_add_test(tc, chaining);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
