/*
 * Starting a worker, and what is made for it before.
 */
#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

#include "supervisor/errand.h"
#include "supervisor/state.h"

/* Opens the image that workers run, makes the memfds: index_fd and shared.  Returns 0 or negative errno. */
int	spawn_make_shared(struct supervisor *s);

/* Nothing may change the index any more.  Returns 0 or negative errno. */
int	spawn_seal_index(struct supervisor *s);

/*
 * Starts a worker that runs program; generation 0 is the preparer.  Fills
 * s->worker.  Returns 0 or negative errno.
 */
int	spawn_worker(struct supervisor *s, enum job_program program, unsigned generation);

/* ERRAND_WORKER: becomes one. */
void	spawn_child(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
	    __attribute__((noreturn));

/*
 * Turns this process, a child of the supervisor, into one that compares the
 * lists of the chain beneath store_fd with those that were prepared; its exit
 * status is 0 if they are the same.
 */
void	spawn_check(struct supervisor *s, int store_fd) __attribute__((noreturn));

/* Closes what belongs to a worker that was reaped. */
void	spawn_forget(struct worker *w);

/* Sends a message to the worker.  Returns 0 or negative errno. */
int	spawn_tell(const struct worker *w, enum msg_type type);

/* Kills the worker for a reason that goes to log and stat. */
void	spawn_kill(struct worker *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
