/*
 * The changes that a mount is to make to the data directory of the backup.  The
 * command fills this in, the supervisor hands it on, the preparer does it
 * (src/worker/provision.c).
 */
#ifndef IPC_PROVISION_H
#define IPC_PROVISION_H

#include <stdbool.h>
#include <stdint.h>

#include "pg/recovery_target.h"

#define PROVISION_SETTINGS_MAX	64
#define PROVISION_MAPPINGS_MAX	64
#define PROVISION_DATABASES_MAX	64
#define PROVISION_DATABASE_NAME_MAX 255	/* bytes; PostgreSQL takes 63, builds of it more */

/* -T and --external-mapping: a real copy in a directory of its own. */
struct provision_mapping {
	const char *from, *to;
	bool	external;
};

/* The names of --db-include or --db-exclude; n 0: all databases. */
struct provision_databases {
	bool	include;	/* these alone, instead of all but these */
	unsigned n;
	const char *name[PROVISION_DATABASES_MAX];
};

struct provision {
	/* decided by the first mount, and in the diff directory from then on */
	const struct recovery_target *target;	/* after recovery_parse(); never NULL */
	const char *inclusive, *action;		/* NULL: not said */
	const char *restore_command;		/* NULL: from the archive, through the mount */
	bool	replica;			/* standby.signal instead of recovery.signal */
	bool	keep_settings;			/* no settings of a clone */
	bool	skip_external;			/* no external directories */
	struct provision_mapping mapping[PROVISION_MAPPINGS_MAX];
	unsigned n_mappings;
	struct provision_databases databases;	/* a later mount may name the same */
	/* by any mount */
	const char *setting[PROVISION_SETTINGS_MAX];	/* "NAME=VALUE" */
	unsigned n_settings;
	/* for messages */
	const char *first_only;			/* an option that was given of the former, or NULL */
	const char *mnt;
};

#endif
