/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads a timeline history.  It is strict where PostgreSQL is, since a clone
 * would fail on it later.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pg/timeline.h"

/* Hand-made instead of sscanf(3): no locale, no signs, no overflow. */
static const char *
skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++;
	return p;
}

static int
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* Returns what follows the number, or NULL. */
static const char *
parse_number(const char *p, const char *end, int base, uint32_t *out)
{
	const char *start = p;
	uint64_t n = 0;

	for (; p < end && digit_of(*p) < base; p++)
		if ((n = n * (unsigned)base + (unsigned)digit_of(*p)) > UINT32_MAX)
			return NULL;
	*out = (uint32_t)n;
	return p > start ? p : NULL;
}

/* Returns 1 for an ancestor, 0 for a line without one, -EUCLEAN. */
static int
parse_line(const char *p, const char *end, struct timeline *t)
{
	uint32_t hi, lo;

	p = skip_blanks(p, end);
	if (p == end || *p == '#')
		return 0;
	if ((p = parse_number(p, end, 10, &t->id)) == NULL || t->id == 0 ||
	    (p = parse_number(skip_blanks(p, end), end, 16, &hi)) == NULL ||
	    p == end || *p++ != '/' || (p = parse_number(p, end, 16, &lo)) == NULL)
		return -EUCLEAN;
	t->end = (uint64_t)hi << 32 | lo;
	return 1;
}

static int
append(struct timelines *t, const struct timeline *add)
{
	struct timeline *bigger;

	if ((t->n & (t->n - 1)) == 0) {
		bigger = realloc(t->list, (t->n == 0 ? 1 : 2 * t->n) * sizeof(*bigger));
		if (bigger == NULL)
			return -ENOMEM;
		t->list = bigger;
	}
	t->list[t->n++] = *add;
	return 0;
}

static int
append_ancestor(struct timelines *t, struct timeline *add, uint32_t id)
{
	const struct timeline *last = t->n > 0 ? &t->list[t->n - 1] : NULL;

	if (add->id >= id || t->n == TIMELINE_ANCESTORS_MAX ||
	    (last != NULL && (add->id <= last->id || add->end < last->end)))
		return -EUCLEAN;
	add->begin = last != NULL ? last->end : 0;
	return append(t, add);
}

int
timelines_parse(const char *text, size_t len, uint32_t id, struct timelines *t, unsigned *line)
{
	struct timelines parsed = { 0 };
	struct timeline one = { 0 };
	const char *p = text, *end = len > 0 ? text + len : text, *lf;
	int rc = 0;

	for (*line = 1; p < end && rc >= 0; p = lf + 1, (*line)++) {
		if ((lf = memchr(p, '\n', (size_t)(end - p))) == NULL)
			lf = end;
		if ((rc = parse_line(p, lf, &one)) == 1)
			rc = append_ancestor(&parsed, &one, id);
		if (rc < 0)
			break;
		if (lf == end)
			break;
	}
	if (rc >= 0) {
		one = (struct timeline){ id, 0, UINT64_MAX };
		one.begin = parsed.n > 0 ? parsed.list[parsed.n - 1].end : 0;
		rc = append(&parsed, &one);
	}
	if (rc < 0)
		timelines_free(&parsed);
	else
		*t = parsed;
	return rc;
}

void
timelines_free(struct timelines *t)
{
	free(t->list);
	t->list = NULL;
	t->n = 0;
}

int
timelines_find(const struct timelines *t, uint32_t id)
{
	unsigned i;

	for (i = 0; i < t->n; i++)
		if (t->list[i].id == id)
			return (int)i;
	return -1;
}
