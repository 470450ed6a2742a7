/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Commands and their options: one table drives getopt, help, completion and
 * the check of the manual.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define OPTION_LIST_MAX	64

/* The values of an option that can be given more than once. */
struct option_list {
	const char *item[OPTION_LIST_MAX];
	unsigned n;
};

/* Options as given; NULL, 0 and false stand for those that were not. */
struct options {
	const char *store, *mnt, *diff, *instance, *backup_id;
	const char *owner, *context, *log_file, *pid_file;
	const char *wal_file, *wal_path;	/* of archive-get: %f and %p of restore_command */
	unsigned wal, cache, sandbox, log_format, log_sink, store_lock, verify;	/* enums of supervisor.h and job.h */
	unsigned format;		/* of what is printed: 0 text, 1 json */
	uint64_t timeout;		/* seconds; 0 = for ever */
	uint64_t stall_timeout;		/* seconds; 0 = STALL_SECONDS */
	uint64_t cache_size, log_limit;	/* bytes */
	uint64_t threads;
	const char *target, *target_time, *target_xid, *target_lsn, *target_name;
	const char *inclusive, *action, *timeline, *restore_command;
	struct option_list set, tablespaces, externals, db_include, db_exclude;
	bool	replica, keep_settings, skip_external;
	const char *at, *workdir, *bindir, *listen;	/* of run */
	bool	quiet, keep;
	struct option_list instances, sql, reports;	/* of prove */
	const char *max_age, *nice, *history;
	const char *to, *waldir;	/* of restore and promote */
	const char *conninfo, *slot;	/* of the primary of a standby that restore makes */
	bool	keep_clone_settings, copy, abort;	/* of promote */
	bool	no_sync, incremental;
	uint64_t jobs;
	bool	dump, plan;
	char	*const *command;		/* of run, with its arguments; NULL = none */
	uint64_t rate;			/* of hydrate; bytes a second */
	bool	hydrate, stop, watch;
	bool	discard;			/* of a mount: the diff directory is removed behind it */
	const char *branch, *snapshot, *message, *from;	/* of a diff directory with snapshots */
	const char *name;		/* what is made, or how it is to be called */
	bool	recursive, protect, unprotect;
	bool	wait, console, force, perf_unsafe, no_wal, debug, counters_reset, help;
};

struct command {
	const char *name, *synopsis, *summary;
	const struct option_def *options;
	unsigned n_options;
	int	(*run)(const struct options *o);
	const struct operand_def *operands;	/* arguments without an option, all required */
	unsigned n_operands;
	bool	takes_command;	/* what follows the options is one, as it stands */
	int	usage_status;	/* exit status after a wrong command line; 0 = EXIT_USAGE */
};

/* Returns the command called name, or NULL. */
const struct command *options_command(const char *name);

/*
 * Parses what follows the command's name.  Returns 0, or EXIT_USAGE after one line
 * on standard error.
 */
int	options_parse(const struct command *c, int argc, char **argv, struct options *o);

/* Print to standard output, 80 columns at most. */
void	options_usage(void);
void	options_help(const struct command *c);
/* Prints long names, one a line; of all commands if c is NULL. */
void	options_list(const struct command *c);

#endif
