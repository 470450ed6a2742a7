/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads the lines of a supervisor that begins, shows them, and passes signals
 * on.  It decides nothing about the mount.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/limited.h"
#include "cli/waiter.h"
#include "supervisor/notify.h"

static volatile sig_atomic_t caught;

static void
note_signal(int number)
{
	caught = number;
}

static const int watched[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP };
static struct sigaction before[ARRAY_SIZE(watched)];

bool
waiter_ignores_hangup(void)
{
	struct sigaction now;

	return sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void
waiter_stop_signals(sigset_t *set)
{
	size_t i;

	sigemptyset(set);
	for (i = 0; i < ARRAY_SIZE(watched); i++)
		if (watched[i] != SIGHUP || !waiter_ignores_hangup())
			sigaddset(set, watched[i]);
}

/* Catches signals, and blocks them except inside ppoll(2), so that none is missed. */
static void
catch_signals(sigset_t *outside)
{
	struct sigaction action = { .sa_handler = note_signal };
	sigset_t blocked;
	size_t i;

	sigemptyset(&blocked);
	for (i = 0; i < ARRAY_SIZE(watched); i++) {
		sigaddset(&blocked, watched[i]);
		if (watched[i] != SIGHUP || !waiter_ignores_hangup())
			sigaction(watched[i], &action, &before[i]);
		else
			sigaction(watched[i], NULL, &before[i]);
	}
	sigprocmask(SIG_BLOCK, &blocked, outside);
	for (i = 0; i < ARRAY_SIZE(watched); i++)
		sigdelset(outside, watched[i]);
}

void
waiter_end(const struct waiter *w)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(watched); i++)
		sigaction(watched[i], &before[i], NULL);
	sigprocmask(SIG_SETMASK, &w->outside, NULL);
}

/* Takes a caught signal, and passes it on with --console.  Returns whether it was for us. */
static bool
take_signal(struct waiter *w)
{
	int number = caught;

	caught = 0;
	if (number != 0 && w->forward_to != 0)
		kill(w->forward_to, number);
	w->signal = number;
	return number != 0 && w->forward_to == 0;
}

static void
show_progress(const char *text)
{
	unsigned long long done, total;

	if (!cli_shows_progress() || sscanf(text, "%llu %llu", &done, &total) != 2 || total == 0)
		return;
	cli_progress("copying WAL: %3.0f %% of %llu MB", 100.0 * (double)done / (double)total,
	    total >> 20);
}

static void
tell_held(struct waiter *w)
{
	if (w->held[0] != '\0')
		cli_warn("%s", w->held);
	w->held[0] = '\0';
}

/* Returns true when the line decides. */
static bool
take_line(struct waiter *w, const char *line, enum waiter_result *result)
{
	const char *text = line[0] != '\0' && line[1] == ' ' ? line + 2 : "";

	if (line[0] != NOTIFY_PROGRESS)
		cli_progress_end();
	if (line[0] == NOTIFY_FAILED && strncmp(text, w->held, strlen(w->held)) == 0)
		w->held[0] = '\0';
	tell_held(w);
	switch (line[0]) {
	case NOTIFY_PROGRESS:
		show_progress(text);
		return false;
	case NOTIFY_WARNING:
		cli_warn("%s", text);
		return false;
	case NOTIFY_ERROR:
		strlcpy(w->held, text, sizeof(w->held));
		return false;
	case NOTIFY_NOTE:
		if (!w->no_notes)
			cli_note("%s", text);
		return false;
	case NOTIFY_ZONE:
		strlcpy(w->zone, text, sizeof(w->zone));
		return false;
	case NOTIFY_MOUNTED:
		*result = WAITER_MOUNTED;
		return sscanf(text, "%u %u %u", &w->server_version, &w->wal_segment, &w->uid) == 3;
	case NOTIFY_FAILED:
		*result = WAITER_FAILED;
		strlcpy(w->error, text, sizeof(w->error));
		return true;
	default:
		return false;
	}
}

static bool
take_lines(struct waiter *w, char *buf, size_t *have, enum waiter_result *result)
{
	char *end;

	while ((end = memchr(buf, '\n', *have)) != NULL) {
		*end = '\0';
		if (take_line(w, buf, result))
			return true;
		*have -= (size_t)(end + 1 - buf);
		memmove(buf, end + 1, *have);
	}
	return false;
}

/* Waits for input.  Returns 1, 0 at the deadline, or -1 for a signal. */
static int
wait_input(const struct waiter *w)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	struct timespec left, *limit = NULL;
	int64_t ms;

	if (w->deadline != 0) {
		ms = MAX(w->deadline - clock_monotonic_ms(), (int64_t)0);
		left = (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
		limit = &left;
	}
	return ppoll(&p, 1, limit, &w->outside);
}

void
waiter_init(struct waiter *w, uint64_t seconds)
{
	*w = (struct waiter){
		.timeout = seconds,
		.deadline = seconds == 0 ? 0 : clock_monotonic_ms() + (int64_t)seconds * 1000,
	};
}

static enum waiter_result
wait_for_word(struct waiter *w)
{
	enum waiter_result result = WAITER_FAILED;
	char buf[2 * NOTIFY_LINE_MAX];
	size_t have = 0;
	ssize_t n;
	int rc;

	catch_signals(&w->outside);
	snprintf(w->error, sizeof(w->error), "the supervisor ended unexpectedly");
	for (;;) {
		rc = wait_input(w);
		if (take_signal(w)) {
			cli_progress_end();
			return WAITER_INTERRUPTED;
		}
		if (rc == 0) {
			cli_progress_end();
			return WAITER_TIMEOUT;
		}
		if (rc < 0)
			continue;
		n = read(w->fd, buf + have, sizeof(buf) - have);
		if (n <= 0)
			return result;
		have += (size_t)n;
		if (take_lines(w, buf, &have, &result))
			return result;
		if (have == sizeof(buf))
			have = 0;	/* no line of ours is that long */
	}
}

enum waiter_result
waiter_wait(struct waiter *w)
{
	enum waiter_result result = wait_for_word(w);

	tell_held(w);
	return result;
}

static int
ask_mount(const void *mnt)
{
	struct stat st;

	return stat(mnt, &st) == 0 ? 0 : -errno;
}

enum waiter_result
waiter_ask(struct waiter *w, const char *mnt)
{
	int64_t until = w->deadline != 0 ? w->deadline :
	    clock_monotonic_ms() + WAITER_ANSWER_SECONDS * 1000;
	int rc = limited_run_until(ask_mount, mnt, until, &w->outside);

	take_signal(w);
	if (rc == -EINTR || rc == -ETIMEDOUT)
		return rc == -EINTR ? WAITER_INTERRUPTED : WAITER_MUTE;
	if (rc == 0)
		return WAITER_MOUNTED;
	snprintf(w->error, sizeof(w->error), "\"%s\" was mounted but does not answer: %s", mnt,
	    strerror(-rc));
	return WAITER_FAILED;
}

int
waiter_attend(struct waiter *w)
{
	int status;

	w->deadline = 0;
	/* The pipe ends with the supervisor, so it is enough to watch that. */
	while (wait_input(w) != 1 || read(w->fd, w->error, sizeof(w->error)) > 0)
		take_signal(w);
	while (waitpid(w->forward_to, &status, 0) < 0)
		if (errno != EINTR)
			return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
