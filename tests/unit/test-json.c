/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/base/json: the reader accepts JSON only, and the writer's lines obey no
 * terminal.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "support/unit.h"

#define NODES	16

/* The text is copied, since the reader changes it. */
static int
parse(const char *text, struct json_node *nodes, char *copy, size_t size)
{
	ck_assert_uint_lt(strlen(text), size);
	strcpy(copy, text);
	return json_parse(copy, strlen(copy), nodes, NODES);
}

static const struct { const char *name, *text; int rc; } shapes[] = {
	{ "empty object", "{}", 1 },
	{ "empty array", " [ ] ", 1 },
	{ "space everywhere", "\t{ \"a\" :\r\n[ 1 , 2 ] }\n", 4 },
	{ "all literals", "[null,true,false,0,-1.5e+3,\"x\"]", 7 },
	{ "nested", "{\"a\":{\"b\":[{}]}}", 4 },
	{ "as deep as allowed", "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", 16 },
	{ "too deep", "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", -E2BIG },
	{ "too many nodes", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", -E2BIG },
	{ "nothing", "", -EUCLEAN },
	{ "only space", " \n", -EUCLEAN },
	{ "a number alone", "1", -EUCLEAN },
	{ "a string alone", "\"a\"", -EUCLEAN },
	{ "open object", "{", -EUCLEAN },
	{ "open array", "[1,", -EUCLEAN },
	{ "wrong bracket", "[1}", -EUCLEAN },
	{ "comma at the end", "[1,]", -EUCLEAN },
	{ "comma at the start", "{,\"a\":1}", -EUCLEAN },
	{ "no colon", "{\"a\" 1}", -EUCLEAN },
	{ "no value", "{\"a\":}", -EUCLEAN },
	{ "key without quotes", "{a:1}", -EUCLEAN },
	{ "key twice", "{\"a\":1,\"b\":2,\"a\":3}", -EUCLEAN },
	{ "key twice, escaped", "{\"a\":1,\"\\u0061\":3}", -EUCLEAN },
	{ "text behind", "{} x", -EUCLEAN },
	{ "leading zero", "[01]", -EUCLEAN },
	{ "plus sign", "[+1]", -EUCLEAN },
	{ "dot without digit", "[1.]", -EUCLEAN },
	{ "exponent without digit", "[1e]", -EUCLEAN },
	{ "minus alone", "[-]", -EUCLEAN },
	{ "half a word", "[tru]", -EUCLEAN },
	{ "open string", "[\"a]", -EUCLEAN },
	{ "line feed in a string", "[\"a\nb\"]", -EUCLEAN },
	{ "unknown escape", "[\"\\x\"]", -EUCLEAN },
	{ "escape at the end", "[\"\\", -EUCLEAN },
	{ "short unicode", "[\"\\u12\"]", -EUCLEAN },
	{ "NUL", "[\"\\u0000\"]", -EUCLEAN },
	{ "low surrogate alone", "[\"\\udc00\"]", -EUCLEAN },
	{ "high surrogate alone", "[\"\\ud800x\"]", -EUCLEAN },
};

START_TEST(accepts_only_json)
{
	struct json_node nodes[NODES];
	char copy[128];

	ck_assert_msg(parse(shapes[_i].text, nodes, copy, sizeof(copy)) == shapes[_i].rc,
	    "%s", shapes[_i].name);
}
END_TEST

static const struct { const char *text, *value; } strings[] = {
	{ "[\"\"]", "" },
	{ "[\"a b\"]", "a b" },
	{ "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "\"\\/\b\f\n\r\t" },
	{ "[\"\\u0041\\u00e9\\u20AC\"]", "A\xc3\xa9\xe2\x82\xac" },
	{ "[\"\\ud83d\\ude00\"]", "\xf0\x9f\x98\x80" },
	{ "[\"\xff\"]", "\xff" },
};

START_TEST(unescapes_strings)
{
	struct json_node nodes[NODES];
	char copy[128];

	ck_assert_int_eq(parse(strings[_i].text, nodes, copy, sizeof(copy)), 2);
	ck_assert_str_eq(json_string(&nodes[1]), strings[_i].value);
}
END_TEST

static const struct { const char *text; int rc; uint64_t value; } numbers[] = {
	{ "[0]", 0, 0 },
	{ "[18446744073709551615]", 0, UINT64_MAX },
	{ "[18446744073709551616]", -EUCLEAN, 0 },
	{ "[-1]", -EUCLEAN, 0 },
	{ "[1.0]", -EUCLEAN, 0 },
	{ "[1e3]", -EUCLEAN, 0 },
	{ "[\"1\"]", -EUCLEAN, 0 },
	{ "[null]", -EUCLEAN, 0 },
};

START_TEST(reads_numbers)
{
	struct json_node nodes[NODES];
	uint64_t value = 0;
	char copy[128];

	ck_assert_int_eq(parse(numbers[_i].text, nodes, copy, sizeof(copy)), 2);
	ck_assert_int_eq(json_u64(&nodes[1], &value), numbers[_i].rc);
	ck_assert_uint_eq(value, numbers[_i].value);
}
END_TEST

START_TEST(finds_members)
{
	struct json_node nodes[NODES];
	const struct json_node *list, *e = NULL;
	uint64_t sum = 0, v;
	char copy[128];
	bool flag;

	ck_assert_int_gt(parse("{\"a\":[1,20,300],\"b\":{\"c\":true}}", nodes, copy,
	    sizeof(copy)), 0);
	list = json_get(nodes, nodes, "a");
	while ((e = json_next(nodes, list, e)) != NULL) {
		ck_assert_int_eq(json_u64(e, &v), 0);
		sum += v;
	}
	ck_assert_uint_eq(sum, 321);
	ck_assert_int_eq(json_bool(json_get(nodes, json_get(nodes, nodes, "b"), "c"), &flag), 0);
	ck_assert(flag);
	ck_assert_ptr_null(json_get(nodes, nodes, "c"));
	ck_assert_ptr_null(json_get(nodes, list, "a"));
	ck_assert_ptr_null(json_get(nodes, NULL, "a"));
	ck_assert_ptr_null(json_string(NULL));
	ck_assert_int_eq(json_bool(list, &flag), -EUCLEAN);
}
END_TEST

static void
write_sample(struct json_out *o, const char *text)
{
	json_open(o, NULL, '{');
	json_put_string(o, "text", text);
	json_put_u64(o, "max", UINT64_MAX);
	json_open(o, "list", '[');
	json_put_bool(o, NULL, false);
	json_put_double(o, NULL, 1.5);
	json_close(o, ']');
	json_open(o, "none", '{');
	json_close(o, '}');
	json_close(o, '}');
}

START_TEST(writes_one_line)
{
	struct json_out o = { .compact = true };
	char *text;
	size_t len;

	write_sample(&o, "\xff\"\n\x7f");
	ck_assert_int_eq(json_take(&o, &text, &len), 0);
	ck_assert_str_eq(text, "{\"text\":\"\xef\xbf\xbd\\\"\\u000a\\u007f\","
	    "\"max\":18446744073709551615,\"list\":[false,1.500],\"none\":{}}\n");
	ck_assert_uint_eq(len, strlen(text));
	free(text);
}
END_TEST

START_TEST(leaves_terminals_alone)
{
	struct json_out o = { .compact = true };
	char *text;
	size_t len;

	json_open(&o, NULL, '[');
	json_put_string(&o, NULL, "\033[2J\xc2\x9b\xc2\xa0");
	json_close(&o, ']');
	ck_assert_int_eq(json_take(&o, &text, &len), 0);
	ck_assert_str_eq(text, "[\"\\u001b[2J\\u009b\xc2\xa0\"]\n");
	free(text);
}
END_TEST

static char taken[16];

static int
take(const char *text, size_t len)
{
	strncat(taken, text, len);
	return 0;
}

static int
refuse(const char *text, size_t len)
{
	(void)text;
	(void)len;
	return -EPIPE;
}

START_TEST(writes_in_pieces)
{
	struct json_out o = { .compact = true };
	char *text;
	size_t len;

	json_open(&o, NULL, '[');
	json_put_u64(&o, NULL, 1);
	ck_assert_int_eq(json_flush(&o, take), 0);
	ck_assert_int_eq(json_flush(&o, refuse), 0);	/* nothing new */
	json_put_u64(&o, NULL, 2);
	json_close(&o, ']');
	ck_assert_int_eq(json_take(&o, &text, &len), 0);
	take(text, len);
	ck_assert_str_eq(taken, "[1,2]\n");
	free(text);
	json_open(&o, NULL, '[');
	ck_assert_int_eq(json_flush(&o, refuse), -EPIPE);
	ck_assert_int_eq(json_flush(&o, take), -EPIPE);
	ck_assert_int_eq(json_take(&o, &text, &len), -EPIPE);
}
END_TEST

START_TEST(reads_what_it_wrote)
{
	static const char name[] = "/mnt/a \"b\"\\\xff\xc3\xa9\t";
	struct json_node nodes[NODES];
	struct json_out o = { .raw = true };
	char *text;
	size_t len;

	write_sample(&o, name);
	ck_assert_int_eq(json_take(&o, &text, &len), 0);
	ck_assert_int_eq(json_parse(text, len, nodes, NODES), 7);
	ck_assert_str_eq(json_string(json_get(nodes, nodes, "text")), name);
	free(text);
}
END_TEST

START_TEST(writes_what_it_read)
{
	static const char in[] =
	    "{\"a\":[1,-2.5e3,true,null],\"b\":{\"c\":\"\\u001b\\u009b\"},\"d\":[],\"e\":false}\n";
	struct json_node nodes[NODES];
	struct json_out o = { .compact = true };
	char copy[sizeof(in)], *text;
	size_t len;

	memcpy(copy, in, sizeof(in));
	ck_assert_int_gt(json_parse(copy, strlen(copy), nodes, NODES), 0);
	json_put_node(&o, NULL, nodes, nodes);
	ck_assert_int_eq(json_take(&o, &text, &len), 0);
	ck_assert_str_eq(text, in);
	free(text);
}
END_TEST

#define N(table)	(int)(sizeof(table) / sizeof((table)[0]))

int
main(void)
{
	Suite *s = suite_create("json");
	TCase *tc = tcase_create("json");

	tcase_add_loop_test(tc, accepts_only_json, 0, N(shapes));
	tcase_add_loop_test(tc, unescapes_strings, 0, N(strings));
	tcase_add_loop_test(tc, reads_numbers, 0, N(numbers));
	tcase_add_test(tc, finds_members);
	tcase_add_test(tc, writes_one_line);
	tcase_add_test(tc, leaves_terminals_alone);
	tcase_add_test(tc, writes_in_pieces);
	tcase_add_test(tc, reads_what_it_wrote);
	tcase_add_test(tc, writes_what_it_read);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
