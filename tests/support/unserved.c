/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * unserved DIR N UID OPTIONS: makes N mounts of our type, as fusermount3 would for that user,
 * that nobody serves.  Each has its diff directory in itself, which is closed to others; or
 * with ",allow_other" as OPTIONS whoever looks into it waits for ever.
 * Says "mounted" on standard output and ends with standard input.
 */
#include "config.h"

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void
mount_one(const char *dir, int i, unsigned uid, const char *more)
{
	char mnt[PATH_MAX], source[PATH_MAX + 8], options[128];
	int fd = open("/dev/fuse", O_RDWR);

	snprintf(mnt, sizeof(mnt), "%s/%d", dir, i);
	snprintf(source, sizeof(source), "%s/diff", mnt);
	snprintf(options, sizeof(options),
	    "fd=%d,rootmode=40000,user_id=%u,group_id=%u%s", fd, uid, uid, more);
	if (fd < 0 || mkdir(mnt, 0755) != 0 ||
	    mount(source, mnt, "fuse.pbkfs", MS_NOSUID | MS_NODEV, options) != 0)
		err(1, "%s", mnt);
}

int
main(int argc, char **argv)
{
	struct rlimit r;
	char byte;
	int i, n;

	if (argc != 5)
		errx(2, "usage: unserved DIR N UID OPTIONS");
	n = atoi(argv[2]);
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	for (i = 1; i <= n; i++)
		mount_one(argv[1], i, (unsigned)atoi(argv[3]), argv[4]);
	printf("mounted\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
