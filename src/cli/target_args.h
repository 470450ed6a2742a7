/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options that say how far a server is to recover, and which backup that
 * takes.
 */
#ifndef CLI_TARGET_ARGS_H
#define CLI_TARGET_ARGS_H

#include "cli/options.h"
#include "probackup/recovery.h"

/*
 * Checks the options and fills *t, which borrows from o.  Call it outside of a
 * sandbox: a time without a zone is in that of the caller.  Returns 0, or
 * EXIT_USAGE after one line on standard error.
 */
int	target_args(const struct options *o, struct recovery_target *t);

/* Whether *t asks for more than the backup as it is. */
bool	target_args_given(const struct recovery_target *t);

/*
 * Whether choose_backup() is to find the backup: --backup-id says so, or a
 * target is given and no backup.
 */
bool	target_args_choose(const struct options *o, const struct recovery_target *t);

/*
 * For a command that needs store, instance, and a backup or a target that chooses one: checks that they
 * are given and fit.  Returns 0, *t as target_args(), and in *choose whether target_args_find()
 * is to choose; or EXIT_USAGE after one line.
 */
int	target_args_what(const struct options *o, struct recovery_target *t, bool *choose);

/*
 * In the confined child: chooses the backup, and tells which one it is.  Returns 0 and its id, or
 * EXIT_FAILURE after cli_error().
 */
int	target_args_find(int store_fd, const struct options *o, const struct recovery_target *t,
	    char id[BACKUP_ID_MAX]);

#endif
