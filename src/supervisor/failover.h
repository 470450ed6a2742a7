/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When a worker hangs, when it died too often, and which request is to blame.
 */
#ifndef SUPERVISOR_FAILOVER_H
#define SUPERVISOR_FAILOVER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "ipc/shared.h"

#define FAILOVER_HANG_SECONDS	10	/* without heartbeat, or in one slot */
#define FAILOVER_START_SECONDS	60	/* for a worker to be ready, whatever it says meanwhile */
#define FAILOVER_EXIT_SECONDS	10	/* for one that said that it is done */
#define FAILOVER_FLUSH_SECONDS	120	/* for each file, once the mount is gone ... */
#define FAILOVER_END_SECONDS	1800	/* ... and for all of them */
#define FAILOVER_DEATHS		5	/* that many futile ones ... */
#define FAILOVER_DEATHS_ANY	1000	/* ... or that many at all ... */
#define FAILOVER_WINDOW		10	/* ... in so many seconds: give up */
#define FAILOVER_BRIEF_MS	100	/* a life shorter than this, without one answer, is futile */
#define FAILOVER_POISON		3	/* consecutive deaths of workers that ran one request */
#define FAILOVER_KILLED		8	/* so many times that for deaths by a SIGKILL from outside */
#define FAILOVER_KEPT		32	/* replacements that stat tells */

struct suspect {
	uint64_t unique;
	unsigned blame;		/* FAILOVER_KILLED for a death, 1 for one from outside */
};

struct replacement {
	unsigned generation;	/* that died */
	time_t	at;
	uint64_t gap_ns;	/* until the next was ready; 0 = not yet */
	char	reason[256];
};

struct failover {
	struct suspect suspect[SHARED_SLOTS];
	uint64_t futile[FAILOVER_DEATHS];	/* times of the last futile deaths, a ring */
	unsigned n_futile;			/* since something was achieved */
	uint64_t window;			/* number of the window of in_window */
	unsigned in_window;			/* deaths in it */
	unsigned deaths;			/* all of them */
	uint64_t ready_at;	/* when the worker that lives was; 0 = not ready */
	uint64_t answered_then;	/* requests that all workers had answered when it was forked */
	struct replacement kept[FAILOVER_KEPT];	/* the last ones, a ring */
};

/*
 * The slot that has been computing for longer than limit_ns, or -1.  States
 * and times are the worker's own word: a lie only hurts itself.
 */
int	failover_stuck_slot(const struct shared *shared, uint64_t now, uint64_t limit_ns);

/*
 * Whether a worker has outlived its mount for too long: which of the two limits it has
 * exceeded, in seconds of second_ns, or 0.  flushed_at: when a file became durable last, by its own
 * word; so that word counts for a while only.
 */
unsigned failover_outstays(uint64_t now, uint64_t gone_at, uint64_t flushed_at, uint64_t second_ns);

/*
 * Notes a death.  stuck is the slot for which we killed the worker, -1 if it
 * died otherwise, and FAILOVER_NO_SLOT if we killed it for something else;
 * outside: somebody killed it that worked, which is hardly a request's fault.  Requests
 * that were being run in FAILOVER_POISON consecutive deaths are answered with
 * EIO at fuse_fd and taken out of their slots.  Returns their number.
 */
#define FAILOVER_NO_SLOT	(-2)
int	failover_blame(struct failover *f, struct shared *shared, int fuse_fd, int stuck,
	    bool outside);

/*
 * Whether the next worker should run what it takes up one by one, and receive
 * nothing new before that is done: then its death blames one request, and not
 * those that only waited, or took long, beside it.
 */
bool	failover_is_careful(const struct failover *f);

/* Whether no worker of this mount has answered anything, by their own account. */
bool	failover_nobody_served(const struct shared *shared);

/* Whether the worker that died at now never answered anything in its short life. */
bool	failover_was_futile(const struct failover *f, const struct shared *shared, uint64_t now);

/* Notes the time and reason of a death. */
void	failover_note(struct failover *f, unsigned generation, const char *reason);

/*
 * Whether the death at now is one too many.  A worker that answered something,
 * or lived for a while, was worth its start; one that died at once was not.
 * To be called once for each death, with what failover_blame() returned.
 */
bool	failover_too_many(struct failover *f, const struct shared *shared, uint64_t now,
	    int poisoned);

/*
 * A worker was forked.  What it answers from now on counts, also before it says
 * that it is ready: on a busy machine its threads may be ahead of its word.
 */
void	failover_started(struct failover *f, const struct shared *shared);

/* A worker is ready at now; nobody served for gap_ns before (0 for the first). */
void	failover_ready(struct failover *f, uint64_t now, uint64_t gap_ns);

#endif
