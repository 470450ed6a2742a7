/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A command of ours as a step of another one.
 */
#ifndef CLI_SUBCOMMAND_H
#define CLI_SUBCOMMAND_H

#include "cli/options.h"

/*
 * Runs a command in a child, without a word on standard output.  Returns its exit status, or
 * EXIT_FAILURE after cli_error().
 */
int	subcommand_run(int (*command)(const struct options *o), const struct options *o);

/* Closes standard input and output of this process: whoever reads its output waits for nobody any more. */
void	subcommand_leave_output(void);

#endif
