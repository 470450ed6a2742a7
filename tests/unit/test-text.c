/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/base/text: text of others made printable, quoted for a shell, and numbers.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/textout.h"
#include "base/util.h"
#include "support/unit.h"

static const struct {
	const char *text, *shown;
} names[] = {
	{ "", "" },
	{ "plain name", "plain name" },
	{ "gr\xc3\xbcn \xe2\x82\xac \xf0\x9f\x90\x98", "gr\xc3\xbcn \xe2\x82\xac \xf0\x9f\x90\x98" },
	{ "\033[31mred", "?[31mred" },
	{ "a\nb\tc\x7f", "a?b?c?" },
	{ "C1 as UTF-8: \xc2\x9b" "2J\xc2\x80", "C1 as UTF-8: ?2J?" },
	{ "C1 raw: \x9b" "2J", "C1 raw: ?2J" },
	{ "no-break\xc2\xa0space", "no-break\xc2\xa0space" },
	{ "cut \xe2\x82", "cut ??" },
	{ "overlong \xc0\x9b \xe0\x82\x9b", "overlong ?? ???" },
	{ "right-to-left \xe2\x80\xae" "gpj.exe \xe2\x81\xa6x\xe2\x81\xa9", "right-to-left ?gpj.exe ?x?" },
	{ "embedding \xe2\x80\xaa\xe2\x80\xab\xe2\x80\xac\xe2\x80\xad marks \xe2\x80\x8e\xe2\x80\x8f\xd8\x9c",
	    "embedding ???? marks ???" },
	{ "lines \xe2\x80\xa8\xe2\x80\xa9", "lines ??" },
	{ "neighbours \xe2\x80\x8d\xe2\x80\xaf\xe2\x81\xa5", "neighbours \xe2\x80\x8d\xe2\x80\xaf\xe2\x81\xa5" },
	{ "\xed\xa0\x80 surrogate", "??? surrogate" },
	{ "no characters \xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd", "no characters ??\xef\xbf\xbd" },
};

START_TEST(makes_printable)
{
	char text[64];

	strcpy(text, names[_i].text);
	text_make_printable(text);
	ck_assert_msg(strcmp(text, names[_i].shown) == 0, "\"%s\": \"%s\"", names[_i].shown, text);
}
END_TEST

static const struct {
	const char *name, *shown;
} visible[] = {
	{ "", "" },
	{ "plain gr\xc3\xbcn \\ name", "plain gr\xc3\xbcn \\ name" },
	{ "a\nb\x7f", "a\\x0ab\\x7f" },
	{ "a\tb\x7f", "a\\x09b\\x7f" },	/* '?' would make it the one before */
	{ "\xe2\x80\xae" "gpj", "\\xe2\\x80\\xaegpj" },
	{ "\xff", "\\xff" },
	{ "\\xff", "\\x5cxff" },
	{ "\\x", "\\x" },
	{ "1234567890123456789012345678901234567890\xff", "123456789012345678901234567890123456789" },
	{ "12345678901234567890123456789012345678\xc3\xbc", "12345678901234567890123456789012345678" },
	{ "12345678901234567890123456789012345\xff\xff", "12345678901234567890123456789012345\\xff" },
};

START_TEST(makes_visible)
{
	char text[40];

	text_copy_visible(text, sizeof(text), visible[_i].name);
	ck_assert_str_eq(text, visible[_i].shown);
}
END_TEST

START_TEST(quotes_as_it_grows)
{
	static const char *const instead[] = { "&lt;", "&quot;" };
	const struct textout_quote quote = { "<\"", instead };
	struct textout t = { 0 };
	char *text autofree = NULL;
	size_t len;

	textout_add(&t, "%d ", 42);
	textout_add_quoted(&t, "<\"gr\xc3\xbcn\x1b\xff\xe2\x80\xae>", &quote);
	ck_assert_int_eq(textout_take(&t, &text, &len), 0);
	ck_assert_str_eq(text, "42 &lt;&quot;gr\xc3\xbcn??" "?>");
	ck_assert_uint_eq(len, strlen(text));
	free(text);
	ck_assert_int_eq(textout_take(&t, &text, &len), 0);	/* nothing is text, too */
	ck_assert_str_eq(text, "");
	free(text);
	t.error = -ENOMEM;
	textout_add(&t, "lost");
	text = NULL;
	ck_assert_int_eq(textout_take(&t, &text, &len), -ENOMEM);
	ck_assert_ptr_null(text);
}
END_TEST

START_TEST(copies_any_bytes)
{
	char to[8];

	text_copy_printable(to, sizeof(to), "a\0b\033" "cdefgh", 10);
	ck_assert_str_eq(to, "a?b?cde");
	text_copy_printable(to, sizeof(to), "12345\xe2\x82\xac", 8);	/* cut in the middle */
	ck_assert_str_eq(to, "12345??");
	text_copy_printable(to, sizeof(to), "", 0);
	ck_assert_str_eq(to, "");
}
END_TEST

static const struct {
	uint64_t n;
	const char *size, *duration;
} numbers[] = {
	{ 0, "0", "0s" },
	{ 59, "59", "59s" },
	{ 60, "60", "1m00s" },
	{ 1023, "1023", "17m03s" },
	{ 1024, "1.0K", "17m04s" },
	{ 3599, "3.5K", "59m59s" },
	{ 3600, "3.5K", "1h00m" },
	{ 10188, "9.9K", "2h49m" },
	{ 10240, "10K", "2h50m" },
	{ 86399, "84K", "23h59m" },
	{ 86400, "84K", "1d00h" },
	{ 1048064, "1.0M", "12d03h" },
	{ 1048575, "1.0M", "12d03h" },
	{ (uint64_t)3 << 40, "3.0T", "38177487d01h" },
	{ UINT64_MAX, "16E", "213503982334601d07h" },
};

static const struct { const char *text, *word; size_t size; } words[] = {
	{ "", "''", 99 },
	{ "/mnt/a b", "'/mnt/a b'", 99 },
	{ "it's", "'it'\\''s'", 99 },
	{ "'", "''\\'" "''", 7 },
	{ "'", "''", 6 },
	{ "abc", "'ab'", 5 },
};

START_TEST(quotes_for_the_shell)
{
	char out[100];

	memset(out, 'x', sizeof(out));
	text_quote_shell(words[_i].text, out, words[_i].size);
	ck_assert_msg(strcmp(out, words[_i].word) == 0, "\"%s\": %s", words[_i].text, out);
	ck_assert(out[words[_i].size] == 'x');
}
END_TEST

START_TEST(quotes_only_if_need_be)
{
	char out[16];

	text_quote_word("plain-1.2_3", out, sizeof(out));
	ck_assert_str_eq(out, "plain-1.2_3");
	text_quote_word("two words", out, sizeof(out));
	ck_assert_str_eq(out, "'two words'");
	text_quote_word("", out, sizeof(out));
	ck_assert_str_eq(out, "''");
	text_quote_word("longer-than-there-is-room", out, sizeof(out));
	ck_assert_str_eq(out, "'longer-than-t'");
}
END_TEST

START_TEST(prints_numbers)
{
	char text[TEXT_NUMBER_MAX];

	text_size(numbers[_i].n, text);
	ck_assert_str_eq(text, numbers[_i].size);
	text_duration(numbers[_i].n, text);
	ck_assert_str_eq(text, numbers[_i].duration);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("text");
	TCase *tc = tcase_create("text");

	tcase_add_loop_test(tc, makes_printable, 0, ARRAY_SIZE(names));
	tcase_add_loop_test(tc, makes_visible, 0, ARRAY_SIZE(visible));
	tcase_add_test(tc, quotes_as_it_grows);
	tcase_add_test(tc, copies_any_bytes);
	tcase_add_loop_test(tc, quotes_for_the_shell, 0, ARRAY_SIZE(words));
	tcase_add_test(tc, quotes_only_if_need_be);
	tcase_add_loop_test(tc, prints_numbers, 0, ARRAY_SIZE(numbers));
	suite_add_tcase(s, tc);
	return unit_main(s);
}
