/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages with descriptors, by SCM_RIGHTS.  It knows nothing of what they are
 * for, and closes each one that nobody takes.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "ipc/fdpass.h"

/* Space for the descriptors, aligned as the kernel wants it. */
union control {
	struct cmsghdr h;
	char	room[CMSG_SPACE(FDPASS_MAX * sizeof(int))];
};

int
fdpass_send_all(int sock, const void *data, size_t n, const int *fd, unsigned n_fds)
{
	union control control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)data, n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n_fds > FDPASS_MAX)
		return -E2BIG;
	if (n_fds > 0) {
		control.h = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(n_fds * sizeof(*fd)),
		};
		memcpy(CMSG_DATA(&control.h), fd, n_fds * sizeof(*fd));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(*fd));
	}
	return sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n ? 0 : -errno;
}

int
fdpass_send(int sock, const void *data, size_t n, int fd)
{
	return fdpass_send_all(sock, data, n, &fd, fd >= 0);
}

/* Takes the descriptors that came, as far as there is room; closes the rest. */
static unsigned
take_descriptors(const struct msghdr *m, const union control *c, int *fd, unsigned max)
{
	int got[FDPASS_MAX];
	unsigned n, i;

	if (m->msg_controllen < CMSG_LEN(sizeof(int)) || c->h.cmsg_level != SOL_SOCKET ||
	    c->h.cmsg_type != SCM_RIGHTS || c->h.cmsg_len > CMSG_LEN(sizeof(got)))
		return 0;
	n = (unsigned)((c->h.cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(got, CMSG_DATA(&c->h), n * sizeof(int));
	for (i = 0; i < n; i++)
		if (i < max)
			fd[i] = got[i];
		else
			close(got[i]);
	return MIN(n, max);
}

int
fdpass_receive_all(int sock, void *data, size_t n, int *fd, unsigned max)
{
	union control control = { 0 };
	struct iovec iov = { data, n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	unsigned came;
	ssize_t got;

	/* The kernel closes descriptors for which there is no room. */
	if (max > 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_LEN(MIN(max, FDPASS_MAX) * sizeof(int));
	}
	if ((got = recvmsg(sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) < 0)
		return errno == EAGAIN ? -ENOMSG : -errno;
	came = take_descriptors(&m, &control, fd, max);
	if ((size_t)got == n && (m.msg_flags & MSG_TRUNC) == 0)
		return (int)came;
	while (came > 0)
		close(fd[--came]);
	return -ENOMSG;
}

int
fdpass_receive(int sock, void *data, size_t n, int *fd)
{
	int got = -1, rc = fdpass_receive_all(sock, data, n, &got, fd != NULL);

	if (rc >= 0 && fd != NULL)
		*fd = got;
	return MIN(rc, 0);
}
