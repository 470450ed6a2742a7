/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Making and removing the mount: mount(2) as root, fusermount3 otherwise.
 */
#ifndef SUPERVISOR_FUSEMOUNT_H
#define SUPERVISOR_FUSEMOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define FUSEMOUNT_ERROR_MAX	2048
#define FUSEMOUNT_CONTEXT_MAX	255	/* bytes of a label */
#define FUSEMOUNT_DATA_MAX	512

struct fusemount {
	const char *mnt;	/* canonical path */
	int	mnt_fd;		/* O_PATH of the directory that is covered */
	const char *source;	/* shown in the list of mounts: the diff directory */
	uid_t	uid;
	gid_t	gid;
	const char *context;	/* label for SELinux of all files, as root only; NULL for none */
};

/* Whether a label can be passed on: 0, or -EINVAL for a character that no label has. */
int	fusemount_check_context(const char *label);

/* The data of mount(2), FUSEMOUNT_DATA_MAX bytes; fd is /dev/fuse. */
void	fusemount_data(const struct fusemount *m, int fd, char *data);

/*
 * Mounts.  Returns the descriptor of /dev/fuse, which the caller owns, or negative errno with one
 * line in error (FUSEMOUNT_ERROR_MAX).
 */
int	fusemount_mount(const struct fusemount *m, char *error);

/*
 * For root, after fusemount_mount(): whether the mount is what is seen at base in
 * parent_fd.  If it is not, the mount is taken away from where it is.  Returns 0, or
 * negative errno with one line in error.
 */
int	fusemount_check(const struct fusemount *m, int parent_fd, const char *base, char *error);

/*
 * Unmounts; lazy also if it is in use.  May block for as long as the worker
 * writes back what the kernel holds, so only commands and children call it.
 * parent_fd and base name the mountpoint without its path being walked again, and
 * root unmounts nothing there but the mount of that id (0: whatever it is).
 * Returns 0, -EBUSY, or negative errno with one line in error.
 */
int	fusemount_unmount(int parent_fd, const char *base, const char *mnt, int id, bool lazy,
	    char *error);

/*
 * Sets the read-ahead of a mount so that one reader keeps all threads busy.  Only root can.  Returns
 * 0 or negative errno.
 */
int	fusemount_set_readahead(const char *mnt, unsigned threads);

#endif
