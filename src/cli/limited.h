/*
 * A step that may hang, with a limit: a child takes it.
 */
#ifndef CLI_LIMITED_H
#define CLI_LIMITED_H

/*
 * Runs step(arg), which returns 0 or negative errno.  Returns that, -ETIMEDOUT if it
 * did not end in so many seconds and was killed, or negative errno.
 */
int	limited_run(int (*step)(const void *arg), const void *arg, int seconds);

#endif
