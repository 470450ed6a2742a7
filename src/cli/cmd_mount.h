/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The first half of the command mount, for whoever waits for the mount otherwise.
 */
#ifndef CLI_CMD_MOUNT_H
#define CLI_CMD_MOUNT_H

#include <sys/types.h>

#include "cli/options.h"
#include "cli/waiter.h"
#include "ipc/clone_config.h"
#include "pg/recovery_target.h"

struct mounting {
	pid_t	supervisor;	/* a child of the caller */
	const char *mnt;	/* canonical */
	struct recovery_target target;
	struct clone_config clone;
	struct waiter waiter;	/* for waiter_wait() */
};

/*
 * Checks options of the command mount, and starts the supervisor.  life, if not NULL, is a pipe: the
 * mount ends when nobody holds its write end any more.  Returns 0, or an exit status
 * after cli_error().
 */
int	cmd_mount_begin(const struct options *o, const int *life, struct mounting *m);

#endif
