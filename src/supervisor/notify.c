/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The supervisor never waits for a command that does not read: a line that finds no room is dropped, but
 * the last word is kept until there is some.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "supervisor/notify.h"

static char waiting[NOTIFY_LINE_MAX];
static size_t waiting_len;

void
notify_again(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (waiting_len == 0 || poll(&p, 1, ms) != 1)
		return;
	if (write(fd, waiting, waiting_len) >= 0 || errno != EAGAIN)
		waiting_len = 0;
}

void
notify_send(int fd, enum notify_kind kind, const char *fmt, ...)
{
	char line[NOTIFY_LINE_MAX] = { (char)kind, ' ' };
	va_list ap;
	int len;

	if (fd < 0 || waiting_len > 0)
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
	if (write(fd, line, (size_t)len) >= 0 || errno != EAGAIN ||
	    (kind != NOTIFY_MOUNTED && kind != NOTIFY_FAILED))
		return;
	memcpy(waiting, line, (size_t)len);
	waiting_len = (size_t)len;
}
