/*
 * The options that say how far a server is to recover, and which backup that
 * takes.
 */
#ifndef CLI_TARGET_ARGS_H
#define CLI_TARGET_ARGS_H

#include "cli/options.h"
#include "probackup/recovery.h"

/*
 * Checks the options and fills *t, which borrows from o.  Not to be called in a
 * sandbox: a time without a zone is in the caller's own.  Returns 0, or 1 after
 * cli_error().
 */
int	target_args(const struct options *o, struct recovery_target *t);

/* Whether *t asks for more than the backup as it is. */
bool	target_args_given(const struct recovery_target *t);

/*
 * Whether choose_backup() is to find the backup: asked for by name, or a target is given
 * and no backup.
 */
bool	target_args_choose(const struct options *o, const struct recovery_target *t);

#endif
