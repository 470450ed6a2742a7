/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The process and its life.  The lock files that name it are written by storelock.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "supervisor/descriptors.h"
#include "supervisor/identity.h"
#include "supervisor/keeper.h"
#include "supervisor/signals.h"
#include "supervisor/waiting.h"

#define PATIENCE	2	/* seconds */

int
keeper_find_user(int store_fd, const char *instance, uid_t *uid, gid_t *gid)
{
	char path[PATH_MAX];
	int fd autoclose = -1;
	struct stat st;

	if (!identity_is_root())
		return 0;
	if (snprintf(path, sizeof(path), "backups/%s", instance) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	identity_raise();
	fd = io_open_beneath(store_fd, path, O_PATH | O_DIRECTORY, 0);
	identity_drop();
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) != 0)
		return -errno;
	*uid = st.st_uid;
	*gid = st.st_gid;
	return 0;
}

/* A shutdown ends every process by SIGTERM; this one ends with the mount. */
static _Noreturn void
keep(int fd, uid_t uid, gid_t gid, const char *mnt)
{
	char byte;

	setproctitle("keeper: %s", mnt);
	signals_ignore();
	descriptors_close_but(&fd, 1);
	if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		_exit(1);
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

int
keeper_start(struct keeper *k, uid_t uid, gid_t gid, const char *mnt)
{
	int fds[2], rc;

	*k = (struct keeper){ .pidfd = -1, .fd = -1 };
	if (!identity_is_root() || uid == 0)
		return 0;
	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	if ((k->pid = fork()) == 0)
		keep(fds[0], uid, gid, mnt);
	close(fds[0]);
	if (k->pid < 0) {
		rc = -errno;
		close(fds[1]);
		k->pid = 0;
		return rc;
	}
	k->fd = fds[1];
	k->pidfd = (int)syscall(SYS_pidfd_open, k->pid, 0);
	return k->pidfd < 0 ? -errno : 0;
}

void
keeper_kill(const struct keeper *k)
{
	if (k->pid != 0)
		kill(k->pid, SIGKILL);	/* not yet reaped: the pid is its */
}

void
keeper_end(struct keeper *k)
{
	if (k->pid == 0)
		return;
	close(k->fd);		/* the last one: it ends by itself */
	waiting_firmly(k->pidfd, PATIENCE);
	waitpid(k->pid, NULL, WNOHANG);
	close(k->pidfd);
	*k = (struct keeper){ .pidfd = -1, .fd = -1 };
}
