/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starting a child and hearing its end.  What the kinds of errands do is in the files of their rooms.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/errand.h"
#include "supervisor/order.h"
#include "supervisor/signals.h"
#include "supervisor/state.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD	0x00001000
#endif

void
errand_init(struct errand *e)
{
	*e = (struct errand){ .pidfd = -1, .report_fd = -1 };
}

/*
 * Raw, for fork(2) makes children of the caller only.  The C library's locks are
 * free: there is one thread.
 */
static pid_t
fork_sibling(int *pidfd)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | CLONE_PIDFD | SIGCHLD, NULL, pidfd,
	    NULL, NULL);

	return pid < 0 ? -errno : pid;
}

static pid_t
fork_child(int *pidfd)
{
	pid_t pid = fork();

	if (pid > 0)
		*pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	return pid < 0 ? -errno : pid;
}

/* Those that the work has opened for its child alone. */
static void
close_added(const int mine[ERRAND_FDS], const int fd[ERRAND_FDS])
{
	int i;

	for (i = 0; i < ERRAND_FDS; i++)
		if (mine[i] != fd[i])
			close(mine[i]);
}

pid_t
errand_run(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS],
    bool is_monitor, int *pidfd)
{
	const struct errand_work *work = &s->errands[o->kind];
	int mine[ERRAND_FDS], rc;
	pid_t pid;

	memcpy(mine, fd, sizeof(mine));
	if (work->prepare != NULL && (rc = work->prepare(s, mine)) != 0)
		return rc;
	if ((pid = is_monitor ? fork_sibling(pidfd) : fork_child(pidfd)) == 0) {
		work->run(s, o, mine);
		_exit(1);
	}
	close_added(mine, fd);
	return pid;
}

pid_t
errand_fork(struct supervisor *s, struct errand_order *o, const int fd[ERRAND_FDS], int *pidfd)
{
	*pidfd = -1;
	return order_has_monitor(&s->monitor) ? order_errand(s, o, fd, pidfd) :
	    errand_run(s, o, fd, false, pidfd);
}

int
errand_start(struct supervisor *s, struct errand *e, struct errand_order *o)
{
	return errand_start_with(s, e, o, -1);
}

int
errand_start_with(struct supervisor *s, struct errand *e, struct errand_order *o, int more)
{
	int fd[ERRAND_FDS], report[2];
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) != 0)
		return -errno;
	memset(fd, -1, sizeof(fd));
	fd[0] = report[1];
	fd[1] = more;
	pid = errand_fork(s, o, fd, &e->pidfd);
	close(report[1]);
	if (pid < 0) {
		close(report[0]);
		return pid;
	}
	e->pid = pid;
	e->report_fd = report[0];
	return 0;
}

static void
forget(struct errand *e)
{
	if (e->pidfd >= 0)
		close(e->pidfd);
	if (e->report_fd >= 0)
		close(e->report_fd);
	errand_init(e);
}

int
errand_end(struct errand *e, void *report, size_t size)
{
	int status = 0;
	ssize_t n = -1;

	while (e->pid != 0 && waitpid(e->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (e->report_fd >= 0)
		n = size > 0 ? read(e->report_fd, report, size) : 0;
	forget(e);
	return n == (ssize_t)size && WIFEXITED(status) ? WEXITSTATUS(status) : -ENOMSG;
}

void
errand_stop(struct errand *e)
{
	if (e->pid == 0)
		return;
	signals_kill(e->pidfd);
	waitpid(e->pid, NULL, WNOHANG);
	forget(e);
}
