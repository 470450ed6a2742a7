/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A worker as its supervisor sees it: starting, telling and ending it.
 */
#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ipc/job.h"
#include "ipc/msg.h"
#include "supervisor/errand.h"

struct supervisor;

struct worker {
	pid_t	pid;		/* 0 = none */
	int	pidfd, in_fd, out_fd;	/* in: from it, out: to it */
	int	err_fd;		/* its standard error; -1 once it has said too much there */
	size_t	err_bytes;
	struct msg_reader reader;
	unsigned generation;	/* 0 for the preparer */
	/* CLOCK_MONOTONIC ns: */
	uint64_t started_at;
	uint64_t last_heard;	/* its last message */
	uint64_t gone_at;	/* when it was seen to outlive the mount; 0 = not yet */
	uint64_t flushed_at;	/* its last MSG_FLUSHING */
	uint64_t clean_at;	/* its MSG_CLEAN */
	uint64_t window;	/* second in which messages are counted */
	unsigned in_window;
	bool	confined, failed;	/* it said so, which it may say once */
	bool	told_to_copy;	/* and has not said MSG_DETACHED yet, which is on its way maybe when it is told to stop */
	bool	killed;		/* by us, for reason */
	char	reason[256];	/* why it was ended, or what it said in MSG_FAILED */
	uint64_t oom_kills;	/* memlimit_kills() when it was forked */
	int	stuck;		/* slot for which we killed it, see failover_blame() */
};

/*
 * Starts a worker that runs program; generation 0 is the preparer.  Fills
 * s->worker.  Returns 0 or negative errno.
 */
int	spawn_worker(struct supervisor *s, enum job_program program, unsigned generation);

/* ERRAND_WORKER: becomes one. */
void	spawn_child(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
	    __attribute__((noreturn));

/* ERRAND_STEP: becomes the program that freezes the changes.  The descriptors are where it reports, and the lock. */
void	spawn_stepper(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
	    __attribute__((noreturn));

/*
 * Turns this process, a child of the supervisor, into one that compares the
 * lists of the chain beneath store_fd with those that were prepared; its exit
 * status is 0 if they are the same.
 */
void	spawn_check(struct supervisor *s, int store_fd) __attribute__((noreturn));

/* Kills it without a word.  The caller sees its end. */
void	spawn_end(const struct worker *w);

/* Closes what belongs to a worker that was reaped. */
void	spawn_forget(struct worker *w);

/* Sends a message to the worker, without a body or with one.  Returns 0 or negative errno. */
int	spawn_tell(const struct worker *w, enum msg_type type);
int	spawn_tell_more(const struct worker *w, enum msg_type type, const void *body, size_t len);

/* Kills the worker for a reason that goes to log and stat. */
void	spawn_kill(struct worker *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
