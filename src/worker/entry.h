/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a worker begins: the program was executed by a supervisor, for a job.
 */
#ifndef WORKER_ENTRY_H
#define WORKER_ENTRY_H

#include <stdbool.h>

/* Whether this process was started as a worker; main() asks before all else. */
bool	entry_is_worker(char **argv);

/*
 * Takes the job and runs its program.  Returns its exit status, or 2 with one line
 * on standard error if no supervisor started this process.
 */
int	entry_main(int argc, char **argv);

#endif
