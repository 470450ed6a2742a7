/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds processes that have something open of a file system that no table of
 * mounts has any more, so that no path leads to it: umount -l leaves such.
 */
#ifndef CLI_OPENERS_H
#define CLI_OPENERS_H

#include <stdbool.h>

#include "supervisor/users.h"

/* Whether name in dir_fd is of that device.  Asks no server: the kernel knows it. */
bool	openers_is_on(int dir_fd, const char *name, int flags, unsigned major, unsigned minor);

/*
 * Finds them by directories, open files and mappings, as far as we may see
 * them, within USERS_MS; but some of it may wait for a process.
 */
void	openers_find(unsigned major, unsigned minor, struct users *users);

/* The same in a child, which ends in so many seconds: then none was found. */
void	openers_find_within(unsigned major, unsigned minor, unsigned seconds, struct users *users);

#endif
