/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Waits for the word of the supervisor (supervisor/notify.h), and for the
 * answer of the mount.
 */
#ifndef CLI_WAITER_H
#define CLI_WAITER_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"

#define WAITER_ANSWER_SECONDS	30	/* for a mount to answer, without --timeout */

enum waiter_result {
	WAITER_MOUNTED, WAITER_FAILED, WAITER_TIMEOUT, WAITER_INTERRUPTED,
	WAITER_MUTE,		/* mounted, and no answer from there in time */
};

struct waiter {
	int	fd;		/* read end of the notify pipe */
	uint64_t timeout;	/* seconds; 0 = for ever */
	bool	no_notes;	/* what a mount advises is not for this caller */
	pid_t	forward_to;	/* --console: signals are for this process; 0 = for us */
	int	signal;		/* of WAITER_INTERRUPTED */
	int64_t	deadline;	/* its end, by clock_monotonic_ms(); 0 = none */
	sigset_t outside;	/* the signals that are blocked where they may come */
	unsigned server_version, wal_segment, uid;	/* of WAITER_MOUNTED; the second in bytes, 0 = unknown */
	char	error[2048];		/* of WAITER_FAILED */
	char	held[2048];		/* a warning, until it is clear that the failure does not repeat it */
	char	zone[64];		/* the server's time zone, where it was told; else "" */
};

/* Whether SIGHUP is ignored: nohup(1) has started us, and we are to outlive the terminal.  It stays ignored. */
bool	waiter_ignores_hangup(void);

/* The signals that tell a command to stop, but for a hangup that is ignored. */
void	waiter_stop_signals(sigset_t *set);

/* Begins to count seconds, 0 = for ever; the rest of w is zero. */
void	waiter_init(struct waiter *w, uint64_t seconds);

/*
 * Shows progress and warnings until one of the results is clear.  From then on
 * signals are blocked, until waiter_end().
 */
enum waiter_result waiter_wait(struct waiter *w);

/*
 * After WAITER_MOUNTED: asks the mount itself, in a child.  Returns WAITER_MOUNTED once it
 * answers, WAITER_FAILED with w->error, WAITER_MUTE or WAITER_INTERRUPTED.
 */
enum waiter_result waiter_ask(struct waiter *w, const char *mnt);

/* Makes signals do again what they did before waiter_wait(). */
void	waiter_end(const struct waiter *w);

/*
 * --console: after waiter_wait(), passes signals on until the supervisor ends.
 * Returns its exit status.
 */
int	waiter_attend(struct waiter *w);

#endif
