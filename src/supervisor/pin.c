/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A plain umount(2) takes the mount out of the table first and ends the
 * connection then; umount(2) with MNT_FORCE ends the connection first, and
 * whoever has read ENODEV cannot tell which of the two it was.  With another mount of
 * the same file system in our hands the plain one ends nothing: we see the table
 * change, and let go.  A connection that ends before that was cut.
 *
 * The copy is mounted nowhere, so it keeps neither the mountpoint busy nor any
 * other mount.  Its descriptor lies in the queue of a socket pair of our own and in
 * no process's table: fuser(1) would count us among the users otherwise, and
 * "fuser -k" is what people run before they unmount.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "ipc/fdpass.h"
#include "supervisor/descriptors.h"
#include "supervisor/identity.h"
#include "supervisor/mountinfo.h"
#include "supervisor/pin.h"

/* <linux/mount.h> and <sys/mount.h> cannot be had together on every system. */
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE	1
#endif
#ifndef SYS_open_tree
#define SYS_open_tree	428
#endif

void
pin_init(struct pin *p)
{
	p->sock[0] = p->sock[1] = -1;
}

bool
pin_is_taken(const struct pin *p)
{
	return p->sock[0] >= 0;
}

static int
clone_tree(int dir_fd, const char *name, unsigned flags)
{
	int fd = (int)syscall(SYS_open_tree, dir_fd, name,
	    OPEN_TREE_CLONE | O_CLOEXEC | AT_NO_AUTOMOUNT | flags);

	return fd < 0 ? -errno : fd;
}

/* Others may move what is on the way to it: the mount is looked at before it is copied. */
static int
copy_as_root(const struct pin_mount *m)
{
	int fd autoclose = openat(m->parent_fd, m->base,
	    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return mountinfo_id_of(fd) == m->id ? clone_tree(fd, "", AT_EMPTY_PATH) : -ESTALE;
}

/* Asks no server of the file system, which may not serve yet. */
static bool
is_of(int fd, const struct pin_mount *m)
{
	struct statx st;

	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &st) == 0 &&
	    st.stx_dev_major == m->major && st.stx_dev_minor == m->minor;
}

/*
 * By name, for only that leads to the copy of it in a namespace of one's own.  Others may
 * move what is on the way here, too: so the copy is looked at.
 */
static int
copy_as_user(const struct pin_mount *m)
{
	int fd autoclose = -1;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return -errno;
	if ((fd = clone_tree(AT_FDCWD, m->path, AT_SYMLINK_NOFOLLOW)) < 0)
		return fd;
	return is_of(fd, m) ? steal_fd(&fd) : -ESTALE;
}

/* In a child, which may enter namespaces of its own.  Returns an exit status: an errno. */
static int
copy_mount(const struct pin_mount *m, int sock)
{
	int fd;

	identity_raise();
	fd = identity_is_root() ? copy_as_root(m) : copy_as_user(m);
	return fd < 0 ? -fd : -fdpass_send(sock, &(char){ 0 }, 1, fd);
}

int
pin_take(struct pin *p, const struct pin_mount *m)
{
	int status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->sock) != 0)
		return -errno;
	if ((pid = fork()) == 0)
		_exit(copy_mount(m, p->sock[1]));
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	pin_forget(p);
	return pid > 0 && WIFEXITED(status) ? -WEXITSTATUS(status) : -EAGAIN;
}

void
pin_forget(struct pin *p)
{
	int i;

	for (i = 0; i < 2; i++)
		if (p->sock[i] >= 0)
			close(p->sock[i]);
	pin_init(p);
}

/* The descriptors of ERRAND_UNPIN: the pin's, and one at its end when the others have let go. */
enum { FD_SOCK_0, FD_SOCK_1, FD_GONE, FDS };

/* Holds the copy, and nothing else of the supervisor's, until all others have let go. */
static _Noreturn void
wait_and_close(const int fd[FDS])
{
	descriptors_close_but(fd, FDS);
	_exit(read(fd[FD_GONE], &(char){ 0 }, 1) != 0);
}

/* A grandchild does it, so that nobody has to wait for it. */
void
pin_child(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
{
	(void)s;
	(void)o;
	if (fork() == 0)
		wait_and_close(fd);
	_exit(0);
}

void
pin_release(struct supervisor *s, struct pin *p)
{
	struct errand_order o = { .kind = ERRAND_UNPIN };
	int fd[ERRAND_FDS], gone[2], pidfd = -1;
	pid_t pid = -1;

	if (!pin_is_taken(p) || pipe2(gone, O_CLOEXEC) != 0) {
		pin_forget(p);
		return;
	}
	memset(fd, -1, sizeof(fd));
	fd[FD_SOCK_0] = p->sock[0];
	fd[FD_SOCK_1] = p->sock[1];
	fd[FD_GONE] = gone[0];
	pid = errand_fork(s, &o, fd, &pidfd);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (pidfd >= 0)
		close(pidfd);
	/* So that the child's is the last. */
	pin_forget(p);
	close(gone[0]);
	close(gone[1]);
}
