/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A tree of files that has nothing but what a process is granted.  Landlock
 * says what may be opened; this takes away what could be named, and it is there
 * on kernels without Landlock.
 *
 * A descriptor from before the mount namespace leads into the old tree, and by
 * ".." up to its root.  So the directories are found again by their names,
 * compared, mounted into an empty file system, and opened there under their old
 * numbers; any other descriptor of a directory is closed.
 */
#include "config.h"

#ifdef ENABLE_SANDBOX

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"
#include "sandbox/layers.h"

#define PLACE	"/dev"	/* where the tree grows; each system has it, for /dev/fuse */

#ifndef SYS_mount_setattr
#define SYS_mount_setattr	442
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE	0x8000
#endif
#ifndef STATX_INO
#define STATX_INO	0x100U
#endif

/* <linux/mount.h> and <sys/mount.h> cannot be had together on every system. */
enum { ATTR_RDONLY = 1, ATTR_NOSUID = 2, ATTR_NODEV = 4, ATTR_NOEXEC = 8 };
struct attributes {
	uint64_t set, clear, propagation, userns;
};

#define RESTRICTED	(MS_NOSUID | MS_NODEV | MS_NOEXEC)

static char paths[SANDBOX_DIRS_MAX][PATH_MAX];

/* ---- finding them again -------------------------------------------------- */

/*
 * Asks for the inode number, as far as the kernel knows it without asking a
 * server, which may be dead.
 */
static int
identify(int fd, struct statx *st)
{
	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, st) != 0 ?
	    -errno : 0;
}

/* Opens path if it is the directory fd.  Returns a descriptor, -ESTALE, or negative errno. */
static int
open_same(const char *path, int fd)
{
	int again autoclose = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc;
	struct statx is, was;

	if (again < 0)
		return -errno;
	if ((rc = identify(again, &is)) < 0 || (rc = identify(fd, &was)) < 0)
		return rc;
	if (is.stx_ino != was.stx_ino || is.stx_dev_major != was.stx_dev_major ||
	    is.stx_dev_minor != was.stx_dev_minor)
		return -ESTALE;
	return steal_fd(&again);
}

static int
find_path(int fd, char path[PATH_MAX])
{
	int again autoclose = -1;
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if ((n = readlink(link, path, PATH_MAX - 1)) < 0)
		return -errno;
	path[n] = '\0';
	again = open_same(path, fd);
	return again < 0 ? again : 0;
}

static int
find_paths(const struct sandbox *s)
{
	unsigned i;
	int rc = 0;

	for (i = 0; i < s->n_dirs && rc == 0; i++)
		if (s->dir[i].fd >= 0)
			rc = find_path(s->dir[i].fd, paths[i]);
	return rc;
}

/* ---- mounting them ------------------------------------------------------- */

/*
 * Restricts one mount after the other, as the table of mounts names them:
 * before Linux 5.12.
 */
static int
restrict_each(const char *target, unsigned long flags)
{
	FILE *fp = fopen("/proc/self/mountinfo", "re");
	char *line autofree = NULL, escaped[PATH_MAX], path[PATH_MAX], mode[3];
	size_t size = 0, len = strlen(target);
	int rc = fp == NULL ? -errno : 0;

	while (rc == 0 && getline(&line, &size, fp) > 0) {
		if (sscanf(line, "%*d %*d %*s %*s %4095s %2s", escaped, mode) != 2 ||
		    text_unescape_octal(escaped, path, sizeof(path)) != 0)
			rc = -EUCLEAN;
		else if (strncmp(path, target, len) == 0 && (path[len] == '\0' || path[len] == '/') &&
		    mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags |
		    (strcmp(mode, "ro") == 0 ? MS_RDONLY : 0), NULL) != 0)
			rc = -errno;
	}
	if (fp != NULL)
		fclose(fp);
	return rc;
}

/* Restricts a mount, with all that is mounted beneath it. */
static int
restrict_mounts(const char *target, bool writable)
{
	struct attributes a = {
		.set = ATTR_NOSUID | ATTR_NODEV | ATTR_NOEXEC | (writable ? 0 : ATTR_RDONLY)
	};

	if (syscall(SYS_mount_setattr, AT_FDCWD, target, AT_RECURSIVE, &a, sizeof(a)) == 0)
		return 0;
	return errno == ENOSYS ? restrict_each(target, RESTRICTED | (writable ? 0 : MS_RDONLY)) : -errno;
}

static int
mount_directory(const struct sandbox_dir *d, const char *path)
{
	char target[64], source[32];
	int fd autoclose = open_same(path, d->fd);

	if (fd < 0)
		return fd;
	snprintf(target, sizeof(target), PLACE "/%s", d->name);
	snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
	if (mkdir(target, 0700) != 0 || mount(source, target, NULL, MS_BIND | MS_REC, NULL) != 0)
		return -errno;
	return restrict_mounts(target, d->writable);
}

/* Makes the same number lead to the same directory, in the new tree. */
static int
open_again(const struct sandbox_dir *d, int tree_fd)
{
	int flags = fcntl(d->fd, F_GETFL) & O_PATH, fd autoclose = -1;

	fd = openat(tree_fd, d->name, flags | O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 || dup3(fd, d->fd, O_CLOEXEC) < 0 ? -errno : 0;
}

/* The directories are found in the old tree, which the place hides. */
static int
grow(const struct sandbox *s, int *tree_fd)
{
	unsigned i;
	int rc = 0;

	if (mount("pbkfs", PLACE, "tmpfs", RESTRICTED, "mode=0700,size=64k,nr_inodes=200") != 0 ||
	    (*tree_fd = open(PLACE, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -errno;
	for (i = 0; i < s->n_dirs && rc == 0; i++)
		if (s->dir[i].fd >= 0 && (rc = mount_directory(&s->dir[i], paths[i])) == 0)
			rc = open_again(&s->dir[i], *tree_fd);
	return rc;
}

/* ---- leaving the old tree ------------------------------------------------ */

static bool
is_granted(const struct sandbox *s, int fd)
{
	unsigned i;

	for (i = 0; i < s->n_dirs; i++)
		if (s->dir[i].fd == fd)
			return true;
	return false;
}

static bool
leads_out(int fd)
{
	struct statx st;

	return fcntl(fd, F_GETFL) & O_PATH || (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
	    STATX_TYPE, &st) == 0 && S_ISDIR(st.stx_mode));
}

static int
close_others(const struct sandbox *s)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *d;
	int fd;

	if (dir == NULL)
		return -errno;
	while ((d = readdir(dir)) != NULL) {
		fd = d->d_name[0] == '.' ? -1 : atoi(d->d_name);
		if (fd >= 0 && fd != dirfd(dir) && !is_granted(s, fd) && leads_out(fd))
			close(fd);
	}
	closedir(dir);
	return 0;
}

/*
 * pivot_root(2) puts the old root on top of the new one, where it is detached: no
 * mount of the host lives longer because of this process.
 */
static int
leave(int tree_fd)
{
	if (fchdir(tree_fd) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 ||
	    umount2(".", MNT_DETACH) != 0 || chdir("/") != 0)
		return -errno;
	return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | RESTRICTED, NULL) != 0 ?
	    -errno : 0;
}

int
sandbox_tree_enter(const struct sandbox *s, bool follow, const char **step)
{
	int tree_fd autoclose = -1, rc;

	/*
	 * This comes before anything is changed: afterwards there would be no
	 * way back.
	 */
	*step = "find the directories by their names";
	if ((rc = find_paths(s)) < 0)
		return rc;
	*step = "make a mount namespace";
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL,
	    MS_REC | (follow ? MS_SLAVE : MS_PRIVATE), NULL) != 0)
		return -errno;
	*step = "close other directories";
	if ((rc = close_others(s)) < 0)
		return rc;
	*step = "make a tree of files";
	if ((rc = grow(s, &tree_fd)) < 0) {
		/* It is no wall then; but it holds no mount of the host's either, as a copy of all would. */
		if (tree_fd >= 0)
			leave(tree_fd);
		return rc;
	}
	*step = "leave the tree of files";
	return leave(tree_fd);
}

#endif /* ENABLE_SANDBOX */
