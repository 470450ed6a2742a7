/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An instance as a listing shows it: its backups, and which of them can be
 * mounted.
 */
#ifndef PROBACKUP_INSTANCE_H
#define PROBACKUP_INSTANCE_H

#include "probackup/chain.h"

#define INSTANCES_MAX		10000	/* of a catalog */
#define INSTANCE_BACKUPS_MAX	20000	/* of an instance: about 6 KB of memory each */

struct instance_backup {
	char	id[BACKUP_ID_MAX];
	struct control *control;	/* NULL if backup.control could not be read */
	const char *reason;	/* why it cannot be mounted without --force; NULL: it can */

	/* For instance_load() alone. */
	char	*fault;		/* what is wrong with this backup, or that its parent is missing */
	char	*misplaced;	/* what is wrong with the chain that begins here */
	struct instance_backup *parent;
	size_t	seen_from;	/* number + 1 of the last backup whose chain led here */
};

struct instance {
	struct instance_backup *backup;	/* the newest first */
	size_t	n;
	size_t	odd_names;	/* directories whose names are no ids of backups */
};

/*
 * The names of the instances in the catalog store_fd, sorted.  Returns 0, or
 * negative errno with one line in error (CHAIN_ERROR_MAX bytes).  The caller
 * frees them by instance_names_free().
 */
int	instance_names(int store_fd, const char *store_name, char ***names, size_t *n,
	    char *error);
void	instance_names_free(char **names, size_t n);

/*
 * Reads the control file of every backup of an instance, once, and finds out
 * which chains chain_open() would accept without force; reasons are in its
 * words.  A fault of a backup stays with that backup and its descendants.
 * Returns 0, or negative errno with one line in error: unknown instance (those
 * that exist are listed), unreadable, too many backups.  Call instance_fini()
 * in any case.
 */
int	instance_load(int store_fd, const char *store_name, const char *name,
	    struct instance *in, char *error);
void	instance_fini(struct instance *in);

#endif
