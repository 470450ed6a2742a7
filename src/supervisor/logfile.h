/*
 * Where log lines go: a file as text or JSON, or journald; and standard error
 * on a console.  Lines of the worker arrive as messages and are marked as its.
 */
#ifndef SUPERVISOR_LOGFILE_H
#define SUPERVISOR_LOGFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/log.h"
#include "supervisor/supervisor.h"

#define LOGFILE_NAME	"pbkfs.log"	/* in .pbkfs/ */

/*
 * Opens the default log file in provided_fd, for appending.  Returns a
 * descriptor or negative errno; -EPERM for anything but a plain file of ours.
 */
int	logfile_open(int provided_fd);

/*
 * Directs log_error() and its like of this process to fd (which logfile owns
 * from now on) or to journald.  Returns 0 or negative errno.
 */
int	logfile_start(enum log_target target, enum log_format format, int fd, bool console);
void	logfile_stop(void);

/*
 * Keeps lines back, as long as it is not decided whether the reader of the log may
 * know what they say; only the console shows them meanwhile.  logfile_let_go()
 * ends that, and puts them into the log or forgets them.
 */
void	logfile_hold(void);
bool	logfile_is_held(void);
void	logfile_let_go(bool tell);

/* A line of the worker's; control characters are replaced. */
void	logfile_worker_line(enum log_level level, const char *text, size_t len,
	    pid_t pid, unsigned generation);

/* Whether something was written since the last call. */
bool	logfile_changed(void);

#endif
