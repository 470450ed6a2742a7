/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Supervisors, found without the mounts that they serve: such a mount may not be there
 * yet, or no more, and any mount can claim any diff directory.
 */
#ifndef CLI_UNMOUNTED_H
#define CLI_UNMOUNTED_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "supervisor/mountinfo.h"

/*
 * Appends a row for each place where one may listen: for all who listen in SOCKET_RUN and
 * whom the caller may ask, and for the processes of a caller who is not root.  Looks for
 * these until clock_monotonic_ms() comes to until.  Asks nobody.  Returns 0 or negative errno.
 */
int	unmounted_list(struct mountinfo_list *list, int64_t until);

/* Whether a row of the list is one of these. */
bool	unmounted_is(const struct mountinfo *m);

/*
 * The process of such a row that is one of the caller's; 0 if it is found by a name in
 * SOCKET_RUN.
 */
pid_t	unmounted_pid(const struct mountinfo *m);

/*
 * Reads the diff directory and the mountpoint of a row, as root's supervisor has recorded them, or
 * as the kernel and the title of the process name them.  No file system of these is asked.
 * Returns 0 or negative errno.
 */
int	unmounted_names(const struct mountinfo *m, char diff[PATH_MAX], char mnt[PATH_MAX]);

/* Whether fd is the diff directory that the row's name in SOCKET_RUN is made of. */
bool	unmounted_is_diff(const struct mountinfo *m, int fd);

#endif
