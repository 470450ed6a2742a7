/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Directories and what a listing promises while entries come and go.
 */
#include "config.h"

#include <sys/stat.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fsops.h"

#define MANY	5000

static bool
is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void
make_many(const char *dir, int n)
{
	char name[64];

	CHECK(mkdir(dir, 0700) == 0);
	for (int i = 0; i < n; i++) {
		int fd;

		snprintf(name, sizeof(name), "%s/%d", dir, i);
		CHECK((fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600)) >= 0);
		close(fd);
	}
}

static int
count_entries(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int n = 0;

	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL)
		n += !is_dot(e->d_name);
	closedir(d);
	return n;
}

static void
test_mkdir(void)
{
	struct stat st;

	CHECK(mkdir("d", 0750) == 0);
	CHECK(stat("d", &st) == 0 && st.st_mode == (S_IFDIR | 0750) && st.st_nlink >= 1);
	CHECK_ERR(mkdir("d", 0700), EEXIST);
	CHECK_ERR(mkdir("missing/d", 0700), ENOENT);
	close(fsops_create("f", 1));
	CHECK_ERR(mkdir("f", 0700), EEXIST);
	CHECK_ERR(mkdir("f/d", 0700), ENOTDIR);
	CHECK(rmdir("d") == 0 && !fsops_exists("d"));
	CHECK_ERR(rmdir("d"), ENOENT);
	CHECK(mkdir("d", 0700) == 0 && count_entries("d") == 0);
}

static void
test_rmdir_emptied(void)
{
	char name[32];

	make_many("d", 300);
	CHECK(mkdir("d/sub", 0700) == 0);
	CHECK_ERR(rmdir("d"), ENOTEMPTY);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		CHECK(unlink(name) == 0);
	}
	CHECK_ERR(rmdir("d"), ENOTEMPTY);
	CHECK(rmdir("d/sub") == 0 && rmdir("d") == 0 && !fsops_exists("d"));
}

/* DROP DATABASE: the files are deleted while backends still hold them open. */
static void
test_rmdir_open_files(void)
{
	int fd, dir;

	CHECK(mkdir("d", 0700) == 0);
	fd = fsops_create("d/f", 30000);
	CHECK((dir = open("d", O_RDONLY | O_DIRECTORY)) >= 0);
	CHECK(unlink("d/f") == 0 && count_entries("d") == 0);
	CHECK(rmdir("d") == 0 && !fsops_exists("d"));
	CHECK(fsops_is_filled(fd, 0, 30000) && pwrite(fd, "x", 1, 30000) == 1);
	CHECK(fsops_size(fd) == 30001);
	CHECK_ERR(openat(dir, "g", O_RDWR | O_CREAT, 0600), ENOENT);
	CHECK(mkdir("d", 0700) == 0);
	CHECK_ERR(openat(dir, "g", O_RDWR | O_CREAT, 0600), ENOENT);
	close(fsops_create("d/f", 5));
	CHECK(fsops_size(fd) == 30001);
}

static void
test_readdir_deleting(void)
{
	unsigned char *seen = calloc(1, MANY);
	struct dirent *e;
	int fd, n = 0;
	DIR *d;

	make_many("d", MANY);
	CHECK(seen != NULL && (d = opendir("d")) != NULL && (fd = dirfd(d)) >= 0);
	while ((e = readdir(d)) != NULL) {
		if (is_dot(e->d_name))
			continue;
		CHECK(seen[atoi(e->d_name)]++ == 0);
		CHECK(unlinkat(fd, e->d_name, 0) == 0);
		n++;
	}
	CHECK(n == MANY && count_entries("d") == 0);
	CHECK(rmdir("d") == 0);
}

/* Every entry that stays is seen exactly once, whatever happens to others. */
static void
test_readdir_changing(void)
{
	unsigned char *seen = calloc(1, 2 * MANY);
	char name[32];
	struct dirent *e;
	DIR *d;

	make_many("d", MANY);
	CHECK(seen != NULL && (d = opendir("d")) != NULL);
	for (int n = 0; (e = readdir(d)) != NULL; n++) {
		if (is_dot(e->d_name))
			continue;
		CHECK(seen[atoi(e->d_name)]++ == 0);
		if (n % 7 == 0 && n < MANY) {
			snprintf(name, sizeof(name), "d/%d", MANY + n);
			close(fsops_create(name, 0));
		}
		if (n % 11 == 0 && atoi(e->d_name) < MANY) {
			snprintf(name, sizeof(name), "d/%d", atoi(e->d_name));
			CHECK(unlink(name) == 0);
		}
	}
	for (int i = 0; i < MANY; i++)
		CHECK(seen[i] == 1);
}

static void
test_seekdir(void)
{
	static long where[MANY + 2];
	static char names[MANY + 2][12];
	struct dirent *e;
	DIR *d;
	int n;

	make_many("d", MANY);
	CHECK((d = opendir("d")) != NULL);
	for (n = 0; n < MANY + 2; n++) {
		where[n] = telldir(d);
		CHECK((e = readdir(d)) != NULL);
		snprintf(names[n], sizeof(names[n]), "%.11s", e->d_name);
	}
	CHECK(readdir(d) == NULL);
	for (int i = 0, k = 17; i < 300; i++, k = (k * 7 + 3) % n) {
		seekdir(d, where[k]);
		CHECK((e = readdir(d)) != NULL && strcmp(e->d_name, names[k]) == 0);
	}
	close(fsops_create("d/new", 0));
	rewinddir(d);
	for (n = 0; (e = readdir(d)) != NULL; n++)
		continue;
	CHECK(n == MANY + 3);
}

static void
test_dirent(void)
{
	struct dirent *e;
	struct stat st;
	int n = 0;
	DIR *d;

	CHECK(mkdir("d", 0700) == 0 && symlink("x", "l") == 0);
	close(fsops_create("f", 1));
	CHECK((d = opendir(".")) != NULL);
	while ((e = readdir(d)) != NULL) {
		CHECK(lstat(e->d_name, &st) == 0);
		n++;
		if (is_dot(e->d_name))
			continue;
		CHECK(e->d_ino == st.st_ino);
		CHECK(e->d_type == DT_UNKNOWN || e->d_type == IFTODT(st.st_mode));
	}
	CHECK(n == 5);
}

static void
test_removed_cwd(void)
{
	CHECK(mkdir("d", 0700) == 0 && chdir("d") == 0 && rmdir("../d") == 0);
	CHECK_ERR(open("f", O_RDWR | O_CREAT, 0600), ENOENT);
	CHECK_ERR(mkdir("x", 0700), ENOENT);
	CHECK(chdir("..") == 0);
}

static void
test_deep(void)
{
	char path[400] = "";

	for (int i = 0; i < 60; i++) {
		strcat(path, i ? "/deep" : "deep");
		CHECK(mkdir(path, 0700) == 0);
	}
	strcat(path, "/f");
	close(fsops_create(path, 777));
	CHECK(rename("deep/deep/deep", "moved") == 0 && !fsops_exists(path));
	memcpy(path + 9, "moved", 5);
	CHECK(fsops_exists(path + 9));
}

static void
test_inode_numbers(void)
{
	struct stat a, b, c;

	close(fsops_create("a", 1));
	close(fsops_create("b", 1));
	CHECK(stat("a", &a) == 0 && stat("b", &b) == 0 && a.st_ino != b.st_ino);
	CHECK(rename("a", "c") == 0 && stat("c", &c) == 0);
	CHECK(c.st_ino == a.st_ino && c.st_dev == a.st_dev);
}

const struct fsops_test fsops_dir_tests[] = {
	{ "mkdir and rmdir", test_mkdir },
	{ "rmdir of a directory whose entries were deleted", test_rmdir_emptied },
	{ "rmdir while its files and itself are open", test_rmdir_open_files },
	{ "readdir of 5000 entries while deleting them", test_readdir_deleting },
	{ "readdir of 5000 entries while others come and go", test_readdir_changing },
	{ "telldir, seekdir, rewinddir over 5000 entries", test_seekdir },
	{ "readdir gives types and inode numbers", test_dirent },
	{ "a removed current directory", test_removed_cwd },
	{ "60 nested directories, moved", test_deep },
	{ "inode numbers", test_inode_numbers },
	{ NULL, NULL }
};
