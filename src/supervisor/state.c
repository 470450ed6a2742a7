/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The few things that every room does with the state; what it consists of belongs to the rooms.
 */
#include "config.h"

#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "supervisor/logfile.h"
#include "supervisor/notify.h"
#include "supervisor/state.h"

bool
state_is_heard(const struct supervisor *s)
{
	return s->config->notify_fd >= 0 && !s->outcome_sent;
}

static void
log_line(const struct supervisor *s, enum log_level level, const char *text)
{
	if (state_is_heard(s) && !logfile_is_started())
		return;		/* only standard error would get it, too */
	logfile_show(!state_is_heard(s));
	if (level == LOGL_ERROR)
		log_error("%s", text);
	else if (level == LOGL_WARNING)
		log_warn("%s", text);
	else
		log_info("%s", text);
	logfile_show(true);
}

int
state_fail(struct supervisor *s, const char *fmt, ...)
{
	va_list ap;

	s->done = true;
	if (s->failed)
		return -1;
	s->failed = true;
	s->status = 1;
	va_start(ap, fmt);
	vsnprintf(s->error, sizeof(s->error), fmt, ap);
	va_end(ap);
	log_line(s, LOGL_ERROR, s->error);	/* finish() sends it */
	return -1;
}

static void	announce(const struct supervisor *s, enum log_level level, enum notify_kind kind,
		    const char *fmt, va_list ap) __attribute__((format(printf, 4, 0)));

static void
announce(const struct supervisor *s, enum log_level level, enum notify_kind kind, const char *fmt,
    va_list ap)
{
	char text[PATH_MAX + 512];

	vsnprintf(text, sizeof(text), fmt, ap);
	log_line(s, level, text);
	if (state_is_heard(s))
		notify_send(s->config->notify_fd, kind, "%s", text);
}

void
state_warn(const struct supervisor *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	announce(s, LOGL_WARNING, NOTIFY_WARNING, fmt, ap);
	va_end(ap);
}

void
state_note(const struct supervisor *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	announce(s, LOGL_INFO, NOTIFY_NOTE, fmt, ap);
	va_end(ap);
}

void
state_pass_on(const struct supervisor *s, enum log_level level, enum notify_kind kind,
    const char *text, size_t len)
{
	char line[LOG_LINE_MAX];

	logfile_show(!state_is_heard(s));
	logfile_worker_line(level, text, len, s->worker.pid, s->worker.generation);
	logfile_show(true);
	if (!state_is_heard(s))
		return;
	text_copy_printable(line, sizeof(line), text, len);
	notify_send(s->config->notify_fd, kind, "%s", line);
}

void
state_infodir_changed(struct supervisor *s)
{
	if (s->kit.shared != NULL)
		atomic_fetch_add(&s->kit.shared->infodir_version, 1);
	s->infodir_due = 0;
}
