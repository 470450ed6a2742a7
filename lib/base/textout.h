/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text that grows: JSON, and whatever else is put together before it is written.
 */
#ifndef BASE_TEXTOUT_H
#define BASE_TEXTOUT_H

#include <stddef.h>

/* Zero-initialise it; a failure to allocate is remembered, and textout_take() returns it. */
struct textout {
	char	*buf;
	size_t	len, size;
	int	error;
};

/* How a form writes the characters that mean something to it: instead[i] for special[i]. */
struct textout_quote {
	const char *special;
	const char *const *instead;
};

void	textout_put(struct textout *t, const char *bytes, size_t n);
void	textout_add(struct textout *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds text of others: quoted, and with '?' for what text_make_printable() puts one for. */
void	textout_add_quoted(struct textout *t, const char *text, const struct textout_quote *quote);

/*
 * Hands the buffer, NUL terminated, to the caller, who frees it.  Returns 0 or negative errno;
 * the text is empty after it.
 */
int	textout_take(struct textout *t, char **text, size_t *len);

#endif
