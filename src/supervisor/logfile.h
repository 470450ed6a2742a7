/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where log lines go: a file as text or JSON, or journald; and standard error
 * on a console.  Lines of the worker arrive as messages and are marked as its.
 *
 * Nothing that a worker does makes a log grow for ever, or hides in it what happened: its
 * lines have one budget, whichever worker and message they come of, and so have the lines
 * about how workers end and begin.  What is left out is counted, and reported in one line.
 */
#ifndef SUPERVISOR_LOGFILE_H
#define SUPERVISOR_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/log.h"
#include "supervisor/logstore.h"
#include "supervisor/supervisor.h"


#define LOGFILE_WORKER_LINES	200	/* of workers, in LOG_WINDOW seconds */
#define LOGFILE_EVENTS		200	/* lines about them, the same */

/*
 * Directs log_error() and its like of this process to a file (*file is copied, and its
 * descriptor owned from now on) or to journald.  Returns 0 or negative errno.
 */
int	logfile_start(enum log_target target, enum log_format format,
	    const struct logstore *file, bool console);
/* Closes it; later lines go to standard error. */
void	logfile_stop(void);
bool	logfile_is_started(void);

/* A file that the caller named is from now on made anew by renew(arg): see logstore.h. */
void	logfile_renew_by(int (*renew)(void *arg, bool full), void *arg);

/*
 * Lines that is_mute(arg) says cannot be written, because that would not return, are counted as
 * lost; for a file in the diff directory, not for one that the caller named.
 */
void	logfile_spare(bool (*is_mute)(void *arg), void *arg);

/*
 * Keeps lines back, as long as it is not decided whether the reader of the log may
 * know what they say; only the console shows them meanwhile.  logfile_let_go()
 * ends that, and puts them into the log or forgets them.
 */
void	logfile_hold(void);
bool	logfile_is_held(void);
void	logfile_let_go(bool tell);

/* Whether lines are shown on the console, too: not those that somebody else prints there. */
void	logfile_show(bool on_console);

/* A line of the worker's, if there is room for it; control characters are replaced. */
void	logfile_worker_line(enum log_level level, const char *text, size_t len,
	    pid_t pid, unsigned generation);

/* Whether a line about an end or a beginning of a worker is to be logged: else it is counted. */
bool	logfile_tells_event(void);

/* Tells what was left out.  To be called once a second. */
void	logfile_tell_left_out(void);

/* Whether something was written since the last call. */
bool	logfile_changed(void);

#endif
