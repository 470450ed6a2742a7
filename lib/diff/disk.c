/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The system calls that change the diff directory, one function for each.
 * Tests put faults and records of writes in their place; so nothing is decided
 * here.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "diff/disk.h"

int
disk_open(int dirfd, const char *name, int flags)
{
	int fd, rc;

	do
		fd = openat(dirfd, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return -errno;
	if ((rc = io_admit(fd, name)) == 0)
		return fd;
	close(fd);
	return rc;
}

int
disk_pwrite(int fd, const void *buf, size_t len, uint64_t off)
{
	return io_pwrite(fd, buf, len, (off_t)off);
}

int
disk_truncate(int fd, uint64_t len)
{
	int rc;

	io_enter();
	do
		rc = ftruncate(fd, (off_t)len);
	while (rc != 0 && errno == EINTR);
	io_leave();
	return rc != 0 ? -errno : 0;
}

int
disk_sync(int fd)
{
	return io_sync(fd, false);
}

int
disk_sync_all(int fd)
{
	return io_sync(fd, true);
}

/* sync_file_range(2) reports no error of the disk in this way, so that the sync that follows does. */
int
disk_begin_sync(int fd, uint64_t off, uint64_t len)
{
	int rc;

	io_enter();
	rc = sync_file_range(fd, (off_t)off, (off_t)len, SYNC_FILE_RANGE_WRITE) != 0 ? -errno : 0;
	io_leave();
	return rc;
}

int
disk_unlink(int dirfd, const char *name)
{
	int rc;

	io_enter();
	rc = unlinkat(dirfd, name, 0) != 0 ? -errno : 0;
	io_leave();
	return rc;
}

int
disk_rename(int dirfd, const char *from, const char *to)
{
	return renameat(dirfd, from, dirfd, to) != 0 ? -errno : 0;
}

int
disk_move(int from_fd, const char *from, int to_fd, const char *to)
{
	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	/* A file system that knows no flags: nobody else makes names here. */
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (faccessat(to_fd, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	return renameat(from_fd, from, to_fd, to) != 0 ? -errno : 0;
}

int
disk_mkdir(int dirfd, const char *name)
{
	return mkdirat(dirfd, name, 0700) != 0 ? -errno : 0;
}

int
disk_link(int from_fd, const char *from, int to_fd, const char *to)
{
	int rc;

	io_enter();
	rc = linkat(from_fd, from, to_fd, to, 0) == 0 ? 0 : -errno;
	io_leave();
	return rc;
}

int
disk_fallocate(int fd, int mode, uint64_t off, uint64_t len)
{
	int rc;

	io_enter();
	do
		rc = fallocate(fd, mode, (off_t)off, (off_t)len);
	while (rc != 0 && errno == EINTR);
	io_leave();
	return rc != 0 ? -errno : 0;
}
