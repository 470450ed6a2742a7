/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fcntl-owner FILE PID: succeeds if F_GETLK says that PID holds the first byte of FILE.
 */
#include "config.h"

#include <err.h>
#include <fcntl.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
	struct flock lock = { .l_type = F_WRLCK, .l_len = 1 };
	int fd;

	if (argc != 3)
		errx(2, "usage: fcntl-owner FILE PID");
	if ((fd = open(argv[1], O_RDWR)) < 0 || fcntl(fd, F_GETLK, &lock) != 0)
		err(1, "%s", argv[1]);
	if (lock.l_type == F_UNLCK || lock.l_pid != atoi(argv[2]))
		errx(1, "type %d, pid %d", lock.l_type, (int)lock.l_pid);
	return 0;
}
