/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names and attributes: rename, link, symlink, unlink, chmod, chown, times.
 */
#include "config.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fsops.h"

static ino_t
inode(const char *name)
{
	struct stat st;

	CHECK(lstat(name, &st) == 0);
	return st.st_ino;
}

static off_t
length(const char *name)
{
	struct stat st;

	CHECK(lstat(name, &st) == 0);
	return st.st_size;
}

static mode_t
mode(const char *name)
{
	struct stat st;

	CHECK(lstat(name, &st) == 0);
	return st.st_mode;
}

static nlink_t
links(const char *name)
{
	struct stat st;

	CHECK(lstat(name, &st) == 0);
	return st.st_nlink;
}

static void
test_rename(void)
{
	int fd = fsops_create("a", 10000);
	ino_t ino = inode("a");

	CHECK(rename("a", "b") == 0 && !fsops_exists("a"));
	CHECK(inode("b") == ino && length("b") == 10000);
	CHECK(pwrite(fd, "x", 1, 10000) == 1 && length("b") == 10001);
	CHECK(mkdir("d", 0700) == 0 && rename("b", "d/c") == 0);
	CHECK(!fsops_exists("b") && length("d/c") == 10001);
	CHECK(rename("d/c", "d/c") == 0 && length("d/c") == 10001);
	CHECK_ERR(rename("missing", "x"), ENOENT);
	CHECK_ERR(rename("d/c", "missing/x"), ENOENT);
	CHECK_ERR(rename("d/c", "d/c/x"), ENOTDIR);
}

static void
test_rename_over_file(void)
{
	int new = fsops_create("new", 100), old = fsops_create("old", 30000);

	CHECK(rename("new", "old") == 0);
	CHECK(!fsops_exists("new") && length("old") == 100);
	CHECK(fsops_size(old) == 30000 && fsops_is_filled(old, 0, 30000));
	CHECK(pwrite(old, "x", 1, 0) == 1 && pwrite(new, "y", 1, 100) == 1);
	CHECK(length("old") == 101 && links("old") == 1);
}

static void
test_rename_over_directories(void)
{
	CHECK(mkdir("full", 0700) == 0 && mkdir("empty", 0700) == 0 && mkdir("d", 0700) == 0);
	close(fsops_create("full/f", 10));
	close(fsops_create("d/g", 20));
	close(fsops_create("f", 30));
	CHECK_ERR(rename("d", "full"), ENOTEMPTY);
	CHECK(length("full/f") == 10 && length("d/g") == 20);
	CHECK_ERR(rename("d", "f"), ENOTDIR);
	CHECK_ERR(rename("f", "d"), EISDIR);
	CHECK_ERR(rename("f", "empty"), EISDIR);
	CHECK(rename("d", "empty") == 0 && !fsops_exists("d"));
	CHECK(length("empty/g") == 20);
}

static void
test_rename_into_itself(void)
{
	CHECK(mkdir("d", 0700) == 0 && mkdir("d/e", 0700) == 0);
	CHECK_ERR(rename("d", "d/x"), EINVAL);
	CHECK_ERR(rename("d", "d/e/x"), EINVAL);
	CHECK_ERR(rename("d/e", "d"), ENOTEMPTY);
	CHECK(fsops_exists("d/e"));
}

static void
test_rename_directory(void)
{
	int fd;

	CHECK(mkdir("a", 0700) == 0 && mkdir("a/b", 0750) == 0 && mkdir("to", 0700) == 0);
	fd = fsops_create("a/b/f", 12345);
	close(fsops_create("a/g", 1));
	CHECK(rename("a", "to/z") == 0 && !fsops_exists("a") && !fsops_exists("a/b/f"));
	CHECK(length("to/z/b/f") == 12345 && length("to/z/g") == 1);
	CHECK((mode("to/z/b") & 07777) == 0750);
	CHECK(pwrite(fd, "x", 1, 12345) == 1 && length("to/z/b/f") == 12346);
	CHECK(mkdir("a", 0700) == 0 && !fsops_exists("a/b"));
	close(fsops_create("a/g", 2));
	CHECK(length("to/z/g") == 1 && length("a/g") == 2);
	CHECK(rename("to/z/b", "b") == 0 && length("b/f") == 12346);
	CHECK_ERR(rmdir("b"), ENOTEMPTY);
}

static void
test_rename_noreplace(void)
{
	close(fsops_create("a", 1));
	close(fsops_create("b", 2));
	CHECK(mkdir("d", 0700) == 0);
	CHECK_ERR(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE), EEXIST);
	CHECK_ERR(renameat2(AT_FDCWD, "a", AT_FDCWD, "d", RENAME_NOREPLACE), EEXIST);
	CHECK(length("a") == 1 && length("b") == 2);
	CHECK(renameat2(AT_FDCWD, "a", AT_FDCWD, "c", RENAME_NOREPLACE) == 0);
	CHECK(!fsops_exists("a") && length("c") == 1);
}

static void
test_rename_exchange(void)
{
	const unsigned swap = RENAME_EXCHANGE;

	close(fsops_create("a", 1));
	CHECK(mkdir("d", 0700) == 0 && mkdir("d/e", 0700) == 0);
	close(fsops_create("d/e/f", 3));
	close(fsops_create("d/b", 2));
	CHECK(renameat2(AT_FDCWD, "a", AT_FDCWD, "d/b", swap) == 0);
	CHECK(length("a") == 2 && length("d/b") == 1);
	CHECK(renameat2(AT_FDCWD, "a", AT_FDCWD, "d/e", swap) == 0);
	CHECK(length("a/f") == 3 && length("d/e") == 2);
	CHECK_ERR(renameat2(AT_FDCWD, "a", AT_FDCWD, "missing", swap), ENOENT);
	CHECK_ERR(renameat2(AT_FDCWD, "d", AT_FDCWD, "d/b", swap), EINVAL);
	CHECK_ERR(renameat2(AT_FDCWD, "a", AT_FDCWD, "d", swap | RENAME_NOREPLACE), EINVAL);
}

static void
test_rename_links(void)
{
	close(fsops_create("a", 1));
	CHECK(link("a", "b") == 0);
	CHECK(rename("a", "b") == 0);
	/* two names of one inode: POSIX does nothing */
	CHECK(fsops_exists("a") && fsops_exists("b") && links("a") == 2);
	CHECK(symlink("b", "l") == 0 && rename("l", "a") == 0);
	CHECK(S_ISLNK(mode("a")) && links("b") == 1);
}

static void
test_unlink(void)
{
	close(fsops_create("f", 1));
	CHECK(mkdir("d", 0700) == 0);
	CHECK(unlink("f") == 0 && !fsops_exists("f"));
	CHECK_ERR(unlink("f"), ENOENT);
	CHECK_ERR(unlink("d"), EISDIR);
	CHECK_ERR(rmdir("f"), ENOENT);
	close(fsops_create("f", 1));
	CHECK_ERR(rmdir("f"), ENOTDIR);
}

static void
test_symlink(void)
{
	char target[4001], got[PATH_MAX];

	memset(target, 'x', 4000);
	target[4000] = '\0';
	CHECK(symlink("f", "l") == 0 && symlink(target, "long") == 0);
	CHECK(S_ISLNK(mode("l")) && length("l") == 1 && length("long") == 4000);
	CHECK(readlink("l", got, sizeof(got)) == 1 && got[0] == 'f');
	CHECK(readlink("long", got, sizeof(got)) == 4000 && memcmp(got, target, 4000) == 0);
	CHECK(readlink("long", got, 10) == 10);
	CHECK_ERR(open("l", O_RDONLY), ENOENT);
	close(fsops_create("f", 7));
	CHECK(fsops_size(open("l", O_RDONLY)) == 7);
	CHECK_ERR(open("l", O_RDONLY | O_NOFOLLOW), ELOOP);
	CHECK_ERR(symlink("f", "l"), EEXIST);
	CHECK_ERR(readlink("f", got, sizeof(got)), EINVAL);
	CHECK(unlink("l") == 0 && fsops_exists("f"));
	CHECK(symlink("loop", "loop") == 0);
	CHECK_ERR(open("loop", O_RDONLY), ELOOP);
}

static void
test_link(void)
{
	int fd = fsops_create("a", 10000);

	CHECK(mkdir("d", 0700) == 0 && link("a", "d/b") == 0);
	CHECK(links("a") == 2 && links("d/b") == 2 && inode("a") == inode("d/b"));
	CHECK(pwrite(fd, "x", 1, 10000) == 1 && length("d/b") == 10001);
	CHECK(truncate("d/b", 5000) == 0 && length("a") == 5000);
	CHECK_ERR(link("a", "d/b"), EEXIST);
	CHECK_ERR(link("missing", "x"), ENOENT);
	CHECK_ERR(link("d", "x"), EPERM);
	CHECK(unlink("a") == 0 && links("d/b") == 1 && fsops_is_filled(fd, 0, 5000));
	CHECK(chmod("d/b", 0640) == 0 && link("d/b", "a") == 0 && (mode("a") & 07777) == 0640);
}

static void
test_chmod(void)
{
	int fd = fsops_create("f", 1);

	CHECK(mkdir("d", 0700) == 0);
	CHECK(chmod("f", 0640) == 0 && mode("f") == (S_IFREG | 0640));
	CHECK(fchmod(fd, 0400) == 0 && mode("f") == (S_IFREG | 0400));
	CHECK(chmod("d", 0750) == 0 && mode("d") == (S_IFDIR | 0750));
	CHECK(mkdir("umask", 0777) == 0 && (mode("umask") & 07777) == 0755);
	CHECK_ERR(chmod("missing", 0600), ENOENT);
	if (geteuid() == 0)
		return;
	CHECK(chmod("f", 0) == 0);
	CHECK_ERR(open("f", O_RDONLY), EACCES);
}

static void
test_chown(void)
{
	struct stat st;
	int fd = fsops_create("f", 1);

	CHECK(fstat(fd, &st) == 0);
	CHECK(chown("f", st.st_uid, st.st_gid) == 0);
	if (geteuid() != 0) {
		CHECK_ERR(chown("f", 0, (gid_t)-1), EPERM);
		return;
	}
	CHECK(symlink("f", "l") == 0 && lchown("l", 12, 13) == 0);
	CHECK(lstat("l", &st) == 0 && st.st_uid == 12 && st.st_gid == 13);
	CHECK(chown("f", 1234, (gid_t)-1) == 0);
	CHECK(fchown(fd, (uid_t)-1, 5678) == 0);
	CHECK(stat("f", &st) == 0 && st.st_uid == 1234 && st.st_gid == 5678);
}

static void
test_times(void)
{
	const struct timespec set[2] = { { 1000000000, 123456789 }, { 1234567890, 987654321 } };
	const struct timespec only_mtime[2] = { { 0, UTIME_OMIT }, { 1300000000, 1 } };
	const struct timespec now[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
	struct stat st;
	int fd = fsops_create("f", 1);

	CHECK(utimensat(AT_FDCWD, "f", set, 0) == 0 && stat("f", &st) == 0);
	CHECK(st.st_mtim.tv_sec == 1234567890 && st.st_mtim.tv_nsec == 987654321);
	CHECK(st.st_atim.tv_sec == 1000000000 && st.st_atim.tv_nsec == 123456789);
	CHECK(futimens(fd, only_mtime) == 0 && fstat(fd, &st) == 0);
	CHECK(st.st_mtim.tv_sec == 1300000000 && st.st_mtim.tv_nsec == 1);
	CHECK(st.st_atim.tv_sec == 1000000000);
	CHECK(pwrite(fd, "x", 1, 0) == 1 && fstat(fd, &st) == 0 && st.st_mtim.tv_sec > 1700000000);
	CHECK(futimens(fd, set) == 0 && ftruncate(fd, 100) == 0);
	CHECK(fstat(fd, &st) == 0 && st.st_mtim.tv_sec > 1700000000);
	CHECK(utimensat(AT_FDCWD, "f", set, 0) == 0 && utimensat(AT_FDCWD, "f", now, 0) == 0);
	CHECK(stat("f", &st) == 0 && st.st_mtim.tv_sec > 1700000000);
	CHECK(mkdir("d", 0700) == 0 && utimensat(AT_FDCWD, "d", set, 0) == 0);
	CHECK(stat("d", &st) == 0 && st.st_mtim.tv_sec == 1234567890);
	CHECK(symlink("f", "l") == 0 && utimensat(AT_FDCWD, "l", set, AT_SYMLINK_NOFOLLOW) == 0);
	CHECK(lstat("l", &st) == 0 && st.st_mtim.tv_sec == 1234567890);
}

/* A set time must win over writes that the kernel still holds back. */
static void
test_times_after_write(void)
{
	const struct timespec set[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
	struct stat st;
	int fd = fsops_create("f", 50000);

	CHECK(futimens(fd, set) == 0 && fsync(fd) == 0 && close(fd) == 0);
	CHECK(stat("f", &st) == 0 && st.st_mtim.tv_sec == 1000000000);
}

static void
test_directory_mtime(void)
{
	const struct timespec set[2] = { { 1000000000, 0 }, { 1000000000, 0 } };
	struct stat st;

	CHECK(mkdir("d", 0700) == 0 && utimensat(AT_FDCWD, "d", set, 0) == 0);
	close(fsops_create("d/f", 1));
	CHECK(stat("d", &st) == 0 && st.st_mtim.tv_sec > 1700000000);
}

static void
test_statfs(void)
{
	const unsigned long never = ST_NOSUID | ST_NODEV | ST_NOEXEC;
	struct statvfs s;

	CHECK(statvfs(".", &s) == 0);
	CHECK(s.f_bsize > 0 && s.f_frsize > 0 && s.f_blocks > 0);
	CHECK(s.f_bfree > 0 && s.f_bavail > 0 && s.f_files > 0 && s.f_ffree > 0);
	CHECK(s.f_namemax == 255);
	CHECK(fsops_native || (s.f_flag & never) == never);
}

static void
test_xattr(void)
{
	char value[10];
	ssize_t n;

	close(fsops_create("f", 1));
	if (fsops_native)
		return;
	CHECK_ERR(setxattr("f", "user.x", "v", 1, 0), EOPNOTSUPP);
	n = getxattr("f", "user.x", value, sizeof(value));
	CHECK(n == -1);
	(void)getxattr("f", "user.x", value, sizeof(value));
	if (errno != EOPNOTSUPP)
		CHECK_ERR(getxattr("f", "user.x", value, sizeof(value)), ENODATA);
	n = listxattr("f", value, sizeof(value));
	CHECK(n == 0 || n == -1);
	if (n == -1)
		CHECK_ERR(listxattr("f", value, sizeof(value)), EOPNOTSUPP);
}

static void
test_long_names(void)
{
	char name[257];

	memset(name, 'n', 256);
	name[256] = '\0';
	CHECK_ERR(open(name, O_RDWR | O_CREAT, 0600), ENAMETOOLONG);
	CHECK_ERR(mkdir(name, 0700), ENAMETOOLONG);
	CHECK_ERR(symlink("x", name), ENAMETOOLONG);
	CHECK_ERR(access(name, F_OK), ENAMETOOLONG);
	close(fsops_create("f", 1));
	CHECK_ERR(rename("f", name), ENAMETOOLONG);
	CHECK_ERR(link("f", name), ENAMETOOLONG);
	name[255] = '\0';
	close(fsops_create(name, 5));
	CHECK(length(name) == 5 && rename(name, "g") == 0);
	CHECK(mkdir(name, 0700) == 0 && rmdir(name) == 0);
}

static void
test_odd_names(void)
{
	static const char *const names[] = {
		" ", "a b", "new\nline", "tab\t", "quote\"'\\", "\303\274nicode", "\377\376", "...",
		"#x", "%41", "*", "-n", ".hidden", "~",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		close(fsops_create(names[i], i + 1));
		CHECK(length(names[i]) == (off_t)i + 1);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		CHECK(unlink(names[i]) == 0);
}

const struct fsops_test fsops_name_tests[] = {
	{ "rename a file, also an open one", test_rename },
	{ "rename over an open file", test_rename_over_file },
	{ "rename over directories, empty and not, and across types", test_rename_over_directories },
	{ "rename a directory into itself: EINVAL", test_rename_into_itself },
	{ "rename a directory with content", test_rename_directory },
	{ "rename with NOREPLACE", test_rename_noreplace },
	{ "rename with EXCHANGE", test_rename_exchange },
	{ "rename between links of one file", test_rename_links },
	{ "unlink and rmdir of the wrong type", test_unlink },
	{ "symlink and readlink", test_symlink },
	{ "link and link counts", test_link },
	{ "chmod and umask", test_chmod },
	{ "chown", test_chown },
	{ "utimens, and times that writes set", test_times },
	{ "utimens right after a write", test_times_after_write },
	{ "a new entry changes the directory's mtime", test_directory_mtime },
	{ "statfs", test_statfs },
	{ "extended attributes are refused", test_xattr },
	{ "names of 255 and 256 bytes", test_long_names },
	{ "names with odd characters", test_odd_names },
	{ NULL, NULL }
};
