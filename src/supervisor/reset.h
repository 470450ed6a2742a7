/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Going back to a snapshot, while mounted: the mount ends and is made again at the same place.
 *
 *	CHECK	a program looks whether the snapshot can be stood on	(step.h)
 *	LOOK	a child looks whether other mount namespaces have the mount, which would keep it	(quiet.h)
 *	LEAVE	a child unmounts; what is in use stays, and who has asked hears who uses it
 *	END	the worker writes out what it has, as at the end of any mount
 *	STEP	a program throws the changes away and begins new ones	(step.h)
 *	START	the monitor mounts, and a first worker serves
 *
 * It is another connection: pages, sizes and names that the kernel knew of the old state are gone with the old one.  Lock, index,
 * settings, and the locks in the store stay.  Who has the mountpoint open has it of the directory below; between LEAVE and
 * START there is no mount.
 */
#ifndef SUPERVISOR_RESET_H
#define SUPERVISOR_RESET_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/step.h"

enum reset_stage { RESET_NONE, RESET_CHECK, RESET_LOOK, RESET_LEAVE, RESET_END, RESET_STEP, RESET_START };

struct reset {
	enum reset_stage stage;
	struct errand child;		/* of CHECK, LOOK or LEAVE */
	uint64_t since;			/* CLOCK_MONOTONIC ns: when that began */
	struct errand sweep;		/* removes what was thrown away */
	uint64_t left;			/* CLOCK_MONOTONIC ns: when it was unmounted */
	struct step step;
};

/* Before anything else. */
void	reset_init(struct reset *r);

/* Begins.  text: the snapshot, or "-" for the one that it stands on.  Returns 0, or -1 with one line in why. */
int	reset_ask(struct supervisor *s, const char *text, char why[STEP_WHY_MAX]);

/* The child has ended. */
void	reset_child_done(struct supervisor *s);

/* The mount has ended in order, and its worker.  Returns whether it is to be made again. */
bool	reset_goes_on(struct supervisor *s);

/* Looks at the clock.  Returns whether a first worker has to be started now. */
bool	reset_tick(struct supervisor *s);

/* It serves: who has asked is told. */
void	reset_serves(struct supervisor *s);

/* At the end. */
void	reset_stop(struct reset *r);

#endif
