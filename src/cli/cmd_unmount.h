/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Unmounting by force, which cleanup --force does as well.
 */
#ifndef CLI_CMD_UNMOUNT_H
#define CLI_CMD_UNMOUNT_H

#include <stdbool.h>

#include "cli/mountref.h"

/* Ends the supervisor, if one can be believed, and detaches the mount.  Returns an exit status. */
int	unmount_forcibly(struct mountref *t);

/* Whether nobody serves the mount at mnt, or the caller may not ask.  One that does not answer is served. */
bool	unmount_is_dead(const char *mnt);

#endif
