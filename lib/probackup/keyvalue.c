/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Splits "key = value" lines.  Its callers know which keys there are.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "probackup/explain.h"
#include "probackup/keyvalue.h"

#define SHOWN	40	/* bytes of a bad line that its message quotes */

/* A piece of the text. */
struct span {
	const char *p, *end;
};

static int
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static struct span
trim(struct span s)
{
	while (s.p < s.end && is_blank(*s.p))
		s.p++;
	while (s.p < s.end && is_blank(s.end[-1]))
		s.end--;
	return s;
}

/* The next line, trimmed, without its line feed. */
static struct span
next_line(struct keyvalue_scan *s)
{
	struct span line = { s->text + s->pos, s->text + s->len };
	const char *lf = memchr(line.p, '\n', s->len - s->pos);

	if (lf != NULL)
		line.end = lf;
	s->pos = lf != NULL ? (size_t)(lf - s->text) + 1 : s->len;
	s->line++;
	return trim(line);
}

/* Takes the quotes or a comment off a value.  -EUCLEAN: no closing quote. */
static int
unquote(struct span *v)
{
	const char *stop;

	if (v->p < v->end && *v->p == '\'') {
		v->p++;
		stop = memrchr(v->p, '\'', (size_t)(v->end - v->p));
		if (stop == NULL)
			return -EUCLEAN;
		v->end = stop;
	} else if ((stop = memchr(v->p, '#', (size_t)(v->end - v->p))) != NULL) {
		v->end = stop;
		*v = trim(*v);
	}
	return 0;
}

static void
copy_key(struct keyvalue *kv, struct span key)
{
	size_t i, len = (size_t)(key.end - key.p);

	if (len >= sizeof(kv->key))
		len = 0;
	for (i = 0; i < len; i++)
		kv->key[i] = key.p[i] == '_' ? '-' : key.p[i];
	kv->key[len] = '\0';
}

static void
copy_value(struct keyvalue *kv, struct span value)
{
	size_t len;

	kv->value_len = (size_t)(value.end - value.p);
	len = MIN(kv->value_len, sizeof(kv->value) - 1);
	memcpy(kv->value, value.p, len);
	kv->value[len] = '\0';
}

static int
split(size_t number, struct span line, struct keyvalue *kv, char *error)
{
	const char *equals = memchr(line.p, '=', (size_t)(line.end - line.p));
	struct span key, value;

	if (equals == NULL)
		return explain(error, -EUCLEAN, "line %zu: \"%.*s\" is not \"key = value\"",
		    number, (int)MIN(line.end - line.p, SHOWN), line.p);
	key = trim((struct span){ line.p, equals });
	value = trim((struct span){ equals + 1, line.end });
	if (unquote(&value) < 0)
		return explain(error, -EUCLEAN, "line %zu: the value of \"%.*s\" has no closing quote",
		    number, (int)MIN(key.end - key.p, SHOWN), key.p);
	copy_key(kv, key);
	copy_value(kv, value);
	return 1;
}

int
keyvalue_next(struct keyvalue_scan *s, struct keyvalue *kv, char *error)
{
	struct span line;

	while (s->pos < s->len) {
		line = next_line(s);
		if (line.p < line.end && *line.p != '#')
			return split(s->line, line, kv, error);
	}
	return 0;
}
