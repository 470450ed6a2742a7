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
#include "supervisor/notify.h"
#include "supervisor/state.h"

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
	log_error("%s", s->error);
	return -1;
}

void
state_warn(const struct supervisor *s, const char *fmt, ...)
{
	char text[PATH_MAX + 512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_warn("%s", text);
	notify_send(s->config->notify_fd, NOTIFY_WARNING, "%s", text);
}

void
state_infodir_changed(struct supervisor *s)
{
	if (s->kit.shared != NULL)
		atomic_fetch_add(&s->kit.shared->infodir_version, 1);
	s->infodir_due = 0;
}
