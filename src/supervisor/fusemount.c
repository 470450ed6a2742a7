/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each way to mount ends with a descriptor of /dev/fuse.  fusewhy.c words why it failed; how a mount
 * ends that nobody removed is in ending.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "supervisor/fusemount.h"
#include "supervisor/fusewhy.h"
#include "supervisor/identity.h"
#include "supervisor/mountinfo.h"
#include "supervisor/walk.h"

#define READ_AHEAD_KB	1024	/* one request */
#define READ_AHEAD_MAX	4	/* requests; more memory for each reader than that is not worth it */

int
fusemount_check_context(const char *label)
{
	size_t i, n = strlen(label);

	if (n == 0 || n > FUSEMOUNT_CONTEXT_MAX)
		return -EINVAL;
	/* The kernel ends the value at the next quotation mark and knows no escapes. */
	for (i = 0; i < n; i++)
		if (label[i] <= ' ' || label[i] > '~' || label[i] == '"' || label[i] == '\\')
			return -EINVAL;
	return 0;
}

void
fusemount_data(const struct fusemount *m, int fd, char *data)
{
	int n = snprintf(data, FUSEMOUNT_DATA_MAX,
	    "fd=%d,rootmode=40000,user_id=%u,group_id=%u,default_permissions,allow_other",
	    fd, m->uid, m->gid);

	/* Quoted, for a label may have a comma between its categories. */
	if (m->context != NULL)
		snprintf(data + n, FUSEMOUNT_DATA_MAX - (size_t)n, ",context=\"%s\"", m->context);
}

static int
mount_as_root(const struct fusemount *m, char *error)
{
	char data[FUSEMOUNT_DATA_MAX], target[64], why[FUSEMOUNT_ERROR_MAX / 2];
	int fd autoclose = -1, rc;

	if ((fd = open("/dev/fuse", O_RDWR | O_CLOEXEC)) < 0) {
		rc = -errno;
		fusewhy_device(-rc, error, FUSEMOUNT_ERROR_MAX);
		return rc;
	}
	fusemount_data(m, fd, data);
	snprintf(target, sizeof(target), "/proc/self/fd/%d", m->mnt_fd);
	if (mount(m->source, target, MOUNT_FSTYPE, MS_NOSUID | MS_NODEV | MS_NOEXEC, data) != 0) {
		rc = -errno;
		fusewhy_mount(-rc, m->context, why, sizeof(why));
		snprintf(error, FUSEMOUNT_ERROR_MAX, "could not mount at \"%s\": %s", m->mnt, why);
		return rc;
	}
	return steal_fd(&fd);
}

/* fusermount3 splits its options at commas; a backslash protects one. */
static void
escape_option(const char *from, char *to, size_t size)
{
	for (; *from != '\0' && size > 2; from++) {
		if (*from == ',' || *from == '\\') {
			*to++ = '\\';
			size--;
		}
		*to++ = *from;
		size--;
	}
	*to = '\0';
}

/* The last line of what a child wrote, for a message. */
static void
last_line(int fd, char *line, size_t size)
{
	char text[4096], *start;
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(text) - 1 &&
	    (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	while (len > 0 && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	start = strrchr(text, '\n');
	snprintf(line, size, "%.*s", (int)size - 1, start == NULL ? text : start + 1);
}

static void
exec_fusermount(const char *const argv[], int comm_fd, int err_fd)
{
	char number[16];

	if (comm_fd >= 0) {
		snprintf(number, sizeof(number), "%d", comm_fd);
		setenv("_FUSE_COMMFD", number, 1);
		fcntl(comm_fd, F_SETFD, 0);
	}
	setenv("LC_ALL", "C", 1);
	dup2(err_fd, STDERR_FILENO);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	dprintf(STDERR_FILENO, "could not run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Runs it to its end.  Returns its exit status, or negative errno. */
static int
run_fusermount(const char *const argv[], int comm_fd, char *line, size_t size)
{
	int err[2], status;
	pid_t pid;

	if (pipe2(err, O_CLOEXEC) != 0)
		return -errno;
	if ((pid = fork()) < 0) {
		close(err[0]);
		close(err[1]);
		return -errno;
	}
	if (pid == 0)
		exec_fusermount(argv, comm_fd, err[1]);
	close(err[1]);
	last_line(err[0], line, size);
	close(err[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

static int
receive_descriptor(int socket_fd)
{
	char byte, space[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = space, .msg_controllen = sizeof(space)
	};
	struct cmsghdr *c;
	int fd;

	if (recvmsg(socket_fd, &mh, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) <= 0)
		return -EIO;
	c = CMSG_FIRSTHDR(&mh);
	if (c == NULL || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EIO;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

static int
mount_as_user(const struct fusemount *m, char *error)
{
	char options[2 * PATH_MAX + 128] = "fsname=", line[256] = "", why[FUSEMOUNT_ERROR_MAX / 2];
	const char *argv[] = { "fusermount3", "-o", options, "--", m->mnt, NULL };
	int ours autoclose = -1, theirs autoclose = -1, pair[2], rc;

	escape_option(m->source, options + strlen(options), sizeof(options) - 128);
	strcat(options, ",subtype=pbkfs,nosuid,nodev,noexec,default_permissions");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	ours = pair[0];
	theirs = pair[1];
	if ((rc = run_fusermount(argv, theirs, line, sizeof(line))) == 0)
		rc = receive_descriptor(ours);
	else
		rc = rc > 0 ? -EPERM : rc;
	if (rc < 0) {
		fusewhy_user(m->mnt, line, why, sizeof(why));
		snprintf(error, FUSEMOUNT_ERROR_MAX, "could not mount at \"%s\": %s", m->mnt, why);
	}
	return rc;
}

int
fusemount_mount(const struct fusemount *m, char *error)
{
	int fd;

	if (!identity_is_root())
		return mount_as_user(m, error);
	identity_raise();
	fd = mount_as_root(m, error);
	identity_drop();
	return fd;
}

static int
unmount_as_root(int parent_fd, const char *base, int id, bool lazy)
{
	int flags = UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0);

	if (id > 0 && mountinfo_id_at(parent_fd, base) != id)
		return -ESTALE;
	if (fchdir(parent_fd) != 0 || umount2(base, flags) != 0)
		return -errno;
	return 0;
}

static int
unmount_as_user(const char *mnt, bool lazy, char *error)
{
	const char *argv[] = { "fusermount3", lazy ? "-uz" : "-u", "--", mnt, NULL };
	char line[256] = "";
	int rc;

	if ((rc = run_fusermount(argv, -1, line, sizeof(line))) == 0)
		return 0;
	if (strstr(line, "busy") != NULL)
		return -EBUSY;
	snprintf(error, FUSEMOUNT_ERROR_MAX, "could not unmount \"%s\": %s", mnt, line);
	return rc < 0 ? rc : -EPERM;
}

int
fusemount_unmount(int parent_fd, const char *base, const char *mnt, int id, bool lazy,
    char *error)
{
	int rc;

	error[0] = '\0';
	if (!identity_is_root())
		return unmount_as_user(mnt, lazy, error);
	identity_raise();
	rc = unmount_as_root(parent_fd, base, id, lazy);
	identity_drop();
	if (rc != 0 && rc != -EBUSY)
		snprintf(error, FUSEMOUNT_ERROR_MAX, "could not unmount \"%s\": %s",
		    mnt, rc == -ESTALE ? "another mount is there, or none" : strerror(-rc));
	return rc;
}

/* It was made on a directory, by descriptor: which may have been moved meanwhile. */
static bool
is_seen(const struct fusemount *m, int parent_fd, const char *base)
{
	struct mountinfo *found autofree = malloc(sizeof(*found));
	int id = mountinfo_id_at(parent_fd, base);

	return found != NULL && id > 0 && mountinfo_find_id(id, found) == 0 &&
	    found->parent == mountinfo_id_of(m->mnt_fd) &&
	    strcmp(found->fstype, MOUNT_FSTYPE) == 0 && strcmp(found->source, m->source) == 0;
}

/* From where its directory is by now. */
static void
take_back(const struct fusemount *m)
{
	int parent_fd autoclose = openat(m->mnt_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char link[64], path[PATH_MAX], parent[PATH_MAX];
	const char *base;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", m->mnt_fd);
	if (parent_fd < 0 || (n = readlink(link, path, sizeof(path) - 1)) < 0)
		return;
	path[n] = '\0';
	base = walk_split(path, parent);
	if (is_seen(m, parent_fd, base))
		unmount_as_root(parent_fd, base, mountinfo_id_at(parent_fd, base), true);
}

int
fusemount_check(const struct fusemount *m, int parent_fd, const char *base, char *error)
{
	if (!identity_is_root() || is_seen(m, parent_fd, base))
		return 0;
	identity_raise();
	take_back(m);
	identity_drop();
	snprintf(error, FUSEMOUNT_ERROR_MAX, "mountpoint \"%s\" was replaced while it was mounted",
	    m->mnt);
	return -ESTALE;
}

/*
 * The kernel asks for a window at once, and for the next one when the reader comes to
 * that: so a window has a request for each thread that a processor can run.
 */
static unsigned
requests_ahead(unsigned threads)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned busy = processors > 0 ? MIN(threads, (unsigned)processors) : threads;

	return MAX(MIN(busy, READ_AHEAD_MAX), 1u);
}

int
fusemount_set_readahead(const char *mnt, unsigned threads)
{
	struct mountinfo *m autofree = malloc(sizeof(*m));
	int fd autoclose = -1, rc;
	char name[96], value[24];

	if (m == NULL)
		return -ENOMEM;
	if ((rc = mountinfo_find(mnt, m)) != 0)
		return rc;
	snprintf(name, sizeof(name), "/sys/class/bdi/%u:%u/read_ahead_kb", m->major, m->minor);
	snprintf(value, sizeof(value), "%u", READ_AHEAD_KB * requests_ahead(threads));
	identity_raise();
	fd = open(name, O_WRONLY | O_CLOEXEC);
	rc = fd < 0 ? -errno : io_write(fd, value, strlen(value));
	identity_drop();
	return rc;
}
