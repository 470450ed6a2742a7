/*
 * Waiting for the supervisor's word: see supervisor/notify.h.
 */
#ifndef CLI_WAITER_H
#define CLI_WAITER_H

#include <stdint.h>
#include <sys/types.h>

enum waiter_result {
	WAITER_MOUNTED, WAITER_FAILED, WAITER_TIMEOUT, WAITER_INTERRUPTED
};

struct waiter {
	int	fd;		/* read end of the notify pipe */
	uint64_t timeout;	/* seconds; 0 = for ever */
	pid_t	forward_to;	/* --console: signals are for this process; 0 = for us */
	unsigned server_version, uid;	/* of WAITER_MOUNTED */
	char	error[2048];		/* of WAITER_FAILED */
	char	zone[64];		/* the server's time zone, where it was told; else "" */
};

/* Shows progress and warnings until one of the results is clear. */
enum waiter_result waiter_wait(struct waiter *w);

/*
 * --console: after waiter_wait(), passes signals on until the supervisor ends.
 * Returns its exit status.
 */
int	waiter_attend(struct waiter *w);

#endif
