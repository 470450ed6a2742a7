/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Users in messages.  A directory service may take its time to answer, so that nobody asks
 * whom others wait for, as the loop of the supervisor.
 */
#ifndef SUPERVISOR_USERNAME_H
#define SUPERVISOR_USERNAME_H

#include <sys/types.h>

#define USERNAME_MAX	64	/* longer ones are told as numbers */

/* Puts the name of a user into name, or the number where there is none.  Returns name. */
const char *username_of(uid_t uid, char name[USERNAME_MAX]);

#endif
