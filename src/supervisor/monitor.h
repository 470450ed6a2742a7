/*
 * The monitor: a process that keeps the rights which the supervisor gives up once the mount
 * is made, and does a handful of things with them that the supervisor asks for.
 *
 * It reads nothing that anybody else has written: no message of a worker, no shared memory, no
 * file of the diff directory; only fixed-size orders of its supervisor's, who cannot say where
 * the mount, the store or the diff directory are.  It ends with the supervisor.  If it is
 * killed, the mount goes on, as it does without a supervisor.
 */
#ifndef SUPERVISOR_MONITOR_H
#define SUPERVISOR_MONITOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "supervisor/errand.h"

struct monitor {
	pid_t	pid;		/* 0 = none was started, or it is gone */
	int	pidfd, sock;	/* its own, and to it; -1 */
	bool	started;
};

/* Starts it, with what s has by now.  Returns 0 or negative errno. */
int	monitor_start(struct supervisor *s);

/* Whether it has the rights, be it alive or not. */
bool	monitor_is_there(const struct monitor *m);

/* errand_fork(), by the monitor. */
pid_t	monitor_ask(struct supervisor *s, struct errand_order *o, const int fd[ERRAND_FDS],
	    int *pidfd);

/* The store that ERRAND_LOOK found is the one that workers get.  Returns 0 or negative errno. */
int	monitor_adopt_store(struct supervisor *s);

/*
 * Puts aside the log that the caller named, if it is full, and makes it anew; arg is the
 * supervisor.  Returns a descriptor or negative errno.
 */
int	monitor_renew_log(void *arg, bool full);

/*
 * Gives back what the mount had outside the diff directory: the pid file, the name of the
 * socket, the lock of the store, and directories that a mount has made that failed.
 */
void	monitor_give_back(struct supervisor *s);

/* It has ended without being told to. */
void	monitor_lost(struct supervisor *s);

/* Ends it. */
void	monitor_end(struct supervisor *s);

#endif
