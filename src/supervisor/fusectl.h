/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel's own view of a FUSE connection.  A table of mounts shows what who mounted it says:
 * any source, and in a user namespace any user_id=.  This shows the true user.
 */
#ifndef SUPERVISOR_FUSECTL_H
#define SUPERVISOR_FUSECTL_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Opens the control of the connection of a device, O_PATH.  It is bound to that
 * connection: once that has ended it leads to none, even if another has the
 * number of the device.  Returns a descriptor or negative errno.
 */
int	fusectl_open(unsigned minor);

/*
 * Whether it was mounted for that user: nobody can make one for a user whom his user
 * namespace has not.  Also false where it cannot be known.
 */
bool	fusectl_is_of(unsigned minor, uid_t uid);

#endif
