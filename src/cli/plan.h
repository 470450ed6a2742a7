/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plan of a proof: its needs, found out without starting it.  plan_store.c asks the
 * catalog, plan_host.c this machine; prove_plan.c judges and tells.
 */
#ifndef CLI_PLAN_H
#define CLI_PLAN_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/guest.h"
#include "cli/options.h"
#include "cli/prove.h"
#include "cli/report.h"
#include "ipc/clone_config.h"
#include "probackup/recovery.h"

#define PLAN_SETTINGS_MAX	16
#define PLAN_VALUE_MAX		512
#define PLAN_WARNINGS_MAX	16
#define PLAN_WARNING_MAX	1024

struct plan_member {
	char	id[BACKUP_ID_MAX];
	enum backup_mode mode;
	uint64_t stored;		/* bytes, as measured when it was taken */
};

struct plan_setting {
	char	name[64], value[PLAN_VALUE_MAX];
};

/* The answer of the catalog, from a confined process: plan_store_read() has made it safe. */
struct plan_store {
	char	chain_error[CHAIN_ERROR_MAX];	/* "" = there is a chain; else nothing below is known */
	unsigned n_members;			/* the mounted one first */
	struct plan_member member[CHAIN_MAX];
	char	tree_error[CHAIN_ERROR_MAX];
	uint64_t files, bytes;			/* of the tree that the chain becomes */
	uint64_t pg_wal;			/* bytes of it that are copied */
	unsigned server_version;
	bool	stream;				/* WAL for consistency is in the backup */
	bool	recovers;			/* from the archive */
	uint32_t timeline, seg_size;
	uint64_t start_lsn, stop_lsn;
	struct recovery_need need;		/* own: also of a backup with its own WAL */
	char	wal_error[CHAIN_ERROR_MAX], wal_warning[CHAIN_ERROR_MAX];
	bool	lacks_library;			/* a warning says which; the server does not start */
	unsigned n_settings, n_warnings;
	struct plan_setting setting[PLAN_SETTINGS_MAX];
	char	warning[PLAN_WARNINGS_MAX][PLAN_WARNING_MAX];
};

/*
 * Reads the catalog for one backup into *s, memory of limited_share(), in a confined child.  Returns 0, or
 * non-zero after cli_error() if nothing could be read.
 */
int	plan_store_read(const struct options *o, const struct proof *p, struct plan_store *s);

enum plan_program { PLAN_PSQL, PLAN_DUMP, PLAN_AMCHECK, PLAN_PROGRAMS };
extern const char *const plan_host_programs[PLAN_PROGRAMS];

struct plan_host {
	char	server_error[PGSERVER_LINE_MAX];	/* "" = it is installed */
	char	bindir[PATH_MAX];
	char	package[64];		/* that brings it, "" = not known */
	char	program[PLAN_PROGRAMS][PATH_MAX];	/* "" = not installed */
	char	fuse_error[CHAIN_ERROR_MAX];
	char	workdir_error[WORKDIR_WHY_MAX];
	char	workdir[PATH_MAX];
	uint64_t free;
	struct guest guest;		/* its settings alone */
};

/*
 * Looks at this machine for a server of that major version, and with files of WAL of so many bytes, in a child with a
 * limit of time.  *h is memory of limited_share().  Returns 0,
 * or non-zero after cli_error().
 */
int	plan_host_look(const struct options *o, unsigned server_version, uint32_t wal_segment, struct plan_host *h);

/* Whether prove_plan() can write a report of that name: .json. */
bool	prove_plan_knows(const char *file);

/* The command prove --plan: tells of n proofs.  Returns its exit status. */
int	prove_plan(const struct options *o, const struct report_files *files, const struct proof *proof, size_t n);

#endif
