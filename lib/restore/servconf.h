/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The settings of a server on a data directory that was restored: what pg_probackup's restore writes
 * (doc/catalog.md, "What restore adds"), and nothing of a clone.
 */
#ifndef RESTORE_SERVCONF_H
#define RESTORE_SERVCONF_H

#include <stdbool.h>
#include <stddef.h>

#include "probackup/pgautoconf.h"

#define SERVCONF_FILE	"postgresql.auto.conf"
#define SERVCONF_RECOVERY	"recovery.signal"
#define SERVCONF_STANDBY	"standby.signal"

struct servconf {
	const char *id;			/* of the backup */
	bool	stream;			/* it has the WAL that it needs */
	bool	replica;		/* a standby is made of it */
	const char *restore_command;	/* what brings WAL of the archive, if it is needed */
	bool	own_command;		/* the user has given that */
	const char *inclusive, *action;	/* as pgautoconf.h has them */
	const char *conninfo, *slot;	/* of a replica: its primary; NULL: not known */
	const struct recovery_target *target;
};

/*
 * Whether the server takes WAL from the archive, and not that of its backup, or of a primary, alone.
 */
bool	servconf_recovers(const struct servconf *c);

/* The name of the file that says so to the server, or NULL. */
const char *servconf_signal(const struct servconf *c);

/*
 * Appends the file as it is to be to *a, of the text that the backup has (len bytes).  Errors: a->error.
 */
void	servconf_compose(const struct servconf *c, const char *text, size_t len, struct pgautoconf *a);

#endif
