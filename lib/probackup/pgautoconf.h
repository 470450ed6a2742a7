/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * postgresql.auto.conf of a clone: first the text of the backup, as restore
 * leaves it (doc/catalog.md, "What restore adds"), then the settings that make
 * it a clone.  The server takes the last one.
 */
#ifndef PROBACKUP_PGAUTOCONF_H
#define PROBACKUP_PGAUTOCONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probackup/recovery.h"

#define PGAUTOCONF_SIZE_MAX	(1024 * 1024)	/* bytes of the file in a backup */

/* How the comments before settings of a mount begin. */
#define PGAUTOCONF_OF_CLONE	"settings of a clone, added by pbkfs mount of backup "
#define PGAUTOCONF_OF_RECOVERY	"recovery settings, added by pbkfs mount"
#define PGAUTOCONF_OF_USER	"settings given to pbkfs mount"

/* Text that grows.  Zero-initialise it; free(text). */
struct pgautoconf {
	char	*text;
	size_t	len, size;
	int	error;		/* -ENOMEM or -ENAMETOOLONG, once something did not fit */
};

/*
 * Appends the backup's text (len bytes).  for_recovery: without the lines that
 * restore drops, which set restore_command or a recovery target, or include
 * probackup_recovery.conf.
 */
void	pgautoconf_base(struct pgautoconf *a, const char *text, size_t len, bool for_recovery);

/* Appends "# " and the line, after an empty one. */
void	pgautoconf_comment(struct pgautoconf *a, const char *line);

/* Appends one setting; value is quoted as the server reads it. */
void	pgautoconf_set(struct pgautoconf *a, const char *name, const char *value);

/*
 * Appends what keeps a clone from production: what pg/outward.h says, as far as
 * the server knows it, and a cluster_name made of instance and id.
 */
void	pgautoconf_set_clone(struct pgautoconf *a, unsigned server_version, const char *instance,
	    const char *id);

/* The recovery that a server is to do, in the terms of restore. */
struct pgautoconf_recovery {
	const struct recovery_target *target;
	const char *inclusive;		/* "true", "false", or NULL: not said */
	const char *action;		/* "pause", "promote" or "shutdown"; NULL: pause */
	bool	standby;		/* without a target: action and timeline are the server's, unless given */
	const char *restore_command;
};

/* Appends the settings of a recovery, in the words of restore. */
void	pgautoconf_set_recovery(struct pgautoconf *a, const struct pgautoconf_recovery *rec);

/* Appends where a standby finds its primary, and its slot there; NULL: not said. */
void	pgautoconf_set_primary(struct pgautoconf *a, const char *conninfo, const char *slot);

#endif
