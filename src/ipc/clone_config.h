/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The changes that a mount is to make to the data directory of the backup.  The
 * command fills this in, the supervisor hands it on, the preparer does it
 * (src/worker/clone.c).
 */
#ifndef IPC_CLONE_CONFIG_H
#define IPC_CLONE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "pg/recovery_target.h"

#define CLONE_SETTINGS_MAX	64
#define CLONE_MAPPINGS_MAX	64
#define CLONE_DATABASES_MAX	64
#define CLONE_DATABASE_NAME_MAX 255	/* bytes; PostgreSQL takes 63, builds of it more */

/* -T and --external-mapping: a real copy in a directory of its own. */
struct clone_mapping {
	const char *from, *to;
	bool	external;
};

/* The names of --db-include or --db-exclude; n 0: all databases. */
struct clone_databases {
	bool	include;	/* these alone, instead of all but these */
	unsigned n;
	const char *name[CLONE_DATABASES_MAX];
};

struct clone_config {
	/* decided by the first mount, and in the diff directory from then on */
	const struct recovery_target *target;	/* after recovery_parse(); never NULL */
	const char *inclusive, *action;		/* NULL: not said */
	const char *restore_command;		/* NULL: from the archive, through the mount */
	bool	replica;			/* standby.signal instead of recovery.signal */
	bool	keep_settings;			/* no settings of a clone */
	bool	skip_external;			/* no external directories */
	struct clone_mapping mapping[CLONE_MAPPINGS_MAX];
	unsigned n_mappings;
	struct clone_databases databases;	/* a later mount may name the same */
	/* by any mount */
	const char *setting[CLONE_SETTINGS_MAX];	/* "NAME=VALUE" */
	unsigned n_settings;
	/* for messages */
	const char *first_only;			/* an option that was given of the former, or NULL */
	const char *mnt;
};

#endif
