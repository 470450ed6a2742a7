/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * codec: pages of every codec decode to themselves; damaged, cut and hostile streams
 * are refused, and nobody touches a byte outside of the two buffers.
 */
#include "config.h"

#include <errno.h>
#include <lz4.h>
#include <lz4hc.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/util.h"
#include "codec/codec.h"
#include "support/pglz_compress.h"
#include "support/unit.h"

#define PAGE	8192
#define ROOM	(2 * PAGE)

static struct codec *codec;

static void
setup(void)
{
	codec = codec_new();
	ck_assert_ptr_nonnull(codec);
}

static void
teardown(void)
{
	codec_free(codec);
}

/* ---- compressors: all return the length, or -1 ------------------------ */

static int
none_compress(const unsigned char *src, unsigned char *dst)
{
	memcpy(dst, src, PAGE);
	return PAGE;
}

static int
pglz_compress(const unsigned char *src, unsigned char *dst)
{
	return pglz_compress_page(src, PAGE, dst, ROOM);
}

static int
zlib_compress(const unsigned char *src, unsigned char *dst)
{
	uLongf len = ROOM;

	return compress2(dst, &len, src, PAGE, 1) == Z_OK ? (int)len : -1;
}

static int
lz4_compress(const unsigned char *src, unsigned char *dst)
{
	return LZ4_compress_default((const char *)src, (char *)dst, PAGE, ROOM);
}

static int
lz4hc_compress(const unsigned char *src, unsigned char *dst)
{
	return LZ4_compress_HC((const char *)src, (char *)dst, PAGE, ROOM, 9);
}

static int
zstd_compress(const unsigned char *src, unsigned char *dst)
{
	size_t n = ZSTD_compress(dst, ROOM, src, PAGE, 3);

	return ZSTD_isError(n) ? -1 : (int)n;
}

static const struct writer {
	const char *name;
	enum codec_alg alg;
	int	(*compress)(const unsigned char *src, unsigned char *dst);
} writers[] = {
	{ "none",	CODEC_NONE,	none_compress },
	{ "pglz",	CODEC_PGLZ,	pglz_compress },
	{ "zlib",	CODEC_ZLIB,	zlib_compress },
	{ "lz4",	CODEC_LZ4,	lz4_compress },
	{ "lz4 hc",	CODEC_LZ4,	lz4hc_compress },
	{ "zstd",	CODEC_ZSTD,	zstd_compress },
};

/* ---- pages ------------------------------------------------------------ */

static unsigned
next_random(uint32_t *state)
{
	*state = *state * 1664525U + 1013904223U;
	return *state >> 16;
}

static void
fill_zero(unsigned char *page)
{
	memset(page, 0, PAGE);
}

static void
fill_text(unsigned char *page)
{
	static const char text[] = "the quick brown fox jumps over the lazy dog. ";
	size_t i;

	for (i = 0; i < PAGE; i++)
		page[i] = (unsigned char)text[(i + i / 700) % (sizeof(text) - 1)];
}

/* Like a heap page: a header, a hole of zeroes, rows that differ a little. */
static void
fill_rows(unsigned char *page)
{
	uint32_t seed = 7;
	size_t i;

	memset(page, 0, PAGE);
	for (i = 3000; i < PAGE; i++)
		page[i] = (unsigned char)(i % 40 < 30 ? i % 40 : next_random(&seed) % 8);
}

/* Periods of every length from 1 to 20, for matches that overlap themselves. */
static void
fill_periods(unsigned char *page)
{
	size_t i, period;

	for (i = 0; i < PAGE; i++) {
		period = 1 + i / 400 % 20;
		page[i] = (unsigned char)(i / 400 * 31 + i % period * 7);
	}
}

static void
fill_random(unsigned char *page)
{
	uint32_t seed = 1;
	size_t i;

	for (i = 0; i < PAGE; i++)
		page[i] = (unsigned char)next_random(&seed);
}

static const struct content {
	const char *name;
	void	(*fill)(unsigned char *page);
} contents[] = {
	{ "zero",	fill_zero },
	{ "text",	fill_text },
	{ "rows",	fill_rows },
	{ "periods",	fill_periods },
	{ "random",	fill_random },
};

/*
 * Decodes from and to buffers of exactly these sizes, so that a sanitizer sees
 * every step outside.
 */
static int
decode_exact(enum codec_alg alg, const void *src, size_t len, void *out, size_t size)
{
	unsigned char *in autofree = malloc(len), *page autofree = malloc(size);
	int rc;

	if (len > 0)
		memcpy(in, src, len);
	rc = codec_decode(codec, alg, in, len, page, size);
	if (rc == 0 && out != NULL)
		memcpy(out, page, size);
	return rc;
}

/* Runs body for every writer and content that it can compress. */
#define FOR_EACH_STREAM(w, c, page, packed, len)					\
	for (size_t k_ = 0; k_ < ARRAY_SIZE(writers) * ARRAY_SIZE(contents); k_++)	\
		if (((w) = &writers[k_ / ARRAY_SIZE(contents)]) != NULL &&		\
		    ((c) = &contents[k_ % ARRAY_SIZE(contents)]) != NULL &&		\
		    ((c)->fill(page), (len) = (w)->compress(page, packed)) > 0)

START_TEST(round_trip)
{
	unsigned char page[PAGE], packed[ROOM], out[PAGE];
	const struct writer *w;
	const struct content *c;
	int len, streams = 0;

	FOR_EACH_STREAM(w, c, page, packed, len) {
		streams++;
		ck_assert_msg(decode_exact(w->alg, packed, (size_t)len, out, PAGE) == 0,
		    "%s of %s", w->name, c->name);
		ck_assert_msg(memcmp(page, out, PAGE) == 0, "%s of %s", w->name, c->name);
	}
	/* Only pglz has a page that it leaves alone, the random one. */
	ck_assert_int_eq(streams, (int)(ARRAY_SIZE(writers) * ARRAY_SIZE(contents)) - 1);
}
END_TEST

START_TEST(truncated_input)
{
	unsigned char page[PAGE], packed[ROOM];
	const struct writer *w;
	const struct content *c;
	int len, n;

	FOR_EACH_STREAM(w, c, page, packed, len)
		for (n = 0; n < len; n += n > 600 ? 97 : 1)
			ck_assert_msg(decode_exact(w->alg, packed, (size_t)n, NULL, PAGE) == -EUCLEAN,
			    "%s of %s cut to %d of %d bytes", w->name, c->name, n, len);
}
END_TEST

START_TEST(input_goes_on)
{
	unsigned char page[PAGE], packed[ROOM + 8];
	const struct writer *w;
	const struct content *c;
	int len;

	FOR_EACH_STREAM(w, c, page, packed, len) {
		memset(packed + len, 0, 8);
		ck_assert_msg(decode_exact(w->alg, packed, (size_t)len + 1, NULL, PAGE) == -EUCLEAN,
		    "%s of %s with a byte more", w->name, c->name);
		ck_assert_msg(decode_exact(w->alg, packed, (size_t)len + 8, NULL, PAGE) == -EUCLEAN,
		    "%s of %s with 8 bytes more", w->name, c->name);
	}
}
END_TEST

START_TEST(other_page_size)
{
	static const size_t sizes[] = { 0, 1, 8, PAGE / 2, PAGE - 1, PAGE + 1, 2 * PAGE };
	unsigned char page[PAGE], packed[ROOM];
	const struct writer *w;
	const struct content *c;
	size_t i;
	int len;

	FOR_EACH_STREAM(w, c, page, packed, len)
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			ck_assert_msg(decode_exact(w->alg, packed, (size_t)len, NULL, sizes[i]) == -EUCLEAN,
			    "%s of %s into %zu bytes", w->name, c->name, sizes[i]);
}
END_TEST

/* Damage may stay unnoticed where a format has no checksum; it may never do harm. */
START_TEST(flipped_bits)
{
	unsigned char page[PAGE], packed[ROOM], out[PAGE];
	const struct writer *w;
	const struct content *c;
	int len, i, rc, step;

	FOR_EACH_STREAM(w, c, page, packed, len) {
		step = len > 500 ? len / 250 : 1;
		for (i = 0; i < len * 8; i += step) {
			packed[i / 8] ^= (unsigned char)(1 << i % 8);
			rc = decode_exact(w->alg, packed, (size_t)len, out, PAGE);
			packed[i / 8] ^= (unsigned char)(1 << i % 8);
			ck_assert_msg(rc == 0 || rc == -EUCLEAN, "%s of %s, bit %d: %d",
			    w->name, c->name, i, rc);
			/* A checksum leaves only other spellings of the same page. */
			if (rc == 0 && w->alg == CODEC_ZLIB)
				ck_assert_msg(memcmp(page, out, PAGE) == 0, "%s of %s, bit %d",
				    w->name, c->name, i);
		}
		/* The context works as before. */
		ck_assert_int_eq(decode_exact(w->alg, packed, (size_t)len, out, PAGE), 0);
		ck_assert_mem_eq(page, out, PAGE);
	}
}
END_TEST

START_TEST(random_input)
{
	unsigned char buf[512];
	uint32_t seed = 99;
	size_t i, j, len;
	int rc;

	for (i = 0; i < 20000; i++) {
		len = next_random(&seed) % sizeof(buf);
		for (j = 0; j < len; j++)
			buf[j] = (unsigned char)next_random(&seed);
		rc = decode_exact(i % CODEC_COUNT, buf, len, NULL, 1 + i % PAGE);
		ck_assert(rc == 0 || rc == -EUCLEAN);
	}
}
END_TEST

/* Streams written by hand: out NULL means that they have to be refused. */
static const struct { const char *what, *in; size_t len; const char *out; size_t size; } by_hand[] = {
	{ "one literal",		"\x00" "a",		2, "a", 1 },
	{ "a match of distance 1",	"\x02" "a\x02\x01",	4, "aaaaaa", 6 },
	{ "a match of distance 2",	"\x04" "ab\x01\x02",	5, "ababab", 6 },
	{ "a long match",		"\x02" "a\x0f\x01\x02",	5, "aaaaaaaaaaaaaaaaaaaaa", 21 },
	{ "unused control bits set",	"\xfe" "a\x02\x01",	4, "aaaaaa", 6 },
	{ "a control byte alone",	"\x00",			1, NULL, 1 },
	{ "a control byte at the end",	"\x00" "a\x00",		3, NULL, 1 },
	{ "distance 0",			"\x02" "a\x02\x00",	4, NULL, 6 },
	{ "a match before the start",	"\x02" "a\x02\x02",	4, NULL, 6 },
	{ "a match at the start",	"\x01\x02\x01",		3, NULL, 5 },
	{ "a match past the end",	"\x02" "a\x03\x01",	4, NULL, 6 },
	{ "half a match",		"\x02" "a\x02",		3, NULL, 6 },
	{ "a long match cut off",	"\x02" "a\x0f\x01",	4, NULL, 21 },
	{ "a page not full",		"\x02" "a\x02\x01",	4, NULL, 7 },
};

START_TEST(pglz_by_hand)
{
	char out[32];
	int rc;

	rc = decode_exact(CODEC_PGLZ, by_hand[_i].in, by_hand[_i].len, out, by_hand[_i].size);
	ck_assert_msg(rc == (by_hand[_i].out != NULL ? 0 : -EUCLEAN), "%s: %d", by_hand[_i].what, rc);
	if (rc == 0)
		ck_assert_msg(memcmp(out, by_hand[_i].out, by_hand[_i].size) == 0, "%s", by_hand[_i].what);
}
END_TEST

START_TEST(zstd_takes_one_frame)
{
	unsigned char page[PAGE], in[ROOM], half[ROOM];
	static const unsigned char skippable[] = { 0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0 };
	size_t a, b, len;

	fill_text(page);
	a = ZSTD_compress(in, ROOM, page, PAGE / 2, 3);
	b = ZSTD_compress(half, ROOM, page + PAGE / 2, PAGE / 2, 3);
	memcpy(in + a, half, b);
	ck_assert_int_eq(decode_exact(CODEC_ZSTD, in, a + b, NULL, PAGE), -EUCLEAN);

	memcpy(in, skippable, sizeof(skippable));
	len = ZSTD_compress(in + sizeof(skippable), ROOM - sizeof(skippable), page, PAGE, 3);
	ck_assert_int_eq(decode_exact(CODEC_ZSTD, in, sizeof(skippable) + len, NULL, PAGE), -EUCLEAN);
	ck_assert_int_eq(decode_exact(CODEC_ZSTD, in + sizeof(skippable), len, NULL, PAGE), 0);
}
END_TEST

static const struct { const char *name; int alg; } names[] = {
	{ "none", CODEC_NONE }, { "pglz", CODEC_PGLZ }, { "zlib", CODEC_ZLIB },
	{ "lz4", CODEC_LZ4 }, { "zstd", CODEC_ZSTD }, { "ZLIB", CODEC_ZLIB },
	{ "Zstd", CODEC_ZSTD }, { "", -EINVAL }, { "z", -EINVAL }, { "lz", -EINVAL },
	{ "lz4 ", -EINVAL }, { "lz44", -EINVAL }, { "gzip", -EINVAL },
};

START_TEST(by_name)
{
	const char *name = names[_i].name;

	ck_assert_msg(codec_by_name(name, strlen(name)) == names[_i].alg, "\"%s\"", name);
}
END_TEST

START_TEST(name_of)
{
	const char *name = codec_name((enum codec_alg)_i);

	ck_assert_int_eq(codec_by_name(name, strlen(name)), _i);
	/* The name need not end there. */
	ck_assert_int_eq(codec_by_name("lz4\",\"crc", 3), CODEC_LZ4);
	ck_assert_str_eq(codec_name(CODEC_COUNT), "unknown");
}
END_TEST

START_TEST(bad_arguments)
{
	unsigned char in[8] = { 0 }, out[8];

	ck_assert_int_eq(codec_decode(codec, CODEC_COUNT, in, 8, out, 8), -EUCLEAN);
	ck_assert_int_eq(codec_decode(codec, (enum codec_alg)-1, in, 8, out, 8), -EUCLEAN);
	ck_assert_int_eq(codec_decode(codec, CODEC_LZ4, in, (size_t)1 << 33, out, 8), -EUCLEAN);
	ck_assert_int_eq(codec_decode(codec, CODEC_ZLIB, in, 8, out, (size_t)1 << 33), -EUCLEAN);
	codec_free(NULL);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("codec");
	TCase *tc = tcase_create("decode");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, round_trip);
	tcase_add_test(tc, truncated_input);
	tcase_add_test(tc, input_goes_on);
	tcase_add_test(tc, other_page_size);
	tcase_add_test(tc, flipped_bits);
	tcase_add_test(tc, random_input);
	tcase_add_loop_test(tc, pglz_by_hand, 0, ARRAY_SIZE(by_hand));
	tcase_add_test(tc, zstd_takes_one_frame);
	tcase_add_test(tc, bad_arguments);
	suite_add_tcase(s, tc);
	tc = tcase_create("names");
	tcase_add_loop_test(tc, by_name, 0, ARRAY_SIZE(names));
	tcase_add_loop_test(tc, name_of, 0, CODEC_COUNT);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
