/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The binding of this mount: as the diff directory has it, as the preparer found the chain, and as
 * root decided it.
 */
#ifndef SUPERVISOR_BIND_H
#define SUPERVISOR_BIND_H

#include <stdbool.h>

#include "supervisor/binding.h"
#include "supervisor/record.h"

struct supervisor;

struct bind {
	bool	is_fresh;	/* no binding yet when we came */
	bool	is_saved;	/* a binding of this mount is on disk */
	struct binding saved;	/* as on disk */
	struct binding found;	/* as the preparer reported it */
	struct record record;	/* what root decided before */
	bool	is_decided;	/* by root, all that the binding says: it is recorded */
};

/*
 * A step of begin_mount(): reads the binding, and root's record of a mount of another user's.
 * Returns 0, or -1 after state_fail().
 */
int	bind_load(struct supervisor *s);

/*
 * After the preparer's report: compares the chain with the binding, and writes
 * the binding where it is new or has to change.  Returns 0, or -1 after
 * state_fail().
 */
int	bind_report(struct supervisor *s);

#endif
