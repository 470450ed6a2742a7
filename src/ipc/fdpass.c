#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "ipc/fdpass.h"

/* Room for one descriptor, aligned as the kernel wants it. */
union control {
	struct cmsghdr h;
	char	room[CMSG_SPACE(sizeof(int))];
};

int
fdpass_send(int sock, const void *data, size_t n, int fd)
{
	union control control = { 0 };
	struct iovec iov = { (void *)(uintptr_t)data, n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		control.h = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof(int)),
		};
		memcpy(CMSG_DATA(&control.h), &fd, sizeof(fd));
		m.msg_control = &control;
		m.msg_controllen = sizeof(control.room);
	}
	return sendmsg(sock, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n ? 0 : -errno;
}

static bool
has_descriptor(const struct msghdr *m, const union control *c)
{
	return m->msg_controllen >= CMSG_LEN(sizeof(int)) && c->h.cmsg_level == SOL_SOCKET &&
	    c->h.cmsg_type == SCM_RIGHTS && c->h.cmsg_len == CMSG_LEN(sizeof(int));
}

int
fdpass_receive(int sock, void *data, size_t n, int *fd)
{
	union control control = { 0 };
	struct iovec iov = { data, n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int got autoclose = -1;
	ssize_t r;

	/* Where there is no room for more, the kernel closes what else comes. */
	if (fd != NULL) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_LEN(sizeof(int));
	}
	if ((r = recvmsg(sock, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) < 0)
		return errno == EAGAIN ? -ENOMSG : -errno;
	if (has_descriptor(&m, &control))
		memcpy(&got, CMSG_DATA(&control.h), sizeof(got));
	if ((size_t)r != n || m.msg_flags & MSG_TRUNC)
		return -ENOMSG;
	if (fd != NULL)
		*fd = steal_fd(&got);
	return 0;
}
