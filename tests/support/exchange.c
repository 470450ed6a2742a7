/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * exchange A B: exchanges two names as fast as it goes, with rests on either side, until standard
 * input ends.  Then each is where it was, unless one of them is a mountpoint by now.
 */
#include "config.h"

#include <sys/syscall.h>

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE	2
#endif
#define TIGHT	1001	/* exchanges between two rests: an odd number */
#define REST_MS	3	/* so that some steps of the raced program see the same */

static bool exchanged;

static int
exchange(const char *a, const char *b)
{
	int rc = (int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);

	exchanged ^= rc == 0;
	return rc;
}

static bool
is_told_to_end(void)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&p, 1, REST_MS) > 0;
}

int
main(int argc, char **argv)
{
	int i;

	if (argc != 3)
		errx(2, "usage: exchange A B");
	if (exchange(argv[1], argv[2]) != 0)
		err(1, "could not exchange \"%s\" and \"%s\"", argv[1], argv[2]);
	while (!is_told_to_end())
		for (i = 0; i < TIGHT; i++)
			exchange(argv[1], argv[2]);
	return exchanged && exchange(argv[1], argv[2]) != 0;
}
