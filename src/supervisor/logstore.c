/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Bytes are appended and never read.  The file is changed by its descriptor; its name only says whether
 * it is still there.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/identity.h"
#include "supervisor/logstore.h"

#define FLAGS	(O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

int
logstore_open(int dir_fd, const char *name)
{
	int fd autoclose = openat(dir_fd, name, FLAGS | O_CREAT, 0600);
	struct stat st;

	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? -EPERM : -errno;
	if (fstat(fd, &st) != 0)
		return -errno;
	return S_ISREG(st.st_mode) && st.st_nlink == 1 ? steal_fd(&fd) : -EPERM;
}

int
logstore_renew(struct logstore *l, bool full)
{
	char old[NAME_MAX + sizeof(LOGSTORE_OLD)];
	int fd;

	snprintf(old, sizeof(old), "%s" LOGSTORE_OLD, l->name);
	if (full && renameat(l->dir_fd, l->name, l->dir_fd, old) != 0 && errno != ENOENT)
		return -errno;
	fd = openat(l->dir_fd, l->name, FLAGS | O_CREAT | O_EXCL, 0600);
	return fd < 0 ? -errno : fd;
}

/* A file of ours under that name, or none: nothing that is there is opened. */
static void
make_anew(struct logstore *l, bool full)
{
	int fd = l->renew != NULL ? l->renew(l->renew_arg, full) : logstore_renew(l, full);

	if (fd < 0)
		return;
	close(l->fd);
	l->fd = fd;
}

/* Whether what stands under the name is what st says.  Makes it if nothing does. */
static bool
is_in_place(struct logstore *l, struct stat *st)
{
	struct stat there;

	if (l->dir_fd < 0)
		return false;
	if (fstatat(l->dir_fd, l->name, &there, AT_SYMLINK_NOFOLLOW) == 0)
		return there.st_dev == st->st_dev && there.st_ino == st->st_ino;
	/* Who is not to see that directory asks when the file is gone, or full. */
	if (errno == EACCES && l->renew != NULL && st->st_nlink > 0)
		return true;
	if (errno != ENOENT && (errno != EACCES || l->renew == NULL))
		return false;
	make_anew(l, false);
	return fstat(l->fd, st) == 0 && st->st_nlink == 1;
}

/* Makes room.  What cannot be put aside is emptied: it must not grow for ever. */
static int
rotate(struct logstore *l, bool in_place)
{
	int full = l->fd;

	if (in_place)
		make_anew(l, true);
	return l->fd == full && ftruncate(full, 0) != 0 ? -errno : 0;
}

/* Half a line would spoil the next one. */
static int
write_whole(int fd, const char *line, size_t len, off_t end)
{
	ssize_t n = write(fd, line, len);
	int rc = n < 0 ? -errno : -ENOSPC;

	if (n == (ssize_t)len)
		return 0;
	if (n > 0 && ftruncate(fd, end) != 0)
		return -errno;
	return rc;
}

static int
append(struct logstore *l, const char *line, size_t len)
{
	struct stat st;
	bool in_place;
	int rc;

	if (fstat(l->fd, &st) != 0)
		return -errno;
	in_place = is_in_place(l, &st);
	if (st.st_size > 0 && (uint64_t)st.st_size + len > l->limit &&
	    ((rc = rotate(l, in_place)) != 0 || fstat(l->fd, &st) != 0))
		return rc != 0 ? rc : -errno;
	return write_whole(l->fd, line, len, st.st_size);
}

int
logstore_append(struct logstore *l, const char *line, size_t len)
{
	int rc;

	if (l->as_caller)
		identity_raise();
	rc = append(l, line, len);
	if (l->as_caller)
		identity_drop();
	if (rc == 0)
		return 0;
	l->lost++;
	l->why = rc;
	return rc;
}

void
logstore_close(struct logstore *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}
