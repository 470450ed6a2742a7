/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keeps the backups of a chain as they are while a command without a mount reads them, by
 * pg_probackup's own lock.
 */
#ifndef CLI_KEEPING_H
#define CLI_KEEPING_H

#include "base/backupid.h"
#include "supervisor/lockholder.h"
#include "supervisor/storelock.h"

struct keeping {
	struct storelock lock;
	struct lockholder holder;
	int	store_fd;
	bool	begun;
};

/* The chain, by the ids of its members, the newest first; since when a change of one counts. */
struct keeping_chain {
	const char *store, *instance;	/* the store's canonical path */
	char	id[CHAIN_MAX][BACKUP_ID_MAX];
	unsigned n;
	struct timespec since;
};

/*
 * Locks them, in a process that lives for as long as they are read; waits for who is changing one.
 * With insist one that cannot be locked is an error, else a warning.  what is for the title of a
 * process.  Returns 0, or EXIT_FAILURE after cli_error(); keeping_end() in any case.
 */
int	keeping_begin(struct keeping *k, const struct keeping_chain *c, bool insist, const char *what);
void	keeping_end(struct keeping *k);

#endif
