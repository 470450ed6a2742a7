/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pid file that the caller of mount names.
 */
#ifndef SUPERVISOR_PID_FILE_H
#define SUPERVISOR_PID_FILE_H

#include <stdbool.h>

#include "supervisor/supervisor.h"

/* Writes our pid; what fails is in the log.  Returns whether there is a pid file. */
bool	pid_file_write(const struct supervisor_config *c);

/* Removes it.  Only who has written it may: a mount that was refused leaves that of another. */
void	pid_file_remove(const struct supervisor_config *c);

#endif
