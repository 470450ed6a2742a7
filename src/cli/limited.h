/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Takes a step that may hang, with a limit of time, in a child.
 */
#ifndef CLI_LIMITED_H
#define CLI_LIMITED_H

#include <signal.h>
#include <stdint.h>

#include "base/clock.h"

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

#endif
