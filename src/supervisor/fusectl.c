/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file system in which the kernel shows FUSE connections, mounted or not.  It ends none of
 * them: see cli/cut.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/fusectl.h"

#define CONTROL_DIR	"/sys/fs/fuse/connections"
#define CONTROL_MAGIC	0x65735543

/* From <linux/mount.h>, which not every system lets us include beside <sys/mount.h>. */
#define FSOPEN_CLOEXEC_	1
#define FSMOUNT_CLOEXEC_	1
#define FSCONFIG_CMD_CREATE_	6
#ifndef SYS_fsopen
#define SYS_fsopen	430
#define SYS_fsconfig	431
#define SYS_fsmount	432
#endif

/*
 * Opens the file system that controls connections, mounted or not.  Returns its
 * directory, or negative errno.
 */
static int
open_control(void)
{
	int fs autoclose = -1, fd autoclose = -1;
	struct statfs st;

	fd = open(CONTROL_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && fstatfs(fd, &st) == 0 && (unsigned long)st.f_type == CONTROL_MAGIC)
		return steal_fd(&fd);
	if ((fs = (int)syscall(SYS_fsopen, "fusectl", FSOPEN_CLOEXEC_)) < 0 ||
	    syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE_, NULL, NULL, 0) != 0)
		return -errno;
	close(fd);
	fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC_, 0);
	return fd < 0 ? -errno : steal_fd(&fd);
}

int
fusectl_open(unsigned minor)
{
	int all autoclose = open_control(), fd;
	char name[16];

	if (all < 0)
		return all;
	snprintf(name, sizeof(name), "%u", minor);
	fd = openat(all, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

bool
fusectl_is_of(unsigned minor, uid_t uid)
{
	int fd autoclose = fusectl_open(minor);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == uid;
}
