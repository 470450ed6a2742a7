/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose word it is that a file system gives about owners and modes.
 */
#ifndef SUPERVISOR_FSUSER_H
#define SUPERVISOR_FSUSER_H

#include <sys/types.h>

/*
 * Finds the user who has made the mount in which fd lies, an O_PATH descriptor too, and who
 * answers for it: with FUSE that is a process of his, which says of each directory what it
 * likes and replaces it unseen.  Writes 0 to *uid for what root has mounted, for the kernel's
 * own file systems, and for those that a server serves whom root has chosen (NFS, virtiofs).
 * Asks the file system for its type.  Returns 0, -ESTALE if the mount is in no list any more
 * or cannot be understood, or negative errno.
 */
int	fsuser_of(int fd, uid_t *uid);

#endif
