/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whether the file system of the diff directory answers.  Who calls into one that does not is
 * out of reach for everybody, SIGKILL included: so a child asks first, and the supervisor
 * leaves the directory alone as long as that child has no answer.
 */
#ifndef SUPERVISOR_MUTE_H
#define SUPERVISOR_MUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/errand.h"

struct supervisor;

struct mute {
	int	answer_fd;	/* of a question without an answer yet; -1 */
	uint64_t asked_at;	/* CLOCK_MONOTONIC ns, of the last answer */
};

/* Before anything else. */
void	mute_init(struct mute *m);

/*
 * Returns whether the directory does not answer.  Asks at most once a second, and waits
 * two seconds for the answer; until it comes the directory counts as mute.  Before there is a
 * monitor nobody asks.
 */
bool	mute_is(struct supervisor *s);

/* ERRAND_ASK. */
void	mute_child(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
	    __attribute__((noreturn));

/* No longer waits for an answer. */
void	mute_forget(struct mute *m);

#endif
