/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The diff directory as this mount's own: found, given to the owner, locked.  diffdir.h is about
 * the directory whoever uses it.
 */
#ifndef SUPERVISOR_CLAIM_H
#define SUPERVISOR_CLAIM_H

#include <stdbool.h>

#include "supervisor/diffdir.h"

struct supervisor;

struct claim {
	struct diffdir dir;
	enum diffdir_content content;	/* as we found it */
	int	lock_fd;
	int	layers_fd;	/* layers/ that it is based on, O_RDONLY; -1: none, or given up */
	bool	has_layers;	/* there are some */
	bool	locked;
	bool	mute;		/* at the end: it does not answer, and nothing there is touched */
	bool	dirty;		/* .pbkfs-dirty exists */
};

/* Steps of begin_mount(), in this order.  Each returns 0, or -1 after state_fail(). */

/* Opens it, making it if need be, and refuses a directory of somebody else's things. */
int	claim_open(struct supervisor *s);

/* Once the owner is known: nobody else may be able to put another directory there. */
int	claim_check_way(struct supervisor *s);

/* An empty one of root's becomes the owner's; every other has to be his. */
int	claim_set_owner(struct supervisor *s);

/* Takes both locks of the lock file; refuses a directory that is in use, by whom it says. */
int	claim_lock(struct supervisor *s);

/* Removes what a first mount left that ended before it had a binding. */
int	claim_wipe_unfinished(struct supervisor *s);

/*
 * With the binding: opens the snapshots that it may be based on, those beside the branches if it is a branch.
 * Refuses a branch that is elsewhere.
 */
int	claim_open_layers(struct supervisor *s);

/* Makes and opens changes/: see diffdir_open_changes(). */
int	claim_open_changes(struct supervisor *s);

/*
 * Opens changes/ anew, how: O_RDONLY or O_PATH, and the snapshots, for the former has become one of these.  Returns 0, -EPERM
 * if one of them is not the owner's, or negative errno: then all is as it was.
 */
int	claim_renew_changes(struct claim *c, int how);

/* Refuses what --perf-unsafe may have damaged, without --force; warns of a mount that was cut off. */
int	claim_check_dirty(struct supervisor *s);

/* At the end: closes the lock file, so that the directory is free for the next mount. */
void	claim_unlock(struct claim *c);

#endif
