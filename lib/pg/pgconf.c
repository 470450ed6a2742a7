/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A scanner of configuration files, line by line, and a writer of one setting.
 * It opens no file and follows no include.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "pg/pgconf.h"

/* One line of text, without its line feed. */
struct line {
	const char *p, *end;
};

static int
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static int
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
}

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void
skip_blanks(struct line *l)
{
	while (l->p < l->end && is_blank(*l->p))
		l->p++;
}

int
pgconf_name_is_valid(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!is_letter(name[i]) && (i == 0 || (!is_digit(name[i]) && name[i] != '$' &&
		    (name[i] != '.' || name[i - 1] == '.' || i + 1 == len))))
			return 0;
	return len > 0 && len < PGCONF_NAME_MAX;
}

static int
read_name(struct line *l, char *name)
{
	const char *start = l->p;
	size_t n, i;

	while (l->p < l->end && (is_letter(*l->p) || is_digit(*l->p) || *l->p == '$' || *l->p == '.'))
		l->p++;
	n = (size_t)(l->p - start);
	if (!pgconf_name_is_valid(start, n))
		return -1;
	for (i = 0; i < n; i++)
		name[i] = start[i] >= 'A' && start[i] <= 'Z' ? (char)(start[i] | 0x20) : start[i];
	name[n] = '\0';
	return 0;
}

/* Reads the escape behind a backslash; advances l over it. */
static char
unescape(struct line *l)
{
	static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
	const char *known;
	unsigned value = 0;
	int digits;

	if ((known = strchr(letters, *l->p)) != NULL && *l->p != '\0') {
		l->p++;
		return meant[known - letters];
	}
	if (*l->p < '0' || *l->p > '7')
		return *l->p++;
	for (digits = 0; digits < 3 && l->p < l->end && *l->p >= '0' && *l->p <= '7'; digits++)
		value = value * 8 + (unsigned)(*l->p++ - '0');
	return (char)value;
}

static int
read_quoted(struct line *l, char *value)
{
	size_t n = 0;
	char c;

	for (l->p++; l->p < l->end; value[n++] = c) {
		if (n + 1 >= PGCONF_VALUE_MAX)
			return -1;
		c = *l->p++;
		if (c == '\'' && (l->p == l->end || *l->p != '\'')) {
			value[n] = '\0';
			return 0;
		}
		if (c == '\'')
			l->p++;
		else if (c == '\\' && l->p < l->end)
			c = unescape(l);
	}
	return -1;
}

static int
read_plain(struct line *l, char *value)
{
	const char *start = l->p;
	size_t n;

	while (l->p < l->end && !is_blank(*l->p) && *l->p != '#' && *l->p != '\'')
		l->p++;
	n = (size_t)(l->p - start);
	if (n == 0 || n >= PGCONF_VALUE_MAX)
		return -1;
	memcpy(value, start, n);
	value[n] = '\0';
	return 0;
}

static int
read_setting(struct line *l, struct pgconf_setting *s)
{
	skip_blanks(l);
	if (l->p == l->end || *l->p == '#' || read_name(l, s->name) != 0)
		return -1;
	skip_blanks(l);
	if (l->p < l->end && *l->p == '=')
		l->p++;
	skip_blanks(l);
	if (l->p == l->end)
		return -1;
	return *l->p == '\'' ? read_quoted(l, s->value) : read_plain(l, s->value);
}

int
pgconf_next(struct pgconf *c, struct pgconf_setting *s)
{
	const char *feed;
	struct line l;

	while (c->pos < c->len) {
		feed = memchr(c->text + c->pos, '\n', c->len - c->pos);
		c->line_start = c->pos;
		c->line_end = feed != NULL ? (size_t)(feed - c->text) : c->len;
		c->pos = c->line_end + (feed != NULL);
		l = (struct line){ c->text + c->line_start, c->text + c->line_end };
		if (read_setting(&l, s) == 0)
			return 1;
	}
	return 0;
}

int
pgconf_format(const char *name, const char *value, char *buf, size_t size)
{
	size_t n = strlen(name), i;

	if (n + 2 * strlen(value) + sizeof(" = ''\n") > size)
		return -ENAMETOOLONG;
	memcpy(buf, name, n);
	memcpy(buf + n, " = '", 4);
	n += 4;
	for (i = 0; value[i] != '\0'; i++) {
		if (value[i] == '\'' || value[i] == '\\')
			buf[n++] = value[i];
		buf[n++] = value[i];
	}
	memcpy(buf + n, "'\n", 3);
	return (int)n + 2;
}
