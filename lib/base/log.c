/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Levels, the sink and budgets of lines.  Each process chooses its sink;
 * without one lines go to standard error.  Files and rotation are the
 * supervisor's (src/supervisor/logfile.c).
 */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

static log_sink the_sink;
static bool debug_on;

static const char *const level_names[] = {
	[LOGL_ERROR] = "error", [LOGL_WARNING] = "warning",
	[LOGL_INFO] = "info", [LOGL_DEBUG] = "debug",
};

void
log_set_sink(log_sink sink)
{
	the_sink = sink;
}

void
log_set_debug(bool on)
{
	debug_on = on;
}

bool
log_debug_wanted(void)
{
	return debug_on;
}

const char *
log_level_name(enum log_level level)
{
	return level_names[level];
}

static void emit(enum log_level, const char *, va_list) __attribute__((format(printf, 2, 0)));

static void
emit(enum log_level level, const char *fmt, va_list ap)
{
	char line[LOG_LINE_MAX];
	int saved = errno, len;

	len = vsnprintf(line, sizeof(line), fmt, ap);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(line))
		len = sizeof(line) - 1;
	text_make_printable(line);	/* which makes it shorter, if anything */
	len = (int)strlen(line);
	if (the_sink != NULL)
		the_sink(level, line, (size_t)len);
	else {
		text_make_terminal(line);
		fprintf(stderr, "pbkfs %s: %s\n", level_names[level], line);
	}
	errno = saved;
}

#define DEFINE_LOG(name, level)			\
	void					\
	name(const char *fmt, ...)		\
	{					\
		va_list ap;			\
						\
		va_start(ap, fmt);		\
		emit(level, fmt, ap);		\
		va_end(ap);			\
	}

DEFINE_LOG(log_error, LOGL_ERROR)
DEFINE_LOG(log_warn, LOGL_WARNING)
DEFINE_LOG(log_info, LOGL_INFO)

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	if (!debug_on)
		return;
	va_start(ap, fmt);
	emit(LOGL_DEBUG, fmt, ap);
	va_end(ap);
}

static long
current_window(void)
{
	return (long)(clock_monotonic_seconds() / LOG_WINDOW);
}

bool
log_allowed(struct log_budget *b, unsigned *skipped)
{
	long window = current_window();

	if (atomic_exchange(&b->window, window) != window)
		atomic_store(&b->used, 0);
	if (atomic_fetch_add(&b->used, 1) >= (b->burst != 0 ? b->burst : LOG_BURST)) {
		atomic_fetch_add(&b->skipped, 1);
		return false;
	}
	*skipped = atomic_exchange(&b->skipped, 0);
	return true;
}

unsigned
log_skipped(struct log_budget *b)
{
	return atomic_load(&b->window) == current_window() ? 0 : atomic_exchange(&b->skipped, 0);
}
