/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files and locks alone; what a mount makes of a lock that is taken is in claim.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/ondisk.h"
#include "base/text.h"
#include "base/util.h"
#include "supervisor/diffdir.h"
#include "supervisor/lock.h"
#include "supervisor/mountinfo.h"

#define LOCK_MAGIC	"pbkfs-lock 1 "
#define PAUSE_MS	50

int
lock_open(int diff_fd, uid_t uid, int flags)
{
	int fd autoclose = -1;
	struct stat st;

	fd = openat(diff_fd, ONDISK_LOCK,
	    flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0600);
	if (fd < 0)
		return errno == ELOOP || errno == EISDIR || errno == ENXIO ? -EPERM : -errno;
	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != uid ||
	    (st.st_mode & 022) != 0)
		return -EPERM;
	return steal_fd(&fd);
}

/* Somebody may have removed or replaced the file between open and lock. */
static int
still_current(int diff_fd, int fd)
{
	struct stat ours, named;

	if (fstat(fd, &ours) != 0 ||
	    fstatat(diff_fd, ONDISK_LOCK, &named, AT_SYMLINK_NOFOLLOW) != 0)
		return -ESTALE;
	return ours.st_dev == named.st_dev && ours.st_ino == named.st_ino ? 0 : -ESTALE;
}

/* A worker without a supervisor has no descriptor of the directory, but one of its part. */
static int
check_worker(int diff_fd)
{
	int fd autoclose = openat(diff_fd, ONDISK_CHANGES,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 ? -errno : 0;
}

int
lock_take_idle(int diff_fd, int fd)
{
	int rc;

	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return -errno;
	/* The file can be replaced by the directory's owner, the directory itself cannot. */
	if (flock(diff_fd, LOCK_EX | LOCK_NB) != 0)
		return -errno;
	return (rc = check_worker(diff_fd)) != 0 ? rc : still_current(diff_fd, fd);
}

int
lock_await_idle(int diff_fd, int fd, int ms)
{
	int64_t until = clock_monotonic_ms() + ms;
	int rc;

	while ((rc = lock_take_idle(diff_fd, fd)) == -EWOULDBLOCK && clock_monotonic_ms() < until)
		poll(NULL, 0, PAUSE_MS);
	return rc;
}

int
lock_take(int diff_fd, int fd)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = ONDISK_LOCK_SUPERVISOR, .l_len = 1
	};
	int rc;

	if ((rc = lock_take_idle(diff_fd, fd)) != 0)
		return rc;
	if (fcntl(fd, F_SETLK, &lock) != 0)
		return errno == EACCES || errno == EAGAIN ? -EWOULDBLOCK : -errno;
	return 0;
}

int
lock_write_mountpoint(int fd, const char *mnt)
{
	char line[sizeof(LOCK_MAGIC) + 4 * PATH_MAX] = LOCK_MAGIC;
	int rc;

	mountinfo_escape(mnt, line + strlen(line), sizeof(line) - sizeof(LOCK_MAGIC) - 1);
	strcat(line, "\n");
	if ((rc = io_pwrite(fd, line, strlen(line), 0)) != 0)
		return rc;
	return ftruncate(fd, (off_t)strlen(line)) == 0 ? 0 : -errno;
}

int
lock_read_mountpoint(int fd, char mnt[PATH_MAX])
{
	char line[sizeof(LOCK_MAGIC) + 4 * PATH_MAX];
	char *end;
	ssize_t n;

	if ((n = io_pread(fd, line, sizeof(line) - 1, 0)) < 0)
		return (int)n;
	line[n] = '\0';
	if (strncmp(line, LOCK_MAGIC, strlen(LOCK_MAGIC)) != 0 ||
	    (end = strchr(line, '\n')) == NULL)
		return -EUCLEAN;
	*end = '\0';
	return text_unescape_octal(line + strlen(LOCK_MAGIC), mnt, PATH_MAX);
}

pid_t
lock_owner(int fd, enum ondisk_lock_byte byte)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1
	};

	if (fcntl(fd, F_GETLK, &lock) != 0)
		return -errno;
	if (lock.l_type == F_UNLCK)
		return 0;
	/* 0: another pid namespace; -1: no process but an open file holds it. */
	return lock.l_pid > 0 ? lock.l_pid : -ESRCH;
}

pid_t
lock_user(int fd)
{
	pid_t pid = lock_owner(fd, ONDISK_LOCK_SUPERVISOR);

	return pid != 0 ? pid : lock_owner(fd, ONDISK_LOCK_WORKER);
}

/* "1: FLOCK  ADVISORY  WRITE 1234 00:2e:5678 0 EOF": major and minor in hexadecimal. */
static bool
is_flock_of(const char *line, const struct stat *st, pid_t *pid)
{
	unsigned maj, min;
	uint64_t inode;
	int n;

	return sscanf(line, "%*u: FLOCK ADVISORY %*s %d %x:%x:%" SCNu64, &n, &maj, &min, &inode) == 4 && n > 0 &&
	    makedev(maj, min) == st->st_dev && inode == st->st_ino && (*pid = n) > 0;
}

/* Who has flock(2) is told by that table alone. */
static pid_t
flock_owner(int fd)
{
	FILE *table = fopen("/proc/locks", "re");
	char line[256];
	struct stat st;
	pid_t pid = 0;

	if (table == NULL)
		return 0;
	if (fstat(fd, &st) == 0)
		while (fgets(line, sizeof(line), table) != NULL && !is_flock_of(line, &st, &pid))
			;
	fclose(table);
	return pid;
}

pid_t
lock_holder(int fd)
{
	pid_t pid = lock_user(fd);

	return pid != 0 ? pid : flock_owner(fd);
}

int
lock_owner_pidfd(int fd, enum ondisk_lock_byte byte, pid_t *pid)
{
	int pidfd autoclose = -1;
	pid_t owner;

	if ((owner = lock_owner(fd, byte)) <= 0)
		return owner == 0 ? -ENOENT : owner;
	if ((pidfd = (int)syscall(SYS_pidfd_open, owner, 0)) < 0)
		return errno == ESRCH ? -ENOENT : -errno;
	if (lock_owner(fd, byte) != owner)
		return -ENOENT;
	*pid = owner;
	return steal_fd(&pidfd);
}
