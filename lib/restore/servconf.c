/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Composes the text; the caller reads the old file and writes the new one.
 */
#include "config.h"

#include <stdio.h>
#include <time.h>

#include "restore/servconf.h"

bool
servconf_recovers(const struct servconf *c)
{
	return !c->stream || c->target->kind != RECOVERY_NONE || c->target->timeline != NULL ||
	    c->own_command;
}

const char *
servconf_signal(const struct servconf *c)
{
	if (c->replica)
		return SERVCONF_STANDBY;
	return servconf_recovers(c) ? SERVCONF_RECOVERY : NULL;
}

/* As the line of pg_probackup, which people and programs look for. */
static void
add_comment(const struct servconf *c, struct pgautoconf *a)
{
	char line[160], when[40];
	time_t now = time(NULL);
	struct tm tm;

	if (gmtime_r(&now, &tm) == NULL || strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S+00", &tm) == 0)
		when[0] = '\0';
	snprintf(line, sizeof(line), "recovery settings added by pbkfs restore of backup %.40s at '%s'",
	    c->id, when);
	pgautoconf_comment(a, line);
}

void
servconf_compose(const struct servconf *c, const char *text, size_t len, struct pgautoconf *a)
{
	const struct pgautoconf_recovery recovery = {
		.target = c->target, .inclusive = c->inclusive, .action = c->action,
		.restore_command = c->restore_command, .standby = c->replica,
	};

	pgautoconf_base(a, text, len, true);
	add_comment(c, a);
	if (servconf_recovers(c))
		pgautoconf_set_recovery(a, &recovery);
	if (c->replica)
		pgautoconf_set_primary(a, c->conninfo, c->slot);
}
