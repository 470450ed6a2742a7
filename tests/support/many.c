/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * many DIR MOUNTS PROCESSES roots|namespaces|files: what any local user may have.  In a user and
 * mount namespace of its own it makes so many mounts deep in DIR, and so many processes who each
 * have a root directory of their own above these, or a mount namespace, or MOUNTS open files.
 * Says "ready" on standard output and ends with standard input, with all of them.
 */
#include "config.h"

#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void
put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(1, "%s", name);
	close(fd);
}

static void
leave_host(void)
{
	char map[64];
	unsigned uid = getuid(), gid = getgid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		err(1, "unshare");
	put("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	put("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	put("/proc/self/gid_map", map);
}

/* One directory in the other: who has any of these as its root directory sees what is below all. */
static void
go_down(const char *dir, int depth)
{
	int i;

	if (mount("many", dir, "tmpfs", 0, NULL) != 0 || chdir(dir) != 0)
		err(1, "%s", dir);
	for (i = 0; i < depth; i++)
		if (mkdir("d", 0755) != 0 || chdir("d") != 0)
			err(1, "%s", dir);
}

static void
mount_here(int n)
{
	char name[16];
	int i;

	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%d", i);
		if (mkdir(name, 0755) != 0 || mount(".", name, NULL, MS_BIND, NULL) != 0)
			err(1, "%s", name);
	}
}

static void
stand_apart(const char *how, int i, int n)
{
	if (strcmp(how, "roots") == 0) {
		for (; i > 0; i--)
			if (chdir("..") != 0)
				err(1, "chdir");
		if (chroot(".") != 0)
			err(1, "chroot");
	}
	if (strcmp(how, "namespaces") == 0 && unshare(CLONE_NEWNS) != 0)
		err(1, "unshare");
	if (strcmp(how, "files") == 0)
		for (; n > 0; n--)
			if (open("/", O_PATH | O_DIRECTORY) < 0)
				err(1, "open");
}

static void
start(const char *how, int i, int n)
{
	int ready[2];
	char byte;

	if (pipe(ready) != 0)
		err(1, "pipe");
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		stand_apart(how, i, n);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		errx(1, "a process failed");
	close(ready[0]);
}

int
main(int argc, char **argv)
{
	int i, mounts, processes;
	struct rlimit r;
	char byte;

	if (argc != 5)
		errx(2, "usage: many DIR MOUNTS PROCESSES roots|namespaces|files");
	mounts = atoi(argv[2]);
	processes = atoi(argv[3]);
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	leave_host();
	go_down(argv[1], processes);
	mount_here(strcmp(argv[4], "files") == 0 ? 0 : mounts);
	for (i = 0; i < processes; i++)
		start(argv[4], i, mounts);
	/* Nobody sees the whole of the namespace then. */
	if (strcmp(argv[4], "roots") == 0)
		stand_apart(argv[4], processes, 0);
	printf("ready\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
