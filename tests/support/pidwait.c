/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Waits until a process that need not be a child of ours has ended:
 *
 *	pidwait PID [SECONDS]
 *
 * Exit status 0 when it is gone, 1 when SECONDS (60) have passed.  A shell can
 * only ask again and again, and takes a zombie for a living process.
 */
#include "config.h"

#include <sys/syscall.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	struct pollfd p = { .events = POLLIN };
	int seconds = argc > 2 ? atoi(argv[2]) : 60;

	if (argc < 2 || atoi(argv[1]) <= 0)
		errx(2, "usage: pidwait PID [SECONDS]");
	p.fd = (int)syscall(SYS_pidfd_open, atoi(argv[1]), 0);
	if (p.fd < 0 && errno == ESRCH)
		return 0;
	if (p.fd < 0)
		err(2, "pidfd_open");
	return poll(&p, 1, seconds * 1000) == 1 ? 0 : 1;
}
