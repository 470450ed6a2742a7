/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The directories of -T and --external-mapping: opened before anything is
 * copied, recorded in the binding, never removed.
 */
#ifndef SUPERVISOR_MAPPING_H
#define SUPERVISOR_MAPPING_H

#include <stdbool.h>

#include "ipc/clone_config.h"

struct supervisor;

struct mapping {
	int	fd[CLONE_MAPPINGS_MAX];
	int	parent_fd[CLONE_MAPPINGS_MAX];	/* what holds them */
	bool	made[CLONE_MAPPINGS_MAX];	/* by us */
	unsigned n;		/* of these, that are open */
};

/*
 * Opens the directory of each mapping, which has to be empty, and the owner's
 * as the diff directory is; makes it where there is none.  Acts as the owner.
 * Returns 0, or -1 after state_fail().
 */
int	mapping_open(struct supervisor *s);

/* Closes them; after a mount that failed, removes those that it made, if empty. */
void	mapping_close(struct supervisor *s);

/* Closes them only, and leaves their parents open. */
void	mapping_forget(struct supervisor *s);

/* Copies what is mapped into the binding that is to be written.  Returns 0 or -ENOMEM. */
int	mapping_record(struct supervisor *s);

#endif
