/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A person at a terminal, for tests:
 *
 *	terminal [-r ROWS] [-c COLUMNS] LOG COMMAND [ARG]...
 *
 * Runs COMMAND as the leader of a session with a terminal of its own, which has a size if both are given, and
 * writes what that shows to LOG.  Standard input has what the person does, a line each:
 *
 *	see TEXT	waits until it shows TEXT, behind what was seen before
 *	type TEXT	types; \n, \r, \\ and \ooo as in printf(1)
 *	size ROWS COLUMNS
 *	hang up		the terminal goes away
 *
 * Then the person waits until COMMAND has ended.  Exit status: COMMAND's, 128 + a signal, or 99 where
 * TEXT did not come within a minute, which is told on standard error.
 */
#include "config.h"

#include <sys/ioctl.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_SECONDS	60
#define FAILED			99

static struct {
	int	fd;			/* of the terminal; -1 = it went away */
	int	log;
	char	*text;			/* all that it has shown */
	size_t	len, seen;
} term;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Takes what comes within so many seconds.  Returns false at the end of the terminal, or where nothing came. */
static bool
listen_for(double seconds)
{
	struct pollfd p = { .fd = term.fd, .events = POLLIN };
	char buf[4096];
	ssize_t n;

	if (seconds <= 0 || poll(&p, 1, (int)(seconds * 1000) + 1) != 1 || (n = read(term.fd, buf, sizeof(buf))) <= 0)
		return false;
	if (write(term.log, buf, (size_t)n) != n || (term.text = realloc(term.text, term.len + (size_t)n)) == NULL)
		err(FAILED, "log");
	memcpy(term.text + term.len, buf, (size_t)n);
	term.len += (size_t)n;
	return true;
}

static void
see(const char *text)
{
	double until = now() + PATIENCE_SECONDS;
	const char *at;

	while ((at = memmem(term.text + term.seen, term.len - term.seen, text, strlen(text))) == NULL)
		if (!listen_for(until - now()))
			errx(FAILED, "\"%s\" did not come", text);
	term.seen = (size_t)(at - term.text) + strlen(text);
}

static void
type(const char *text)
{
	char byte;

	for (; *text != '\0'; text++) {
		byte = *text;
		if (byte == '\\' && text[1] != '\0') {
			text++;
			byte = *text == 'n' ? '\n' : *text == 'r' ? '\r' : *text;
			if (*text >= '0' && *text <= '3' && text[1] != '\0' && text[2] != '\0') {
				byte = (char)((text[0] - '0') * 64 + (text[1] - '0') * 8 + (text[2] - '0'));
				text += 2;
			}
		}
		if (write(term.fd, &byte, 1) != 1)
			err(FAILED, "type");
	}
}

static void
resize(const char *numbers)
{
	struct winsize size = { 0 };

	if (sscanf(numbers, "%hu %hu", &size.ws_row, &size.ws_col) != 2 || ioctl(term.fd, TIOCSWINSZ, &size) != 0)
		err(FAILED, "size");
}

static void
act(const char *line)
{
	if (strncmp(line, "see ", 4) == 0) {
		see(line + 4);
	} else if (strncmp(line, "type ", 5) == 0) {
		type(line + 5);
	} else if (strncmp(line, "size ", 5) == 0) {
		resize(line + 5);
	} else if (strcmp(line, "hang up") == 0) {
		close(term.fd);
		term.fd = -1;
	} else {
		errx(FAILED, "nobody can %s", line);
	}
}

int
main(int argc, char **argv)
{
	struct winsize size = { 0 };
	char *line = NULL;
	size_t room = 0;
	int opt, status;
	ssize_t n;
	pid_t pid;

	while ((opt = getopt(argc, argv, "+r:c:")) != -1)
		if (opt == 'r' || opt == 'c')
			*(opt == 'r' ? &size.ws_row : &size.ws_col) = (unsigned short)atoi(optarg);
	if (argc - optind < 2)
		errx(FAILED, "usage: terminal [-r ROWS] [-c COLUMNS] LOG COMMAND [ARG]...");
	if ((term.log = open(argv[optind], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
		err(FAILED, "%s", argv[optind]);
	if ((term.text = malloc(1)) == NULL || (pid = forkpty(&term.fd, NULL, NULL, &size)) < 0)
		err(FAILED, "forkpty");
	if (pid == 0) {
		execvp(argv[optind + 1], argv + optind + 1);
		err(127, "%s", argv[optind + 1]);
	}
	fcntl(term.fd, F_SETFD, FD_CLOEXEC);
	while ((n = getline(&line, &room, stdin)) > 0) {
		line[n - (line[n - 1] == '\n')] = '\0';
		act(line);
	}
	while (term.fd >= 0 && listen_for(PATIENCE_SECONDS))
		;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
