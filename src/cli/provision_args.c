#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "cli/cli.h"
#include "cli/provision_args.h"
#include "cli/target_args.h"
#include "pg/pgconf.h"
#include "supervisor/paths.h"

/* Options that count at the first mount of a diff directory only. */
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

static int
check_word(const char *option, const char *value, const char *const *words)
{
	const char *const *w;

	for (w = words; value != NULL && *w != NULL; w++)
		if (strcmp(value, *w) == 0)
			return 0;
	return value == NULL ? 0 : cli_error("%s cannot be \"%s\"", option, value);
}

static int
check_words(const struct options *o, const struct recovery_target *t)
{
	static const char *const truth[] = { "true", "false", NULL };
	static const char *const actions[] = { "pause", "promote", "shutdown", NULL };

	if (check_word("--recovery-target-inclusive", o->inclusive, truth) != 0 ||
	    check_word("--recovery-target-action", o->action, actions) != 0)
		return 1;
	if (o->inclusive != NULL && t->kind != RECOVERY_TIME && t->kind != RECOVERY_XID &&
	    t->kind != RECOVERY_LSN)
		return cli_error("--recovery-target-inclusive needs a target time, xid or LSN");
	return 0;
}

/* What the server does not take from where --set writes, or takes for another place. */
static int
check_setting_place(const char *name, size_t len, const char *value)
{
	static const char *const early[] = { "data_directory", "config_file" };
	static const char *const from_cwd[] = { "hba_file", "ident_file" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(early); i++)
		if (strlen(early[i]) == len && strncasecmp(name, early[i], len) == 0)
			return cli_error("--set %s has no effect: the server takes it only from"
			    " pg_ctl -o \"-c %s=...\"", early[i], early[i]);
	for (i = 0; i < ARRAY_SIZE(from_cwd); i++)
		if (strlen(from_cwd[i]) == len && strncasecmp(name, from_cwd[i], len) == 0 &&
		    value[0] != '/')
			return cli_error("--set %s takes an absolute path: the server would look for"
			    " \"%s\" where it is started", from_cwd[i], value);
	return 0;
}

/* The server would refuse to start over a line feed or a name that is none. */
static int
check_setting(const char *text)
{
	const char *equals = strchr(text, '=');

	if (equals == NULL || !pgconf_name_is_valid(text, (size_t)(equals - text)))
		return cli_error("--set takes NAME=VALUE, not \"%s\"", text);
	if (strpbrk(equals, "\n\r") != NULL || strlen(equals) > PGCONF_VALUE_MAX)
		return cli_error("the value of \"%.*s\" has a line feed or is too long",
		    (int)(equals - text), text);
	return check_setting_place(text, (size_t)(equals - text), equals + 1);
}

/* Cuts "OLD=NEW" at its first "=" that has no backslash before it, and drops such backslashes. */
static int
split_mapping(const char *text, char **from, char **to)
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
	return *to != NULL && **from == '/' && **to == '/' ? 0 : -EINVAL;
}

/* The texts live as long as the command. */
static int
take_mapping(const char *option, const char *text, bool external, struct provision *p)
{
	char *from = NULL, *to = NULL, path[PATH_MAX];
	int rc;

	if (split_mapping(text, &from, &to) != 0)
		return cli_error("%s takes OLD=NEW, two absolute paths, not \"%s\"", option, text);
	if ((rc = paths_resolve_parent(to, path)) != 0)
		return cli_error("could not use \"%s\": %s", to, paths_strerror(rc));
	if (p->n_mappings == PROVISION_MAPPINGS_MAX || (to = strdup(path)) == NULL)
		return cli_error("there are too many mappings");
	p->mapping[p->n_mappings++] = (struct provision_mapping){ from, to, external };
	return 0;
}

static int
take_mappings(const struct options *o, struct provision *p)
{
	unsigned i, k;

	for (i = 0; i < o->tablespaces.n; i++)
		if (take_mapping("-T", o->tablespaces.item[i], false, p) != 0)
			return 1;
	for (i = 0; i < o->externals.n; i++)
		if (take_mapping("--external-mapping", o->externals.item[i], true, p) != 0)
			return 1;
	if (o->skip_external && o->externals.n > 0)
		return cli_error("--skip-external-dirs cannot be combined with --external-mapping");
	for (i = 0; i < p->n_mappings; i++)
		for (k = 0; k < i; k++)
			if (strcmp(p->mapping[i].to, p->mapping[k].to) == 0 ||
			    (strcmp(p->mapping[i].from, p->mapping[k].from) == 0 &&
			    p->mapping[i].external == p->mapping[k].external))
				return cli_error("\"%s\" is mapped twice", p->mapping[i].from);
	return 0;
}

static int
take_databases(const struct options *o, struct provision_databases *d)
{
	const struct option_list *list = o->db_include.n > 0 ? &o->db_include : &o->db_exclude;
	unsigned i;

	if (o->db_include.n > 0 && o->db_exclude.n > 0)
		return cli_error("--db-include cannot be combined with --db-exclude");
	d->include = o->db_include.n > 0;
	for (i = 0; i < list->n; i++) {
		if (strlen(list->item[i]) > PROVISION_DATABASE_NAME_MAX)
			return cli_error("\"%.60s...\" is too long for the name of a database",
			    list->item[i]);
		d->name[d->n++] = list->item[i];
	}
	return 0;
}
_Static_assert(OPTION_LIST_MAX <= PROVISION_DATABASES_MAX, "all names have room");

int
provision_args(const struct options *o, const char *mnt, struct provision *p,
    struct recovery_target *t)
{
	unsigned i;

	*p = (struct provision){
		.target = t, .inclusive = o->inclusive, .action = o->action,
		.restore_command = o->restore_command, .replica = o->replica,
		.keep_settings = o->keep_settings, .skip_external = o->skip_external,
		.first_only = find_first_only(o), .mnt = mnt,
	};
	if (target_args(o, t) != 0 || check_words(o, t) != 0 || take_mappings(o, p) != 0 ||
	    take_databases(o, &p->databases) != 0)
		return 1;
	for (i = 0; i < o->set.n; i++) {
		if (check_setting(o->set.item[i]) != 0)
			return 1;
		p->setting[p->n_settings++] = o->set.item[i];
	}
	return 0;
}
