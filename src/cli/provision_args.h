/*
 * The options of mount that say what becomes of the data directory: recovery,
 * settings, what is left out.
 */
#ifndef CLI_PROVISION_ARGS_H
#define CLI_PROVISION_ARGS_H

#include "cli/options.h"
#include "ipc/provision.h"
#include "probackup/recovery.h"

/*
 * Checks the options and fills *p and *t, which borrow from o and mnt.
 * Returns 0, or an exit status after one line on standard error.
 */
int	provision_args(const struct options *o, const char *mnt, struct provision *p,
	    struct recovery_target *t);

#endif
