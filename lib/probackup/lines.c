/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads files of one thing on a line into an array.  Its callers know what a
 * line says.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "probackup/explain.h"
#include "probackup/lines.h"

#define SHOWN	60	/* bytes of a line that a message quotes */

static size_t
count_feeds(const char *text, size_t len)
{
	size_t n = 0, i;

	for (i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

static int
parse_each(const char *text, const char *end, const struct lines_form *form, struct lines *l,
    char *error)
{
	const char *feed;
	int rc;

	for (; text < end; text = feed + 1) {
		if ((feed = memchr(text, '\n', (size_t)(end - text))) == NULL)
			return explain(error, -EUCLEAN,
			    "it is truncated, its last line has no line feed");
		rc = form->parse(text, feed, (char *)l->at + l->n * form->entry_size);
		if (rc == -ENOMEM)
			return explain(error, rc, "out of memory");
		if (rc < 0)
			return explain(error, rc, "line %zu: \"%.*s\" is not %s", l->n + 1,
			    (int)MIN((size_t)(feed - text), (size_t)SHOWN), text, form->what);
		l->n++;
	}
	return 0;
}

int
lines_parse(const char *text, size_t len, const struct lines_form *form, struct lines *l,
    char *error)
{
	*l = (struct lines){ 0 };
	if (memchr(text, '\0', len) != NULL)
		return explain(error, -EUCLEAN, "it holds zero bytes");
	l->at = calloc(count_feeds(text, len) + 1, form->entry_size);
	if (l->at == NULL)
		return explain(error, -ENOMEM, "out of memory");
	return parse_each(text, text + len, form, l, error);
}
