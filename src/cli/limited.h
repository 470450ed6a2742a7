/*
 * A step that may hang, with a limit: a child takes it.
 */
#ifndef CLI_LIMITED_H
#define CLI_LIMITED_H

#include <signal.h>
#include <stdint.h>

#include "base/clock.h"

/*
 * Runs step(arg), which returns 0 or negative errno, and ends with the caller.  Returns
 * that, -ETIMEDOUT if it did not end in so many seconds and was killed, -ECANCELED if
 * somebody else killed it, or negative errno.
 */
int	limited_run(int (*step)(const void *arg), const void *arg, int seconds);

/*
 * The same until clock_monotonic_ms() says so, or a signal is caught that mask lets in, as in
 * ppoll(2): then -EINTR, and it was killed as well.
 */
int	limited_run_until(int (*step)(const void *arg), const void *arg, int64_t until,
	    const sigset_t *mask);

#endif
