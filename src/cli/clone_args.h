/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The options of mount that say what becomes of the data directory: recovery,
 * settings, what is left out.
 */
#ifndef CLI_CLONE_ARGS_H
#define CLI_CLONE_ARGS_H

#include "cli/options.h"
#include "ipc/clone_config.h"
#include "probackup/recovery.h"

/*
 * Checks the options and fills *p and *t, which borrow from o and mnt; of the names of
 * directories it looks at the text alone.  Returns 0, or an exit status after one
 * line on standard error.
 */
int	clone_args(const struct options *o, const char *mnt, struct clone_config *p,
	    struct recovery_target *t);

/*
 * Cuts "OLD=NEW" at its first "=" that has no backslash before it, and drops such backslashes.  The texts live as long
 * as the command.  Returns 0, -ENOMEM, or -EINVAL where one of the two is not there.
 */
int	clone_args_split_mapping(const char *text, char **from, char **to);

/*
 * Refuses mappings of one directory to two, and of two to one, once the names that
 * they lead to are canonical.  Returns 0 or EXIT_USAGE, the same.
 */
int	clone_args_check_mapped(const struct clone_config *p);

#endif
