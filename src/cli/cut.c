/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes the kernel write back what it holds, then aborts the connection.
 *
 * syncfs(2) of a FUSE mount sends the dirty pages of all files to the worker
 * but does not wait for its answers, which an abort would throw away.  The
 * control file "waiting" counts the requests without an answer, so this waits
 * until it is 0.
 *
 * syncfs(2) takes any descriptor of the file system.  The root of a mount in
 * another namespace is one; where that is no longer mounted, or we may not
 * enter, a file that a process has open is another.
 */
#include "config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/cut.h"
#include "cli/limited.h"
#include "cli/openers.h"
#include "supervisor/holders.h"

#define FLUSH_SECONDS	60
#define POLL_MS		20
#define ROOT_MS		5000	/* to find the mount in other namespaces */

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd	438
#endif

struct device {
	unsigned major, minor;
	int	control;
};

static bool
is_on(int dir_fd, const char *name, int flags, const struct device *d)
{
	return openers_is_on(dir_fd, name, flags, d->major, d->minor);
}

struct flushing {
	const struct device *device;
	bool	done;
};

static bool
flush_root(void *arg, const struct holder *h)
{
	int root autoclose = -1, mount autoclose = -1, fd autoclose = -1;
	struct flushing *k = arg;

	if (h->mount->major != k->device->major || h->mount->minor != k->device->minor)
		return true;
	root = openat(h->proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return true;
	mount = openat(root, h->mount->mountpoint[1] == '\0' ? "." : h->mount->mountpoint + 1,
	    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (mount < 0 || !is_on(mount, "", AT_EMPTY_PATH, k->device))
		return true;
	fd = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	k->done = fd >= 0 && syncfs(fd) == 0;
	return !k->done;
}

/*
 * Gets a file that a process has open.  To borrow it, root need not be let in
 * by the file system.
 */
static int
borrow(pid_t pid, int fd_dir, const char *name)
{
	int pidfd autoclose = (int)syscall(SYS_pidfd_open, pid, 0), fd = -1;

	if (pidfd >= 0)
		fd = (int)syscall(SYS_pidfd_getfd, pidfd, atoi(name), 0);
	return fd >= 0 ? fd : openat(fd_dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static bool
flush_process(int proc_fd, const char *pid, const struct device *d)
{
	const struct dirent *entry;
	char path[48];
	bool done = false;
	DIR *dir;
	int dir_fd, fd;

	snprintf(path, sizeof(path), "%.16s/fd", pid);
	if ((dir_fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return false;
	if ((dir = fdopendir(dir_fd)) == NULL) {
		close(dir_fd);
		return false;
	}
	while (!done && (entry = readdir(dir)) != NULL) {
		if (!is_on(dirfd(dir), entry->d_name, 0, d) ||
		    (fd = borrow((pid_t)atoi(pid), dirfd(dir), entry->d_name)) < 0)
			continue;
		done = syncfs(fd) == 0;
		close(fd);
	}
	closedir(dir);
	return done;
}

static bool
flush_any_process(const struct device *d)
{
	const struct dirent *entry;
	bool done = false;
	DIR *proc;

	if ((proc = opendir("/proc")) == NULL)
		return false;
	while (!done && (entry = readdir(proc)) != NULL)
		done = isdigit((unsigned char)entry->d_name[0]) &&
		    flush_process(dirfd(proc), entry->d_name, d);
	closedir(proc);
	return done;
}

static int
open_file(int control, const char *name, int flags)
{
	int fd = control < 0 ? control : openat(control, name, flags | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 && control >= 0 ? -errno : fd;
}

/*
 * Returns how many requests have no answer yet, or negative errno.  An open
 * file tells one number only.
 */
static int
count_waiting(int control)
{
	int fd autoclose = open_file(control, "waiting", O_RDONLY);
	char text[24];
	ssize_t n;

	if (fd < 0)
		return fd;
	if ((n = read(fd, text, sizeof(text) - 1)) < 0)
		return -errno;
	text[n] = '\0';
	return atoi(text);
}

/* Asks again and again, for the kernel tells nobody that a connection is idle. */
static int
wait_for_answers(int control)
{
	int n;

	while ((n = count_waiting(control)) > 0)
		poll(NULL, 0, POLL_MS);
	return n;
}

static int
flush(const void *arg)
{
	struct flushing k = { .device = arg };

	holders_each(clock_monotonic_ms() + ROOT_MS, flush_root, &k);
	if (!k.done && !flush_any_process(k.device))
		return -ENOENT;
	return wait_for_answers(k.device->control);
}

int
cut_flush(unsigned major, unsigned minor, int control)
{
	const struct device d = { major, minor, control };

	return limited_run(flush, &d, FLUSH_SECONDS);
}

int
cut_abort(int control)
{
	int fd autoclose = open_file(control, "abort", O_WRONLY);

	if (fd < 0)
		return fd;
	return write(fd, "1", 1) == 1 ? 0 : -errno;
}
