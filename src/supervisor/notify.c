#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "supervisor/notify.h"

void
notify_send(int fd, enum notify_kind kind, const char *fmt, ...)
{
	char line[NOTIFY_LINE_MAX] = { (char)kind, ' ' };
	va_list ap;
	int len;

	if (fd < 0)
		return;
	va_start(ap, fmt);
	len = vsnprintf(line + 2, sizeof(line) - 3, fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	text_make_printable(line);
	len = (int)strlen(line);
	line[len++] = '\n';
	/* One atomic write; a waiting command that went away is of no concern. */
	if (write(fd, line, (size_t)len) < 0)
		return;
}
