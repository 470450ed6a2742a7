/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The history of proofs: a directory with a small file for each call of prove, which
 * doc/format.md describes.
 *
 * The directory may be another user's, or belong to many: a file is believed if it is a plain
 * one with one name that belongs to the caller, to root, or to the owner of the directory.
 * Nothing that is in it ends a proof, or changes its result.
 */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/prove.h"

#define HISTORY_RUNS_MAX	400	/* files that are kept: thirteen months of nights */
#define HISTORY_INSTANCES_MAX	24	/* that a page shows */

struct report;

/* One instance at one time: all of its backups that were proven then. */
struct history_run {
	int64_t	time;			/* seconds since the epoch */
	unsigned backups;
	enum prove_result result;
	bool	has_age;
	int64_t	age;			/* of its newest backup, in seconds */
	struct {
		enum prove_result result;
		int64_t	ms;
	} step[PROVE_STEPS];
};

/* In the order of time. */
struct history_instance {
	const char *name;		/* the proof's */
	struct history_run *run;
	size_t	n, size;
};

/* The instances of a report; those that are not proven first. */
struct history {
	struct history_instance instance[HISTORY_INSTANCES_MAX];
	size_t	n, left_out;
};

/* Opens the directory, and makes it if it is not there.  Returns the descriptor, or -1 after cli_error(). */
int	history_open(const char *dir);

/* Reads what there is of the instances of the report and adds the report.  Release it by history_free(). */
void	history_load(int dir_fd, const char *dir, const struct report *r, struct history *h);
void	history_free(struct history *h);

/* Adds the report, and removes the oldest ones.  Warns if it could not. */
void	history_record(int dir_fd, const char *dir, const struct report *r);

#endif
