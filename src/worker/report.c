/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sends messages to the supervisor, and the log through another pipe.  It never
 * waits for the supervisor.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "worker/report.h"

static int out_fd = -1;
static void (*take_line)(enum msg_type type, const char *text);	/* in the place of a supervisor; or NULL */
static char last_error[LOG_LINE_MAX];	/* while there is one thread */
static bool started;

/* Sends a line; if the supervisor does not take it at once it is lost, not waited for. */
static void
log_to_supervisor(enum log_level level, const char *text, size_t len)
{
	char body[1 + LOG_LINE_MAX];

	if (level == LOGL_ERROR && !started)
		memcpy(last_error, text, len + 1);
	body[0] = (char)level;
	memcpy(body + 1, text, len);
	if (msg_send(out_fd, MSG_LOG, body, len + 1) == -EAGAIN)
		return;
}

void
report_init(const struct job *job)
{
	out_fd = job->out_fd;
	signal(SIGPIPE, SIG_IGN);
	fcntl(out_fd, F_SETFL, fcntl(out_fd, F_GETFL) | O_NONBLOCK);
	log_set_debug(job->debug);
	log_set_sink(log_to_supervisor);
}

void
report_send(enum msg_type type, const void *body, size_t len)
{
	struct pollfd p = { .fd = out_fd, .events = POLLOUT };

	started |= type == MSG_READY;
	while (msg_send(out_fd, type, body, len) == -EAGAIN)
		poll(&p, 1, 1000);
}

void
report_set_sink(void (*take)(enum msg_type type, const char *text))
{
	take_line = take;
}

const char *
report_last_error(void)
{
	return last_error;
}

void
report_failed(const char *fmt, ...)
{
	char text[MSG_BODY_MAX / 2];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len >= 0)
		report_send(MSG_FAILED, text, MIN((size_t)len, sizeof(text) - 1));
}

static void __attribute__((format(printf, 2, 0)))
send_line(enum msg_type type, const char *fmt, va_list ap)
{
	char text[1024];
	int len = vsnprintf(text, sizeof(text), fmt, ap);

	if (len > 0 && take_line != NULL)
		take_line(type, text);
	else if (len > 0)
		report_send(type, text, MIN((size_t)len, sizeof(text) - 1));
}

void
report_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	send_line(MSG_WARNING, fmt, ap);
	va_end(ap);
}

void
report_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	send_line(MSG_NOTE, fmt, ap);
	va_end(ap);
}

void
report_advice(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	send_line(MSG_ADVICE, fmt, ap);
	va_end(ap);
}
