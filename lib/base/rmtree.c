/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Goes down by descriptors, for a few levels.  A directory that is deeper is moved up, to the
 * top of the tree, and has its turn there: so nothing has to be remembered of the way back,
 * and a tree of usual depth needs no room on a disk that is full.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rmtree.h"
#include "base/util.h"

#define DEPTH_MAX	16	/* directories that are open at once */

struct removal {
	int	top_fd;		/* where deeper ones are moved */
	dev_t	dev;
	unsigned n_moved;
	char	*failed;
};

static int
fail(const struct removal *r, const char *name, int rc)
{
	strlcpy(r->failed, name, NAME_MAX + 1);
	return rc;
}

/* Gives the owner all rights to a directory, if it is one on this file system. */
static int
make_usable(int dir_fd, const char *name, dev_t dev)
{
	int fd autoclose = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char path[32];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	if (st.st_dev != dev)
		return -EXDEV;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return chmod(path, 0700) == 0 ? 0 : -EACCES;
}

static int
open_once(int dir_fd, const char *name, dev_t dev)
{
	int fd autoclose = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	if (st.st_dev != dev)
		return -EXDEV;
	return steal_fd(&fd);
}

static int
open_directory(int dir_fd, const char *name, dev_t dev)
{
	int fd = open_once(dir_fd, name, dev);

	if (fd == -EACCES && make_usable(dir_fd, name, dev) == 0)
		fd = open_once(dir_fd, name, dev);
	return fd;
}

/* Removes what is no directory.  Returns 0 or negative errno. */
static int
remove_file(int dir_fd, const char *name)
{
	int rc = unlinkat(dir_fd, name, 0) == 0 ? 0 : -errno;

	if (rc == -EACCES && fchmod(dir_fd, 0700) == 0)
		rc = unlinkat(dir_fd, name, 0) == 0 ? 0 : -errno;
	return rc == -ENOENT ? 0 : rc;
}

/* A name that is taken by an empty directory is used: that is gone then. */
static bool
is_taken(int error)
{
	return error == EEXIST || error == ENOTEMPTY || error == ENOTDIR;
}

static int
move_up(struct removal *r, int dir_fd, const char *name)
{
	bool is_usable = false;
	char to[32];

	for (;;) {
		snprintf(to, sizeof(to), "removed-%u", r->n_moved++);
		if (renameat(dir_fd, name, r->top_fd, to) == 0 || errno == ENOENT)
			return 0;
		if (errno == EACCES && !is_usable && make_usable(dir_fd, name, r->dev) == 0)
			is_usable = true;
		else if (!is_taken(errno))
			return fail(r, name, -errno);
	}
}

static int	remove_entries(struct removal *r, int fd, unsigned depth);

static int
remove_directory(struct removal *r, int dir_fd, const char *name, unsigned depth)
{
	int fd, rc;

	if (depth == DEPTH_MAX)
		return move_up(r, dir_fd, name);
	if ((fd = open_directory(dir_fd, name, r->dev)) < 0)
		return fd == -ENOENT ? 0 : fail(r, name, fd);
	if ((rc = remove_entries(r, fd, depth + 1)) != 0)
		return rc;
	return unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 :
	    fail(r, name, -errno);
}

/* Takes fd over. */
static int
remove_entries(struct removal *r, int fd, unsigned depth)
{
	const struct dirent *entry;
	DIR *dir = fdopendir(fd);
	int rc = 0;

	if (dir == NULL) {
		close(fd);
		return -ENOMEM;
	}
	while (rc == 0 && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		rc = remove_file(fd, entry->d_name);
		if (rc == -EISDIR || rc == -EPERM)
			rc = remove_directory(r, fd, entry->d_name, depth);
		else if (rc != 0)
			fail(r, entry->d_name, rc);
	}
	closedir(dir);
	return rc;
}

/* Until a pass has moved nothing up. */
static int
remove_content(struct removal *r)
{
	unsigned before;
	int fd, rc;

	do {
		before = r->n_moved;
		/* A copy shares the position. */
		if (lseek(r->top_fd, 0, SEEK_SET) < 0 ||
		    (fd = fcntl(r->top_fd, F_DUPFD_CLOEXEC, 0)) < 0)
			return -errno;
		rc = remove_entries(r, fd, 1);
	} while (rc == 0 && r->n_moved != before);
	return rc;
}

/*
 * Whether what unlink(2) has not removed may be a directory.  The kernel asks for the right to write dir_fd before it
 * looks at what is to go.  Keeps errno.
 */
static bool
may_be_directory(int dir_fd, const char *name, int error)
{
	struct stat st;
	bool yes = error == EISDIR || error == EPERM || (error == EACCES &&
	    fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode));

	errno = error;
	return yes;
}

int
rmtree(int dir_fd, const char *name, char failed[NAME_MAX + 1])
{
	struct removal r = { .failed = failed };
	int top autoclose = -1, rc;
	struct stat st;

	fail(&r, name, 0);
	if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (!may_be_directory(dir_fd, name, errno))
		return -errno;
	if (fstat(dir_fd, &st) != 0)
		return -errno;
	r.dev = st.st_dev;
	if ((top = r.top_fd = open_directory(dir_fd, name, r.dev)) < 0)
		return top == -ENOENT ? 0 : top;
	if ((rc = remove_content(&r)) != 0)
		return rc;
	return unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}
