/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The store that a mount reads.  terms.c chooses its names, readsearch.c opens it, reopen.c puts
 * another one in its place.  The supervisor itself reads no file of it but pg_probackup's locks.
 */
#ifndef SUPERVISOR_SOURCE_H
#define SUPERVISOR_SOURCE_H

#include <stdbool.h>
#include <sys/types.h>

struct source {
	const char *store, *instance;
	const char *backup_id;	/* NULL: the preparer is to choose it */
	int	fd;		/* the store, O_PATH; -1 */
	uid_t	uid;		/* whose directory that was */
	bool	is_closed;	/* to root: who opens it has to be the owner */
	bool	is_roots;	/* root said which it is, and opens it */
};

#endif
