/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Takes the recovery target from the options.  probackup/recovery.h says what
 * one is, probackup/choose.h which backup it takes.
 */
#include "config.h"

#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/confined.h"
#include "cli/target_args.h"
#include "probackup/chain.h"
#include "probackup/choose.h"

static int
take_target(const struct options *o, struct recovery_target *t)
{
	const struct { const char *value; enum recovery_kind kind; } given[] = {
		{ o->target_time, RECOVERY_TIME }, { o->target_xid, RECOVERY_XID },
		{ o->target_lsn, RECOVERY_LSN }, { o->target_name, RECOVERY_NAME },
	};
	unsigned n = 0;
	size_t i;

	*t = (struct recovery_target){ .timeline = o->timeline };
	for (i = 0; i < ARRAY_SIZE(given); i++) {
		if (given[i].value == NULL)
			continue;
		t->kind = given[i].kind;
		t->value = given[i].value;
		n++;
	}
	if (o->target != NULL) {
		t->kind = strcmp(o->target, "immediate") == 0 ? RECOVERY_IMMEDIATE : RECOVERY_LATEST;
		if (t->kind == RECOVERY_LATEST && strcmp(o->target, "latest") != 0)
			return cli_usage("--recovery-target cannot be \"%s\", only immediate|latest",
			    o->target);
		n++;
	}
	return n > 1 ? cli_usage("only one recovery target can be given") : 0;
}

int
target_args(const struct options *o, struct recovery_target *t)
{
	char error[CHAIN_ERROR_MAX];

	int rc = take_target(o, t);

	if (rc != 0)
		return rc;
	return recovery_parse(t, error) == 0 ? 0 : cli_usage("%s", error);
}

bool
target_args_given(const struct recovery_target *t)
{
	return t->kind != RECOVERY_NONE || t->timeline != NULL;
}

bool
target_args_choose(const struct options *o, const struct recovery_target *t)
{
	return o->backup_id != NULL ? choose_is_asked(o->backup_id) : target_args_given(t);
}

int
target_args_what(const struct options *o, struct recovery_target *t, bool *choose)
{
	struct cli_need need[] = {
		{ "--pbk-store", o->store != NULL }, { "--instance", o->instance != NULL },
		{ "--backup-id", o->backup_id != NULL },
	};
	int rc = target_args(o, t);

	if (rc != 0)
		return rc;
	*choose = target_args_choose(o, t);
	need[2].given |= *choose;
	if ((rc = cli_require(need, ARRAY_SIZE(need))) != 0)
		return rc;
	if (strchr(o->instance, '/') != NULL || o->instance[0] == '.')
		return cli_usage("\"%s\" cannot be the name of an instance", o->instance);
	return 0;
}

int
target_args_find(int store_fd, const struct options *o, const struct recovery_target *t,
    char id[BACKUP_ID_MAX])
{
	char error[CHAIN_ERROR_MAX];
	struct choice c;
	int rc;

	rc = choose_backup(store_fd, o->store, o->instance, t, &c, error);
	if (rc < 0)
		return confined_failed(rc, error);
	log_info("%s", c.text);
	if (c.warning[0] != '\0')
		log_warn("%s", c.warning);
	strlcpy(id, c.id, BACKUP_ID_MAX);
	return 0;
}
