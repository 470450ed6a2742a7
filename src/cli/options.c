/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of commands and options, its parser, and the help.  Each value is
 * checked by itself; commands check them together.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/run.h"
#include "ipc/command.h"
#include "ipc/shared.h"
#include "probackup/verify.h"
#include "restore/restore.h"
#include "supervisor/supervisor.h"

#define OPTIONS_MAX	64
#define LONG_ONLY	256	/* keys of options without a letter begin here */

enum option_type { OPT_FLAG, OPT_TEXT, OPT_LIST, OPT_NUMBER, OPT_SIZE, OPT_RATE, OPT_CHOICE, OPT_HEADING };

struct option_def {
	char	letter;		/* 0 = none */
	const char *name;
	const char *arg;	/* NULL = takes none */
	const char *help;	/* lines of up to 48 columns */
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
/* A row that is no option: the help prints it above those that follow. */
#define HEADING(text)	{ 0, NULL, NULL, text, OPT_HEADING, 0, NULL, 0, true }
#define STORE_OPTION \
	{ 'B', "pbk-store", "DIR", "use this pg_probackup catalog", OPT_TEXT, AT(store), \
	    NULL, 0, false }
#define INSTANCE_OPTION(what) \
	{ 'I', "instance", "NAME", what " this instance of the catalog", OPT_TEXT, AT(instance), \
	    NULL, 0, false }
#define FORMAT_OPTION \
	{ 0, "format", "FORMAT", "print text (default) or json", OPT_CHOICE, AT(format), \
	    "text|json", 0, false }
#define SANDBOX_OPTION \
	{ 0, "sandbox", "LEVEL", "confine by full (default), seccomp-only, or none", OPT_CHOICE, \
	    AT(sandbox), "full|seccomp-only|none", 0, false }
#define TIMELINE_OPTION(others) \
	{ 0, "recovery-target-timeline", "TLI", "follow timeline " others "or the one with this number", OPT_TEXT, \
	    AT(timeline), NULL, 0, false }
#define TARGET_OPTIONS(what) \
	{ 0, "recovery-target", "END", what " the end\n" \
	    "of the backup (immediate) or archive (latest)", OPT_TEXT, AT(target), NULL, 0, false }, \
	{ 0, "recovery-target-time", "TIME", what " this time", OPT_TEXT, AT(target_time), \
	    NULL, 0, false }, \
	{ 0, "recovery-target-xid", "XID", what " this transaction", OPT_TEXT, AT(target_xid), \
	    NULL, 0, false }, \
	{ 0, "recovery-target-lsn", "LSN", what " this WAL position", OPT_TEXT, AT(target_lsn), \
	    NULL, 0, false }, \
	{ 0, "recovery-target-name", "NAME", what " this restore point", OPT_TEXT, \
	    AT(target_name), NULL, 0, false }, \
	TIMELINE_OPTION("current (default), latest,\n")
#define TARGET_DETAILS(action_help, command_help) \
	{ 0, "recovery-target-inclusive", "BOOL", "stop just after the target (true), or just\n" \
	    "before (false)", OPT_TEXT, AT(inclusive), NULL, 0, false }, \
	{ 0, "recovery-target-action", "ACTION", action_help, OPT_TEXT, AT(action), NULL, 0, false }, \
	{ 'R', "restore-as-replica", NULL, "make a standby of it", OPT_FLAG, AT(replica), NULL, 0, false }, \
	{ 0, "restore-command", "COMMAND", command_help, \
	    OPT_TEXT, AT(restore_command), NULL, 0, false }
#define STORE_LOCK_OPTION \
	{ 0, "store-lock", "WHEN", "lock the backups against merge and delete of\n" \
	    "pg_probackup: auto (default), yes, or no", OPT_CHOICE, AT(store_lock), "auto|yes|no", \
	    0, false }
#define WHAT_OPTIONS \
	STORE_OPTION, \
	INSTANCE_OPTION("mount a backup of"), \
	{ 'i', "backup-id", "ID", "mount this backup, or the newest (latest)", OPT_TEXT, \
	    AT(backup_id), NULL, 0, false }, \
	{ 0, "db-include", "NAME", "mount this database only; can be repeated", OPT_LIST, \
	    AT(db_include), NULL, 0, false }, \
	{ 0, "db-exclude", "NAME", "mount all but this database; can be repeated", OPT_LIST, \
	    AT(db_exclude), NULL, 0, false }, \
	{ 0, "skip-external-dirs", NULL, "do not mount external directories", OPT_FLAG, \
	    AT(skip_external), NULL, 0, false }, \
	{ 0, "verify", "WHEN", "compare pages with their checksums: auto\n" \
	    "(default), on, or off", OPT_CHOICE, AT(verify), "auto|on|off", 0, false }, \
	STORE_LOCK_OPTION
#define CLONE_OPTIONS \
	{ 0, "set", "NAME=VALUE", "set a configuration parameter; can be repeated", OPT_LIST, AT(set), \
	    NULL, 0, false }, \
	{ 0, "keep-settings", NULL, "keep settings that may affect production", OPT_FLAG, \
	    AT(keep_settings), NULL, 0, false }
#define HYDRATE_OPTIONS \
	{ 0, "rate", "SIZE/s", "copy no more than this in a second, e.g. 50M", OPT_RATE, AT(rate), NULL, \
	    INT64_MAX, false }, \
	{ 'j', "jobs", "N", "copy this many files at a time", OPT_NUMBER, AT(jobs), NULL, COMMAND_JOBS_MAX, false }
#define CACHE_SIZE_OPTION \
	{ 0, "cache-size", "SIZE", "use this much memory for block maps, e.g. 256M", OPT_SIZE, \
	    AT(cache_size), NULL, UINT64_MAX, false }
#define STALL_OPTION(what) \
	{ 0, "stall-timeout", "SECS", what " does not get on for\nso long (default 600)", \
	    OPT_NUMBER, AT(stall_timeout), NULL, 1000000, false }
#define QUIET_OPTION \
	{ 'q', "quiet", NULL, "tell nothing but warnings and errors", OPT_FLAG, AT(quiet), NULL, 0, false }
#define DIFF_OPTION(what) \
	{ 'd', "diff-dir", "DIR", what " this diff directory", OPT_TEXT, AT(diff), NULL, 0, false }
#define BRANCH_OPTION(what) \
	{ 0, "branch", "NAME", what " this branch", OPT_TEXT, AT(branch), NULL, 0, false }
#define CONFINE_OPTIONS \
	SANDBOX_OPTION, \
	{ 0, "debug", NULL, "log system calls that are refused", OPT_FLAG, AT(debug), NULL, 0, false }, \
	HELP_OPTION
#define HELP_OPTION	{ 'h', "help", NULL, "show this help, then exit", OPT_FLAG, AT(help), NULL, 0, false }

static const struct option_def mount_options[] = {
	HEADING("Options controlling what is mounted"),
	WHAT_OPTIONS,
	{ 0, "force", NULL, "mount backups that are in doubt, or after an\n"
	    "unclean end of a --perf-unsafe mount", OPT_FLAG, AT(force), NULL, 0, false },

	HEADING("Options controlling locations"),
	{ 'D', "mnt-path", "DIR", "mount at this directory", OPT_TEXT, AT(mnt), NULL, 0, false },
	{ 'd', "diff-dir", "DIR", "keep changes in this directory", OPT_TEXT, AT(diff),
	    NULL, 0, false },
	{ 0, "branch", "NAME", "keep them in this branch of it", OPT_TEXT, AT(branch), NULL, 0, false },
	{ 'T', "tablespace-mapping", "OLD=NEW", "copy tablespace OLD into directory NEW;\n"
	    "can be repeated", OPT_LIST, AT(tablespaces), NULL, 0, false },
	{ 0, "external-mapping", "OLD=NEW", "copy external directory OLD into directory NEW;\n"
	    "can be repeated", OPT_LIST, AT(externals), NULL, 0, false },
	{ 0, "wal", "WHERE", "keep pg_wal outside of the mount (direct),\n"
	    "inside (mount), or as is possible (auto,\ndefault)", OPT_CHOICE, AT(wal),
	    "auto|mount|direct", 0, false },

	HEADING("Options controlling recovery"),
	TARGET_OPTIONS("recover up to"),
	TARGET_DETAILS("pause (default), promote, or shutdown at the\n"
	    "target", "get WAL by this command, not from .pbkfs/wal"),

	HEADING("Options controlling the clone"),
	CLONE_OPTIONS,

	HEADING("Options controlling who may do what"),
	{ 0, "owner", "USER[:GROUP]", "mount for this user, as root", OPT_TEXT, AT(owner),
	    NULL, 0, false },
	{ 0, "context", "LABEL", "give all files this SELinux label, as root", OPT_TEXT,
	    AT(context), NULL, 0, false },
	SANDBOX_OPTION,

	HEADING("Options controlling durability and memory"),
	{ 0, "perf-unsafe", NULL, "let fsync return at once; a crash may lose the\n"
	    "changes", OPT_FLAG, AT(perf_unsafe), NULL, 0, false },
	{ 0, "no-wal", NULL, "remove WAL, and with it all changes, at unmount", OPT_FLAG,
	    AT(no_wal), NULL, 0, false },
	{ 0, "cache", "MODE", "report a full disk at fsync (writeback,\n"
	    "default), or at each write (writethrough)", OPT_CHOICE, AT(cache),
	    "writeback|writethrough", 0, false },
	CACHE_SIZE_OPTION,
	{ 0, "threads", "N", "use this many serving threads", OPT_NUMBER, AT(threads), NULL,
	    SHARED_SLOTS, true },

	HEADING("Options controlling hydration"),
	{ 0, "hydrate", NULL, "copy the backup into the diff directory, in the\nbackground", OPT_FLAG, AT(hydrate),
	    NULL, 0, false },
	HYDRATE_OPTIONS,

	HEADING("Options controlling logging and the command"),
	{ 0, "log-file", "FILE", "log to this file, not to .pbkfs/pbkfs.log", OPT_TEXT,
	    AT(log_file), NULL, 0, false },
	{ 0, "log-limit", "SIZE", "rename the log file at this size (default 16M)", OPT_SIZE,
	    AT(log_limit), NULL, UINT64_MAX, false },
	{ 0, "log-format", "FORMAT", "log text (default) or json", OPT_CHOICE, AT(log_format),
	    "text|json", 0, false },
	{ 0, "log-sink", "SINK", "log to file (default) or journald", OPT_CHOICE, AT(log_sink),
	    "file|journald", 0, false },
	{ 0, "debug", NULL, "log more", OPT_FLAG, AT(debug), NULL, 0, false },
	{ 0, "pid-file", "FILE", "write the supervisor's pid to this file", OPT_TEXT,
	    AT(pid_file), NULL, 0, false },
	{ 0, "console", NULL, "stay in the foreground; Ctrl-C unmounts", OPT_FLAG, AT(console),
	    NULL, 0, false },
	{ 0, "wait", NULL, "wait until the mount answers", OPT_FLAG, AT(wait), NULL, 0, false },
	{ 0, "timeout", "SECS", "wait no longer than this", OPT_NUMBER, AT(timeout), NULL,
	    1000000, false },
	HELP_OPTION,
};

static const struct option_def run_options[] = {
	HEADING("Options controlling what is mounted"),
	WHAT_OPTIONS,
	{ 0, "from", "DIFF@SNAPSHOT", "run on a branch of this snapshot; the branch\ngoes with the run", OPT_TEXT, AT(from), NULL, 0,
	    false },
	{ 0, "force", NULL, "mount backups that are in doubt", OPT_FLAG, AT(force), NULL, 0, false },

	HEADING("Options controlling locations"),
	{ 0, "workdir", "DIR", "make mountpoint, socket and diff directory in\n"
	    "this directory, not in $TMPDIR", OPT_TEXT, AT(workdir), NULL, 0, false },
	{ 'd', "diff-dir", "DIR", "keep changes in this directory", OPT_TEXT, AT(diff),
	    NULL, 0, false },
	{ 0, "bindir", "DIR", "find PostgreSQL's programs in this directory", OPT_TEXT,
	    AT(bindir), NULL, 0, false },

	HEADING("Options controlling recovery"),
	{ 0, "at", "TIME", "recover up to this time, from the backup that\n"
	    "has to be taken for it", OPT_TEXT, AT(at), NULL, 0, false },
	TARGET_OPTIONS("recover up to"),
	TARGET_DETAILS("promote (default), or pause at the target",
	    "get WAL by this command, not from .pbkfs/wal"),

	HEADING("Options controlling the server"),
	CLONE_OPTIONS,
	{ 0, "listen", "ADDRESS", "listen at this address, too, and a free port,\n"
	    "or ADDRESS:PORT", OPT_TEXT, AT(listen), NULL, 0, false },

	HEADING("Options controlling who may do what"),
	{ 0, "owner", "USER[:GROUP]", "run the server as this user (default postgres),\n"
	    "as root", OPT_TEXT, AT(owner), NULL, 0, false },
	{ 0, "context", "LABEL", "give all files this SELinux label, as root", OPT_TEXT,
	    AT(context), NULL, 0, false },
	SANDBOX_OPTION,

	HEADING("Options controlling the run"),
	{ 0, "keep", NULL, "leave mount and server running, and tell how to\n"
	    "go on", OPT_FLAG, AT(keep), NULL, 0, false },
	QUIET_OPTION,
	{ 0, "timeout", "SECS", "wait no longer than this for the server", OPT_NUMBER, AT(timeout),
	    NULL, 1000000, false },
	STALL_OPTION("give up a server that"),
	CACHE_SIZE_OPTION,
	{ 0, "threads", "N", "use this many serving threads", OPT_NUMBER, AT(threads), NULL,
	    SHARED_SLOTS, true },
	{ 0, "debug", NULL, "log more", OPT_FLAG, AT(debug), NULL, 0, false },
	HELP_OPTION,
};

static const struct option_def prove_options[] = {
	HEADING("Options controlling what is proven"),
	STORE_OPTION,
	{ 'I', "instance", "NAME", "prove a backup of this instance only; can be\nrepeated", OPT_LIST,
	    AT(instances), NULL, 0, false },
	{ 'i', "backup-id", "ID", "prove this backup, the newest (latest, default),\n"
	    "or every one (all)", OPT_TEXT, AT(backup_id), NULL, 0, false },
	{ 0, "recovery-target", "END", "recover up to the end of the backup (immediate)\n"
	    "or archive (latest, default)", OPT_TEXT, AT(target), NULL, 0, false },
	TIMELINE_OPTION("latest (default), current,\n"),
	{ 0, "plan", NULL, "tell what that would do, need and lack, and\nstart nothing", OPT_FLAG, AT(plan),
	    NULL, 0, false },

	HEADING("Options controlling the checks"),
	{ 0, "max-age", "AGE", "fail if the newest backup, or the archive's last\nWAL, is older, e.g. 26h", OPT_TEXT, AT(max_age), NULL, 0, false },
	{ 0, "dump", NULL, "dump every database, to nowhere", OPT_FLAG, AT(dump), NULL, 0, false },
	{ 0, "sql", "FILE", "run these queries, too; one that gives false\n"
	    "fails; can be repeated", OPT_LIST, AT(sql), NULL, 0, false },
	{ 'j', "jobs", "N", "check this many files and relations at a time", OPT_NUMBER, AT(jobs),
	    NULL, VERIFY_THREADS_MAX, false },
	{ 0, "timeout", "SECS", "fail a step that takes longer than this", OPT_NUMBER, AT(timeout),
	    NULL, 1000000, false },
	STALL_OPTION("fail a step that"),
	{ 0, "nice", "N", "run all at this nice value, 0 to 19 (default 10)", OPT_TEXT, AT(nice), NULL, 0, false },

	HEADING("Options controlling locations"),
	{ 0, "workdir", "DIR", "make mountpoint, socket and diff directory in\n"
	    "this directory, not in $TMPDIR", OPT_TEXT, AT(workdir), NULL, 0, false },
	{ 0, "bindir", "DIR", "find PostgreSQL's programs in this directory", OPT_TEXT,
	    AT(bindir), NULL, 0, false },

	HEADING("Options controlling the server"),
	CLONE_OPTIONS,

	HEADING("Options controlling who may do what"),
	{ 0, "owner", "USER[:GROUP]", "run the server as this user (default postgres),\n"
	    "as root", OPT_TEXT, AT(owner), NULL, 0, false },
	SANDBOX_OPTION,

	HEADING("Options controlling the report"),
	{ 0, "report", "FILE", "write the results to this file, too: .html,\n"
	    ".json, .prom or .xml; can be repeated", OPT_LIST, AT(reports), NULL, 0, false },
	{ 0, "history", "DIR", "keep the results in this directory, and show\n"
	    "them in the .html", OPT_TEXT, AT(history), NULL, 0, false },
	{ 'q', "quiet", NULL, "tell nothing but results, warnings and errors", OPT_FLAG, AT(quiet),
	    NULL, 0, false },
	{ 0, "debug", NULL, "log more", OPT_FLAG, AT(debug), NULL, 0, false },
	HELP_OPTION,
};

static const struct option_def unmount_options[] = {
	{ 'D', "mnt-path", "DIR", "unmount what is mounted there", OPT_TEXT, AT(mnt), NULL, 0, false },
	{ 'd', "diff-dir", "DIR", "unmount it only if this is its diff directory;\n"
	    "or find it by this directory", OPT_TEXT, AT(diff), NULL, 0, false },
	{ 0, "branch", "NAME", "the same of this branch in it", OPT_TEXT, AT(branch), NULL, 0, false },
	{ 0, "force", NULL, "kill its processes, and detach it even if in use", OPT_FLAG,
	    AT(force), NULL, 0, false },
	HELP_OPTION,
};

static const struct option_def stat_options[] = {
	{ 'D', "mnt-path", "DIR", "show the figures of this mount", OPT_TEXT, AT(mnt), NULL, 0, false },
	FORMAT_OPTION,
	{ 0, "counters-reset", NULL, "reset the counters first", OPT_FLAG,
	    AT(counters_reset), NULL, 0, false },
	HELP_OPTION,
};

static const struct option_def hydrate_options[] = {
	{ 'D', "mnt-path", "DIR", "copy what this mount still needs the catalog for", OPT_TEXT, AT(mnt), NULL, 0,
	    false },
	HYDRATE_OPTIONS,
	{ 0, "stop", NULL, "stop; what is copied stays", OPT_FLAG, AT(stop), NULL, 0, false },
	{ 0, "wait", NULL, "wait until the catalog is not needed any more", OPT_FLAG, AT(wait), NULL, 0, false },
	{ 0, "watch", NULL, "the same, and show how far it is", OPT_FLAG, AT(watch), NULL, 0, false },
	HELP_OPTION,
};

static const struct option_def promote_options[] = {
	{ 'd', "diff-dir", "DIR", "promote this diff directory, which is detached", OPT_TEXT, AT(diff), NULL, 0, false },
	{ 'D', "mnt-path", "DIR", "the same of what is mounted there: unmount it\nfirst", OPT_TEXT, AT(mnt), NULL, 0,
	    false },
	{ 0, "to", "DIR", "make this the data directory", OPT_TEXT, AT(to), NULL, 0, false },
	{ 'T', "tablespace-mapping", "OLD=NEW", "put tablespace OLD, a path or an OID, into\ndirectory NEW; can be repeated", OPT_LIST,
	    AT(tablespaces), NULL, 0, false },
	{ 0, "external-mapping", "OLD=NEW", "put external directory OLD, a path or a number,\ninto directory NEW; can be repeated",
	    OPT_LIST, AT(externals), NULL, 0, false },
	{ 0, "waldir", "DIR", "put WAL into this directory", OPT_TEXT, AT(waldir), NULL, 0, false },
	{ 0, "keep-clone-settings", NULL, "leave the settings that make it a clone", OPT_FLAG, AT(keep_clone_settings), NULL,
	    0, false },
	{ 0, "copy", NULL, "copy, also to another file system", OPT_FLAG, AT(copy), NULL, 0, false },
	{ 0, "abort", NULL, "take an unfinished promotion back", OPT_FLAG, AT(abort), NULL, 0, false },
	QUIET_OPTION,
	SANDBOX_OPTION,
	{ 0, "debug", NULL, "log system calls that are refused", OPT_FLAG, AT(debug), NULL, 0, false },
	HELP_OPTION,
};

static const struct option_def cleanup_options[] = {
	{ 'd', "diff-dir", "DIR", "empty this diff directory", OPT_TEXT, AT(diff),
	    NULL, 0, false },
	{ 0, "force", NULL, "unmount it first, as unmount --force does, and\n"
	    "remove what is protected", OPT_FLAG, AT(force),
	    NULL, 0, false },
	HELP_OPTION,
};

static const struct option_def archive_get_options[] = {
	STORE_OPTION,
	INSTANCE_OPTION("get WAL of"),
	SANDBOX_OPTION,
	{ 0, "debug", NULL, "log more", OPT_FLAG, AT(debug), NULL, 0, false },
	HELP_OPTION,
};

static const struct operand_def archive_get_operands[] = {
	{ "FILE", "name of the WAL file, %f of restore_command", AT(wal_file) },
	{ "PATH", "where to write it, %p of restore_command", AT(wal_path) },
};

static const struct option_def show_options[] = {
	STORE_OPTION,
	INSTANCE_OPTION("show only"),
	FORMAT_OPTION,
	SANDBOX_OPTION,
	HELP_OPTION,
};

static const struct option_def list_options[] = {
	{ 'd', "diff-dir", "DIR", "show this diff directory, too, if its promotion\nis unfinished", OPT_TEXT, AT(diff), NULL, 0, false },
	FORMAT_OPTION,
	HELP_OPTION,
};

static const struct option_def verify_options[] = {
	STORE_OPTION,
	INSTANCE_OPTION("check a backup of"),
	{ 'i', "backup-id", "ID", "check this backup, or the newest (latest), with\nits chain",
	    OPT_TEXT, AT(backup_id), NULL, 0, false },
	TARGET_OPTIONS("check the newest backup for"),
	{ 'j', "threads", "N", "check this many files at a time", OPT_NUMBER, AT(threads),
	    NULL, VERIFY_THREADS_MAX, false },
	SANDBOX_OPTION,
	{ 0, "debug", NULL, "log system calls that are refused", OPT_FLAG, AT(debug),
	    NULL, 0, false },
	HELP_OPTION,
};

static const struct option_def restore_options[] = {
	HEADING("Options controlling what is restored"),
	STORE_OPTION,
	INSTANCE_OPTION("restore a backup of"),
	{ 'i', "backup-id", "ID", "restore this backup, or the newest (latest)", OPT_TEXT,
	    AT(backup_id), NULL, 0, false },
	{ 0, "db-include", "NAME", "restore this database only; can be repeated", OPT_LIST,
	    AT(db_include), NULL, 0, false },
	{ 0, "db-exclude", "NAME", "restore all but this database; can be repeated", OPT_LIST,
	    AT(db_exclude), NULL, 0, false },
	{ 0, "skip-external-dirs", NULL, "do not restore external directories", OPT_FLAG,
	    AT(skip_external), NULL, 0, false },
	STORE_LOCK_OPTION,

	HEADING("Options controlling locations"),
	{ 'D', "to", "DIR", "make this the data directory", OPT_TEXT, AT(to), NULL, 0, false },
	{ 0, "incremental", NULL, "DIR is a copy of another backup: write only\n"
	    "blocks that differ, remove what is not in the\nbackup", OPT_FLAG, AT(incremental),
	    NULL, 0, false },
	{ 'T', "tablespace-mapping", "OLD=NEW", "put tablespace OLD into directory NEW;\n"
	    "can be repeated", OPT_LIST, AT(tablespaces), NULL, 0, false },
	{ 0, "external-mapping", "OLD=NEW", "put external directory OLD into directory NEW;\n"
	    "can be repeated", OPT_LIST, AT(externals), NULL, 0, false },
	{ 0, "waldir", "DIR", "put WAL into this directory", OPT_TEXT, AT(waldir), NULL, 0, false },

	HEADING("Options controlling recovery"),
	TARGET_OPTIONS("recover up to"),
	TARGET_DETAILS("pause (default), promote, or shutdown at the\n"
	    "target", "get WAL by this command, not by pbkfs\narchive-get"),
	{ 0, "primary-conninfo", "TEXT", "connect a standby to its primary by this, not\nas the backup says", OPT_TEXT,
	    AT(conninfo), NULL, 0, false },
	{ 'S', "primary-slot-name", "NAME", "let a standby use this slot of its primary", OPT_TEXT, AT(slot), NULL,
	    0, false },

	HEADING("Options controlling who may do what"),
	{ 0, "owner", "USER[:GROUP]", "give all files to this user, as root", OPT_TEXT, AT(owner),
	    NULL, 0, false },
	SANDBOX_OPTION,

	HEADING("Options controlling the work"),
	{ 'j', "threads", "N", "copy by this many threads", OPT_NUMBER, AT(threads),
	    NULL, RESTORE_THREADS_MAX, false },
	{ 0, "cache-size", "SIZE", "use this much memory, e.g. 256M", OPT_SIZE, AT(cache_size), NULL,
	    UINT64_MAX, false },
	{ 0, "no-sync", NULL, "do not wait until all is on disk", OPT_FLAG, AT(no_sync), NULL, 0, false },
	QUIET_OPTION,
	{ 0, "debug", NULL, "log system calls that are refused", OPT_FLAG, AT(debug),
	    NULL, 0, false },
	HELP_OPTION,
};

static const struct option_def snapshot_options[] = {
	DIFF_OPTION("freeze the state of"),
	BRANCH_OPTION("freeze that of"),
	{ 'D', "mnt-path", "DIR", "freeze the state of what is mounted there", OPT_TEXT, AT(mnt), NULL, 0, false },
	{ 0, "message", "TEXT", "say what it is", OPT_TEXT, AT(message), NULL, 0, false },
	CONFINE_OPTIONS,
};

static const struct operand_def snapshot_operands[] = {
	{ "NAME", "what the snapshot is called", AT(name) },
};

static const struct option_def branch_options[] = {
	DIFF_OPTION("make a branch in"),
	{ 0, "from", "SNAPSHOT", "begin with this one, not with the newest", OPT_TEXT, AT(from), NULL, 0, false },
	CONFINE_OPTIONS,
};

static const struct operand_def branch_operands[] = {
	{ "NAME", "what the branch is called", AT(name) },
};

static const struct option_def reset_options[] = {
	DIFF_OPTION("drop what was changed in"),
	BRANCH_OPTION("drop what was changed in"),
	{ 'D', "mnt-path", "DIR", "drop what was changed in what is mounted there", OPT_TEXT, AT(mnt), NULL, 0, false },
	{ 0, "to", "SNAPSHOT", "go back to this one, not to that below it", OPT_TEXT, AT(to), NULL, 0, false },
	CONFINE_OPTIONS,
};

static const struct option_def tree_options[] = {
	DIFF_OPTION("show all branches of"),
	FORMAT_OPTION,
	CONFINE_OPTIONS,
};

static const struct option_def delete_options[] = {
	DIFF_OPTION("delete in"),
	BRANCH_OPTION("delete"),
	{ 0, "snapshot", "NAME", "delete this snapshot", OPT_TEXT, AT(snapshot), NULL, 0, false },
	{ 0, "recursive", NULL, "delete what is based on it, too", OPT_FLAG, AT(recursive), NULL, 0, false },
	{ 0, "protect", NULL, "delete nothing: refuse to, from now on", OPT_FLAG, AT(protect), NULL, 0, false },
	{ 0, "unprotect", NULL, "delete nothing: allow it again", OPT_FLAG, AT(unprotect), NULL, 0, false },
	CONFINE_OPTIONS,
};

static const struct option_def rename_options[] = {
	DIFF_OPTION("rename in"),
	BRANCH_OPTION("rename"),
	{ 0, "snapshot", "NAME", "rename this snapshot", OPT_TEXT, AT(snapshot), NULL, 0, false },
	CONFINE_OPTIONS,
};

static const struct operand_def rename_operands[] = {
	{ "NEW", "what it is called from now on", AT(name) },
};

#define NAMING_COMMAND(command, synopsis, summary) \
	{ #command, synopsis, summary, command##_options, ARRAY_SIZE(command##_options), cmd_##command, \
	    command##_operands, ARRAY_SIZE(command##_operands), false, 0 }
#define COMMAND(name, synopsis, summary) \
	{ #name, synopsis, summary, name##_options, ARRAY_SIZE(name##_options), cmd_##name, NULL, 0, \
	    false, 0 }

static const struct command commands[] = {
	{ "run", "-B DIR -I NAME|--from DIFF@SNAPSHOT [OPTION]... [-- COMMAND...]",
	  "run a command with a server on a backup",
	  run_options, ARRAY_SIZE(run_options), cmd_run, NULL, 0, true, RUN_FAILED },
	COMMAND(prove, "-B DIR [-I NAME]... [-i ID|latest|all] [OPTION]...",
	    "prove that backups work: start a server on each, and check it"),
	COMMAND(mount, "-B DIR -I NAME -i ID|latest -D DIR -d DIR [OPTION]...",
	    "mount a backup as a PostgreSQL data directory"),
	COMMAND(unmount, "-D DIR|-d DIR [--force]", "unmount a backup"),
	COMMAND(stat, "-D DIR [OPTION]...",
	    "show what a mount does"),
	COMMAND(hydrate, "-D DIR [OPTION]...", "copy a backup into a diff directory, which then needs no catalog"),
	COMMAND(promote, "-d DIR|-D DIR --to DIR [OPTION]...",
	    "make a plain data directory of a diff directory, at once"),
	NAMING_COMMAND(snapshot, "-d DIR [--branch NAME]|-D DIR [OPTION]... NAME", "freeze the state of a diff directory"),
	NAMING_COMMAND(branch, "-d DIR [--from SNAPSHOT] [OPTION]... NAME", "make a branch of a snapshot"),
	COMMAND(reset, "-d DIR [--branch NAME]|-D DIR [--to SNAPSHOT] [OPTION]...", "go back to a snapshot"),
	COMMAND(tree, "-d DIR [OPTION]...", "show snapshots and branches"),
	COMMAND(delete, "-d DIR --branch NAME|--snapshot NAME [OPTION]...", "delete a branch or a snapshot"),
	NAMING_COMMAND(rename, "-d DIR --branch NAME|--snapshot NAME [OPTION]... NEW", "rename a branch or a snapshot"),
	COMMAND(cleanup, "-d DIR [--force]", "empty a diff directory"),
	COMMAND(show, "-B DIR [-I NAME] [OPTION]...",
	    "show the backups of a catalog, and which can be mounted"),
	COMMAND(list, "[OPTION]...", "list the mounts of this host"),
	COMMAND(restore, "-B DIR -I NAME -i ID|latest --to DIR [OPTION]...",
	    "copy a backup into a plain data directory"),
	COMMAND(verify, "-B DIR -I NAME -i ID|latest [OPTION]...", "check all that a backup's chain stores"),
	{ "archive-get", "-B DIR -I NAME [OPTION]... FILE PATH", "get a WAL file from the archive, for restore_command",
	  archive_get_options, ARRAY_SIZE(archive_get_options), cmd_archive_get,
	  archive_get_operands, ARRAY_SIZE(archive_get_operands), false, 0 },
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

#define RATE_MIN	8192	/* a block in a second; who writes 50 means 50M */

/* A size, in a second, be that said or not. */
static int
parse_rate(const char *text, uint64_t max, uint64_t *value)
{
	char size[32];
	size_t n = strlen(text);
	uint64_t rate;

	if (n > 2 && strcmp(text + n - 2, "/s") == 0)
		n -= 2;
	if (n >= sizeof(size))
		return -EINVAL;
	memcpy(size, text, n);
	size[n] = '\0';
	if (parse_number(size, true, max, &rate) < 0 || rate < RATE_MIN)
		return -EINVAL;
	*value = rate;
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
	case OPT_RATE:
		return parse_rate(text, d->max, field);
	case OPT_NUMBER:
	case OPT_SIZE:
		return parse_number(text, d->type == OPT_SIZE, d->max, field);
	case OPT_CHOICE:
		return parse_choice(d->choices, text, field);
	case OPT_HEADING:
		break;
	}
	return -EINVAL;
}

static void
fill_getopt(const struct command *c, struct option *longs, char *letters)
{
	unsigned i;

	if (c->takes_command)
		*letters++ = '+';	/* its options are not ours */
	*letters++ = ':';
	for (i = 0; i < c->n_options; i++) {
		const struct option_def *d = &c->options[i];

		if (d->type == OPT_HEADING)
			continue;
		*longs++ = (struct option){
			d->name, d->arg != NULL ? required_argument : no_argument,
			NULL, LONG_ONLY + (int)i
		};
		if (d->letter == 0)
			continue;
		*letters++ = d->letter;
		if (d->arg != NULL)
			*letters++ = ':';
	}
	*longs = (struct option){ 0 };
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
usage_error(const char *what, const char *word)
{
	return cli_usage("%s \"%s\"", what, word);
}

/* Tells that an option cannot have this value, and which it can. */
static int
refuse_value(const struct option_def *d, const char *value)
{
	char only[256] = "";

	if (d->type == OPT_NUMBER)
		snprintf(only, sizeof(only), ", only 1 to %" PRIu64 "%s", d->max,
		    strcmp(d->arg, "SECS") == 0 ? " seconds" : "");
	else if (d->type == OPT_SIZE)
		snprintf(only, sizeof(only), ", only a size such as 256M");
	else if (d->type == OPT_RATE)
		snprintf(only, sizeof(only), ", only a size such as 50M, and at least 8K");
	else if (d->choices != NULL)
		snprintf(only, sizeof(only), ", only %s", d->choices);
	return cli_usage("--%s cannot be \"%s\"%s", d->name, value, only);
}

/* Puts the long options that begin with n bytes of word into text.  Returns how many there are. */
static unsigned
list_candidates(const struct command *c, const char *word, size_t n, char *text, size_t size)
{
	unsigned i, found = 0;

	text[0] = '\0';
	for (i = 0; i < c->n_options; i++) {
		if (c->options[i].type == OPT_HEADING || strncmp(c->options[i].name, word, n) != 0)
			continue;
		if (found++ > 0)
			strlcat(text, ", ", size);
		strlcat(text, "--", size);
		strlcat(text, c->options[i].name, size);
	}
	return found;
}

/* ---- options that another command has ----------------------------------------- */

/* Fields that say the same to different commands; the first group counts that has one of this command. */
static const size_t counterparts[][3] = {
	{ AT(diff), AT(workdir), AT(diff) }, { AT(mnt), AT(to), AT(workdir) }, { AT(mnt), AT(diff), AT(to) },
	{ AT(threads), AT(jobs), AT(jobs) }, { AT(at), AT(target_time), AT(target_time) },
	{ AT(instance), AT(instances), AT(instances) },
};

/* Names that pg_probackup and PostgreSQL have for them. */
static const struct { const char *name; size_t offset; } foreign[] = {
	{ "pgdata", AT(mnt) }, { "backup-path", AT(store) }, { "num-threads", AT(threads) },
};

static bool
is_called(const struct option_def *d, char letter, const char *name, size_t n)
{
	if (d->type == OPT_HEADING)
		return false;
	return letter != 0 ? d->letter == letter : strncmp(d->name, name, n) == 0 && d->name[n] == '\0';
}

/* The option of c that is kept in this field, or NULL. */
static const struct option_def *
find_field(const struct command *c, size_t offset)
{
	unsigned i;

	for (i = 0; i < c->n_options; i++)
		if (c->options[i].type != OPT_HEADING && c->options[i].offset == offset)
			return &c->options[i];
	return NULL;
}

static const struct option_def *
find_counterpart(const struct command *c, size_t offset)
{
	const struct option_def *d = find_field(c, offset);
	size_t i, j, k;

	for (i = 0; i < ARRAY_SIZE(counterparts) && d == NULL; i++)
		for (j = 0; j < ARRAY_SIZE(counterparts[i]); j++)
			for (k = 0; k < ARRAY_SIZE(counterparts[i]) && counterparts[i][j] == offset && d == NULL; k++)
				d = find_field(c, counterparts[i][k]);
	return d;
}

/* Puts "-D, --mnt-path=DIR" into text. */
static void
show_option(const struct option_def *d, char *text, size_t size)
{
	const char letter[] = { '-', d->letter, ',', ' ', '\0' };

	snprintf(text, size, "%s--%s%s%s", d->letter != 0 ? letter : "", d->name, d->arg != NULL ? "=" : "",
	    d->arg != NULL ? d->arg : "");
}

/*
 * Tells of an option that c does not have, a letter or n bytes of a name: what c calls the same, or else which
 * commands have it.
 */
static int
refuse_unknown(const struct command *c, char letter, const char *name, size_t n)
{
	const struct option_def *own = NULL;
	char word[128], text[1024] = "";
	size_t i, j;

	snprintf(word, sizeof(word), "%s%.*s", letter != 0 ? "-" : "--", letter != 0 ? 1 : (int)n, letter != 0 ? &letter : name);
	for (i = 0; i < ARRAY_SIZE(foreign) && letter == 0; i++)
		if (strlen(foreign[i].name) == n && strncmp(foreign[i].name, name, n) == 0)
			own = find_counterpart(c, foreign[i].offset);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		for (j = 0; j < commands[i].n_options; j++) {
			if (!is_called(&commands[i].options[j], letter, name, n))
				continue;
			if (own == NULL)
				own = find_counterpart(c, commands[i].options[j].offset);
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", text[0] != '\0' ? ", " : "", commands[i].name);
			break;
		}
	if (own != NULL) {
		show_option(own, text, sizeof(text));
		return cli_usage("unknown option \"%s\" of %s, which has %s", word, c->name, text);
	}
	if (text[0] != '\0')
		return cli_usage("unknown option \"%s\" of %s, it is one of %s", word, c->name, text);
	return usage_error("unknown option", word);
}

/* Tells why getopt_long(3) refused the last word: one that it knows has a value too many. */
static int
refuse_option(const struct command *c, const char *word)
{
	const struct option_def *d = optopt != 0 ? find_option(c, optopt) : NULL;
	char text[1024];
	size_t n;

	if (d != NULL)
		return cli_usage("--%s takes no value", d->name);
	if (optopt != 0)
		return refuse_unknown(c, (char)optopt, NULL, 0);
	n = strcspn(word, "=");
	if (n > 2 && list_candidates(c, word + 2, n - 2, text, sizeof(text)) > 1)
		return cli_usage("option \"%.*s\" is ambiguous: %s", (int)n, word, text);
	return n > 2 ? refuse_unknown(c, 0, word + 2, n - 2) : usage_error("unknown option", word);
}

/* Tells of a word that no command takes, and which option may have been meant: the first one for a directory. */
static int
refuse_operand(const struct command *c, const char *word, const struct options *o)
{
	char text[128];
	unsigned i;

	for (i = 0; i < c->n_options; i++) {
		const struct option_def *d = &c->options[i];

		if (d->type != OPT_TEXT || strcmp(d->arg, "DIR") != 0 || *(const char *const *)((const char *)o + d->offset) != NULL)
			continue;
		show_option(d, text, sizeof(text));
		return cli_usage("unexpected argument \"%s\": a directory is named by %s", word, text);
	}
	return usage_error("unexpected argument", word);
}

/* Takes the arguments that getopt_long(3) has put behind the options. */
static int
parse_operands(const struct command *c, int argc, char **argv, struct options *o)
{
	const struct operand_def *d;
	unsigned i;

	if (c->takes_command) {
		o->command = optind < argc ? argv + optind : NULL;
		return 0;
	}
	for (i = 0; i < c->n_operands; i++, optind++) {
		d = &c->operands[i];
		if (optind == argc || argv[optind][0] == '\0')
			return usage_error("missing argument", d->name);
		*(const char **)((char *)o + d->offset) = argv[optind];
	}
	return optind < argc ? refuse_operand(c, argv[optind], o) : 0;
}

int
options_parse(const struct command *c, int argc, char **argv, struct options *o)
{
	char letters[2 * OPTIONS_MAX + 3];
	struct option longs[OPTIONS_MAX + 1];
	const struct option_def *d;
	int key;

	memset(o, 0, sizeof(*o));
	fill_getopt(c, longs, letters);
	optind = 1;
	while ((key = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (key == ':')
			return usage_error("missing argument of option", argv[optind - 1]);
		if (key == '?' || (d = find_option(c, key)) == NULL)
			return refuse_option(c, argv[optind - 1]);
		if (set_value(d, optarg, o) != 0)
			return refuse_value(d, optarg);
	}
	/* Help is given whatever else is missing. */
	return o->help && optind == argc ? 0 : parse_operands(c, argc, argv, o);
}

void
options_usage(void)
{
	size_t i;

	cli_print("pbkfs mounts a pg_probackup backup as a PostgreSQL data directory.\n\n"
	    "Usage:\n  pbkfs COMMAND [OPTION]...\n  pbkfs help [COMMAND]\n\nCommands:\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		cli_print("  %-13s%s\n", commands[i].name, commands[i].summary);
	cli_print("\nOptions:\n  -h, --help     show this help, then exit\n"
	    "  -V, --version  output version information, then exit\n\n"
	    "Run \"pbkfs COMMAND --help\" for the options of a command.\n");
}

#define HELP_COLUMN	32	/* of 80: where the text of an option begins */

/* Prints the name of an option or an argument, and its text, which may have several lines. */
static void
help_line(const char *left, const char *text)
{
	size_t n = strcspn(text, "\n");

	/* Where there is no room for a gap, the text begins below. */
	if (strlen(left) + 4 > HELP_COLUMN)
		cli_print("  %s\n%*s%.*s\n", left, HELP_COLUMN, "", (int)n, text);
	else
		cli_print("  %-*s%.*s\n", HELP_COLUMN - 2, left, (int)n, text);
	while (text[n] != '\0') {
		text += n + 1;
		n = strcspn(text, "\n");
		cli_print("%*s%.*s\n", HELP_COLUMN, "", (int)n, text);
	}
}

static void
help_option(const struct option_def *d)
{
	char left[64];

	if (d->type == OPT_HEADING) {
		cli_print("\n%s:\n", d->help);
		return;
	}
	if (d->hidden)
		return;
	snprintf(left, sizeof(left), "%c%c%s--%s%s%s", d->letter != 0 ? '-' : ' ',
	    d->letter != 0 ? d->letter : ' ', d->letter != 0 ? ", " : "  ", d->name,
	    d->arg != NULL ? "=" : "", d->arg != NULL ? d->arg : "");
	help_line(left, d->help);
}

void
options_help(const struct command *c)
{
	unsigned i;

	cli_print("%c%s.\n\nUsage:\n  pbkfs %s %s\n", c->summary[0] - 'a' + 'A', c->summary + 1,
	    c->name, c->synopsis);
	if (c->n_operands > 0)
		cli_print("\nArguments:\n");
	for (i = 0; i < c->n_operands; i++)
		help_line(c->operands[i].name, c->operands[i].help);
	if (c->options[0].type != OPT_HEADING)
		cli_print("\nOptions:\n");
	for (i = 0; i < c->n_options; i++)
		help_option(&c->options[i]);
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
