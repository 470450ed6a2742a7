/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The argument of --owner, USER[:GROUP].
 */
#ifndef CLI_OWNER_H
#define CLI_OWNER_H

#include <sys/types.h>

/*
 * Takes names or numbers; without a group the group of the user.  Returns 0, or
 * -1 after one line on standard error.
 */
int	owner_parse(const char *text, uid_t *uid, gid_t *gid);

#endif
