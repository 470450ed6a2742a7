/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Takes a step in a child, waits for that and kills it in time.  The child
 * returns a number only; become_run() returns more.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/limited.h"

/* Waits for the child.  Returns 0 once it has ended, -ETIMEDOUT or -EINTR. */
static int
wait_for_end(int pidfd, int64_t until, const sigset_t *mask)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	struct timespec left;
	int64_t ms;
	int rc;

	do {
		ms = MAX(until - clock_monotonic_ms(), (int64_t)0);
		left = (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
		rc = ppoll(&p, 1, &left, mask);
	} while (rc < 0 && errno == EINTR && mask == NULL);
	return rc > 0 ? 0 : rc == 0 ? -ETIMEDOUT : -errno;
}

static int
wait_limited(pid_t pid, int pidfd, int64_t until, const sigset_t *mask)
{
	int status, rc;

	if (pidfd >= 0 && (rc = wait_for_end(pidfd, until, mask)) != 0) {
		kill(pid, SIGKILL);
		/* A child that the kernel does not let go of is left to init. */
		waitpid(pid, NULL, WNOHANG);
		return rc;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECANCELED;
}

int
limited_run_until(int (*step)(const void *arg), const void *arg, int64_t until,
    const sigset_t *mask)
{
	int pidfd autoclose = -1;
	pid_t pid;

	fflush(NULL);
	if ((pid = fork()) < 0)
		return -errno;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		_exit(-step(arg));	/* errno values fit a byte */
	}
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return wait_limited(pid, pidfd, until, mask);
}

int
limited_run(int (*step)(const void *arg), const void *arg, int seconds)
{
	return limited_run_until(step, arg, clock_monotonic_ms() + (int64_t)seconds * 1000, NULL);
}
