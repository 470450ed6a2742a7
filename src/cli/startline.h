/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How to start a server on a data directory, for people.
 */
#ifndef CLI_STARTLINE_H
#define CLI_STARTLINE_H

#include <sys/types.h>

/*
 * Prints the command that starts a server of a major version on pgdata as user uid, for the caller;
 * and which package is missing, if one is.
 */
void	startline_print(unsigned server_version, uid_t uid, const char *pgdata);

#endif
