/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The name comes last: a crash leaves all of the file, or none.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/util.h"
#include "diff/disk.h"
#include "diff/wholefile.h"

int
wholefile_write(int dir_fd, const char *name, const struct iovec *part, unsigned n)
{
	char fresh[NAME_MAX + 1];
	int fd autoclose = -1, rc;
	uint64_t at = 0;
	unsigned i;

	snprintf(fresh, sizeof(fresh), "%s.new", name);
	if ((rc = disk_unlink(dir_fd, fresh)) < 0 && rc != -ENOENT)
		return rc;
	if ((fd = disk_open(dir_fd, fresh, O_RDWR | O_CREAT | O_EXCL)) < 0)
		return fd;
	for (i = 0, rc = 0; i < n && rc == 0; at += part[i++].iov_len)
		rc = disk_pwrite(fd, part[i].iov_base, part[i].iov_len, at);
	if (rc < 0 || (rc = disk_sync_all(fd)) < 0 || (rc = disk_rename(dir_fd, fresh, name)) < 0)
		return rc;
	return disk_sync_all(dir_fd);
}
