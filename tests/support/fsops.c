/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exercises the operations of a file system in a directory:
 *
 *	fsops ops DIR [-n] [-m WORD]	every test, one TAP line each, no plan
 *	fsops fsx FILE REFCOPY OPS SEED	random operations on FILE
 *
 * -n: DIR is on a native file system (extended attributes and the collapsing
 * modes of fallocate may work there).  -m: only tests whose name contains WORD.
 */
#include "config.h"

#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fsops.h"

bool fsops_native;

void
fsops_fail(const char *file, int line, const char *what, int error)
{
	const char *base = strrchr(file, '/');

	printf("# %s:%d: failed: %s (errno: %s)\n", base ? base + 1 : file, line, what,
	    error ? strerror(error) : "none");
	fflush(stdout);
	_exit(1);
}

void
fsops_fill(unsigned char *buf, size_t len, off_t off)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = (unsigned char)(1 + (off + (off_t)i) % 251);
}

int
fsops_create(const char *name, size_t len)
{
	unsigned char *buf = malloc(len + 1);
	int fd;

	CHECK(buf != NULL);
	fsops_fill(buf, len, 0);
	CHECK((fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600)) >= 0);
	CHECK(pwrite(fd, buf, len, 0) == (ssize_t)len);
	free(buf);
	return fd;
}

static bool
reads_as(int fd, off_t off, size_t len, const unsigned char *wanted)
{
	unsigned char *got = malloc(len + 1);
	bool same;

	CHECK(got != NULL);
	CHECK(pread(fd, got, len, off) == (ssize_t)len);
	same = memcmp(got, wanted, len) == 0;
	free(got);
	return same;
}

bool
fsops_is_filled(int fd, off_t off, size_t len)
{
	unsigned char *wanted = malloc(len + 1);
	bool same;

	CHECK(wanted != NULL);
	fsops_fill(wanted, len, off);
	same = reads_as(fd, off, len, wanted);
	free(wanted);
	return same;
}

bool
fsops_is_zero(int fd, off_t off, size_t len)
{
	unsigned char *wanted = calloc(1, len + 1);
	bool same;

	CHECK(wanted != NULL);
	same = reads_as(fd, off, len, wanted);
	free(wanted);
	return same;
}

off_t
fsops_size(int fd)
{
	struct stat st;

	CHECK(fstat(fd, &st) == 0);
	return st.st_size;
}

bool
fsops_exists(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

int
fsops_in_child(int (*fn)(void *arg), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(fn(arg));
	CHECK(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

struct test_run {
	const struct fsops_test *test;
	const char *dir;
};

static int
run_one(void *arg)
{
	const struct test_run *r = arg;

	CHECK(mkdir(r->dir, 0700) == 0);
	CHECK(chdir(r->dir) == 0);
	r->test->run();
	fflush(stdout);
	return 0;
}

static int
run_table(const struct fsops_test *t, const char *only)
{
	static unsigned number;
	int failed = 0;
	char dir[32];

	for (; t->name != NULL; t++) {
		struct test_run r = { t, dir };

		if (only != NULL && strstr(t->name, only) == NULL)
			continue;
		snprintf(dir, sizeof(dir), "fsops.%u.%d", ++number, (int)getpid());
		if (fsops_in_child(run_one, &r) == 0) {
			printf("ok - %s\n", t->name);
		} else {
			printf("not ok - %s\n", t->name);
			failed = 1;
		}
	}
	return failed;
}

static int
ops_main(int argc, char **argv)
{
	const char *only = NULL;
	int c, failed = 0;

	if (argc < 2 || chdir(argv[1]) < 0)
		err(2, "could not enter \"%s\"", argc < 2 ? "" : argv[1]);
	argc--, argv++;
	while ((c = getopt(argc, argv, "nm:")) != -1) {
		if (c == 'n')
			fsops_native = true;
		else if (c == 'm')
			only = optarg;
		else
			return 2;
	}
	umask(022);
	failed |= run_table(fsops_io_tests, only);
	failed |= run_table(fsops_name_tests, only);
	failed |= run_table(fsops_dir_tests, only);
	failed |= run_table(fsops_lock_tests, only);
	return failed;
}

int
main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "ops") == 0)
		return ops_main(argc - 1, argv + 1);
	if (argc == 6 && strcmp(argv[1], "fsx") == 0)
		return fsx_main(argv[2], argv[3], strtoul(argv[4], NULL, 10),
		    strtoull(argv[5], NULL, 10));
	fprintf(stderr, "usage: fsops ops DIR [-n] [-m WORD]\n"
	    "       fsops fsx FILE REFCOPY OPS SEED\n");
	return 2;
}
