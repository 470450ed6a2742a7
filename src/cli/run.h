/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server for the length of one command.  Two processes: the one that the user started has
 * the terminal and passes signals on; the guardian, its child, makes the mount, the server and
 * the command, and takes all of it away when the command ends or either of the two dies.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <limits.h>
#include <sys/types.h>

#include "cli/options.h"
#include "cli/workdir.h"
#include "supervisor/become.h"

enum {
	RUN_FAILED = 125,	/* exit status: pbkfs could not do its part, as env(1) has it */
	RUN_CANNOT_EXECUTE = 126, RUN_NOT_FOUND = 127,
};

#define RUN_FROM_KEYBOARD	1	/* sigqueue(3): the terminal sent it to the command as well */

/* How far a run has come; for who wants to know why it failed. */
enum run_stage { RUN_BEGINNING, RUN_MOUNTING, RUN_FINDING_SERVER, RUN_STARTING_SERVER, RUN_COMMAND };

/* The server, for a program of ours in the place of a command. */
struct run_server {
	unsigned version;
	const struct become *user;
};

struct run {
	const struct options *options;	/* of the command line */
	/* In the place of options->command, with its environment; its result is the exit status. */
	int	(*program)(const struct run_server *s, void *arg);
	void	*arg;
	enum run_stage *stage;	/* shared with the guardian; NULL = nobody asks */
	struct options mount;		/* what of it the mount gets */
	struct workdir place;
	char	whole[PATH_MAX], branch[64];	/* --from: the diff directory, and a branch in it that goes; or "" */
	mode_t	umask;			/* of the command: the caller's */
	int	life[2];		/* a pipe: the mount ends with the last holder of its write end */
};

/*
 * Does all of it in the calling process, a child of the command.  Returns the exit status: that of the
 * command that was run, or RUN_FAILED and the like.
 */
int	guardian_main(struct run *r);

/*
 * Does all of it for r->options, with r->program or options->command; the rest of *r is filled in.  Returns
 * the exit status, as guardian_main().  Blocks the signals that it passes on, and leaves standard output:
 * the calling process is of no other use.
 */
int	cmd_run_all(struct run *r);

/*
 * Whether a server can have these settings, and which user it becomes.  Returns 0 and the user, or non-zero
 * after one line on standard error.
 */
int	cmd_run_check(const struct options *o, uid_t *uid, gid_t *gid);

/* Ends and removes what a killed guardian has left to its parent, which has to be a subreaper. */
void	guardian_succeed(struct run *r);

#endif
