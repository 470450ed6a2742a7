/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A buffer that doubles, and the quoting of hostile text on its way into it.
 */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/textout.h"
#include "base/util.h"

void
textout_put(struct textout *t, const char *bytes, size_t n)
{
	size_t size;
	char *larger;

	if (t->error != 0)
		return;
	if (t->len + n + 1 > t->size) {
		size = MAX(t->size * 2, t->len + n + 256);
		if ((larger = realloc(t->buf, size)) == NULL) {
			t->error = -ENOMEM;
			return;
		}
		t->buf = larger;
		t->size = size;
	}
	memcpy(t->buf + t->len, bytes, n);
	t->len += n;
}

void
textout_add(struct textout *t, const char *fmt, ...)
{
	char *piece autofree = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&piece, fmt, ap);
	va_end(ap);
	if (n >= 0) {
		textout_put(t, piece, (size_t)n);
	} else {
		piece = NULL;
		t->error = t->error != 0 ? t->error : -ENOMEM;
	}
}

void
textout_add_quoted(struct textout *t, const char *text, const struct textout_quote *quote)
{
	const unsigned char *s = (const unsigned char *)text;
	const char *at;
	size_t n;

	for (; *s != '\0'; s += MAX(n, (size_t)1)) {
		n = text_utf8_length(s);
		if (n == 0 || text_is_control(s, n))
			textout_put(t, "?", 1);
		else if ((at = strchr(quote->special, *s)) != NULL)
			textout_put(t, quote->instead[at - quote->special],
			    strlen(quote->instead[at - quote->special]));
		else
			textout_put(t, (const char *)s, n);
	}
}

int
textout_take(struct textout *t, char **text, size_t *len)
{
	int rc;

	textout_put(t, "", 0);	/* there is a buffer, and room for the NUL */
	if ((rc = t->error) == 0) {
		t->buf[t->len] = '\0';
		*len = t->len;
		*text = steal_pointer(&t->buf);
	}
	free(t->buf);
	*t = (struct textout){ 0 };
	return rc;
}
