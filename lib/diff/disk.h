/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every change that reaches the diff directory's filesystem passes here: one
 * place to put a fault, or a record of what was written, under test.
 */
#ifndef DIFF_DISK_H
#define DIFF_DISK_H

#include <stddef.h>
#include <stdint.h>

/* openat(2) with O_NOFOLLOW and O_CLOEXEC; mode 0600.  Returns a descriptor or negative errno. */
int	disk_open(int dirfd, const char *name, int flags);

/* All that follow return 0 or negative errno. */
int	disk_pwrite(int fd, const void *buf, size_t len, uint64_t off);
int	disk_truncate(int fd, uint64_t len);
int	disk_sync(int fd);			/* fdatasync(2): content and length */
int	disk_sync_all(int fd);			/* fsync(2): times too; directories */
/* Has the kernel begin to write len bytes at off, 0: all behind it.  Makes nothing durable, and so records nothing. */
int	disk_begin_sync(int fd, uint64_t off, uint64_t len);
int	disk_unlink(int dirfd, const char *name);
int	disk_rename(int dirfd, const char *from, const char *to);	/* within one directory */
int	disk_move(int from_fd, const char *from, int to_fd, const char *to);	/* -EEXIST for a name that is there */
int	disk_mkdir(int dirfd, const char *name);	/* mode 0700 */
int	disk_link(int from_fd, const char *from, int to_fd, const char *to);	/* follows no link */
int	disk_fallocate(int fd, int mode, uint64_t off, uint64_t len);

#endif
