/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mark of an unfinished restore: a process that begins or ends it dies before each of the calls that
 * change something.  Whatever it left, a data directory with a control file is never taken
 * for one that is unfinished, and doing it again gets it done.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/ondisk.h"
#include "base/rmtree.h"
#include "restore/mark.h"
#include "support/tmpdir.h"
#include "support/unit.h"

#define STATE	"pbkfs-restore 1\nbackup A\n"
#define DIED	77

static char base[1024];
static int base_fd;
static int left = -1;	/* calls until the process dies; -1: it lives */

static void
step(void)
{
	if (left == 0)
		_exit(DIED);
	if (left > 0)
		left--;
}

int	__real_renameat(int, const char *, int, const char *);
int	__wrap_renameat(int, const char *, int, const char *);
int	__real_unlinkat(int, const char *, int);
int	__wrap_unlinkat(int, const char *, int);
int	__real_mkdirat(int, const char *, mode_t);
int	__wrap_mkdirat(int, const char *, mode_t);

int
__wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	step();
	return __real_renameat(from_fd, from, to_fd, to);
}

int
__wrap_unlinkat(int fd, const char *name, int flags)
{
	step();
	return __real_unlinkat(fd, name, flags);
}

int
__wrap_mkdirat(int fd, const char *name, mode_t mode)
{
	step();
	return __real_mkdirat(fd, name, mode);
}

static void
put_file(const char *name, const char *text)
{
	int fd = openat(base_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(io_write(fd, text, strlen(text)), 0);
	close(fd);
}

static bool
is_there(const char *name)
{
	struct stat st;

	return fstatat(base_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
setup(void)
{
	tmpdir_new(base, sizeof(base));
	base_fd = open(base, O_RDONLY | O_DIRECTORY);
	ck_assert_int_ge(base_fd, 0);
	ck_assert_int_eq(mkdirat(base_fd, "global", 0700), 0);
}

static void
teardown(void)
{
	close(base_fd);
	tmpdir_remove(base);
}

static int
make(void)
{
	char *other;
	int fd = mark_make(base_fd, STATE, &other);

	free(other);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static int
finish(void)
{
	return mark_finish(base_fd);
}

static int
disarm(void)
{
	char *other;
	int fd = mark_make(base_fd, STATE, &other), rc;

	free(other);
	if (fd < 0)
		return fd;
	rc = mark_disarm(base_fd, fd);
	close(fd);
	return rc;
}

/* Runs it in a process that dies before the n-th call.  Returns whether it did. */
static bool
dies(int (*what)(void), int n)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		left = n;
		_exit(what() == 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == DIED),
	    "call %d: status %d", n, status);
	return WEXITSTATUS(status) == DIED;
}

static void
begin_unfinished(void)
{
	char failed[NAME_MAX + 1];

	rmtree(base_fd, ONDISK_RESTORE, failed);
	unlinkat(base_fd, MARK_CONTROL_FILE, 0);
	ck_assert_int_eq(make(), 0);
	put_file(ONDISK_RESTORE "/" MARK_CONTROL, "control");
	put_file(ONDISK_RESTORE "/" MARK_DONE, "\1");
	put_file(ONDISK_RESTORE "/" MARK_OLD, "old");
}

START_TEST(test_making)
{
	char failed[NAME_MAX + 1];
	int n;

	for (n = 0; dies(make, n); n++) {
		ck_assert_int_ge(mark_find(base_fd), 0);
		ck_assert_int_eq(make(), 0);
		ck_assert_int_eq(mark_find(base_fd), MARK_UNFINISHED);
		ck_assert_int_eq(rmtree(base_fd, ONDISK_RESTORE, failed), 0);
	}
	ck_assert_int_ge(n, 3);
	ck_assert_int_eq(mark_find(base_fd), MARK_UNFINISHED);
}
END_TEST

START_TEST(test_finishing)
{
	int n, found;

	for (n = 0;; n++) {
		begin_unfinished();
		if (!dies(finish, n))
			break;
		found = mark_find(base_fd);
		if (is_there(MARK_CONTROL_FILE))
			ck_assert_msg(found == MARK_DONE_ALL || found == MARK_NONE,
			    "call %d: a server can start, and the mark says %d", n, found);
		else
			ck_assert_msg(found == MARK_UNFINISHED || found == MARK_DONE_ALL, "call %d: %d", n, found);
		if (found != MARK_NONE)
			ck_assert_int_eq(finish(), 0);
		ck_assert(is_there(MARK_CONTROL_FILE));
		ck_assert(!is_there(ONDISK_RESTORE));
	}
	ck_assert_int_ge(n, 5);
	ck_assert(is_there(MARK_CONTROL_FILE));
	ck_assert(!is_there(ONDISK_RESTORE));
}
END_TEST

START_TEST(test_disarming)
{
	char failed[NAME_MAX + 1];
	int n;

	for (n = 0;; n++) {
		rmtree(base_fd, ONDISK_RESTORE, failed);
		put_file(MARK_CONTROL_FILE, "old");
		if (!dies(disarm, n))
			break;
		ck_assert_msg(is_there(MARK_CONTROL_FILE) || mark_find(base_fd) == MARK_UNFINISHED,
		    "call %d: neither a server nor a restore", n);
		ck_assert_int_eq(disarm(), 0);
		ck_assert(!is_there(MARK_CONTROL_FILE));
	}
	ck_assert_int_ge(n, 3);
	ck_assert(!is_there(MARK_CONTROL_FILE));
}
END_TEST

START_TEST(test_another_restore)
{
	char *other = NULL;

	ck_assert_int_eq(mark_find(base_fd), MARK_NONE);
	ck_assert_int_eq(make(), 0);
	ck_assert_int_eq(mark_make(base_fd, "pbkfs-restore 1\nbackup B\n", &other), -EEXIST);
	ck_assert_str_eq(other, STATE);
	free(other);
}
END_TEST

/* A link or a file of that name is no mark, and is not followed. */
START_TEST(test_no_mark)
{
	ck_assert_int_eq(symlinkat("global", base_fd, ONDISK_RESTORE), 0);
	ck_assert_int_eq(mark_find(base_fd), -ENOTDIR);
	ck_assert_int_lt(make(), 0);
	ck_assert_int_eq(unlinkat(base_fd, ONDISK_RESTORE, 0), 0);
	put_file(ONDISK_RESTORE, "");
	ck_assert_int_eq(mark_find(base_fd), -ENOTDIR);
}
END_TEST

START_TEST(test_boot)
{
	char *other;
	int fd = mark_make(base_fd, STATE, &other);

	ck_assert_int_ge(fd, 0);
	ck_assert(!mark_is_of_this_boot(fd));
	put_file(ONDISK_RESTORE "/" MARK_DONE, "\1");
	ck_assert(mark_is_of_this_boot(fd));
	ck_assert(is_there(ONDISK_RESTORE "/" MARK_DONE));
	put_file(ONDISK_RESTORE "/" MARK_BOOT, "another\n");
	ck_assert_msg(!mark_is_of_this_boot(fd), "another kernel's notes count");
	ck_assert_msg(!is_there(ONDISK_RESTORE "/" MARK_DONE), "another kernel's notes are still there");
	close(fd);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("mark");
	TCase *tc = tcase_create("mark");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_making);
	tcase_add_test(tc, test_finishing);
	tcase_add_test(tc, test_disarming);
	tcase_add_test(tc, test_another_restore);
	tcase_add_test(tc, test_no_mark);
	tcase_add_test(tc, test_boot);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
