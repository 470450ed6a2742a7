/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads .pbkfs/stat.  It parses nothing.
 */
#include "config.h"

#include <fcntl.h>

#include "base/io.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "cli/snapshot.h"
#include "supervisor/diffdir.h"
#include "supervisor/stat.h"

int
snapshot_read(int diff_fd, char **text, size_t *len)
{
	int fd autoclose = -1;

	fd = io_open_beneath(diff_fd, ONDISK_INFODIR "/" ONDISK_STAT,
	    O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	return fd < 0 ? fd : io_read_file(fd, STAT_MAX, text, len);
}
