/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The owner: the user for whom a mount is made, and what he may do and see through it.
 */
#ifndef SUPERVISOR_OWNER_H
#define SUPERVISOR_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

#include "supervisor/become.h"

struct supervisor;

struct owner {
	uid_t	uid;
	gid_t	gid;
	struct become become;	/* these with the groups of that user; for children */
	/* readsearch_choose(): the worker needs ... */
	bool	with_groups;	/* his groups */
	bool	keep_read_search;	/* CAP_DAC_READ_SEARCH */
	bool	lends;		/* he sees by root's rights what is closed to him */
};

/* Steps of begin_mount(), in this order.  Each returns 0, or -1 after state_fail(). */

/* Once the diff directory is open: finds out who it is. */
int	owner_choose(struct supervisor *s);

/* From now on files are reached with his rights. */
int	owner_assume(struct supervisor *s);

#endif
