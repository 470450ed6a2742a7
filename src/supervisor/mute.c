/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The child and its answer.  What is left undone while there is none is decided where it would
 * be done.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "supervisor/descriptors.h"
#include "supervisor/mute.h"
#include "supervisor/order.h"
#include "supervisor/state.h"

#define PATIENCE_MS	2000

void
mute_init(struct mute *m)
{
	*m = (struct mute){ .answer_fd = -1 };
}

void
mute_forget(struct mute *m)
{
	if (m->answer_fd >= 0)
		close(m->answer_fd);
	m->answer_fd = -1;
}

/* Whatever it says, even an error, is an answer. */
static _Noreturn void
ask_and_answer(int dir_fd, int answer_fd)
{
	int keep[] = { dir_fd, answer_fd };
	struct statx sx;

	descriptors_close_but(keep, ARRAY_SIZE(keep));
	statx(dir_fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_MTIME, &sx);
	_exit(write(answer_fd, "", 1) != 1);
}

/* A grandchild asks, so that nobody has to wait for one that may never end. */
void
mute_child(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
{
	(void)o;
	if (fork() == 0)
		ask_and_answer(s->claim.dir.changes_fd, fd[0]);
	_exit(0);
}

static void
ask(struct supervisor *s)
{
	struct errand_order o = { .kind = ERRAND_ASK };
	int fd[ERRAND_FDS], answer[2], pidfd = -1;
	pid_t pid;

	if (pipe2(answer, O_CLOEXEC) != 0)
		return;
	memset(fd, -1, sizeof(fd));
	fd[0] = answer[1];
	pid = errand_fork(s, &o, fd, &pidfd);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (pidfd >= 0)
		close(pidfd);
	close(answer[1]);
	if (pid > 0)
		s->mute.answer_fd = answer[0];
	else
		close(answer[0]);
}

bool
mute_is(struct supervisor *s)
{
	struct mute *m = &s->mute;
	struct pollfd p = { .events = POLLIN };
	int ms = 0;

	if (s->monitor.pid == 0)
		return false;
	if (m->answer_fd < 0) {
		if (m->asked_at != 0 && clock_monotonic_ns() - m->asked_at < STATE_SECOND)
			return false;
		ask(s);
		ms = PATIENCE_MS;
	}
	p.fd = m->answer_fd;
	if (p.fd >= 0 && poll(&p, 1, ms) == 0)
		return true;
	mute_forget(m);
	m->asked_at = clock_monotonic_ns();
	return false;
}
