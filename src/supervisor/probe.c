/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The answer is an exit status.  A child that has to bring something back uses become.c.
 */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/become.h"
#include "supervisor/identity.h"
#include "supervisor/probe.h"
#include "supervisor/waiting.h"

/*
 * The user and group ids stay root's where they may: who has all three of them
 * could stop or kill this process.
 */
static int
become(const struct probe *p)
{
	struct become him;
	int rc;

	become_init(&him, p->uid, p->gid, p->with_groups);
	him.read_search = p->read_search;
	if (p->whole)
		return become_now(&him);
	identity_raise();
	if (setgroups(him.n_groups, him.groups) != 0)
		return -errno;
	setfsgid(p->gid);
	setfsuid(p->uid);
	if ((uid_t)setfsuid((uid_t)-1) != p->uid || (gid_t)setfsgid((gid_t)-1) != p->gid)
		return -EPERM;
	/* Without root's, the file system capabilities went with its id. */
	if (p->read_search && (rc = become_limit_caps(true)) != 0)
		return rc;
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ? -errno : 0;
}

/* Ends a child without an answer.  One that no signal reaches is left to init. */
static int
give_up(pid_t pid, int rc)
{
	kill(pid, SIGKILL);	/* our own child, not yet reaped: the pid is its */
	waitpid(pid, NULL, WNOHANG);
	return rc;
}

int
probe_run(const struct probe *p, int (*test)(const void *arg), const void *arg)
{
	int pidfd autoclose = -1, status, rc;
	pid_t pid;

	if ((pid = fork()) < 0)
		return -errno;
	if (pid == 0) {
		if (identity_is_root() && become(p) != 0)
			_exit(101);
		_exit(test(arg));
	}
	if ((pidfd = (int)syscall(SYS_pidfd_open, pid, 0)) < 0)
		return give_up(pid, -errno);
	if ((rc = waiting_for(pidfd, p->seconds != 0 ? p->seconds : PROBE_SECONDS)) != 0)
		return give_up(pid, rc);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) <= 100 ?
	    WEXITSTATUS(status) : -EPERM;
}
