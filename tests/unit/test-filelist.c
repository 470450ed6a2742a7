/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/probackup/filelist: the lines of a backup's list that it accepts, with their
 * values, and the reason for which it refuses the others.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "probackup/chain.h"
#include "probackup/filelist.h"
#include "support/unit.h"

#define REST	"\"size\":\"0\", \"mode\":\"33152\"}\n"

static const struct {
	const char *name, *text;
	int rc;
	const char *expect;	/* the path, or a part of the reason */
} cases[] = {
	{ "empty list", "", 0, NULL },
	{ "smallest line", "{\"path\":\"a\"," REST, 1, "a" },
	{ "other order", "{\"mode\":\"33152\",\"size\":\"0\",\"path\":\"a\"}\n", 1, "a" },
	{ "spaces", " { \"path\" : \"a b\" ,\t" REST, 1, "a b" },
	{ "CRLF", "{\"path\":\"a\",\"size\":\"0\",\"mode\":\"33152\"}\r\n", 1, "a" },
	{ "raw bytes", "{\"path\":\"n\\\xff\t'\"," REST, 1, "n\\\xff\t'" },
	{ "unknown key", "{\"path\":\"a\",\"later\":\"x,}\"," REST, 1, "a" },
	{ "linked", "{\"path\":\"a\",\"linked\":\"/x\"," REST, 1, "a" },
	{ "directory", "{\"path\":\"a\",\"size\":\"-1\",\"mode\":\"16832\"}\n", 1, "a" },

	{ "kind of a file", "{\"path\":\"a\",\"kind\":\"reg\",\"size\":\"0\",\"mode\":\"384\"}\n", 1, "a" },
	{ "kind behind mode", "{\"size\":\"0\",\"mode\":\"448\",\"x\":\"y\",\"kind\":\"dir\",\"path\":\"a\"}\n", 1, "a" },

	{ "no line feed", "{\"path\":\"a\"," "\"size\":\"0\", \"mode\":\"33152\"}", -EUCLEAN, "the list is truncated" },
	{ "blank line", "\n", -EUCLEAN, "line 1: byte 1 is not as expected" },
	{ "no brace", "\"path\":\"a\"\n", -EUCLEAN, "byte 1" },
	{ "cut", "{\"path\":\"a\n", -EUCLEAN, "line 1: byte 10" },
	{ "open end", "{\"path\":\"a\",\"size\":\"0\",\"mode\":\"33152\"\n", -EUCLEAN, "is not as expected" },
	{ "behind the end", "{\"path\":\"a\"," "\"size\":\"0\", \"mode\":\"33152\"} x\n", -EUCLEAN, "\"x\"" },
	{ "number without quotes", "{\"path\":\"a\",\"size\":0,\"mode\":\"33152\"}\n", -EUCLEAN, "is not as expected" },
	{ "no path", "{" REST, -EUCLEAN, "path, size or mode is missing" },
	{ "no size", "{\"path\":\"a\",\"mode\":\"33152\"}\n", -EUCLEAN, "path, size or mode is missing" },
	{ "no mode", "{\"path\":\"a\",\"size\":\"1\"}\n", -EUCLEAN, "path, size or mode is missing" },
	{ "twice", "{\"path\":\"a\",\"path\":\"b\"," REST, -EUCLEAN, "a key is given twice" },
	{ "absolute path", "{\"path\":\"/a\"," REST, -EUCLEAN, "\"/a\" is not a plain relative path" },
	{ "path upwards", "{\"path\":\"a/../b\"," REST, -EUCLEAN, "not a plain relative path" },
	{ "path empty", "{\"path\":\"\"," REST, -EUCLEAN, "not a plain relative path" },
	{ "symbolic link", "{\"path\":\"a\",\"size\":\"0\",\"mode\":\"41471\"}\n", -EUCLEAN, "mode is 41471, neither" },
	{ "mode too large", "{\"path\":\"a\",\"size\":\"0\",\"mode\":\"98688\"}\n", -EUCLEAN, "neither of a file" },
	{ "mode without a type", "{\"path\":\"a\",\"size\":\"0\",\"mode\":\"384\"}\n", -EUCLEAN, "mode is 384, neither" },
#define KIND(kind)	"{\"path\":\"d/x\", \"size\":\"0\", \"kind\":\"" kind "\", \"mode\":\"511\"}\n"
	{ "kind of a link", KIND("sym"), -EUCLEAN, "line 1: \"d/x\" is a symbolic link (kind \"sym\"), neither a file nor a directory" },
	{ "kind of a FIFO", KIND("fifo"), -EUCLEAN, "\"d/x\" is a FIFO" },
	{ "kind of a socket", KIND("sock"), -EUCLEAN, "\"d/x\" is a socket" },
	{ "kind of a character device", KIND("chdev"), -EUCLEAN, "\"d/x\" is a character device" },
	{ "kind of a block device", KIND("bldev"), -EUCLEAN, "\"d/x\" is a block device" },
	{ "unknown kind", KIND("whiteout"), -EUCLEAN, "kind is \"whiteout\", which is not known" },
	{ "empty kind", KIND(""), -EUCLEAN, "kind is \"\"" },
	{ "kind cut off", KIND("re"), -EUCLEAN, "kind is \"re\"" },
	{ "kind does not widen mode", "{\"path\":\"a\",\"size\":\"0\",\"kind\":\"reg\",\"mode\":\"65920\"}\n", -EUCLEAN, "neither of a file" },
#define SAYS(size, pairs)	"{\"path\":\"d/x\", \"size\":\"" size "\", " pairs "}\n"
#define CONTRADICTS		"line 1: \"d/x\" contradicts itself: "
#define REG			"\"mode\":\"33152\", \"is_datafile\":\"1\""
	{ "mode of another kind", SAYS("0", "\"kind\":\"dir\", \"mode\":\"33216\""), -EUCLEAN, CONTRADICTS "mode 33216 is not one of kind \"dir\"" },
	{ "mode of a link, kind of a file", SAYS("0", "\"kind\":\"reg\", \"mode\":\"41344\""), -EUCLEAN, CONTRADICTS "mode 41344" },
	{ "directory with a size", SAYS("1", "\"mode\":\"16832\""), -EUCLEAN, CONTRADICTS "a directory with a size" },
	{ "kind of a directory with a size", SAYS("8192", "\"kind\":\"dir\", \"mode\":\"448\""), -EUCLEAN, CONTRADICTS "a directory with a size" },
	{ "directory with blocks", SAYS("0", "\"mode\":\"16832\", \"n_blocks\":\"1\""), -EUCLEAN, CONTRADICTS "a directory with pages" },
	{ "directory of pages", SAYS("-1", "\"mode\":\"16832\", \"is_datafile\":\"1\""), -EUCLEAN, CONTRADICTS "a directory with pages" },
	{ "pages in a plain file", SAYS("99", "\"mode\":\"33152\", \"is_datafile\":\"0\", \"n_blocks\":\"1\", \"n_headers\":\"1\", \"hdr_size\":\"9\""), -EUCLEAN, CONTRADICTS "is_datafile is 0" },
	{ "headers without a size", SAYS("99", REG ", \"n_blocks\":\"1\", \"n_headers\":\"1\""), -EUCLEAN, CONTRADICTS "it has headers of pages without a size" },
	{ "more headers than blocks", SAYS("99", REG ", \"n_blocks\":\"1\", \"n_headers\":\"2\", \"hdr_size\":\"9\""), -EUCLEAN, CONTRADICTS "it has more headers of pages than blocks" },
	{ "headers of no blocks", SAYS("99", REG ", \"n_blocks\":\"0\", \"n_headers\":\"2\", \"hdr_size\":\"9\""), -EUCLEAN, CONTRADICTS "it has more headers of pages than blocks" },
	{ "headers without room", SAYS("15", REG ", \"n_blocks\":\"2\", \"n_headers\":\"2\", \"hdr_size\":\"9\""), -EUCLEAN, CONTRADICTS "it has more headers of pages than its size" },
	{ "headers of what is unchanged", SAYS("-1", REG ", \"n_blocks\":\"2\", \"n_headers\":\"1\", \"hdr_size\":\"9\""), -EUCLEAN, CONTRADICTS "it has more headers of pages than its size" },
	{ "headers that fit", SAYS("16", REG ", \"n_blocks\":\"2\", \"n_headers\":\"2\", \"hdr_size\":\"9\""), 1, "d/x" },
	{ "vanished", "{\"path\":\"a\",\"size\":\"-2\",\"mode\":\"33152\"}\n", -EUCLEAN, "size is \"-2\" instead of a number" },
	{ "size too large", "{\"path\":\"a\",\"size\":\"9223372036854775808\",\"mode\":\"33152\"}\n", -EUCLEAN, "size is" },
	{ "size of 20 digits", "{\"path\":\"a\",\"size\":\"18446744073709551617\",\"mode\":\"33152\"}\n", -EUCLEAN, "size is" },
	{ "size empty", "{\"path\":\"a\",\"size\":\"\",\"mode\":\"33152\"}\n", -EUCLEAN, "size is \"\"" },
	{ "sign only", "{\"path\":\"a\",\"size\":\"-\",\"mode\":\"33152\"}\n", -EUCLEAN, "size is \"-\"" },
	{ "n_blocks negative", "{\"path\":\"a\",\"n_blocks\":\"-1\"," REST, -EUCLEAN, "n_blocks is" },
	{ "crc too large", "{\"path\":\"a\",\"crc\":\"4294967296\"," REST, -EUCLEAN, "crc is" },
	{ "flag", "{\"path\":\"a\",\"is_datafile\":\"2\"," REST, -EUCLEAN, "is_datafile is \"2\" instead of a number from 0 to 1" },
	{ "full_size, which nobody needs", "{\"path\":\"a\",\"full_size\":\"-9x\"," REST, 1, "a" },
	{ "codec", "{\"path\":\"a\",\"compress_alg\":\"rar\"," REST, -EUCLEAN, "compress_alg is \"rar\", which is not known" },
};

START_TEST(list_cases)
{
	char error[CHAIN_ERROR_MAX] = "";
	struct filelist l = { .text = cases[_i].text, .len = strlen(cases[_i].text) };
	struct filelist_entry e;
	int r = filelist_next(&l, &e, error);

	ck_assert_msg(r == cases[_i].rc, "%s: %d %s", cases[_i].name, r, error);
	if (r == 1)
		ck_assert_msg(e.path_len == strlen(cases[_i].expect) &&
		    memcmp(e.path, cases[_i].expect, e.path_len) == 0, "%s", cases[_i].name);
	if (r < 0)
		ck_assert_msg(strstr(error, cases[_i].expect) != NULL, "%s: %s",
		    cases[_i].name, error);
}
END_TEST

static const char two[] =
	"{\"path\":\"base/1/112\", \"size\":\"1234567890123\", \"mode\":\"33152\", \"is_datafile\":\"1\", "
	"\"is_cfs\":\"1\", \"crc\":\"4294967295\", \"compress_alg\":\"PGLZ\", \"external_dir_num\":\"2\", "
	"\"dbOid\":\"1\",\"full_size\":\"65536\",\"segno\":\"7\",\"n_blocks\":\"131072\",\"n_headers\":\"8\","
	"\"hdr_crc\":\"9\",\"hdr_off\":\"8589934592\",\"hdr_size\":\"10\"}\n"
	"{\"path\":\"x\",\"size\":\"-1\",\"mode\":\"33261\"}\n";

START_TEST(list_values)
{
	char error[CHAIN_ERROR_MAX] = "";
	struct filelist l = { .text = two, .len = strlen(two) };
	struct filelist_entry e;

	ck_assert_msg(filelist_next(&l, &e, error) == 1, "%s", error);
	ck_assert_int_eq(e.size, 1234567890123);
	ck_assert_uint_eq(e.mode, 0100600);
	ck_assert(e.is_datafile && e.is_cfs && e.has_n_blocks);
	ck_assert_uint_eq(e.crc, UINT32_MAX);
	ck_assert_int_eq(e.alg, CODEC_PGLZ);
	ck_assert_uint_eq(e.external_dir_num, 2);
	ck_assert_uint_eq(e.segno, 7);
	ck_assert_uint_eq(e.n_blocks, 131072);
	ck_assert_uint_eq(e.n_headers, 8);
	ck_assert_uint_eq(e.hdr_crc, 9);
	ck_assert_uint_eq(e.hdr_off, UINT64_C(8589934592));
	ck_assert_uint_eq(e.hdr_size, 10);

	ck_assert_msg(filelist_next(&l, &e, error) == 1, "%s", error);
	ck_assert_int_eq(e.size, -1);
	ck_assert(!e.is_datafile && !e.has_n_blocks && e.alg == CODEC_NONE);
	ck_assert_uint_eq(l.line, 2);
	ck_assert_int_eq(filelist_next(&l, &e, error), 0);
}
END_TEST

/* The keys that give the type of a file; the bits of permission stay. */
START_TEST(list_kinds)
{
	static const struct { const char *pairs; uint32_t mode; } lines[] = {
		{ "\"kind\":\"reg\", \"mode\":\"384\"", 0100600 },
		{ "\"kind\":\"dir\", \"mode\":\"448\"", 040700 },
		{ "\"mode\":\"488\", \"kind\":\"dir\"", 040750 },
		{ "\"mode\":\"33152\"", 0100600 },
		{ "\"kind\":\"reg\", \"mode\":\"33152\"", 0100600 },	/* both, and they agree */
	};
	char text[200], error[CHAIN_ERROR_MAX] = "";
	struct filelist_entry e;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		struct filelist l = { .text = text };

		l.len = (size_t)snprintf(text, sizeof(text), "{\"path\":\"a\", \"size\":\"0\", %s}\n",
		    lines[i].pairs);
		ck_assert_msg(filelist_next(&l, &e, error) == 1, "%s: %s", lines[i].pairs, error);
		ck_assert_msg(e.mode == lines[i].mode, "%s: %o", lines[i].pairs, e.mode);
	}
}
END_TEST

START_TEST(list_line_too_long)
{
	static const char start[] = "{\"path\":\"a\",\"size\":\"0\",\"mode\":\"33152\",\"note\":\"";
	char text[FILELIST_LINE_MAX + 2], error[CHAIN_ERROR_MAX] = "";
	struct filelist l = { .text = text };
	struct filelist_entry e;
	size_t len;

	for (len = FILELIST_LINE_MAX; len <= FILELIST_LINE_MAX + 1; len++) {
		memset(text, 'x', sizeof(text));
		memcpy(text, start, sizeof(start) - 1);
		memcpy(text + len - 3, "\"}\n", 3);
		l.len = len;
		l.pos = 0;
		ck_assert_int_eq(filelist_next(&l, &e, error),
		    len <= FILELIST_LINE_MAX ? 1 : -EUCLEAN);
	}
	ck_assert_msg(strstr(error, "longer than 8192 bytes") != NULL, "%s", error);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("filelist");
	TCase *tc = tcase_create("next");

	tcase_add_loop_test(tc, list_cases, 0, ARRAY_SIZE(cases));
	tcase_add_test(tc, list_values);
	tcase_add_test(tc, list_kinds);
	tcase_add_test(tc, list_line_too_long);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
