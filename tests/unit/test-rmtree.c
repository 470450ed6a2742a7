/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Trees that nobody makes who does not want to be in the way: very deep, without rights,
 * with names that the removal uses itself, and while they are changed.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rmtree.h"
#include "base/util.h"
#include "support/tmpdir.h"
#include "support/unit.h"

#define DEEP		3000
#define DESCRIPTORS	32
#define SOMEBODY	4711
#define RACES		300
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE	2
#endif

static char base[PATH_MAX];
static int base_fd;

static void
setup(void)
{
	tmpdir_new(base, sizeof(base));
	base_fd = open(base, O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(base_fd, 0);
	if (getuid() == 0) {
		ck_assert_int_eq(chown(base, SOMEBODY, SOMEBODY), 0);
		setfsuid(SOMEBODY);
	}
	ck_assert_int_eq(mkdirat(base_fd, "kept", 0700), 0);
	ck_assert_int_eq(mknodat(base_fd, "kept/file", S_IFREG | 0600, 0), 0);
}

static void
teardown(void)
{
	struct stat st;

	ck_assert_int_eq(fstatat(base_fd, "kept/file", &st, 0), 0);
	if (getuid() == 0)
		setfsuid(0);
	close(base_fd);
	tmpdir_remove(base);
}

static bool
is_there(const char *name)
{
	struct stat st;

	return fstatat(base_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
remove_it(const char *name)
{
	char failed[NAME_MAX + 1];

	return rmtree(base_fd, name, failed);
}

/* Makes directories "d", each in the one before, with a file and a link out of the tree. */
static void
make_deep(const char *name, unsigned depth)
{
	int at = base_fd, next;
	unsigned i;

	for (i = 0; i < depth; i++) {
		ck_assert_int_eq(mkdirat(at, i == 0 ? name : "d", 0700), 0);
		next = openat(at, i == 0 ? name : "d", O_RDONLY | O_DIRECTORY);
		ck_assert_int_ge(next, 0);
		if (at != base_fd)
			close(at);
		at = next;
		ck_assert_int_eq(mknodat(at, "file", S_IFREG | 0600, 0), 0);
		ck_assert_int_eq(symlinkat(base, at, "link"), 0);
	}
	close(at);
}

START_TEST(depths)
{
	static const unsigned cases[] = { 1, 2, 15, 16, 17, 18, 33, 300, DEEP };
	struct rlimit before, few;
	size_t i;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = DESCRIPTORS;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		make_deep("tree", cases[i]);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
		ck_assert_int_eq(remove_it("tree"), 0);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
		ck_assert_msg(!is_there("tree"), "%u", cases[i]);
	}
}
END_TEST

START_TEST(no_directory)
{
	char failed[NAME_MAX + 1];

	ck_assert_int_eq(remove_it("nothing"), 0);
	ck_assert_int_eq(mknodat(base_fd, "tree", S_IFREG | 0600, 0), 0);
	ck_assert_int_eq(remove_it("tree"), 0);
	ck_assert(!is_there("tree"));
	ck_assert_int_eq(symlinkat("kept", base_fd, "tree"), 0);
	ck_assert_int_eq(remove_it("tree"), 0);
	ck_assert(!is_there("tree"));
	ck_assert_int_eq(rmtree(base_fd, "kept/file/x", failed), -ENOTDIR);
	ck_assert_str_eq(failed, "kept/file/x");
}
END_TEST

/* Names that the removal itself gives, taken by what it cannot replace. */
START_TEST(taken_names)
{
	char name[64];
	unsigned i;

	make_deep("tree", 60);
	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "tree/removed-%u", i);
		ck_assert_int_eq(i % 2 == 0 ? mkdirat(base_fd, name, 0700) :
		    mknodat(base_fd, name, S_IFREG | 0600, 0), 0);
		strcat(name, "/x");
		ck_assert(i % 4 != 0 || mknodat(base_fd, name, S_IFREG | 0600, 0) == 0);
	}
	ck_assert_int_eq(remove_it("tree"), 0);
	ck_assert(!is_there("tree"));
}
END_TEST

static void
take_rights(const char *top, unsigned depth, mode_t mode)
{
	char name[PATH_MAX];
	unsigned i;

	for (; depth > 0; depth--) {
		strcpy(name, top);
		for (i = 1; i < depth; i++)
			strcat(name, "/d");
		ck_assert_int_eq(fchmodat(base_fd, name, mode, 0), 0);
	}
}

START_TEST(no_rights)
{
	static const mode_t modes[] = { 0, 0100, 0300, 0400, 0500 };
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		make_deep("tree", 40);
		take_rights("tree", 40, modes[i]);
		rc = remove_it("tree");
		ck_assert_msg(rc == 0, "%o: %d", (unsigned)modes[i], rc);
		ck_assert_msg(!is_there("tree"), "%o", (unsigned)modes[i]);
	}
}
END_TEST

/* Exchanges directories of the tree with links and with one outside, until it is killed. */
static pid_t
exchange(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (;;) {
		renameat2(base_fd, "tree/d/d", base_fd, "out", RENAME_EXCHANGE);
		renameat2(base_fd, "tree/d", base_fd, "tree/link", RENAME_EXCHANGE);
		renameat2(base_fd, "tree/d/d/d", base_fd, "moved", 0);
	}
}

START_TEST(race)
{
	unsigned i;
	pid_t racer;
	int rc;

	ck_assert_int_eq(symlinkat("kept", base_fd, "out"), 0);
	racer = exchange();
	for (i = 0; i < RACES; i++) {
		kill(racer, SIGSTOP);
		ck_assert_int_eq(waitpid(racer, NULL, WUNTRACED), racer);
		if (!is_there("tree"))
			make_deep("tree", 24);
		kill(racer, SIGCONT);
		rc = remove_it("tree");
		ck_assert_msg(rc == 0 || rc == -ENOTEMPTY || rc == -ENOTDIR || rc == -ELOOP, "%d", rc);
		ck_assert(is_there("kept/file"));
		remove_it("moved");
	}
	kill(racer, SIGKILL);
	waitpid(racer, NULL, 0);
	ck_assert_int_eq(remove_it("tree"), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("rmtree");
	TCase *t = tcase_create("rmtree");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, depths);
	tcase_add_test(t, no_directory);
	tcase_add_test(t, taken_names);
	tcase_add_test(t, no_rights);
	tcase_add_test(t, race);
	suite_add_tcase(s, t);
	return unit_main(s);
}
