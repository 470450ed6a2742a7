/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The steps of pbkfs restore.  A confined child reads what the backup is (survey.c); another process makes
 * the directories and the mark (landing.c); from there a confined child copies, and can write to these
 * directories alone (cmd_restore.c); then links are made, and the mark ends.
 */
#ifndef CLI_RESTORING_H
#define CLI_RESTORING_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/backupid.h"
#include "cli/options.h"
#include "cli/place.h"
#include "base/util.h"
#include "ipc/clone_config.h"
#include "restore/restore.h"

#define RESTORING_INDEX_MAX	(2048 * MiB)
#define RESTORING_NAME_MAX	16	/* an OID, or the number of an external directory */

/* A tablespace, or an external directory. */
struct survey_place {
	bool	external;
	char	name[RESTORING_NAME_MAX];
	char	location[PATH_MAX];	/* production's */
	uint64_t bytes, files;
};

/*
 * The facts of a backup, as told by the child that has read it, which a hostile catalog may have taken over:
 * survey_run() makes them fit for use.
 */
struct survey {
	char	id[BACKUP_ID_MAX];
	uint32_t server_version, root_mode;
	bool	stream;
	char	conninfo[CONTROL_CONNINFO_MAX];	/* of the server that the backup was taken from; "" = not known */
	uint64_t sysid;			/* of pg_control */
	uint64_t tree, lists;		/* equal for equal indexes */
	uint64_t bytes, files;		/* of PGDATA but for pg_wal, */
	uint64_t wal_bytes, wal_files;	/* and of that */
	uint32_t n_members;
	char	member[CHAIN_MAX][BACKUP_ID_MAX];	/* of the chain, the newest first */
	uint32_t n_places;
	struct survey_place place[RESTORE_PLACES_MAX - 2];
};

/* Told to the command by the process that makes the directories. */
struct restored {
	char	path[PATH_MAX];
	uid_t	uid;
};

struct restoring {
	const struct options *options;
	struct clone_config clone;
	struct recovery_target target;
	bool	choose;			/* the backup, by the target */
	bool	on_terminal;
	struct timespec since;		/* a backup that was changed later is not the one that was read */
	int	index_fd;		/* of the backup; sealed after the survey */
	struct survey *found;		/* in memory that children share, as is the next */
	struct restored *restored;
};

struct landing {
	const struct restoring *r;
	uid_t	uid;		/* to whom all is to belong */
	gid_t	gid;
	char	store[PATH_MAX];
	struct place place[RESTORE_PLACES_MAX];
	unsigned n;
	bool	resumed;	/* the mark of this very restore was there; */
	bool	complete;	/* it says that all is done but its end */
	bool	finished;
	bool	trust;		/* as struct restore_config has it */
	int	mark_fd, state_fd, done_fd;
};

/* Fills r->found, and the index.  Returns 0 or the exit status after cli_error(). */
int	survey_run(struct restoring *r);

/*
 * The steps of a landing, in one process, each with the rights of the owner where it is root's: finds and
 * makes the directories, checks what is there, and marks the data directory.  Returns 0, or
 * EXIT_FAILURE after cli_error(): then nothing has changed, but an incremental one.
 */
int	landing_prepare(struct landing *l);

/* Once all is copied: makes the links, and ends the mark.  Returns as above. */
int	landing_finish(struct landing *l);

/* Closes what is open; removes directories that were made and hold nothing. */
void	landing_close(struct landing *l);

#endif
