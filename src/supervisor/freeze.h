/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Freezing what a mount has changed, while it is mounted: a planned replacement of its worker.
 *
 *	QUIET	a child looks for a server, and has the kernel write back what it holds	(quiet.h)
 *	REST	the worker answers what it has received, takes nothing more, and makes all durable
 *	END	it exits: no descriptor of its is left
 *	STEP	a confined program freezes the changes and begins new ones	(step.h)
 *	START	the next worker starts with the new ones
 *
 * The kernel keeps the connection, and what it asks for meanwhile waits.  Until END the worker can serve again, be it told to or
 * because its supervisor died.  Whatever fails, a worker serves the old state or the new one, and who has
 * asked is told which.  Requests of users, what they know of files and of directories all outlive this as they outlive a worker.
 */
#ifndef SUPERVISOR_FREEZE_H
#define SUPERVISOR_FREEZE_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/msg.h"
#include "supervisor/errand.h"
#include "supervisor/step.h"

enum freeze_stage { FREEZE_NONE, FREEZE_QUIET, FREEZE_REST, FREEZE_END, FREEZE_STEP, FREEZE_START };

struct freeze {
	enum freeze_stage stage;
	struct errand child;		/* of QUIET */
	uint64_t since;			/* CLOCK_MONOTONIC ns: when the stage began */
	uint64_t rested;		/* the same: when the worker took no requests any more, by its own word */
	uint64_t flushed_ns;		/* from the beginning of REST until then */
	struct step step;
	char	why[STEP_WHY_MAX];
};

/* Before anything else. */
void	freeze_init(struct freeze *f);

/*
 * Begins.  text is a name, or a name, '\n' and a message.  Returns 0, and whoever is a client with wants_step is told later;
 * or -1 with one line in why.
 */
int	freeze_ask(struct supervisor *s, const char *text, char why[STEP_WHY_MAX]);

/* Whether the worker does not have to give signs of life: freeze_tick() has limits of its own. */
bool	freeze_comes_to_rest(const struct supervisor *s);

/* MSG_RESTED, with what the worker says in it.  Returns 0, or -EPROTO if nobody has asked for it. */
int	freeze_rested(struct supervisor *s, uint32_t error, uint64_t since);

/*
 * A serving worker has ended.  Returns whether that was the plan: then it is not to be replaced yet.
 */
bool	freeze_worker_gone(struct supervisor *s, bool in_order);

/* The child has ended. */
void	freeze_child_done(struct supervisor *s);

/* Looks at the clock.  Returns whether a worker has to be started now. */
bool	freeze_tick(struct supervisor *s);

/* The next worker serves: who has asked is told. */
void	freeze_serves(struct supervisor *s);

/* At the end. */
void	freeze_stop(struct freeze *f);

#endif
