/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads and writes that are complete, and the opening of files beneath a
 * directory that others may write: no link is followed, and with
 * io_admit_only() no file of a stranger is taken.  It logs nothing but such a
 * refusal.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/util.h"

static _Thread_local const struct io_watch *watch;

void
io_watch_thread(const struct io_watch *w)
{
	watch = w;
}

static bool sync_nothing;	/* set before there are threads */

static void
set_state(uint32_t state)
{
	if (watch == NULL)
		return;
	atomic_store_explicit(watch->since, clock_monotonic_ns(), memory_order_relaxed);
	atomic_store_explicit(watch->state, state, memory_order_release);
}

void
io_enter(void)
{
	set_state(watch != NULL ? watch->in_io : 0);
}

void
io_leave(void)
{
	set_state(watch != NULL ? watch->computing : 0);
}

int
io_sync(int fd, bool all)
{
	int rc;

	if (sync_nothing)
		return 0;
	io_enter();
	rc = (all ? fsync(fd) : fdatasync(fd)) != 0 ? -errno : 0;
	io_leave();
	return rc;
}

void
io_sync_nothing(void)
{
	sync_nothing = true;
}

ssize_t
io_pread(int fd, void *buf, size_t len, off_t off)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		io_enter();
		n = pread(fd, (char *)buf + done, len - done, off + (off_t)done);
		io_leave();
		if (n == 0)
			break;
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int
io_pwrite(int fd, const void *buf, size_t len, off_t off)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		io_enter();
		n = pwrite(fd, (const char *)buf + done, len - done, off + (off_t)done);
		io_leave();
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		done += (size_t)n;
	}
	return 0;
}

int
io_write(int fd, const void *buf, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = write(fd, (const char *)buf + done, len - done);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		done += (size_t)n;
	}
	return 0;
}

static ssize_t
copy_by_hand(int from_fd, int to_fd, off_t off, size_t len)
{
	static const size_t size = 256 * 1024;
	char *buf autofree = malloc(size);
	ssize_t n;
	int rc;

	if (buf == NULL)
		return -ENOMEM;
	if ((n = io_pread(from_fd, buf, MIN(len, size), off)) <= 0)
		return n;
	return (rc = io_pwrite(to_fd, buf, (size_t)n, off)) < 0 ? rc : n;
}

ssize_t
io_copy(int from_fd, int to_fd, off_t off, size_t len)
{
	off_t to = off, from = off;
	ssize_t n;

	do
		n = copy_file_range(from_fd, &from, to_fd, &to, len, 0);
	while (n < 0 && errno == EINTR);
	/* Some file systems refuse it, and some copy nothing. */
	if (n > 0 || (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)))
		return n < 0 ? -errno : n;
	return copy_by_hand(from_fd, to_fd, off, len);
}

int
io_plain(int fd, struct stat *st)
{
	if (fstat(fd, st) != 0)
		return -errno;
	return S_ISREG(st->st_mode) ? 0 : -EINVAL;
}

const char *
io_plain_error(int error)
{
	return error == -EINVAL ? "it is not a plain file" : strerror(-error);
}

int
io_read_file(int fd, size_t max, char **buf, size_t *len)
{
	char *text autofree = NULL;
	struct stat st;
	ssize_t n;
	int rc;

	if ((rc = io_plain(fd, &st)) < 0)
		return rc;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	if ((text = malloc((size_t)st.st_size + 1)) == NULL)
		return -ENOMEM;
	if ((n = io_pread(fd, text, (size_t)st.st_size, 0)) < 0)
		return (int)n;
	text[n] = '\0';
	*buf = steal_pointer(&text);
	*len = (size_t)n;
	return 0;
}

static uid_t admitted[IO_USERS_MAX];
static size_t n_admitted;

void
io_admit_only(const uid_t *uids, size_t n)
{
	n_admitted = MIN(n, (size_t)IO_USERS_MAX);
	memcpy(admitted, uids, n_admitted * sizeof(*uids));
}

static bool
is_admitted(uid_t uid)
{
	size_t i;

	for (i = 0; i < n_admitted; i++)
		if (admitted[i] == uid)
			return true;
	return false;
}

int
io_admit(int fd, const char *name)
{
	struct stat st;

	if (n_admitted == 0)
		return 0;
	if (fstat(fd, &st) != 0)
		return -errno;
	if (is_admitted(st.st_uid) && S_ISDIR(st.st_mode))
		return 0;
	if (is_admitted(st.st_uid) && !S_ISREG(st.st_mode))
		return -EINVAL;
	if (is_admitted(st.st_uid) && st.st_nlink <= 1)
		return 0;
	log_error("\"%s\" is not read with rights that the owner of store or mount lacks: %s", name,
	    is_admitted(st.st_uid) ? "it has a second name (a hard link)" :
	    "it belongs to neither");
	return -EPERM;
}

/* Applies io_admit() to what was opened; takes fd. */
static int
admit_opened(int fd, const char *path, int flags)
{
	int rc = flags & O_PATH ? 0 : io_admit(fd, path);

	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

int
io_path_is_plain(const char *path, size_t len)
{
	size_t start = 0, i;

	if (len == 0 || len >= PATH_MAX)
		return 0;
	for (i = 0; i <= len; i++) {
		if (i < len && path[i] == '\0')
			return 0;
		if (i < len && path[i] != '/')
			continue;
		if (i == start || i - start > NAME_MAX ||
		    (i - start == 1 && path[start] == '.') ||
		    (i - start == 2 && path[start] == '.' && path[start + 1] == '.'))
			return 0;
		start = i + 1;
	}
	return 1;
}

/* Returns -ELOOP if name is a symbolic link, for which O_DIRECTORY fails with ENOTDIR; else -error. */
static int
link_or(int dirfd, const char *name, int error)
{
	struct stat st;

	return error == ENOTDIR && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode) ? -ELOOP : -error;
}

/*
 * Opens the last component.  With O_PATH, O_NOFOLLOW opens a link itself, which
 * nobody here wants: it is refused.
 */
static int
open_last(int dirfd, const char *name, int flags, mode_t mode)
{
	struct stat st;
	int fd = openat(dirfd, name, flags | O_NOFOLLOW, mode), saved = errno;

	if (fd >= 0 && (!(flags & O_PATH) || fstat(fd, &st) != 0 || !S_ISLNK(st.st_mode)))
		return fd;
	if (fd < 0)
		return link_or(dirfd, name, saved);
	close(fd);
	return -ELOOP;
}

/* Does what RESOLVE_BENEATH does, one component at a time, for kernels before 5.6. */
static int
open_by_component(int dirfd, const char *path, int flags, mode_t mode)
{
	char name[NAME_MAX + 1];
	const char *slash;
	int at autoclose = -1, next;

	if (!io_path_is_plain(path, strlen(path)))
		return strcmp(path, ".") == 0 ?
		    ((next = openat(dirfd, ".", flags, mode)) < 0 ? -errno : next) : -EXDEV;
	while ((slash = strchr(path, '/')) != NULL) {
		memcpy(name, path, (size_t)(slash - path));
		name[slash - path] = '\0';
		next = openat(at < 0 ? dirfd : at, name,
		    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return link_or(at < 0 ? dirfd : at, name, errno);
		if (at >= 0)
			close(at);
		at = next;
		path = slash + 1;
	}
	return open_last(at < 0 ? dirfd : at, path, flags, mode);
}

int
io_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	static _Atomic bool no_openat2;
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	if (!atomic_load(&no_openat2)) {
		do
			fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
		while (fd < 0 && (errno == EINTR || errno == EAGAIN));
		if (fd >= 0)
			return admit_opened((int)fd, path, flags);
		if (errno != ENOSYS)
			return -errno;
		atomic_store(&no_openat2, true);
	}
	fd = open_by_component(dirfd, path, flags | O_CLOEXEC, mode);
	return fd < 0 ? (int)fd : admit_opened((int)fd, path, flags);
}

int
io_open_plain(int dirfd, const char *path, struct stat *st)
{
	int fd autoclose = io_open_beneath(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0), rc;

	if (fd < 0)
		return fd;
	return (rc = io_plain(fd, st)) < 0 ? rc : steal_fd(&fd);
}

int
io_opendir(int dirfd, const char *name, DIR **out)
{
	int fd = io_open_beneath(dirfd, name, O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return fd;
	if ((*out = fdopendir(fd)) != NULL)
		return 0;
	close(fd);
	return -ENOMEM;
}

int
io_readdir(DIR *dir, const struct dirent **out)
{
	do {
		errno = 0;
		if ((*out = readdir(dir)) == NULL)
			return -errno;
	} while (strcmp((*out)->d_name, ".") == 0 || strcmp((*out)->d_name, "..") == 0);
	return 1;
}
