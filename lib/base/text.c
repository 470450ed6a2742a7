/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The filter of hostile text, quoting for the shell, sizes and durations for
 * people.  Nothing here prints.
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"

static bool bytes_only;		/* a terminal takes each byte for a character */

size_t
text_utf8_length(const unsigned char *s)
{
	size_t n, i;

	if (s[0] < 0x80)
		return 1;
	n = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 :
	    s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;
	for (i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
		return 0;
	return n;
}

uint32_t
text_utf8_decode(const unsigned char *s, size_t n)
{
	static const unsigned char mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t code = s[0] & mask[n];
	size_t i;

	for (i = 1; i < n; i++)
		code = code << 6 | (s[i] & 0x3f);
	return code;
}

bool
text_is_control(const unsigned char *s, size_t n)
{
	static const struct { uint32_t first, last; } controls[] = {
		{ 0, 0x1f }, { 0x7f, 0x9f },
		{ 0x61c, 0x61c }, { 0x200e, 0x200f }, { 0x202a, 0x202e }, { 0x2066, 0x2069 },
		{ 0x2028, 0x2029 }, { 0xfffe, 0xffff },
	};
	uint32_t code;
	size_t i;

	if (n == 0)
		return false;
	code = text_utf8_decode(s, n);
	for (i = 0; i < ARRAY_SIZE(controls); i++)
		if (code >= controls[i].first && code <= controls[i].last)
			return true;
	return false;
}

void
text_make_printable(char *s)
{
	const unsigned char *from = (const unsigned char *)s;
	size_t n;

	while (*from != '\0') {
		n = text_utf8_length(from);
		if (n == 0 || text_is_control(from, n)) {
			*s++ = '?';
			from += MAX(n, (size_t)1);
		} else
			while (n-- > 0)
				*s++ = (char)*from++;
	}
	*s = '\0';
}

void
text_copy_printable(char *to, size_t size, const void *from, size_t len)
{
	size_t i;

	len = MIN(len, size - 1);
	memcpy(to, from, len);
	to[len] = '\0';
	for (i = 0; i < len; i++)
		if (to[i] == '\0')
			to[i] = '?';
	text_make_printable(to);
}

/* Whether the text begins as text_copy_visible() writes a byte. */
static bool
looks_like_byte(const unsigned char *s)
{
	return s[0] == '\\' && s[1] == 'x' && isxdigit(s[2]) && isxdigit(s[3]);
}

void
text_copy_visible(char *to, size_t size, const char *from)
{
	const unsigned char *s = (const unsigned char *)from;
	size_t len, n = 0, i;
	bool plain;

	for (; *s != '\0'; s += len) {
		len = MAX(text_utf8_length(s), (size_t)1);
		plain = text_utf8_length(s) != 0 && !text_is_control(s, len) && !looks_like_byte(s);
		if (n + (plain ? len : 4 * len) + 1 > size)
			break;
		for (i = 0; i < len; i++)
			if (plain)
				to[n++] = (char)s[i];
			else
				n += (size_t)snprintf(to + n, size - n, "\\x%02x", s[i]);
	}
	to[n] = '\0';
}

void
text_ask_locale(void)
{
	bytes_only = isatty(STDOUT_FILENO) || isatty(STDERR_FILENO);
	if (bytes_only && setlocale(LC_CTYPE, "") != NULL)
		bytes_only = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
}

bool
text_terminal_takes_bytes(void)
{
	return bytes_only;
}

void
text_make_terminal(char *s)
{
	text_make_printable(s);
	if (!bytes_only)
		return;
	for (; *s != '\0'; s++)
		if ((unsigned char)*s >= 0x80)
			*s = '?';
}

void
text_quote_shell(const char *text, char *out, size_t size)
{
	static const char quote[] = "'\\''";
	size_t n = 0, len;

	out[n++] = '\'';
	for (; *text != '\0'; text++, n += len) {
		len = *text == '\'' ? sizeof(quote) - 1 : 1;
		if (n + len + 2 > size)
			break;
		memcpy(out + n, *text == '\'' ? quote : text, len);
	}
	out[n++] = '\'';
	out[n] = '\0';
}

void
text_quote_word(const char *text, char *out, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (text[0] != '\0' && text[strspn(text, plain)] == '\0' && strlen(text) < size)
		memcpy(out, text, strlen(text) + 1);
	else
		text_quote_shell(text, out, size);
}

void
text_size(uint64_t bytes, char out[TEXT_NUMBER_MAX])
{
	static const char units[] = "KMGTPE";
	double n = (double)bytes;
	int unit = -1;

	while (n >= 1023.5) {
		n /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(out, TEXT_NUMBER_MAX, "%.0f", n);
	else
		snprintf(out, TEXT_NUMBER_MAX, "%.*f%c", n < 9.95 ? 1 : 0, n, units[unit]);
}

void
text_duration(uint64_t seconds, char out[TEXT_NUMBER_MAX])
{
	uint64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;

	if (days > 0)
		snprintf(out, TEXT_NUMBER_MAX, "%" PRIu64 "d%02uh", days, (unsigned)(hours % 24));
	else if (hours > 0)
		snprintf(out, TEXT_NUMBER_MAX, "%uh%02um", (unsigned)hours,
		    (unsigned)(minutes % 60));
	else if (minutes > 0)
		snprintf(out, TEXT_NUMBER_MAX, "%um%02us", (unsigned)minutes,
		    (unsigned)(seconds % 60));
	else
		snprintf(out, TEXT_NUMBER_MAX, "%us", (unsigned)seconds);
}

static bool
is_octal(const char *s)
{
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' &&
	    s[2] >= '0' && s[2] <= '7';
}

int
text_unescape_octal(const char *from, char *to, size_t size)
{
	while (*from != '\0') {
		if (size < 2)
			return -EUCLEAN;
		if (*from == '\\' && is_octal(from + 1)) {
			*to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to++ = *from++;
		}
		size--;
	}
	*to = '\0';
	return 0;
}
