#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "base/util.h"

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

int
text_is_control(const unsigned char *s, size_t n)
{
	return (n == 1 && (s[0] < ' ' || s[0] == 0x7f)) ||
	    (n == 2 && s[0] == 0xc2 && s[1] < 0xa0);
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
