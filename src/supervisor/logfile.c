/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Formats and budgets.  How the file stays bounded, and is found again when it was moved, is in
 * logstore.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/text.h"
#include "base/util.h"
#include "supervisor/logfile.h"

#define JOURNAL_SOCKET	"/run/systemd/journal/socket"

#define HELD_MAX	(256 * KiB)	/* of lines that wait for a decision; more are lost */

#define LINE_ROOM	(LOG_LINE_MAX + 256)	/* with what stands before and behind the text */

static struct {
	bool	started;
	struct logstore file;
	bool	(*is_mute)(void *arg);	/* whether a write to the file would not return; or NULL */
	void	*mute_arg;
	int	journal_fd;	/* of journald; -1: the file */
	int	held_fd;	/* lines wait here instead, a memfd; -1 */
	enum log_format format;
	int	console_fd;	/* -1 */
	bool	hidden;		/* from the console, see logfile_show() */
	unsigned not_shown;	/* lines that the console did not take */
	bool	changed;
} out = { .file = { .fd = -1 }, .journal_fd = -1, .held_fd = -1, .console_fd = -1 };

/* The budgets of all lines that workers cause.  The supervisor has one thread. */
static struct quota {
	struct log_budget budget;
	const char *what;
} worker_lines = { { .burst = LOGFILE_WORKER_LINES }, "lines of workers" },
  events = { { .burst = LOGFILE_EVENTS }, "lines about ends and beginnings of workers" };

struct line {
	enum log_level level;
	const char *text;
	pid_t	pid;
	const char *process;	/* who said it */
	unsigned generation;	/* of a serving worker, else 0 */
};

static void
timestamp(char *to, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(to, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(to + n, size - n, ".%03ldZ", now.tv_nsec / 1000000);
}

static void supervisor_line(enum log_level, const char *, size_t);

/* Once there is room again. */
static void
tell_lost(void)
{
	char text[160];
	unsigned n = out.file.lost;

	if (n == 0)
		return;
	out.file.lost = 0;
	snprintf(text, sizeof(text), "could not write %u lines to the log: %s", n,
	    strerror(-out.file.why));
	supervisor_line(LOGL_WARNING, text, strlen(text));
}

static void
put(const char *text, size_t len)
{
	if (out.held_fd < 0 && out.is_mute != NULL && out.is_mute(out.mute_arg)) {
		out.file.lost++;
		out.file.why = -ETIMEDOUT;
	} else if (out.held_fd < 0) {
		if (logstore_append(&out.file, text, len) == 0)
			tell_lost();
	} else if (lseek(out.held_fd, 0, SEEK_CUR) < (off_t)HELD_MAX) {
		io_write(out.held_fd, text, len);	/* else it is lost */
	}
}

static void
write_text(const struct line *l)
{
	char stamp[48], text[LINE_ROOM];
	int n;

	timestamp(stamp, sizeof(stamp));
	if (l->generation > 0)
		n = snprintf(text, sizeof(text), "%s [%d] %s %u %s: %s\n", stamp, (int)l->pid,
		    l->process, l->generation, log_level_name(l->level), l->text);
	else
		n = snprintf(text, sizeof(text), "%s [%d] %s %s: %s\n", stamp, (int)l->pid,
		    l->process, log_level_name(l->level), l->text);
	if (n > 0 && (size_t)n < sizeof(text))
		put(text, (size_t)n);
}

static void
write_json(const struct line *l)
{
	struct json_out o = { .compact = true };
	char *text autofree = NULL, stamp[48];
	size_t len;

	timestamp(stamp, sizeof(stamp));
	json_open(&o, NULL, '{');
	json_put_string(&o, "time", stamp);
	json_put_string(&o, "level", log_level_name(l->level));
	json_put_string(&o, "process", l->process);
	json_put_u64(&o, "pid", (uint64_t)l->pid);
	if (l->generation > 0)
		json_put_u64(&o, "generation", l->generation);
	json_put_string(&o, "message", l->text);
	json_close(&o, '}');
	if (json_take(&o, &text, &len) == 0)
		put(text, len);
}

/* The native protocol: one datagram of NAME=value lines. */
static void
write_journal(const struct line *l)
{
	static const int priority[] = {
		[LOGL_ERROR] = 3, [LOGL_WARNING] = 4, [LOGL_INFO] = 6, [LOGL_DEBUG] = 7
	};
	char text[LINE_ROOM];
	int n;

	n = snprintf(text, sizeof(text), "PRIORITY=%d\nSYSLOG_IDENTIFIER=pbkfs\n"
	    "PBKFS_PROCESS=%s\nPBKFS_PID=%d\nPBKFS_GENERATION=%u\nMESSAGE=%s\n",
	    priority[l->level], l->process, (int)l->pid, l->generation, l->text);
	if (n > 0)
		send(out.journal_fd, text, MIN((size_t)n, sizeof(text) - 1), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/*
 * A terminal that was stopped, or a pipe that nobody reads, must not stop us; who shares
 * standard error with us must not be surprised by a descriptor that does not wait.
 */
static int
open_console(void)
{
	int fd = open("/proc/self/fd/2", O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd >= 0 ? fd : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

static bool
show(const char *process, enum log_level level, const char *line)
{
	struct pollfd p = { .fd = out.console_fd, .events = POLLOUT };
	char copy[LOG_LINE_MAX], text[LINE_ROOM];
	int n;

	strlcpy(copy, line, sizeof(copy));
	text_make_terminal(copy);
	n = snprintf(text, sizeof(text), "pbkfs %s %s: %s\n", process, log_level_name(level), copy);
	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0 && write(p.fd, text, (size_t)n) == n;
}

static void
write_console(const struct line *l)
{
	char text[64];

	snprintf(text, sizeof(text), "could not show %u lines", out.not_shown);
	if (out.not_shown > 0 && show("supervisor", LOGL_WARNING, text))
		out.not_shown = 0;
	if (out.not_shown > 0 || !show(l->process, l->level, l->text))
		out.not_shown++;
}

static void
write_line(const struct line *l)
{
	if (out.console_fd >= 0 && !out.hidden)
		write_console(l);
	if (!out.started)
		return;
	if (out.journal_fd >= 0)
		write_journal(l);
	else if (out.format == LOG_JSON)
		write_json(l);
	else
		write_text(l);
	out.changed = true;
}

static void
supervisor_line(enum log_level level, const char *text, size_t len)
{
	struct line l = {
		.level = level, .text = text, .pid = getpid(), .process = "supervisor"
	};

	(void)len;
	write_line(&l);
}

static int
connect_journal(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
	int fd autoclose = -1;

	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -errno;
	return steal_fd(&fd);
}

int
logfile_start(enum log_target target, enum log_format format, const struct logstore *file,
    bool console)
{
	if (target == LOG_TO_JOURNALD && (out.journal_fd = connect_journal()) < 0)
		return out.journal_fd;
	if (target == LOG_TO_FILE)
		out.file = *file;
	out.format = format;
	out.console_fd = console ? open_console() : -1;
	out.started = true;
	log_set_sink(supervisor_line);
	return 0;
}

void
logfile_spare(bool (*is_mute)(void *arg), void *arg)
{
	if (out.file.as_caller)
		return;
	out.is_mute = is_mute;
	out.mute_arg = arg;
}

bool
logfile_is_started(void)
{
	return out.started;
}

void
logfile_renew_by(int (*renew)(void *arg, bool full), void *arg)
{
	if (!out.file.as_caller)
		return;
	out.file.renew = renew;
	out.file.renew_arg = arg;
}

void
logfile_hold(void)
{
	out.held_fd = memfd_create("pbkfs-log", MFD_CLOEXEC);
	if (out.held_fd < 0)	/* fail closed: say nothing at all */
		out.held_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
}

bool
logfile_is_held(void)
{
	return out.held_fd >= 0;
}

/* Whole lines, which is what was put there. */
static void
write_held(int fd)
{
	char *text autofree = malloc(HELD_MAX + LINE_ROOM), *line, *end;
	ssize_t n;

	if (text == NULL || (n = io_pread(fd, text, HELD_MAX + LINE_ROOM, 0)) < 0)
		return;
	for (line = text; (end = memchr(line, '\n', (size_t)(text + n - line))) != NULL; line = end + 1)
		put(line, (size_t)(end + 1 - line));
}

void
logfile_let_go(bool tell)
{
	int fd autoclose = out.held_fd;

	out.held_fd = -1;
	if (tell && fd >= 0)
		write_held(fd);
}

void
logfile_show(bool on_console)
{
	out.hidden = !on_console;
}

static void
tell_left_out(const struct quota *q, unsigned n)
{
	char text[160];

	if (n == 0)
		return;
	snprintf(text, sizeof(text), "%u %s were left out", n, q->what);
	supervisor_line(LOGL_WARNING, text, strlen(text));
}

static bool
has_room(struct quota *q)
{
	unsigned left_out = 0;
	bool allowed = log_allowed(&q->budget, &left_out);

	tell_left_out(q, left_out);
	return allowed;
}

bool
logfile_tells_event(void)
{
	return has_room(&events);
}

void
logfile_tell_left_out(void)
{
	tell_left_out(&worker_lines, log_skipped(&worker_lines.budget));
	tell_left_out(&events, log_skipped(&events.budget));
}

void
logfile_stop(void)
{
	logfile_let_go(false);
	tell_left_out(&worker_lines, atomic_load(&worker_lines.budget.skipped));
	tell_left_out(&events, atomic_load(&events.budget.skipped));
	log_set_sink(NULL);
	logstore_close(&out.file);
	if (out.console_fd >= 0)
		close(out.console_fd);
	if (out.journal_fd >= 0)
		close(out.journal_fd);
	out.journal_fd = out.console_fd = -1;
	out.is_mute = NULL;
	out.started = false;
}

void
logfile_worker_line(enum log_level level, const char *text, size_t len,
    pid_t pid, unsigned generation)
{
	char copy[LOG_LINE_MAX];
	struct line l = {
		.level = level, .text = copy, .pid = pid, .generation = generation,
		.process = generation > 0 ? "worker" : "preparer"
	};

	if (!has_room(&worker_lines))
		return;
	text_copy_printable(copy, sizeof(copy), text, len);
	write_line(&l);
}

bool
logfile_changed(void)
{
	bool changed = out.changed;

	out.changed = false;
	return changed;
}
