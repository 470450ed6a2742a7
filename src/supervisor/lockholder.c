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
#include "supervisor/lockholder.h"
#include "supervisor/signals.h"
#include "supervisor/waiting.h"

#define PATIENCE	2	/* seconds */

int
lockholder_find_user(int store_fd, const char *instance, uid_t *uid, gid_t *gid)
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
hold_lock(int fd, uid_t uid, gid_t gid, const char *mnt)
{
	char byte;

	setproctitle("lock holder: %s", mnt);
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
lockholder_start(struct lockholder *h, uid_t uid, gid_t gid, const char *mnt)
{
	int fds[2], rc;

	*h = (struct lockholder){ .pidfd = -1, .fd = -1 };
	if (!identity_is_root() || uid == 0)
		return 0;
	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	if ((h->pid = fork()) == 0)
		hold_lock(fds[0], uid, gid, mnt);
	close(fds[0]);
	if (h->pid < 0) {
		rc = -errno;
		close(fds[1]);
		h->pid = 0;
		return rc;
	}
	h->fd = fds[1];
	h->pidfd = (int)syscall(SYS_pidfd_open, h->pid, 0);
	return h->pidfd < 0 ? -errno : 0;
}

void
lockholder_kill(const struct lockholder *h)
{
	if (h->pid != 0)
		kill(h->pid, SIGKILL);	/* not yet reaped: the pid is its */
}

void
lockholder_end(struct lockholder *h)
{
	if (h->pid == 0)
		return;
	close(h->fd);		/* the last one: it ends by itself */
	waiting_firmly(h->pidfd, PATIENCE);
	waitpid(h->pid, NULL, WNOHANG);
	close(h->pidfd);
	*h = (struct lockholder){ .pidfd = -1, .fd = -1 };
}
