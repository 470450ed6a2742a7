/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The nightly proof: what is known of each backup, step by step.  prove_find.c finds the
 * backups, cmd_prove.c goes from one to the next, prove_steps.c asks the server, prove_table.c prints, and
 * report.c writes the files.
 */
#ifndef CLI_PROVE_H
#define CLI_PROVE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/backupid.h"
#include "cli/options.h"
#include "cli/run.h"
#include "pg/walname.h"

#define PROVE_REMARK_MAX	512
#define PROOFS_MAX		1024
#define PROVE_AMCHECK_VERSION	14	/* the first that has pg_amcheck */

enum { PROVE_EXIT_UNPROVEN = 1, PROVE_EXIT_UNJUDGED = 2 };

enum prove_step_name {
	PROVE_AGE, PROVE_VERIFY, PROVE_SERVER, PROVE_CONNECT, PROVE_AMCHECK, PROVE_SCHEMA, PROVE_DUMP,
	PROVE_SQL, PROVE_STEPS
};

enum prove_result {
	PROVE_NOT_ASKED,	/* this step is not wanted */
	PROVE_NOT_RUN,		/* nor was it begun, for one before it failed */
	PROVE_SKIPPED,		/* no server of this version can do it */
	PROVE_RUNNING,
	PROVE_OK,
	PROVE_FAILED,
	PROVE_UNKNOWN,		/* this machine lacks something: it could not be judged */
};

struct prove_step {
	enum prove_result result;
	int64_t ms;
	char	remark[PROVE_REMARK_MAX];
};

/* Of one backup.  Processes share it, so nothing is in it that only one of them has. */
struct proof {
	char	instance[NAME_MAX + 1];
	char	id[BACKUP_ID_MAX];	/* "" = there is none to prove */
	bool	has_archive;		/* of WAL: recovery goes to its end */
	bool	has_age;		/* of the newest backup of the instance */
	int64_t	age;			/* seconds */
	char	last_wal[WALNAME_MAX];	/* of the archive, "" = there is none */
	int64_t	wal_age;		/* seconds since the moment up to which the archive has all */
	unsigned server_version;	/* 0 = it came never so far */
	enum run_stage stage;
	int64_t	began;			/* the server's step, clock_monotonic_ms() */
	struct prove_step step[PROVE_STEPS];
};

/* In memory that is shared: a confined child fills it, which a hostile catalog may have taken over. */
struct proofs {
	size_t	n, left_out;	/* what was found beyond PROOFS_MAX */
	struct proof proof[PROOFS_MAX];
};

/* Own checks, of --sql. */
struct prove_query {
	const char *file;
	char	*text;
	size_t	len;
};

/* The task of prove_steps(). */
struct prove_task {
	const struct options *options;
	struct proof *proof;
	const struct prove_query *query;	/* as many as options->sql has */
};

extern const char *const prove_step_names[PROVE_STEPS];
const char *prove_result_word(enum prove_result r);
/* The opposite; PROVE_NOT_ASKED for a word that is none. */
enum prove_result prove_result_of(const char *word);

/* Ends a step with a text, whose control characters are made visible. */
void	prove_remark(struct prove_step *s, enum prove_result r, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

/* Of all steps together: PROVE_OK, PROVE_FAILED, or PROVE_UNKNOWN. */
enum prove_result prove_judge(const struct proof *p);
/* The time of all steps, in milliseconds. */
int64_t	prove_time(const struct proof *p);

/*
 * Finds what options ask for, in a confined child.  An instance without a backup to prove has one proof
 * with the reason.  Returns 0, or PROVE_EXIT_UNJUDGED after cli_error().
 */
int	prove_find(const struct options *o, struct proofs *f);

/* The step age; max_age in seconds, 0 = no limit. */
void	prove_judge_age(struct proof *p, uint64_t max_age);

/* Prints all steps that were asked for. */
void	prove_table(const struct proofs *f);

/* The program of a run: takes all steps behind PROVE_SERVER.  Returns 0; the proof has the results. */
int	prove_steps(const struct run_server *s, void *arg);

#endif
