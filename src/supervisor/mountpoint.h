/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mountpoint, and the mount at it: from the look at the directory to FUSE_INIT.
 */
#ifndef SUPERVISOR_MOUNTPOINT_H
#define SUPERVISOR_MOUNTPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/walk.h"

struct supervisor;

struct mountpoint {
	int	fd;		/* the directory, until it is covered; -1 */
	int	parent_fd;	/* which holds it under the name base */
	const char *base;
	struct walk walk;	/* who can put something else there */
	int	fuse_fd;	/* /dev/fuse of the mount; -1 */
	bool	mounted;	/* the table of mounts has it */
	uint64_t mounted_at;	/* CLOCK_MONOTONIC ns: the first worker served; 0 = none yet */
};

/* Each returns 0, or -1 after state_fail(). */

/* A step of begin_mount(): opens the directory and what holds it. */
int	mountpoint_open(struct supervisor *s);

/* Another, once the owner is known: nobody else may be able to put another directory there. */
int	mountpoint_check_way(struct supervisor *s);

/* Mounts, looks whether it is seen where it should be, and answers FUSE_INIT. */
int	mountpoint_mount(struct supervisor *s);

/*
 * In the monitor, once the mount is gone: mounts again at the same place, found by descriptors.  FUSE_INIT is the caller's to answer,
 * and mountpoint_settle() comes behind that.  Returns 0, or negative errno with one line in error (FUSEMOUNT_ERROR_MAX).
 */
int	mountpoint_again(struct supervisor *s, char *error);

/* Behind FUSE_INIT, with the rights of whoever mounts: sets the read-ahead. */
void	mountpoint_settle(const struct supervisor *s);

/* Whether the connection to the kernel has ended, or there is none. */
bool	mountpoint_is_gone(const struct supervisor *s);

#endif
