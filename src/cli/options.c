#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "ipc/shared.h"
#include "probackup/verify.h"
#include "supervisor/supervisor.h"

#define OPTIONS_MAX	64
#define LONG_ONLY	256	/* keys of options without a letter begin here */

enum option_type { OPT_FLAG, OPT_TEXT, OPT_LIST, OPT_NUMBER, OPT_SIZE, OPT_CHOICE };

struct option_def {
	char	letter;		/* 0 = none */
	const char *name;
	const char *arg;	/* NULL = takes none */
	const char *help;
	enum option_type type;
	size_t	offset;		/* in struct options */
	const char *choices;	/* OPT_CHOICE: "first|second", numbered from 0 */
	uint64_t max;		/* OPT_NUMBER, OPT_SIZE */
	bool	hidden;
};

/* An argument that stands by itself: a text, which may not be empty. */
struct operand_def {
	const char *name, *help;
	size_t	offset;		/* in struct options */
};

#define AT(field)	offsetof(struct options, field)
#define FORMAT_OPTION \
	{ 0, "format", "FORMAT", "text or json", OPT_CHOICE, AT(format), "text|json", 0, false }
#define TARGET_OPTIONS(what) \
	{ 0, "recovery-target", "WHAT", "immediate: the end of the backup; latest: of the archive", \
	    OPT_TEXT, AT(target), NULL, 0, false }, \
	{ 0, "recovery-target-time", "TIME", what " this time", OPT_TEXT, AT(target_time), \
	    NULL, 0, false }, \
	{ 0, "recovery-target-xid", "XID", what " this transaction", OPT_TEXT, AT(target_xid), \
	    NULL, 0, false }, \
	{ 0, "recovery-target-lsn", "LSN", what " this position", OPT_TEXT, AT(target_lsn), \
	    NULL, 0, false }, \
	{ 0, "recovery-target-name", "NAME", what " this restore point", OPT_TEXT, \
	    AT(target_name), NULL, 0, false }, \
	{ 0, "recovery-target-timeline", "TLI", "current, latest, or the number of one", OPT_TEXT, \
	    AT(timeline), NULL, 0, false }
#define HELP_OPTION	{ 'h', "help", NULL, "show this help", OPT_FLAG, AT(help), NULL, 0, false }

static const struct option_def mount_options[] = {
	{ 'B', "pbk-store", "DIR", "the pg_probackup catalog", OPT_TEXT, AT(store), NULL, 0, false },
	{ 'D', "mnt-path", "DIR", "where to mount", OPT_TEXT, AT(mnt), NULL, 0, false },
	{ 'd', "diff-dir", "DIR", "where changes are kept", OPT_TEXT, AT(diff), NULL, 0, false },
	{ 'I', "instance", "NAME", "the instance of the catalog", OPT_TEXT, AT(instance),
	    NULL, 0, false },
	{ 'i', "backup-id", "ID", "the backup to mount; latest: the newest", OPT_TEXT,
	    AT(backup_id), NULL, 0, false },
	TARGET_OPTIONS("recover from the archive up to"),
	{ 0, "recovery-target-inclusive", "BOOL", "true or false: the target itself, too", OPT_TEXT,
	    AT(inclusive), NULL, 0, false },
	{ 0, "recovery-target-action", "ACTION", "pause, promote or shutdown at the target",
	    OPT_TEXT, AT(action), NULL, 0, false },
	{ 'R', "restore-as-replica", NULL, "make it a standby", OPT_FLAG, AT(replica), NULL, 0, false },
	{ 0, "restore-command", "COMMAND", "where the server gets WAL, instead of .pbkfs/wal",
	    OPT_TEXT, AT(restore_command), NULL, 0, false },
	{ 0, "set", "NAME=VALUE", "a setting of the server; may be given again", OPT_LIST, AT(set),
	    NULL, 0, false },
	{ 0, "keep-settings", NULL, "no settings that keep the server from production", OPT_FLAG,
	    AT(keep_settings), NULL, 0, false },
	{ 'T', "tablespace-mapping", "OLD=NEW", "a real copy of this tablespace; may be given again",
	    OPT_LIST, AT(tablespaces), NULL, 0, false },
	{ 0, "external-mapping", "OLD=NEW", "a real copy of this external directory", OPT_LIST,
	    AT(externals), NULL, 0, false },
	{ 0, "db-include", "NAME", "this database alone; may be given again", OPT_LIST,
	    AT(db_include), NULL, 0, false },
	{ 0, "db-exclude", "NAME", "all but this database; may be given again", OPT_LIST,
	    AT(db_exclude), NULL, 0, false },
	{ 0, "skip-external-dirs", NULL, "leave external directories out", OPT_FLAG,
	    AT(skip_external), NULL, 0, false },
	{ 0, "wait", NULL, "return once the mount answers", OPT_FLAG, AT(wait), NULL, 0, false },
	{ 0, "timeout", "SEC", "wait no longer than this", OPT_NUMBER, AT(timeout), NULL,
	    1000000, false },
	{ 0, "console", NULL, "stay in the foreground; Ctrl-C unmounts", OPT_FLAG, AT(console),
	    NULL, 0, false },
	{ 0, "force", NULL, "mount damaged backups, or after an unclean --perf-unsafe mount",
	    OPT_FLAG, AT(force), NULL, 0, false },
	{ 0, "perf-unsafe", NULL, "fsync returns at once; power loss loses the changes",
	    OPT_FLAG, AT(perf_unsafe), NULL, 0, false },
	{ 0, "no-wal", NULL, "drop WAL at unmount; the changes are lost with it", OPT_FLAG,
	    AT(no_wal), NULL, 0, false },
	{ 0, "wal", "WHERE", "direct: pg_wal outside of the mount; mount: inside", OPT_CHOICE,
	    AT(wal), "auto|mount|direct", 0, false },
	{ 0, "cache", "MODE", "writeback, or writethrough: no space is told by write()",
	    OPT_CHOICE, AT(cache), "writeback|writethrough", 0, false },
	{ 0, "store-lock", "WHEN", "lock the backups against pg_probackup's merge and delete",
	    OPT_CHOICE, AT(store_lock), "auto|yes|no", 0, false },
	{ 0, "verify", "WHEN", "compare each page of a backup with its checksums", OPT_CHOICE,
	    AT(verify), "auto|on|off", 0, false },
	{ 0, "owner", "USER[:GROUP]", "as root: for whom to mount", OPT_TEXT, AT(owner),
	    NULL, 0, false },
	{ 0, "context", "LABEL", "as root: SELinux's label of all files in the mount", OPT_TEXT,
	    AT(context), NULL, 0, false },
	{ 0, "sandbox", "LEVEL", "full, or less: seccomp-only, none", OPT_CHOICE, AT(sandbox),
	    "full|seccomp-only|none", 0, false },
	{ 0, "log-file", "FILE", "instead of .pbkfs/pbkfs.log", OPT_TEXT, AT(log_file),
	    NULL, 0, false },
	{ 0, "log-limit", "SIZE", "of the log file, 16M by default; then it is renamed", OPT_SIZE,
	    AT(log_limit), NULL, UINT64_MAX, false },
	{ 0, "log-format", "FORMAT", "text or json", OPT_CHOICE, AT(log_format), "text|json",
	    0, false },
	{ 0, "log-sink", "SINK", "file or journald", OPT_CHOICE, AT(log_sink), "file|journald",
	    0, false },
	{ 0, "debug", NULL, "log more", OPT_FLAG, AT(debug), NULL, 0, false },
	{ 0, "pid-file", "FILE", "holds the supervisor's pid while mounted", OPT_TEXT,
	    AT(pid_file), NULL, 0, false },
	{ 0, "cache-size", "SIZE", "memory for block maps, e.g. 256M", OPT_SIZE, AT(cache_size),
	    NULL, UINT64_MAX, false },
	{ 0, "threads", "N", "serving threads", OPT_NUMBER, AT(threads), NULL, SHARED_SLOTS, true },
	HELP_OPTION,
};

static const struct option_def unmount_options[] = {
	{ 'D', "mnt-path", "DIR", "what to unmount", OPT_TEXT, AT(mnt), NULL, 0, false },
	{ 'd', "diff-dir", "DIR", "its diff directory, to be sure, or instead", OPT_TEXT,
	    AT(diff), NULL, 0, false },
	{ 0, "force", NULL, "kill its processes and detach it, in use or not", OPT_FLAG,
	    AT(force), NULL, 0, false },
	HELP_OPTION,
};

static const struct option_def stat_options[] = {
	{ 'D', "mnt-path", "DIR", "the mount", OPT_TEXT, AT(mnt), NULL, 0, false },
	FORMAT_OPTION,
	{ 0, "counters-reset", NULL, "set the counters to zero first", OPT_FLAG,
	    AT(counters_reset), NULL, 0, false },
	HELP_OPTION,
};

static const struct option_def cleanup_options[] = {
	{ 'd', "diff-dir", "DIR", "the diff directory to empty", OPT_TEXT, AT(diff),
	    NULL, 0, false },
	{ 0, "force", NULL, "unmount it first, as unmount --force does", OPT_FLAG, AT(force),
	    NULL, 0, false },
	HELP_OPTION,
};

static const struct option_def archive_get_options[] = {
	{ 'B', "pbk-store", "DIR", "the pg_probackup catalog", OPT_TEXT, AT(store), NULL, 0, false },
	{ 'I', "instance", "NAME", "the instance of the catalog", OPT_TEXT, AT(instance),
	    NULL, 0, false },
	{ 0, "sandbox", "LEVEL", "full, or less: seccomp-only, none", OPT_CHOICE, AT(sandbox),
	    "full|seccomp-only|none", 0, false },
	{ 0, "debug", NULL, "log more", OPT_FLAG, AT(debug), NULL, 0, false },
	HELP_OPTION,
};

static const struct operand_def archive_get_operands[] = {
	{ "FILE", "the name of the WAL file, %f of restore_command", AT(wal_file) },
	{ "PATH", "where to write it, %p of restore_command", AT(wal_path) },
};

static const struct option_def show_options[] = {
	{ 'B', "pbk-store", "DIR", "the pg_probackup catalog", OPT_TEXT, AT(store), NULL, 0, false },
	{ 'I', "instance", "NAME", "this instance only", OPT_TEXT, AT(instance), NULL, 0, false },
	FORMAT_OPTION,
	{ 0, "sandbox", "LEVEL", "full, or less: seccomp-only, none", OPT_CHOICE, AT(sandbox),
	    "full|seccomp-only|none", 0, false },
	HELP_OPTION,
};

static const struct option_def list_options[] = {
	FORMAT_OPTION,
	HELP_OPTION,
};

static const struct option_def verify_options[] = {
	{ 'B', "pbk-store", "DIR", "the pg_probackup catalog", OPT_TEXT, AT(store), NULL, 0, false },
	{ 'I', "instance", "NAME", "the instance of the catalog", OPT_TEXT, AT(instance),
	    NULL, 0, false },
	{ 'i', "backup-id", "ID", "the backup to check, with its chain; latest: the newest",
	    OPT_TEXT, AT(backup_id), NULL, 0, false },
	TARGET_OPTIONS("check the newest backup for"),
	{ 'j', "threads", "N", "check that many files at a time", OPT_NUMBER, AT(threads),
	    NULL, VERIFY_THREADS_MAX, false },
	{ 0, "sandbox", "LEVEL", "full, or less: seccomp-only, none", OPT_CHOICE, AT(sandbox),
	    "full|seccomp-only|none", 0, false },
	{ 0, "debug", NULL, "name system calls that are refused", OPT_FLAG, AT(debug),
	    NULL, 0, false },
	HELP_OPTION,
};

#define COMMAND(name, synopsis, summary) \
	{ #name, synopsis, summary, name##_options, ARRAY_SIZE(name##_options), cmd_##name, NULL, 0 }

static const struct command commands[] = {
	COMMAND(mount, "-B DIR -D DIR -d DIR -I NAME -i ID|latest [options]",
	    "mount a backup as a PostgreSQL data directory"),
	COMMAND(unmount, "-D DIR|-d DIR [--force]", "unmount it"),
	COMMAND(stat, "-D DIR [--format text|json] [--counters-reset]",
	    "show what a mount does"),
	COMMAND(cleanup, "-d DIR [--force]", "empty a diff directory"),
	COMMAND(show, "-B DIR [-I NAME] [--format text|json]",
	    "show the backups of a catalog, and which can be mounted"),
	COMMAND(list, "[--format text|json]", "list the mounts of this host"),
	COMMAND(verify, "-B DIR -I NAME -i ID|latest [-j N]", "check all that a backup's chain stores"),
	{ "archive-get", "-B DIR -I NAME FILE PATH", "fetch a WAL file from the archive, for restore_command",
	  archive_get_options, ARRAY_SIZE(archive_get_options), cmd_archive_get,
	  archive_get_operands, ARRAY_SIZE(archive_get_operands) },
};

const struct command *
options_command(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int
parse_number(const char *text, bool with_unit, uint64_t max, uint64_t *value)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t v;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (with_unit && *end != '\0' && (unit = strchr(units, *end)) != NULL) {
		if (__builtin_mul_overflow(v, (uint64_t)1 << (10 * (unit - units + 1)), &v))
			return -ERANGE;
		end++;
		if (strcmp(end, "B") == 0 || strcmp(end, "iB") == 0)
			end += strlen(end);
	}
	if (*end != '\0' || errno != 0 || v == 0 || v > max)
		return -EINVAL;
	*value = v;
	return 0;
}

static int
parse_choice(const char *choices, const char *text, unsigned *value)
{
	size_t n = strlen(text);
	unsigned i = 0;

	for (;; i++) {
		if (n > 0 && strncmp(choices, text, n) == 0 &&
		    (choices[n] == '|' || choices[n] == '\0')) {
			*value = i;
			return 0;
		}
		if ((choices = strchr(choices, '|')) == NULL)
			return -EINVAL;
		choices++;
	}
}

static int
set_value(const struct option_def *d, const char *text, struct options *o)
{
	void *field = (char *)o + d->offset;
	struct option_list *list;

	switch (d->type) {
	case OPT_FLAG:
		*(bool *)field = true;
		return 0;
	case OPT_TEXT:
		*(const char **)field = text;
		return text[0] != '\0' ? 0 : -EINVAL;
	case OPT_LIST:
		list = field;
		if (list->n == OPTION_LIST_MAX || text[0] == '\0')
			return -EINVAL;
		list->item[list->n++] = text;
		return 0;
	case OPT_NUMBER:
	case OPT_SIZE:
		return parse_number(text, d->type == OPT_SIZE, d->max, field);
	case OPT_CHOICE:
		return parse_choice(d->choices, text, field);
	}
	return -EINVAL;
}

static void
fill_getopt(const struct command *c, struct option *longs, char *letters)
{
	unsigned i;

	*letters++ = ':';
	for (i = 0; i < c->n_options; i++) {
		const struct option_def *d = &c->options[i];

		longs[i] = (struct option){
			d->name, d->arg != NULL ? required_argument : no_argument,
			NULL, LONG_ONLY + (int)i
		};
		if (d->letter == 0)
			continue;
		*letters++ = d->letter;
		if (d->arg != NULL)
			*letters++ = ':';
	}
	longs[i] = (struct option){ 0 };
	*letters = '\0';
}

static const struct option_def *
find_option(const struct command *c, int key)
{
	unsigned i;

	if (key >= LONG_ONLY)
		return &c->options[key - LONG_ONLY];
	for (i = 0; i < c->n_options; i++)
		if (c->options[i].letter == key)
			return &c->options[i];
	return NULL;
}

static int
usage_error(const struct command *c, const char *what, const char *word)
{
	cli_error("%s \"%s\": see pbkfs %s --help", what, word, c->name);
	return -1;
}

/* What getopt_long(3) has put behind the options. */
static int
parse_operands(const struct command *c, int argc, char **argv, struct options *o)
{
	const struct operand_def *d;
	unsigned i;

	for (i = 0; i < c->n_operands; i++, optind++) {
		d = &c->operands[i];
		if (optind == argc || argv[optind][0] == '\0')
			return usage_error(c, "missing argument", d->name);
		*(const char **)((char *)o + d->offset) = argv[optind];
	}
	if (optind < argc)
		return usage_error(c, "unexpected argument", argv[optind]);
	return 0;
}

int
options_parse(const struct command *c, int argc, char **argv, struct options *o)
{
	char letters[2 * OPTIONS_MAX + 2];
	struct option longs[OPTIONS_MAX + 1];
	const struct option_def *d;
	int key;

	memset(o, 0, sizeof(*o));
	fill_getopt(c, longs, letters);
	optind = 1;
	while ((key = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (key == ':')
			return usage_error(c, "missing argument of option", argv[optind - 1]);
		if (key == '?' || (d = find_option(c, key)) == NULL)
			return usage_error(c, "unknown option", argv[optind - 1]);
		if (set_value(d, optarg, o) != 0) {
			cli_error("--%s cannot be \"%s\"%s%s", d->name, optarg,
			    d->choices != NULL ? ", only " : "", d->choices != NULL ? d->choices : "");
			return -1;
		}
	}
	/* Help is given whatever else is missing. */
	return o->help && optind == argc ? 0 : parse_operands(c, argc, argv, o);
}

void
options_usage(void)
{
	size_t i;

	cli_print("usage: pbkfs COMMAND [options]\n\n"
	    "Mounts a pg_probackup backup as a PostgreSQL data directory that can be\n"
	    "started at once; every change is kept apart in a diff directory.\n\n"
	    "commands:\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		cli_print("  %-13s%s\n", commands[i].name, commands[i].summary);
	cli_print("\noptions:\n  -h, --help     show this help; pbkfs COMMAND --help tells more\n"
	    "  -V, --version  show the version\n");
}

void
options_help(const struct command *c)
{
	const struct option_def *d;
	char left[64];
	unsigned i;

	cli_print("usage: pbkfs %s %s\n\n%c%s.\n", c->name, c->synopsis,
	    c->summary[0] - 'a' + 'A', c->summary + 1);
	if (c->n_operands > 0)
		cli_print("\narguments:\n");
	for (i = 0; i < c->n_operands; i++)
		cli_print("  %-30s%s\n", c->operands[i].name, c->operands[i].help);
	cli_print("\noptions:\n");
	for (i = 0; i < c->n_options; i++) {
		d = &c->options[i];
		if (d->hidden)
			continue;
		snprintf(left, sizeof(left), "%c%c%s--%s%s%s", d->letter != 0 ? '-' : ' ',
		    d->letter != 0 ? d->letter : ' ', d->letter != 0 ? ", " : "  ", d->name,
		    d->arg != NULL ? " " : "", d->arg != NULL ? d->arg : "");
		if (strlen(left) > 28)	/* the text needs a gap: below, in its column */
			cli_print("  %s\n%32s%s\n", left, "", d->help);
		else
			cli_print("  %-30s%s\n", left, d->help);
	}
}

static bool
listed_before(size_t command, const char *name)
{
	size_t i, j;

	for (i = 0; i < command; i++)
		for (j = 0; j < commands[i].n_options; j++)
			if (!commands[i].options[j].hidden &&
			    strcmp(commands[i].options[j].name, name) == 0)
				return true;
	return false;
}

void
options_list(const struct command *c)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (c != NULL && c != &commands[i])
			continue;
		for (j = 0; j < commands[i].n_options; j++)
			if (!commands[i].options[j].hidden &&
			    (c != NULL || !listed_before(i, commands[i].options[j].name)))
				cli_print("%s\n", commands[i].options[j].name);
	}
	if (c == NULL)
		cli_print("version\n");
}
