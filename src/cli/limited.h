/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Takes a step that may hang, with a limit of time, in a child.
 *
 * A process that waits in the kernel for a file system heeds no signal, so no
 * command touches a name that it was given: a child does, which holds neither
 * terminal nor pipe of the caller's, and which the command leaves to init if the
 * kernel does not let go of it.  What the child prints is passed on meanwhile, and
 * Ctrl-C ends the command as ever.  One thread calls these functions.
 */
#ifndef CLI_LIMITED_H
#define CLI_LIMITED_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define LIMITED_SECONDS	30	/* for a name to answer, unless the user said how long */

/*
 * Runs step(arg), which returns 0 or negative errno, in a child that ends with
 * the caller.  Returns the same, -ETIMEDOUT if it did not end in so many
 * seconds and was killed, -ECANCELED if somebody else killed it, or negative
 * errno.
 */
int	limited_run(int (*step)(const void *arg), const void *arg, int seconds);

/*
 * The same, until clock_monotonic_ms() says `until`, or until a signal is
 * caught that mask lets in, as in ppoll(2): then it kills the child, too, and
 * returns -EINTR.
 */
int	limited_run_until(int (*step)(const void *arg), const void *arg, int64_t until,
	    const sigset_t *mask);

/*
 * Runs program(arg), which returns an exit status, however long it takes, as long
 * as it gets on: -ETIMEDOUT if it has neither printed nor computed anything for
 * so many seconds.  Returns the exit status, or negative errno as limited_run().
 * *error, unless NULL, becomes 0, or why its output could not be printed.
 */
int	limited_program(int (*program)(void *arg), void *arg, int seconds, int *error);

/* For program(): it waits for a process now, and not for a file system; or no more. */
void	limited_rest(bool rests);

/* For program(), which goes on computing while its threads wait: they do not get on. */
void	limited_give_up(void);

/* Zeroed memory that the children share.  NULL if there is none; it lasts as long as the command. */
void	*limited_share(size_t size);

/*
 * Tells that a name did not answer: "what "name" did not answer within ... seconds:
 * so", and which file system that is, by name alone.  Returns EXIT_FAILURE.
 */
int	limited_tell(const char *what, const char *name, int64_t seconds, const char *so);

#endif
