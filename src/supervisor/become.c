/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A child takes all ids of a user and answers over a pipe.  probe.c is for questions that can be asked
 * with less.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "ipc/fdpass.h"
#include "sandbox/caps.h"
#include "supervisor/become.h"
#include "supervisor/descriptors.h"
#include "supervisor/identity.h"
#include "supervisor/tie.h"
#include "supervisor/waiting.h"

#define ANSWER_MAX	(16 * KiB)

/* A child sends this, with the result of act, and then arg. */
struct answer_head {
	int	rc;
};

/* All groups of a user in *list, which the caller frees.  Returns how many, or -1. */
static int
all_groups(const struct passwd *pw, gid_t gid, gid_t **list)
{
	int room = 64, n;

	for (;;) {
		gid_t *bigger = reallocarray(*list, (size_t)room, sizeof(**list));

		if (bigger == NULL)
			return -1;
		*list = bigger;
		n = room;
		if (getgrouplist(pw->pw_name, gid, *list, &n) >= 0)
			return n;
		if (n <= room)
			return -1;
		room = n;
	}
}

static void
find_groups(struct become *b)
{
	const struct passwd *pw = getpwuid(b->uid);
	gid_t *list autofree = NULL;
	int i, n = pw != NULL ? all_groups(pw, b->gid, &list) : 0;

	for (i = 0; i < n; i++) {
		if (list[i] == b->gid)
			continue;
		if (b->n_groups == ARRAY_SIZE(b->groups)) {
			log_warn("user %s is in more than %zu groups: the others are left out",
			    pw->pw_name, b->n_groups);
			break;
		}
		b->groups[b->n_groups++] = list[i];
	}
}

void
become_init(struct become *b, uid_t uid, gid_t gid, bool with_groups)
{
	*b = (struct become){ .uid = uid, .gid = gid };
	if (with_groups && identity_is_root())
		find_groups(b);
}

int
become_limit_caps(bool read_search)
{
	uint64_t caps = read_search ? CAP_BIT(CAP_DAC_READ_SEARCH) : 0;

	return caps_set(caps, caps);
}

int
become_now(const struct become *b)
{
	int rc;

	if (!identity_is_root())
		return 0;
	identity_raise();
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setgroups(b->n_groups, b->groups) != 0 ||
	    setresgid(b->gid, b->gid, b->gid) != 0 || setresuid(b->uid, b->uid, b->uid) != 0)
		return -errno;
	if ((rc = become_limit_caps(b->read_search)) != 0)
		return rc;
	/* He may signal this process, but not trace it: only our code chooses the answer. */
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ? -errno : 0;
}

/* Who reads what the caller prints does not wait for a child that hangs. */
static void
let_go_of_standard(void)
{
	int null autoclose = open("/dev/null", O_RDWR | O_CLOEXEC), fd;

	for (fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
}

/* In the child. */
static _Noreturn void
work_as(const struct become *b, const struct become_work *w, int sock)
{
	unsigned char answer[ANSWER_MAX];
	struct answer_head head;
	int keep[BECOME_KEEP_MAX + 1] = { sock }, passed = -1;

	memcpy(keep + 1, w->keep, w->n_keep * sizeof(*keep));
	descriptors_close_but(keep, w->n_keep + 1);
	let_go_of_standard();
	if ((head.rc = b != NULL ? become_now(b) : 0) == 0) {
		tie_again();
		head.rc = w->act(w->arg, &passed);
	}
	memcpy(answer, &head, sizeof(head));
	memcpy(answer + sizeof(head), w->arg, w->size);
	_exit(fdpass_send(sock, answer, sizeof(head) + w->size, passed) != 0);
}

static int
receive_answer(const struct become_work *w, int sock, int *fd)
{
	unsigned char answer[ANSWER_MAX];
	struct answer_head head;
	int got autoclose = -1, rc;

	if ((rc = waiting_for(sock, w->seconds != 0 ? w->seconds : BECOME_SECONDS)) != 0)
		return rc;
	if (fdpass_receive(sock, answer, sizeof(head) + w->size, &got) != 0)
		return -ECANCELED;
	memcpy(&head, answer, sizeof(head));
	memcpy(w->arg, answer + sizeof(head), w->size);
	if (fd != NULL)
		*fd = steal_fd(&got);
	return head.rc;
}

/* A child that has not answered may hang where no signal reaches it: init inherits it then. */
static void
end_child(pid_t pid, bool hangs)
{
	kill(pid, SIGKILL);	/* our own child, not yet reaped: the pid is its */
	while (waitpid(pid, NULL, hangs ? WNOHANG : 0) < 0 && errno == EINTR)
		;
}

int
become_run(const struct become *b, const struct become_work *w, int *fd)
{
	int pair[2], rc;
	pid_t pid;

	if (w->size > ANSWER_MAX - sizeof(struct answer_head) || w->n_keep > BECOME_KEEP_MAX)
		return -E2BIG;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	if ((pid = tie_fork(SIGKILL)) == 0)
		work_as(b, w, pair[1]);
	rc = pid < 0 ? -errno : 0;
	close(pair[1]);
	if (pid > 0) {
		rc = receive_answer(w, pair[0], fd);
		end_child(pid, rc == -ETIMEDOUT || rc == -EINTR);
	}
	close(pair[0]);
	return rc;
}
