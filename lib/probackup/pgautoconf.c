/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Builds the text of postgresql.auto.conf in memory.  src/worker/clone.c
 * reads the old one and writes the new one.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "pg/outward.h"
#include "pg/pgconf.h"
#include "probackup/pgautoconf.h"

#define FIRST_SIZE	4096
#define CLUSTER_NAME_MAX 64	/* bytes, NUL included: NAMEDATALEN of PostgreSQL */

static int
grow(struct pgautoconf *a, size_t more)
{
	size_t size = a->size > 0 ? a->size : FIRST_SIZE;
	char *text;

	while (size - a->len < more)
		if (__builtin_mul_overflow(size, 2, &size))
			return -ENOMEM;
	if (size == a->size)
		return 0;
	if ((text = realloc(a->text, size)) == NULL)
		return -ENOMEM;
	a->text = text;
	a->size = size;
	return 0;
}

static void
append(struct pgautoconf *a, const char *text, size_t len)
{
	if (a->error == 0 && grow(a, len + 1) < 0)
		a->error = -ENOMEM;
	if (a->error != 0)
		return;
	memcpy(a->text + a->len, text, len);
	a->len += len;
	a->text[a->len] = '\0';
}

static bool
is_dropped(const struct pgconf_setting *s)
{
	if (strncmp(s->name, "include", strlen("include")) == 0)
		return strstr(s->value, "probackup_recovery.conf") != NULL;
	return strcmp(s->name, "restore_command") == 0 ||
	    strncmp(s->name, "recovery_target", strlen("recovery_target")) == 0;
}

void
pgautoconf_base(struct pgautoconf *a, const char *text, size_t len, bool for_recovery)
{
	struct pgconf scan = { .text = text, .len = len };
	struct pgconf_setting s;
	size_t kept = 0;

	while (for_recovery && pgconf_next(&scan, &s) == 1)
		if (is_dropped(&s)) {
			append(a, text + kept, scan.line_start - kept);
			kept = scan.pos;
		}
	append(a, text + kept, len - kept);
	if (a->len > 0 && a->error == 0 && a->text[a->len - 1] != '\n')
		append(a, "\n", 1);
}

void
pgautoconf_comment(struct pgautoconf *a, const char *line)
{
	append(a, "\n# ", 3);
	append(a, line, strlen(line));
	append(a, "\n", 1);
}

void
pgautoconf_set(struct pgautoconf *a, const char *name, const char *value)
{
	char line[PGCONF_NAME_MAX + 2 * PGCONF_VALUE_MAX];
	int len = pgconf_format(name, value, line, sizeof(line));

	if (len < 0 && a->error == 0)
		a->error = len;
	if (len > 0)
		append(a, line, (size_t)len);
}

void
pgautoconf_set_clone(struct pgautoconf *a, unsigned server_version, const char *instance,
    const char *id)
{
	const struct outward *o;
	char name[CLUSTER_NAME_MAX];

	for (o = outward_settings; o < outward_settings + outward_n; o++)
		if (o->kind == OUTWARD_SET && outward_known(o, server_version))
			pgautoconf_set(a, o->name, o->value);
	snprintf(name, sizeof(name), "pbkfs %s %s", id, instance);
	pgautoconf_set(a, "cluster_name", name);
}

static void
set_target(struct pgautoconf *a, const struct recovery_target *t)
{
	static const char *const names[] = {
		[RECOVERY_TIME] = "recovery_target_time", [RECOVERY_XID] = "recovery_target_xid",
		[RECOVERY_LSN] = "recovery_target_lsn", [RECOVERY_NAME] = "recovery_target_name",
	};

	if (t->kind == RECOVERY_IMMEDIATE)
		pgautoconf_set(a, "recovery_target", "immediate");
	else if (t->kind >= RECOVERY_TIME)
		pgautoconf_set(a, names[t->kind], t->kind == RECOVERY_TIME ? t->written : t->value);
}

void
pgautoconf_set_recovery(struct pgautoconf *a, const struct pgautoconf_recovery *rec)
{
	/* A standby without a target follows its primary, on whatever timeline. */
	bool follows = rec->standby && rec->target->kind == RECOVERY_NONE;

	set_target(a, rec->target);
	if (rec->inclusive != NULL)
		pgautoconf_set(a, "recovery_target_inclusive", rec->inclusive);
	if (rec->target->timeline != NULL || !follows)
		pgautoconf_set(a, "recovery_target_timeline",
		    rec->target->timeline != NULL ? rec->target->timeline : "current");
	if (rec->action != NULL || !follows)
		pgautoconf_set(a, "recovery_target_action", rec->action != NULL ? rec->action : "pause");
	pgautoconf_set(a, "restore_command", rec->restore_command);
}

void
pgautoconf_set_primary(struct pgautoconf *a, const char *conninfo, const char *slot)
{
	if (conninfo != NULL)
		pgautoconf_set(a, "primary_conninfo", conninfo);
	if (slot != NULL)
		pgautoconf_set(a, "primary_slot_name", slot);
}
