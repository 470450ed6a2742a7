/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The terms of a mount: which backup, which databases of it, and where WAL goes.
 */
#ifndef SUPERVISOR_TERMS_H
#define SUPERVISOR_TERMS_H

#include <limits.h>

#include "ipc/job.h"
#include "ipc/clone_config.h"

struct supervisor;

struct terms {
	enum wal_mode wal;
	char	wal_link[PATH_MAX];	/* where pg_wal leads with WAL_DIRECT */
	struct clone_databases databases;	/* names borrowed of the command or of the binding */
};

/* Steps of begin_mount(), in this order.  Each returns 0, or -1 after state_fail(). */

/* Refuses options that only a first mount can follow. */
int	terms_check_first_only(struct supervisor *s);

/*
 * Chooses store, instance and backup.  The backup that the binding names stays: the changes
 * belong to it, and to no newer one.  It is NULL if the preparer has to find the latest.
 */
int	terms_choose_backup(struct supervisor *s);

int	terms_choose_databases(struct supervisor *s);

/* With the store open; whether the owner's server reaches the diff directory is tried. */
int	terms_choose_wal(struct supervisor *s);

#endif
