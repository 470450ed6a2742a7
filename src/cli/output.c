/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prints all that a command prints, and filters text of others on the way.
 * tests/lint/check-output.sh insists that nothing goes around it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"

#define CLEAR_LINE	"\r\033[K"
#define ERROR_MARK	"pbkfs error: "

static bool	progress_shown;	/* protected by the lock of stderr */
static unsigned	columns;	/* of the terminal when it was last asked; 0 = unknown */

static char	*kept_error;		/* of cli_keep_error() */
static size_t	kept_size;

static void	complain(const char *kind, const char *fmt, va_list ap)
		    __attribute__((format(printf, 2, 0)));

void
cli_fill_descriptors(void)
{
	int fd;

	for (fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR);
}

static void
clear_progress(void)
{
	if (progress_shown)
		fputs(CLEAR_LINE, stderr);
	progress_shown = false;
}

void
cli_keep_error(char *text, size_t size)
{
	kept_error = text;
	kept_size = size;
}

static void
keep_error(const char *line)
{
	if (kept_error != NULL && kept_error[0] == '\0')
		strlcpy(kept_error, line, kept_size);
}

static void
complain(const char *kind, const char *fmt, va_list ap)
{
	char line[4096];

	vsnprintf(line, sizeof(line), fmt, ap);
	text_make_terminal(line);
	fflush(stdout);
	flockfile(stderr);
	clear_progress();
	fprintf(stderr, "pbkfs%s: %s\n", kind, line);
	funlockfile(stderr);
}

int
cli_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (kept_error != NULL) {
		va_list again;
		char line[4096];

		va_copy(again, ap);
		vsnprintf(line, sizeof(line), fmt, again);
		va_end(again);
		keep_error(line);
	}
	complain(" error", fmt, ap);
	va_end(ap);
	return EXIT_FAILURE;
}

/* ---- last words --------------------------------------------------------- */

static struct {
	pid_t	pid;
	char	line[4096];
	size_t	len;
} last_words;

static void
end_with_last_words(int number)
{
	ssize_t n = 0;

	if (getpid() == last_words.pid)
		n = write(STDERR_FILENO, last_words.line, last_words.len);
	(void)n;
	raise(number);	/* the handler is not there any more */
}

void
cli_if_interrupted(const char *fmt, ...)
{
	struct sigaction action = {
		.sa_handler = end_with_last_words, .sa_flags = SA_RESETHAND | SA_NODEFER,
	};
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction before;
	char text[sizeof(last_words.line) - 32];
	sigset_t set, outside;
	va_list ap;
	size_t i;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_make_terminal(text);
	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		sigaddset(&set, numbers[i]);
	sigprocmask(SIG_BLOCK, &set, &outside);
	last_words.len = (size_t)snprintf(last_words.line, sizeof(last_words.line),
	    "pbkfs error: %s\n", text);
	last_words.pid = getpid();
	/* Who started us with one of them ignored wants that: nohup(1). */
	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	sigprocmask(SIG_SETMASK, &outside, NULL);
}

/* ---- lines -------------------------------------------------------------- */

static const char *command_name;

void
cli_name_command(const char *name)
{
	command_name = name;
}

int
cli_usage(const char *fmt, ...)
{
	char line[3 * PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	cli_error("%s: see pbkfs %s%s--help", line, command_name != NULL ? command_name : "",
	    command_name != NULL ? " " : "");
	return EXIT_USAGE;
}

int
cli_require(const struct cli_need *need, unsigned n)
{
	unsigned i, missing = 0, told = 0;
	char text[256] = "";

	for (i = 0; i < n; i++)
		missing += !need[i].given;
	for (i = 0; i < n; i++) {
		if (need[i].given)
			continue;
		if (told++ > 0)
			strlcat(text, told == missing ? " and " : ", ", sizeof(text));
		strlcat(text, need[i].name, sizeof(text));
	}
	return missing == 0 ? 0 : cli_usage("%s %s required", text, missing == 1 ? "is" : "are");
}

void
cli_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(" warning", fmt, ap);
	va_end(ap);
}

static bool	leave_out_notes;

void
cli_leave_out_notes(void)
{
	leave_out_notes = true;
}

void
cli_note(const char *fmt, ...)
{
	va_list ap;

	if (leave_out_notes)
		return;
	va_start(ap, fmt);
	complain("", fmt, ap);
	va_end(ap);
}

void
cli_reason(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain("", fmt, ap);
	va_end(ap);
}

/* A confined child, whose standard error is a pipe, goes by what its parent has learned. */
static void
ask_columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0)
		columns = size.ws_col;
}

bool
cli_shows_progress(void)
{
	const char *term = getenv("TERM");

	ask_columns();
	return !leave_out_notes && isatty(STDERR_FILENO) && term != NULL && term[0] != '\0' && strcmp(term, "dumb") != 0;
}

/* A line that fills the last column would go on in the next one, and only that be cleared. */
static void
cut_to_columns(char *line)
{
	unsigned n;

	ask_columns();
	for (n = 0; columns > 0 && *line != '\0'; n++) {
		if (n + 1 >= columns)
			*line = '\0';
		else
			line += MAX(text_utf8_length((const unsigned char *)line), (size_t)1);
	}
}

void
cli_progress(const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	text_make_terminal(line);
	cut_to_columns(line);
	flockfile(stderr);
	fprintf(stderr, CLEAR_LINE "%s", line);
	fflush(stderr);
	progress_shown = true;
	funlockfile(stderr);
}

void
cli_progress_end(void)
{
	flockfile(stderr);
	clear_progress();
	fflush(stderr);
	funlockfile(stderr);
}

void
cli_say(const char *fmt, ...)
{
	char line[3 * PATH_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	text_make_terminal(line);
	printf("%s\n", line);
}

void
cli_print(const char *fmt, ...)
{
	char *text autofree = NULL, *line, *end;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0) {
		text = NULL;
		return;
	}
	for (line = text; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		text_make_terminal(line);
		printf("%s\n", line);
	}
	text_make_terminal(line);
	printf("%s", line);
}

/* Prints one character of UTF-8 in ASCII, as JSON has it. */
static void
put_escaped(const unsigned char *s, size_t n)
{
	uint32_t code = text_utf8_decode(s, n);

	if (code >= 0x10000)
		printf("\\u%04x\\u%04x", (unsigned)(0xd7c0 + (code >> 10)), (unsigned)(0xdc00 | (code & 0x3ff)));
	else
		printf("\\u%04x", (unsigned)code);
}

int
cli_put_json(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + len;
	size_t n;

	for (; s < end && text_terminal_takes_bytes(); s += n) {
		n = MAX(text_utf8_length(s), (size_t)1);
		if (n > 1)
			put_escaped(s, n);
		else
			putchar(*s);
	}
	if (s < end && fwrite(s, 1, (size_t)(end - s), stdout) != (size_t)(end - s))
		return errno != 0 ? -errno : -EIO;
	return cli_flush();
}

int
cli_flush(void)
{
	static int failed;	/* the first reason: the stream forgets it */

	errno = 0;
	if (failed == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		failed = errno != 0 ? -errno : -EIO;
	return failed;
}

bool
cli_is_heard(void)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = 0 };

	return poll(&p, 1, 0) <= 0 || (p.revents & POLLERR) == 0;
}

/* ---- what a confined child prints ---------------------------------------- */

#define CHUNK		4096
#define MARK_LEN	strlen(CLEAR_LINE)

struct stream {
	int	fd;
	FILE	*to;
	bool	progress;	/* it lets CLEAR_LINE through */
	char	buf[CHUNK];
	size_t	have;
	int	error;		/* negative errno of the first that could not be passed on */
};

/* Returns how much of it is whole: the last character or mark may still be under way. */
static size_t
whole(const char *s, size_t n)
{
	size_t k, length;

	for (k = MIN(n, MARK_LEN - 1); k > 0; k--)
		if (memcmp(s + n - k, CLEAR_LINE, k) == 0)
			return n - k;
	for (k = 1; k <= MIN(n, (size_t)3) && (s[n - k] & 0x80) != 0; k++) {
		if ((s[n - k] & 0x40) == 0)
			continue;
		length = (s[n - k] & 0x20) == 0 ? 2 : (s[n - k] & 0x10) == 0 ? 3 : 4;
		return k < length ? n - k : n;
	}
	return n;
}

/* Returns the length up to the end of a line, a mark, or the end. */
static size_t
segment(const struct stream *s, const char *text, size_t n)
{
	const char *end = memchr(text, '\n', n), *mark = NULL;

	n = end != NULL ? (size_t)(end - text) : n;
	if (s->progress)
		mark = memmem(text, n, CLEAR_LINE, MARK_LEN);
	return mark != NULL ? (size_t)(mark - text) : n;
}

static void
pass(struct stream *s, const char *text, size_t n)
{
	char line[CHUNK + 1];
	size_t len;

	for (; n > 0; text += len, n -= len) {
		len = segment(s, text, n);
		text_copy_printable(line, sizeof(line), text, len);
		text_make_terminal(line);
		if (strncmp(line, ERROR_MARK, strlen(ERROR_MARK)) == 0)
			keep_error(line + strlen(ERROR_MARK));
		fputs(line, s->to);
		if (len == n)
			break;
		fputs(text[len] == '\n' ? "\n" : CLEAR_LINE, s->to);
		len += text[len] == '\n' ? 1 : MARK_LEN;
	}
	errno = 0;
	if ((fflush(s->to) != 0 || ferror(s->to)) && s->error == 0)
		s->error = errno != 0 ? -errno : -EIO;
}

/* Passes on what is left, whole or not. */
static void
finish(struct stream *s)
{
	if (s->fd < 0)
		return;
	pass(s, s->buf, s->have);
	close(s->fd);
	s->fd = -1;
}

/* Reads once, and passes on what is whole. */
static void
relay(struct stream *s)
{
	ssize_t n = read(s->fd, s->buf + s->have, sizeof(s->buf) - s->have);
	size_t ready;

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		finish(s);
		return;
	}
	s->have += (size_t)n;
	ready = whole(s->buf, s->have);
	pass(s, s->buf, ready);
	s->have -= ready;
	memmove(s->buf, s->buf + ready, s->have);
}

int
cli_relay(int out_fd, int err_fd, int (*wait)(void *arg, struct pollfd *p, unsigned n), void *arg,
    int *error)
{
	struct stream out = { .fd = out_fd, .to = stdout };
	struct stream err = { .fd = err_fd, .to = stderr, .progress = true };
	int rc = 0;

	while (rc == 0 && (out.fd >= 0 || err.fd >= 0)) {
		struct pollfd p[2] = { { out.fd, POLLIN, 0 }, { err.fd, POLLIN, 0 } };

		if ((rc = wait(arg, p, ARRAY_SIZE(p))) != 0)
			break;
		/* The child has written its output before it complains. */
		if (p[0].revents != 0)
			relay(&out);
		else if (p[1].revents != 0)
			relay(&err);
	}
	finish(&out);
	finish(&err);
	*error = out.error;
	return rc;
}
