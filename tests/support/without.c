/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs a command on a kernel that lacks something, as far as the command can tell:
 *   without LACK[,LACK...] COMMAND [ARG...]
 * Landlock as if it were off at boot, namespaces as if nobody might make any,
 * mount_setattr as before Linux 5.12.  Only root can run it.
 */
#include "config.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset	444
#endif
#ifndef __NR_mount_setattr
#define __NR_mount_setattr	442
#endif

static int
refuse(unsigned nr, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { .filter = code, .len = sizeof(code) / sizeof(*code) };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0);
}

int
main(int argc, char **argv)
{
	static const struct { const char *name; unsigned nr; int error; } lacks[] = {
		{ "landlock", __NR_landlock_create_ruleset, EOPNOTSUPP },
		{ "namespaces", __NR_unshare, EPERM },
		{ "mount_setattr", __NR_mount_setattr, ENOSYS },
	};
	size_t i;

	if (argc < 3)
		return 2;
	for (i = 0; i < sizeof(lacks) / sizeof(*lacks); i++)
		if (strstr(argv[1], lacks[i].name) != NULL && refuse(lacks[i].nr, lacks[i].error) != 0) {
			perror(lacks[i].name);
			return 99;
		}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 99;
}
