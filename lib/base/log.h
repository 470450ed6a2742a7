/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One failure, one line: levels, and a sink that each process chooses.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

#define LOG_LINE_MAX	1024	/* bytes of one message, NUL included */

enum log_level { LOGL_ERROR, LOGL_WARNING, LOGL_INFO, LOGL_DEBUG };

/*
 * Receives every line that passes the level: len bytes of text without a
 * line feed, NUL terminated, control characters already replaced by '?'.
 * May be called from several threads at once.
 */
typedef void (*log_sink)(enum log_level level, const char *text, size_t len);

/* Sets the sink; NULL means standard error.  Call it before the first thread. */
void	log_set_sink(log_sink sink);
/* Whether LOGL_DEBUG lines are wanted (default: no). */
void	log_set_debug(bool on);
bool	log_debug_wanted(void);

/* "error", "warning", "info", "debug". */
const char *log_level_name(enum log_level level);

/* Safe from several threads; errno is preserved. */
void	log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * A budget of lines for one kind of message that bad input can repeat for
 * ever: at most so many lines in any LOG_WINDOW seconds.  Returns true if
 * the caller may log; *skipped then is how many lines were held back since
 * the last one.  Zero-initialise the rest.  Safe from several threads.
 */
#define LOG_BURST	20
#define LOG_WINDOW	10
struct log_budget {
	unsigned	burst;		/* lines in a window; 0 = LOG_BURST */
	_Atomic long	window;		/* CLOCK_MONOTONIC seconds / LOG_WINDOW */
	_Atomic unsigned used, skipped;
};
bool	log_allowed(struct log_budget *b, unsigned *skipped);

/* How many lines were held back in windows that are over; the next one starts with none. */
unsigned log_skipped(struct log_budget *b);

#endif
