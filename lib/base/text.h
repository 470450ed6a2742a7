/*
 * Text for people: names that may be hostile, sizes, durations.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_NUMBER_MAX	24	/* bytes of a size or a duration, NUL included */

/* How many bytes of UTF-8 begin at s; 0 if what begins there is none. */
size_t	text_utf8_length(const unsigned char *s);

/* Whether the character at s, n bytes of UTF-8, commands a terminal: U+0000-1F, U+007F-9F. */
int	text_is_control(const unsigned char *s, size_t n);

/*
 * Puts '?' for every control character and every byte that is no UTF-8, in
 * place: a terminal shows what is left and does nothing else.
 */
void	text_make_printable(char *s);

/* In units of 1024 with two digits at least: 812, 2.2K, 13M. */
void	text_size(uint64_t bytes, char out[TEXT_NUMBER_MAX]);

/* 42s, 4m05s, 2h03m, 3d04h. */
void	text_duration(uint64_t seconds, char out[TEXT_NUMBER_MAX]);

#endif
