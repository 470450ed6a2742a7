/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server for the length of one command.  Two processes: the one that the user started has
 * the terminal and passes signals on; the guardian, its child, makes the mount, the server and
 * the command, and takes all of it away when the command ends or either of the two dies.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <sys/types.h>

#include "cli/options.h"
#include "cli/workdir.h"

enum {
	RUN_FAILED = 125,	/* exit status: pbkfs could not do its part, as env(1) has it */
	RUN_CANNOT_EXECUTE = 126, RUN_NOT_FOUND = 127,
};

#define RUN_FROM_KEYBOARD	1	/* sigqueue(3): the terminal sent it to the command as well */

struct run {
	const struct options *options;	/* of the command line */
	struct options mount;		/* what of it the mount gets */
	struct workdir place;
	int	life[2];		/* a pipe: the mount ends with the last holder of its write end */
};

/*
 * Does all of it in the calling process, a child of the command.  Returns the exit status: that of the
 * command that was run, or RUN_FAILED and the like.
 */
int	guardian_main(struct run *r);

/* Ends and removes what a killed guardian has left to its parent, which has to be a subreaper. */
void	guardian_succeed(struct run *r);

#endif
