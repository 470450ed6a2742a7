/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * As whom root's supervisor acts: what lies in the diff directory belongs to
 * somebody else and is touched with his rights alone, so that nothing planted
 * there gains anything.
 */
#ifndef SUPERVISOR_IDENTITY_H
#define SUPERVISOR_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether this process may act for others. */
bool	identity_is_root(void);

/*
 * Chooses who owns what this process does in the file system from now on, and
 * drops supplementary groups.  Does nothing unless root calls it.  Returns 0
 * or negative errno.
 */
int	identity_assume(uid_t uid, gid_t gid);

/*
 * Brackets around the few things that need the caller's own rights again.
 * Without identity_assume() they do nothing.
 */
void	identity_raise(void);
void	identity_drop(void);

/* The process has become that user for good: from now on both do nothing. */
void	identity_end(void);

#endif
