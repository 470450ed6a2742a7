/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text for people: names that may be hostile, sizes, durations.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_NUMBER_MAX	24	/* bytes of a size or a duration, NUL included */

/* How many bytes of UTF-8 begin at s; 0 if what begins there is none. */
size_t	text_utf8_length(const unsigned char *s);

/* The character of n bytes of UTF-8 at s, as text_utf8_length() counted them. */
uint32_t text_utf8_decode(const unsigned char *s, size_t n);

/*
 * Whether the character at s, n bytes of UTF-8, makes a terminal do something
 * or show other text than there is: U+0000-1F and U+007F-9F, the ends of lines
 * and paragraphs, what turns the direction of writing, and the two codes that
 * are no characters, which XML does not take.
 */
bool	text_is_control(const unsigned char *s, size_t n);

/*
 * The one filter of hostile text, called where text leaves the program: by the
 * log, by messages, by the commands.  Puts '?' for every such character and
 * every byte that is no UTF-8, in place, whatever the locale.
 */
void	text_make_printable(char *s);

/* The same for len bytes, NUL among them, copied to a buffer of size bytes, which it ends. */
void	text_copy_printable(char *to, size_t size, const void *from, size_t len);

/*
 * Copies a name so that it can be read and stays unlike every other: what text_make_printable()
 * puts '?' for becomes \xHH for each of its bytes, and the backslash of a name that holds
 * such text itself \x5c.  Cut, in front of what does not fit size.
 */
void	text_copy_visible(char *to, size_t size, const char *from);
#define TEXT_VISIBLE_MAX(n)	(4 * (n) + 1)	/* of n bytes */

/*
 * The same for a terminal: where that takes bytes for characters, a part of
 * UTF-8 may be a control, so that only ASCII is left.
 */
void	text_make_terminal(char *s);
bool	text_terminal_takes_bytes(void);
/* Learns from the environment what terminals take.  Call it before the first thread. */
void	text_ask_locale(void);

/* A word for the shell, in single quotes; cut, with its end, where size bytes do not suffice. */
void	text_quote_shell(const char *text, char *out, size_t size);

/* The same for text that a shell takes as it is, which then stays so. */
void	text_quote_word(const char *text, char *out, size_t size);

/*
 * Undoes what tables of mounts do to spaces and the like: \ooo becomes a byte.  Returns 0,
 * or -EUCLEAN for text that does not fit size.
 */
int	text_unescape_octal(const char *from, char *to, size_t size);

/* In units of 1024 with two digits at least: 812, 2.2K, 13M. */
void	text_size(uint64_t bytes, char out[TEXT_NUMBER_MAX]);

/* 42s, 4m05s, 2h03m, 3d04h. */
void	text_duration(uint64_t seconds, char out[TEXT_NUMBER_MAX]);

#endif
