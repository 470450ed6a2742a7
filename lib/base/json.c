/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reader and the writer of JSON.  Both are bounded: the supervisor reads
 * bindings and records that an owner can write, and a text of whatever shape
 * costs it no more than the nodes that its caller gave.  They have no more than
 * their callers need.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "base/util.h"

struct parser {
	char	*at, *end;
	struct json_node *nodes;
	size_t	n, max;
	unsigned depth;
};

static int	parse_value(struct parser *p, const char *key, uint32_t *number);

static void
skip_space(struct parser *p)
{
	while (p->at < p->end &&
	    (*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r'))
		p->at++;
}

static bool
take(struct parser *p, char c)
{
	skip_space(p);
	if (p->at >= p->end || *p->at != c)
		return false;
	p->at++;
	return true;
}

static int
hex4(struct parser *p, uint32_t *code)
{
	uint32_t v = 0;
	int i;

	if (p->end - p->at < 4)
		return -EUCLEAN;
	for (i = 0; i < 4; i++) {
		char c = *p->at++;

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return -EUCLEAN;
	}
	*code = v;
	return 0;
}

/* Writes code as UTF-8, which is never longer than the escape it came from. */
static char *
put_utf8(char *to, uint32_t code)
{
	if (code < 0x80) {
		*to++ = (char)code;
	} else if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
		*to++ = (char)(0x80 | (code & 0x3f));
	} else if (code < 0x10000) {
		*to++ = (char)(0xe0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	} else {
		*to++ = (char)(0xf0 | code >> 18);
		*to++ = (char)(0x80 | (code >> 12 & 0x3f));
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	}
	return to;
}

/* The part of \uXXXX after the u, with the second half of a surrogate pair. */
static int
unescape_unicode(struct parser *p, char **to)
{
	uint32_t code, low;

	if (hex4(p, &code) != 0 || code == 0)
		return -EUCLEAN;
	if (code >= 0xdc00 && code < 0xe000)
		return -EUCLEAN;
	if (code >= 0xd800 && code < 0xdc00) {
		if (p->end - p->at < 6 || p->at[0] != '\\' || p->at[1] != 'u')
			return -EUCLEAN;
		p->at += 2;
		if (hex4(p, &low) != 0 || low < 0xdc00 || low >= 0xe000)
			return -EUCLEAN;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	*to = put_utf8(*to, code);
	return 0;
}

static int
unescape(struct parser *p, char **to)
{
	static const char from[] = "\"\\/bfnrt", what[] = "\"\\/\b\f\n\r\t";
	const char *found;
	char c;

	if (p->at >= p->end)
		return -EUCLEAN;
	if ((c = *p->at++) == 'u')
		return unescape_unicode(p, to);
	if (c == '\0' || (found = strchr(from, c)) == NULL)
		return -EUCLEAN;
	*(*to)++ = what[found - from];
	return 0;
}

/* After the opening quote.  The NUL overwrites the closing quote at the latest. */
static int
parse_string(struct parser *p, const char **text)
{
	char *start = p->at, *to = p->at;

	while (p->at < p->end && *p->at != '"') {
		if ((unsigned char)*p->at < ' ')
			return -EUCLEAN;
		if (*p->at != '\\') {
			*to++ = *p->at++;
			continue;
		}
		p->at++;
		if (unescape(p, &to) != 0)
			return -EUCLEAN;
	}
	if (p->at >= p->end)
		return -EUCLEAN;
	p->at++;
	*to = '\0';
	*text = start;
	return 0;
}

static size_t
digits(const char *at, const char *end)
{
	size_t n = 0;

	while (at + n < end && at[n] >= '0' && at[n] <= '9')
		n++;
	return n;
}

/* The length of the number at p->at, 0 if there is none. */
static size_t
number_length(const struct parser *p)
{
	const char *c = p->at;
	size_t n;

	if (c < p->end && *c == '-')
		c++;
	if ((n = digits(c, p->end)) == 0 || (n > 1 && *c == '0'))
		return 0;
	c += n;
	if (c < p->end && *c == '.') {
		if ((n = digits(++c, p->end)) == 0)
			return 0;
		c += n;
	}
	if (c < p->end && (*c == 'e' || *c == 'E')) {
		c++;
		if (c < p->end && (*c == '+' || *c == '-'))
			c++;
		if ((n = digits(c, p->end)) == 0)
			return 0;
		c += n;
	}
	return (size_t)(c - p->at);
}

/*
 * A number has no character after it that could be overwritten by a NUL, so
 * it is moved one byte to the front, over the separator before it.
 */
static int
parse_number(struct parser *p, struct json_node *node)
{
	size_t n = number_length(p);

	if (n == 0)
		return -EUCLEAN;
	node->type = JSON_NUMBER;
	node->text = memmove(p->at - 1, p->at, n);
	p->at += n;
	((char *)(uintptr_t)node->text)[n] = '\0';
	return 0;
}

static int
parse_word(struct parser *p, struct json_node *node)
{
	static const struct { const char *word; size_t len; enum json_type type; } words[] = {
		{ "null", 4, JSON_NULL }, { "true", 4, JSON_TRUE }, { "false", 5, JSON_FALSE },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if ((size_t)(p->end - p->at) >= words[i].len &&
		    memcmp(p->at, words[i].word, words[i].len) == 0) {
			p->at += words[i].len;
			node->type = words[i].type;
			return 0;
		}
	return -EUCLEAN;
}

static bool
key_is_new(const struct parser *p, const struct json_node *node, const char *key)
{
	return json_get(p->nodes, node, key) == NULL;
}

static int
parse_key(struct parser *p, const struct json_node *parent, const char **key)
{
	if (parent->type == JSON_ARRAY) {
		*key = NULL;
		return 0;
	}
	if (!take(p, '"') || parse_string(p, key) != 0 || !key_is_new(p, parent, *key))
		return -EUCLEAN;
	return take(p, ':') ? 0 : -EUCLEAN;
}

static int
parse_members(struct parser *p, struct json_node *parent, char close)
{
	uint32_t number, last = 0;
	const char *key;
	int rc;

	if (take(p, close))
		return 0;
	do {
		if ((rc = parse_key(p, parent, &key)) != 0 ||
		    (rc = parse_value(p, key, &number)) != 0)
			return rc;
		if (last == 0)
			parent->first = number;
		else
			p->nodes[last].next = number;
		last = number;
		parent->count++;
	} while (take(p, ','));
	return take(p, close) ? 0 : -EUCLEAN;
}

static int
parse_container(struct parser *p, struct json_node *node, enum json_type type)
{
	int rc;

	if (++p->depth > JSON_DEPTH_MAX)
		return -EUCLEAN;
	node->type = type;
	p->at++;
	rc = parse_members(p, node, type == JSON_OBJECT ? '}' : ']');
	p->depth--;
	return rc;
}

static int
parse_value(struct parser *p, const char *key, uint32_t *number)
{
	struct json_node *node;

	skip_space(p);
	if (p->at >= p->end)
		return -EUCLEAN;
	if (p->n >= p->max)
		return -E2BIG;
	*number = (uint32_t)p->n++;
	node = &p->nodes[*number];
	*node = (struct json_node){ .key = key };
	switch (*p->at) {
	case '{':
		return parse_container(p, node, JSON_OBJECT);
	case '[':
		return parse_container(p, node, JSON_ARRAY);
	case '"':
		p->at++;
		node->type = JSON_STRING;
		return parse_string(p, &node->text);
	case 'n': case 't': case 'f':
		return parse_word(p, node);
	default:
		return parse_number(p, node);
	}
}

int
json_parse(char *text, size_t len, struct json_node *nodes, size_t max)
{
	struct parser p = {
		.at = text, .end = text + len, .nodes = nodes, .max = MIN(max, UINT32_MAX)
	};
	uint32_t root;
	int rc;

	skip_space(&p);
	if (p.at >= p.end || (*p.at != '{' && *p.at != '['))
		return -EUCLEAN;
	if ((rc = parse_value(&p, NULL, &root)) != 0)
		return rc;
	skip_space(&p);
	return p.at == p.end ? (int)p.n : -EUCLEAN;
}

const struct json_node *
json_next(const struct json_node *nodes, const struct json_node *parent,
    const struct json_node *node)
{
	uint32_t n;

	if (parent == NULL || (parent->type != JSON_ARRAY && parent->type != JSON_OBJECT))
		return NULL;
	n = node == NULL ? parent->first : node->next;
	return n == 0 ? NULL : &nodes[n];
}

const struct json_node *
json_get(const struct json_node *nodes, const struct json_node *object, const char *key)
{
	const struct json_node *node = NULL;

	if (object == NULL || object->type != JSON_OBJECT)
		return NULL;
	while ((node = json_next(nodes, object, node)) != NULL)
		if (strcmp(node->key, key) == 0)
			break;
	return node;
}

const char *
json_string(const struct json_node *node)
{
	return node != NULL && node->type == JSON_STRING ? node->text : NULL;
}

int
json_u64(const struct json_node *node, uint64_t *value)
{
	uint64_t v = 0;
	const char *c;

	if (node == NULL || node->type != JSON_NUMBER)
		return -EUCLEAN;
	for (c = node->text; *c != '\0'; c++) {
		if (*c < '0' || *c > '9' ||
		    __builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*c - '0'), &v))
			return -EUCLEAN;
	}
	*value = v;
	return 0;
}

int
json_bool(const struct json_node *node, bool *value)
{
	if (node == NULL || (node->type != JSON_TRUE && node->type != JSON_FALSE))
		return -EUCLEAN;
	*value = node->type == JSON_TRUE;
	return 0;
}

static void
put(struct json_out *o, const char *bytes, size_t n)
{
	textout_put(&o->text, bytes, n);
}

static void
new_line(struct json_out *o)
{
	unsigned i;

	if (o->compact)
		return;
	put(o, "\n", 1);
	for (i = 0; i < o->depth; i++)
		put(o, "  ", 2);
}

static void
put_quoted(struct json_out *o, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	char escape[12];
	size_t n;

	put(o, "\"", 1);
	for (; *s != '\0'; s += MAX(n, (size_t)1)) {
		n = text_utf8_length(s);
		if (*s == '"' || *s == '\\')
			put(o, "\\", 1);
		if (text_is_control(s, n))	/* all of these have four digits */
			put(o, escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x",
			    text_utf8_decode(s, n)));
		else if (n > 0 || o->raw)
			put(o, (const char *)s, MAX(n, (size_t)1));
		else
			put(o, "\xef\xbf\xbd", 3);
	}
	put(o, "\"", 1);
}

/* Writes what stands before a value: a comma, a new line, the key. */
static void
lead(struct json_out *o, const char *key)
{
	if (o->has_member)
		put(o, ",", 1);
	if (o->depth > 0)
		new_line(o);
	if (key != NULL) {
		put_quoted(o, key);
		put(o, ": ", o->compact ? 1 : 2);
	}
	o->has_member = true;
}

void
json_open(struct json_out *o, const char *key, char bracket)
{
	lead(o, key);
	put(o, &bracket, 1);
	o->depth++;
	o->has_member = false;
}

void
json_close(struct json_out *o, char bracket)
{
	o->depth--;
	if (o->has_member)
		new_line(o);
	put(o, &bracket, 1);
	o->has_member = true;
}

void
json_put_string(struct json_out *o, const char *key, const char *text)
{
	lead(o, key);
	put_quoted(o, text);
}

void
json_put_u64(struct json_out *o, const char *key, uint64_t value)
{
	char text[24];

	lead(o, key);
	put(o, text, (size_t)snprintf(text, sizeof(text), "%" PRIu64, value));
}

void
json_put_double(struct json_out *o, const char *key, double value)
{
	char text[400];

	lead(o, key);
	put(o, text, (size_t)snprintf(text, sizeof(text), "%.3f", value));
}

void
json_put_bool(struct json_out *o, const char *key, bool value)
{
	lead(o, key);
	put(o, value ? "true" : "false", value ? 4 : 5);
}

static void
put_plain(struct json_out *o, const char *key, const char *text)
{
	lead(o, key);
	put(o, text, strlen(text));
}

/* As deep as the reader lets a text be: JSON_DEPTH_MAX. */
void
json_put_node(struct json_out *o, const char *key, const struct json_node *nodes,
    const struct json_node *node)
{
	const struct json_node *member = NULL;
	bool array = node->type == JSON_ARRAY;

	switch (node->type) {
	case JSON_NULL:
		put_plain(o, key, "null");
		break;
	case JSON_FALSE:
	case JSON_TRUE:
		json_put_bool(o, key, node->type == JSON_TRUE);
		break;
	case JSON_NUMBER:
		put_plain(o, key, node->text);
		break;
	case JSON_STRING:
		json_put_string(o, key, node->text);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		json_open(o, key, array ? '[' : '{');
		while ((member = json_next(nodes, node, member)) != NULL)
			json_put_node(o, member->key, nodes, member);
		json_close(o, array ? ']' : '}');
		break;
	}
}

int
json_flush(struct json_out *o, int (*sink)(const char *text, size_t len))
{
	struct textout *t = &o->text;

	if (t->error == 0 && t->len > 0)
		t->error = sink(t->buf, t->len);
	t->len = 0;
	return t->error;
}

int
json_take(struct json_out *o, char **text, size_t *len)
{
	int rc;

	put(o, "\n", 1);
	rc = textout_take(&o->text, text, len);
	*o = (struct json_out){ 0 };
	return rc;
}
