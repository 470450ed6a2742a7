/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checks the options that say what becomes of the data directory, before there
 * is a mount.  It makes no change: the worker does.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "cli/cli.h"
#include "cli/clone_args.h"
#include "cli/target_args.h"
#include "pg/pgconf.h"

/*
 * Returns an option that was given and counts at the first mount of a diff
 * directory only, or NULL.
 */
static const char *
find_first_only(const struct options *o)
{
	const struct { const char *name; bool given; } only[] = {
		{ "--recovery-target", o->target != NULL },
		{ "--recovery-target-time", o->target_time != NULL },
		{ "--recovery-target-xid", o->target_xid != NULL },
		{ "--recovery-target-lsn", o->target_lsn != NULL },
		{ "--recovery-target-name", o->target_name != NULL },
		{ "--recovery-target-inclusive", o->inclusive != NULL },
		{ "--recovery-target-action", o->action != NULL },
		{ "--recovery-target-timeline", o->timeline != NULL },
		{ "--restore-command", o->restore_command != NULL },
		{ "--restore-as-replica", o->replica },
		{ "--keep-settings", o->keep_settings },
		{ "--tablespace-mapping", o->tablespaces.n > 0 },
		{ "--external-mapping", o->externals.n > 0 },
		{ "--skip-external-dirs", o->skip_external },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(only); i++)
		if (only[i].given)
			return only[i].name;
	return NULL;
}

#define SLOT_NAME_MAX	63	/* bytes that PostgreSQL takes */

static int
check_word(const char *option, const char *value, const char *const *words)
{
	const char *const *w;

	for (w = words; value != NULL && *w != NULL; w++)
		if (strcmp(value, *w) == 0)
			return 0;
	return value == NULL ? 0 : cli_usage("%s cannot be \"%s\"", option, value);
}

/* Refuses what cannot stand in a line of the server's settings. */
static int
check_line(const char *option, const char *value)
{
	if (value == NULL || (strpbrk(value, "\n\r") == NULL && strlen(value) < PGCONF_VALUE_MAX))
		return 0;
	return cli_usage("the value of %s has a line feed or is too long", option);
}

/* Where a standby goes: restore alone takes it, for a mount says it by --set. */
static int
check_primary(const struct options *o)
{
	size_t len = o->slot != NULL ? strlen(o->slot) : 1;

	if (!o->replica && (o->conninfo != NULL || o->slot != NULL))
		return cli_usage("%s needs --restore-as-replica", o->conninfo != NULL ? "--primary-conninfo" :
		    "--primary-slot-name");
	if (o->slot != NULL && (len > SLOT_NAME_MAX || strspn(o->slot, "abcdefghijklmnopqrstuvwxyz0123456789_") != len))
		return cli_usage("\"%.80s\" is not the name of a slot: it has 1 to %d lower case letters, digits and"
		    " underscores", o->slot, SLOT_NAME_MAX);
	return check_line("--primary-conninfo", o->conninfo);
}

static int
check_words(const struct options *o, const struct recovery_target *t)
{
	static const char *const truth[] = { "true", "false", NULL };
	static const char *const actions[] = { "pause", "promote", "shutdown", NULL };

	int rc;

	if ((rc = check_word("--recovery-target-inclusive", o->inclusive, truth)) != 0 ||
	    (rc = check_word("--recovery-target-action", o->action, actions)) != 0 ||
	    (rc = check_line("--recovery-target-name", o->target_name)) != 0 ||
	    (rc = check_line("--restore-command", o->restore_command)) != 0 || (rc = check_primary(o)) != 0)
		return rc;
	if (o->inclusive != NULL && t->kind != RECOVERY_TIME && t->kind != RECOVERY_XID &&
	    t->kind != RECOVERY_LSN)
		return cli_usage("--recovery-target-inclusive needs a target time, xid or LSN");
	return 0;
}

/* Refuses what the server does not take from where --set writes, or takes for another place. */
static int
check_setting_place(const char *name, size_t len, const char *value)
{
	static const char *const early[] = { "data_directory", "config_file" };
	static const char *const from_cwd[] = { "hba_file", "ident_file" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(early); i++)
		if (strlen(early[i]) == len && strncasecmp(name, early[i], len) == 0)
			return cli_usage("--set %s has no effect: the server takes it only from"
			    " pg_ctl -o \"-c %s=...\"", early[i], early[i]);
	for (i = 0; i < ARRAY_SIZE(from_cwd); i++)
		if (strlen(from_cwd[i]) == len && strncasecmp(name, from_cwd[i], len) == 0 &&
		    value[0] != '/')
			return cli_usage("--set %s takes an absolute path: the server would look for"
			    " \"%s\" where it is started", from_cwd[i], value);
	return 0;
}

/*
 * Settings that a mount reads or writes itself: if no server takes a value,
 * this says so before there is a mount.
 */
#define BACKENDS_MAX	262143	/* MAX_BACKENDS of the server */
static const struct known_setting {
	const char *name;
	int64_t	min, max;	/* of a number; max 0: it is a word */
	bool	truth;		/* on, off, and what means the same */
	const char *words;	/* other words, separated by ", ", as messages show them */
} known_settings[] = {
	{ "port", 1, 65535, false, NULL },
	{ "max_connections", 1, BACKENDS_MAX, false, NULL },
	{ "max_worker_processes", 0, BACKENDS_MAX, false, NULL },
	{ "max_wal_senders", 0, BACKENDS_MAX, false, NULL },
	{ "max_prepared_transactions", 0, BACKENDS_MAX, false, NULL },
	{ "max_locks_per_transaction", 10, INT_MAX, false, NULL },
	{ "hot_standby", 0, 0, true, "on, off" },
	{ "archive_mode", 0, 0, true, "on, off, always" },
	{ "recovery_target_inclusive", 0, 0, true, "on, off" },
	{ "recovery_target_action", 0, 0, false, "pause, promote, shutdown" },
};

/* Reads a number without a unit as the server does: decimal, octal, hexadecimal, rounded. */
static bool
is_number(const char *text, int64_t min, int64_t max)
{
	double value;
	char *end;

	value = (double)strtoll(text, &end, 0);
	if (*end == '.' || *end == 'e' || *end == 'E')
		value = strtod(text, &end);
	if (end == text)
		return false;
	end += strspn(end, " \t");
	return *end == '\0' && value > (double)min - 0.5 && value < (double)max + 0.5;
}

/* Whether the server takes this word for a truth value, which its beginning can tell. */
static bool
is_truth(const char *text)
{
	static const struct { const char *word; size_t least; } truths[] = {
		{ "true", 1 }, { "false", 1 }, { "yes", 1 }, { "no", 1 }, { "on", 2 }, { "off", 2 },
		{ "1", 1 }, { "0", 1 },
	};
	size_t i, len = strlen(text);

	for (i = 0; i < ARRAY_SIZE(truths); i++)
		if (len >= truths[i].least && len <= strlen(truths[i].word) &&
		    strncasecmp(text, truths[i].word, len) == 0)
			return true;
	return false;
}

static bool
is_word(const char *text, const char *words)
{
	size_t len;

	for (; *words != '\0'; words += len + strspn(words + len, ", ")) {
		len = strcspn(words, ",");
		if (strlen(text) == len && strncasecmp(text, words, len) == 0)
			return true;
	}
	return false;
}

/*
 * Whether this is a list of names, with or without double quotes, separated by
 * commas; none is empty.
 */
static bool
is_list(const char *text)
{
	bool quoted = false, name = false;

	for (; *text != '\0'; text++)
		if (*text == '"')
			quoted = !quoted;
		else if (*text == ',' && !quoted) {
			if (!name)
				return false;
			name = false;
		} else if (*text != ' ')
			name = true;
	return !quoted && name;
}

static int
check_known(const struct known_setting *k, const char *value)
{
	if (k->max != 0)
		return is_number(value, k->min, k->max) ? 0 :
		    cli_usage("--set %s=%s: it takes a number from %lld to %lld", k->name, value,
		    (long long)k->min, (long long)k->max);
	return (k->truth && is_truth(value)) || is_word(value, k->words) ? 0 :
	    cli_usage("--set %s=%s: it takes %s", k->name, value, k->words);
}

static int
check_setting_value(const char *name, size_t len, const char *value)
{
	static const char sockets[] = "unix_socket_directories";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known_settings); i++)
		if (strlen(known_settings[i].name) == len &&
		    strncasecmp(name, known_settings[i].name, len) == 0)
			return check_known(&known_settings[i], value);
	if (len == strlen(sockets) && strncasecmp(name, sockets, len) == 0 && value[0] != '\0' &&
	    !is_list(value))
		return cli_usage("--set %s=%s: it takes names of directories, separated by commas",
		    sockets, value);
	return 0;
}

/* Refuses what the server would not start with: a line feed, or a name that is none. */
static int
check_setting(const char *text)
{
	const char *equals = strchr(text, '=');
	int rc;

	if (equals == NULL || !pgconf_name_is_valid(text, (size_t)(equals - text)))
		return cli_usage("--set takes NAME=VALUE, not \"%s\"", text);
	if (strpbrk(equals, "\n\r") != NULL || strlen(equals) > PGCONF_VALUE_MAX)
		return cli_usage("the value of \"%.*s\" has a line feed or is too long",
		    (int)(equals - text), text);
	if ((rc = check_setting_value(text, (size_t)(equals - text), equals + 1)) != 0)
		return rc;
	return check_setting_place(text, (size_t)(equals - text), equals + 1);
}

int
clone_args_split_mapping(const char *text, char **from, char **to)
{
	char *copy = strdup(text), *in, *out;

	if (copy == NULL)
		return -ENOMEM;
	*to = NULL;
	for (in = out = *from = copy; *in != '\0'; in++)
		if (*in == '\\' && in[1] == '=')
			*out++ = *++in;
		else if (*in == '=' && *to == NULL) {
			*out++ = '\0';
			*to = out;
		} else
			*out++ = *in;
	*out = '\0';
	return *to != NULL && **from != '\0' && **to != '\0' ? 0 : -EINVAL;
}

/* Takes a mapping, whose texts live as long as the command. */
static int
take_mapping(const char *option, const char *text, bool external, struct clone_config *p)
{
	char *from = NULL, *to = NULL;

	if (clone_args_split_mapping(text, &from, &to) != 0 || from[0] != '/' || to[0] != '/')
		return cli_usage("%s takes OLD=NEW, two absolute paths, not \"%s\"", option, text);
	if (p->n_mappings == CLONE_MAPPINGS_MAX)
		return cli_error("too many mappings, at most %u", (unsigned)CLONE_MAPPINGS_MAX);
	p->mapping[p->n_mappings++] = (struct clone_mapping){ from, to, external };
	return 0;
}

static int
take_mappings(const struct options *o, struct clone_config *p)
{
	unsigned i;
	int rc;

	for (i = 0; i < o->tablespaces.n; i++)
		if ((rc = take_mapping("-T", o->tablespaces.item[i], false, p)) != 0)
			return rc;
	for (i = 0; i < o->externals.n; i++)
		if ((rc = take_mapping("--external-mapping", o->externals.item[i], true, p)) != 0)
			return rc;
	if (o->skip_external && o->externals.n > 0)
		return cli_usage("--skip-external-dirs cannot be combined with --external-mapping");
	return 0;
}

int
clone_args_check_mapped(const struct clone_config *p)
{
	unsigned i, k;

	for (i = 0; i < p->n_mappings; i++)
		for (k = 0; k < i; k++)
			if (strcmp(p->mapping[i].to, p->mapping[k].to) == 0 ||
			    (strcmp(p->mapping[i].from, p->mapping[k].from) == 0 &&
			    p->mapping[i].external == p->mapping[k].external))
				return cli_usage("\"%s\" is mapped twice", p->mapping[i].from);
	return 0;
}

static int
take_databases(const struct options *o, struct clone_databases *d)
{
	const struct option_list *list = o->db_include.n > 0 ? &o->db_include : &o->db_exclude;
	unsigned i;

	if (o->db_include.n > 0 && o->db_exclude.n > 0)
		return cli_usage("--db-include cannot be combined with --db-exclude");
	d->include = o->db_include.n > 0;
	for (i = 0; i < list->n; i++) {
		if (strlen(list->item[i]) > CLONE_DATABASE_NAME_MAX)
			return cli_usage("\"%.60s...\" is too long for the name of a database",
			    list->item[i]);
		d->name[d->n++] = list->item[i];
	}
	return 0;
}
_Static_assert(OPTION_LIST_MAX <= CLONE_DATABASES_MAX, "all names have room");

int
clone_args(const struct options *o, const char *mnt, struct clone_config *p,
    struct recovery_target *t)
{
	unsigned i;
	int rc;

	*p = (struct clone_config){
		.target = t, .inclusive = o->inclusive, .action = o->action,
		.restore_command = o->restore_command, .replica = o->replica,
		.keep_settings = o->keep_settings, .skip_external = o->skip_external,
		.first_only = find_first_only(o), .mnt = mnt,
	};
	if ((rc = target_args(o, t)) != 0 || (rc = check_words(o, t)) != 0 ||
	    (rc = take_mappings(o, p)) != 0 || (rc = take_databases(o, &p->databases)) != 0)
		return rc;
	/* A standby without a target follows whatever timeline its primary goes to. */
	if (o->replica && t->kind == RECOVERY_NONE && t->timeline == NULL)
		t->tli_kind = RECOVERY_TLI_LATEST;
	for (i = 0; i < o->set.n; i++) {
		if ((rc = check_setting(o->set.item[i])) != 0)
			return rc;
		p->setting[p->n_settings++] = o->set.item[i];
	}
	return 0;
}
