/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A step of the diff directory from one state to the next, while no worker is there: a confined program takes it
 * (worker/step.c), and says what it has come to.  If it is ended, another one finds that out.  No worker may start before
 * step_tick() says so, for the program writes where a worker would.
 */
#ifndef SUPERVISOR_STEP_H
#define SUPERVISOR_STEP_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/msg.h"
#include "ipc/job.h"
#include "supervisor/errand.h"

#define STEP_WHY_MAX	1024

struct step {
	uint32_t deed;			/* enum job_step */
	char	name[ERRAND_NAME_MAX], message[ERRAND_MESSAGE_MAX];
	struct errand child;
	bool	under_way;		/* step_tick() has not said that it is over */
	uint64_t since;			/* CLOCK_MONOTONIC ns: when the program began */
	uint64_t began;			/* the same: when the first of them did, 0 = none; without the time the directory was mute */
	uint64_t looked;		/* the same: when step_tick() did */
	unsigned tries;			/* programs that began */
	uint64_t due;			/* when to go on; 0 = now */
	bool	killed;			/* the program, for it took too long */
	bool	is_again;		/* there was one before, which did not say what it has come to */
	struct msg_reader in;		/* what the program says */
	bool	over;			/* one has said it: */
	struct msg_stepped out;
	char	why[STEP_WHY_MAX];	/* "", or why nothing was done */
};

/* Before anything else. */
void	step_init(struct step *st);

/* Why no step can be taken now; NULL if one can. */
const char *step_hindrance(const struct supervisor *s);

/* Puts the name, and the message behind a '\n', of text into *st.  Returns 0, or -ENAMETOOLONG. */
int	step_name(struct step *st, const char *text);

/*
 * Starts, as *child, what says whether the step can be taken, while a worker serves: it changes nothing.  deed: the enum job_step that
 * checks.  Returns 0 or negative errno.
 */
int	step_check(struct supervisor *s, struct errand *child, uint32_t deed, struct step *st);

/* That child has ended.  Returns whether the step can be taken; if not st->why says why. */
bool	step_checked(struct step *st, struct errand *child);

/* Begins.  st->deed and the names are the caller's to set. */
void	step_begin(struct supervisor *s, struct step *st);

/* The child, or that of step_check(), says something: it is not to wait for somebody to listen until it ends.  Reads once. */
void	step_heard(struct step *st, struct errand *child);

/* The child has ended. */
void	step_child_done(struct step *st);

/*
 * Looks at the clock.  Returns true once: the step is over, and what workers get was opened anew.  Where that takes too many tries,
 * or too long, the mount fails and who asked is told.
 */
bool	step_tick(struct supervisor *s, struct step *st);

/* Whether it was done. */
bool	step_is_done(const struct step *st);

/* Starts what removes what a step has thrown away; nobody waits for it. */
void	step_sweep(struct supervisor *s, struct errand *child);

/* At the end. */
void	step_stop(struct step *st);

#endif
