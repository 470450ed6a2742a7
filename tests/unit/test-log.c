/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The log as a file: its size is bounded, and it stays in its place, whatever its
 * owner does with the name.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/logonce.h"
#include "base/util.h"
#include "supervisor/logstore.h"
#include "support/tmpdir.h"
#include "support/unit.h"

#define LIMIT	4096
#define SECRET	"of somebody else\n"
#define NAME	"log"

static char dir[64];
static int dir_fd;
static struct logstore l;

static void
put_file(const char *name, const char *text)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_eq(io_write(fd, text, strlen(text)), 0);
	close(fd);
}

static void
set_up(void)
{
	tmpdir_new(dir, sizeof(dir));
	ck_assert_int_ge(dir_fd = open(dir, O_RDONLY | O_DIRECTORY), 0);
	put_file("secret", SECRET);
	l = (struct logstore){ .dir_fd = dir_fd, .name = NAME, .limit = LIMIT };
	ck_assert_int_ge(l.fd = logstore_open(dir_fd, NAME), 0);
}

static void
tear_down(void)
{
	logstore_close(&l);
	close(dir_fd);
	tmpdir_remove(dir);
}

/* Returns the content of a plain file; "" if there is none. */
static const char *
content(const char *name)
{
	static char text[4 * LIMIT];
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	text[MAX(n, 0)] = '\0';
	close(fd);
	return text;
}

static off_t
size_of(const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) ?
	    st.st_size : 0;
}

static void
say(const char *what)
{
	char line[100];
	int n = snprintf(line, sizeof(line), "%-60s\n", what);

	ck_assert_int_eq(logstore_append(&l, line, (size_t)n), 0);
}

#define DO(call)	ck_assert_int_eq((call), 0)
#define OLD		NAME LOGSTORE_OLD
static void do_nothing(void) { }
static void do_remove(void) { unlinkat(dir_fd, NAME, 0); }
static void do_rename(void) { DO(renameat(dir_fd, NAME, dir_fd, "elsewhere")); }
static void do_link(void) { do_remove(); DO(symlinkat("secret", dir_fd, NAME)); }
static void do_dangle(void) { do_remove(); DO(symlinkat("new", dir_fd, NAME)); }
static void do_fifo(void) { do_remove(); DO(mkfifoat(dir_fd, NAME, 0600)); }
static void do_hard_link(void) { do_remove(); DO(linkat(dir_fd, "secret", dir_fd, NAME, 0)); }
static void do_directory(void) { do_remove(); DO(mkdirat(dir_fd, NAME, 0700)); }
static void do_other(void) { do_remove(); put_file(NAME, SECRET); }
static void do_old_link(void) { DO(symlinkat("secret", dir_fd, OLD)); }
static void do_old_fifo(void) { DO(mkfifoat(dir_fd, OLD, 0600)); }
static void do_old_directory(void) { DO(mkdirat(dir_fd, OLD, 0700)); }
static void do_old_hard_link(void) { DO(linkat(dir_fd, "secret", dir_fd, OLD, 0)); }

static const struct {
	const char *name;
	void	(*sabotage)(void);
	bool	continues;	/* under its name */
	bool	keeps_old;
} cases[] = {
	{ "nothing", do_nothing, true, true },
	{ "removed", do_remove, true, true },
	{ "renamed", do_rename, true, true },
	{ "a link", do_link, false, false },
	{ "a link to nothing", do_dangle, false, false },
	{ "a FIFO", do_fifo, false, false },
	{ "a hard link", do_hard_link, false, false },
	{ "a directory", do_directory, false, false },
	{ "another file", do_other, false, false },
	{ "the old one is a link", do_old_link, true, true },
	{ "the old one is a FIFO", do_old_fifo, true, true },
	{ "the old one is a directory", do_old_directory, true, false },
	{ "the old one is a hard link", do_old_hard_link, true, true },
};

START_TEST(is_bounded_and_nowhere_else)
{
	struct stat st;
	int i;

	say("the first");
	cases[_i].sabotage();
	for (i = 0; i < 10 * LIMIT / 61; i++)
		say("a line");
	say("the last");
	ck_assert_msg(strcmp(content("secret"), SECRET) == 0, "%s", cases[_i].name);
	ck_assert_msg(fstatat(dir_fd, "new", &st, 0) != 0, "%s", cases[_i].name);
	ck_assert_msg((strstr(content(NAME), "the last") != NULL) == cases[_i].continues, "%s",
	    cases[_i].name);
	ck_assert_msg((strstr(content(OLD), "a line") != NULL) == cases[_i].keeps_old,
	    "%s", cases[_i].name);
	ck_assert_msg(fstat(l.fd, &st) == 0 && st.st_size <= LIMIT, "%s", cases[_i].name);
	ck_assert_msg(size_of(NAME) + size_of(OLD) <= 2 * LIMIT, "%s", cases[_i].name);
	ck_assert_msg(strstr(content("elsewhere"), "a line") == NULL, "%s", cases[_i].name);
}
END_TEST

/* Where no file can be renamed or made, the open one is emptied. */
START_TEST(is_bounded_where_nothing_can_be_made)
{
	struct stat st;
	int i;

	if (geteuid() == 0 && (setegid(65534) != 0 || fchown(dir_fd, 65534, 65534) != 0 ||
	    fchown(l.fd, 65534, 65534) != 0 || seteuid(65534) != 0))
		ck_abort_msg("could not be an ordinary user");
	DO(fchmod(dir_fd, 0500));
	for (i = 0; i < 10 * LIMIT / 61; i++)
		say("a line");
	DO(fchmod(dir_fd, 0700));
	ck_assert(fstat(l.fd, &st) == 0 && st.st_size <= LIMIT);
	ck_assert_ptr_nonnull(strstr(content(NAME), "a line"));
	if (getuid() == 0)
		ck_assert(seteuid(0) == 0 && setegid(0) == 0);
}
END_TEST

/* A limit of the process stands for a full disk: it, too, takes a part of a line. */
START_TEST(loses_whole_lines_on_a_full_disk)
{
	struct rlimit full = { 2 * 61 + 10, RLIM_INFINITY }, room = { RLIM_INFINITY, RLIM_INFINITY };
	char line[] = "a line that has no room here\n";
	int i, refused = 0;

	say("one");
	say("two");
	signal(SIGXFSZ, SIG_IGN);
	/* No assertion until there is room again: they write to a file, too. */
	setrlimit(RLIMIT_FSIZE, &full);
	for (i = 0; i < 5; i++)
		refused += logstore_append(&l, line, sizeof(line) - 1) < 0;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &room), 0);
	ck_assert_int_eq(refused, 5);
	ck_assert_uint_eq(l.lost, 5);
	ck_assert_int_eq(size_of(NAME), 2 * 61);
	say("three");
	ck_assert_ptr_null(strstr(content(NAME), "no room"));
	ck_assert_int_eq(size_of(NAME), 3 * 61);
}
END_TEST

START_TEST(refuses_what_is_planted)
{
	static void (*const planted[])(void) = { do_link, do_dangle, do_fifo, do_hard_link, do_directory };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(planted); i++) {
		planted[i]();
		ck_assert_int_lt(logstore_open(dir_fd, NAME), 0);
		unlinkat(dir_fd, NAME, i == ARRAY_SIZE(planted) - 1 ? AT_REMOVEDIR : 0);
	}
	ck_assert_str_eq(content("secret"), SECRET);
}
END_TEST

START_TEST(counts_what_is_beyond_a_budget)
{
	struct log_budget b = { .burst = 7 };
	unsigned i, allowed = 0, skipped = 0, told = 0;

	for (i = 0; i < 100; i++)
		if (log_allowed(&b, &skipped)) {
			allowed++;
			told += skipped;
		}
	/* Two windows, if one ended just now. */
	ck_assert(allowed == 7 || allowed == 14);
	b.window--;	/* as if it were over */
	told += log_skipped(&b);
	ck_assert_uint_eq(allowed + told, 100);
	ck_assert_uint_eq(log_skipped(&b), 0);
	ck_assert(log_allowed(&b, &skipped));
	ck_assert_uint_eq(skipped, 0);
}
END_TEST

START_TEST(logs_a_fault_once_in_a_while)
{
	static struct logonce faults = LOGONCE_INIT;
	unsigned i;

	ck_assert(logonce_is_due(&faults, 1, 2));
	ck_assert(!logonce_is_due(&faults, 1, 2));
	ck_assert(logonce_is_due(&faults, 2, 1));
	ck_assert(logonce_is_due(&faults, 1, 2 + (UINT64_C(1) << 40)));	/* in the place of the first */
	ck_assert(logonce_is_due(&faults, 1, 2));
	ck_assert(!logonce_is_due(&faults, 1, 2));
	for (i = 0; i < LOGONCE_SLOTS; i++)
		if (faults.slot[i].when != 0)
			faults.slot[i].when -= LOGONCE_SECONDS;
	ck_assert(logonce_is_due(&faults, 1, 2));
	ck_assert(!logonce_is_due(&faults, 1, 2));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("log");
	TCase *file = tcase_create("file"), *budget = tcase_create("budget");

	tcase_add_checked_fixture(file, set_up, tear_down);
	tcase_add_loop_test(file, is_bounded_and_nowhere_else, 0, (int)ARRAY_SIZE(cases));
	tcase_add_test(file, is_bounded_where_nothing_can_be_made);
	tcase_add_test(file, loses_whole_lines_on_a_full_disk);
	tcase_add_test(file, refuses_what_is_planted);
	suite_add_tcase(s, file);
	tcase_add_test(budget, counts_what_is_beyond_a_budget);
	tcase_add_test(budget, logs_a_fault_once_in_a_while);
	suite_add_tcase(s, budget);
	return unit_main(s);
}
