/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A command's confined child, which its input took over: it has no terminal, and its
 * output is printed as text.
 */
#include "config.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/confined.h"
#include "support/tmpdir.h"
#include "support/unit.h"

#define CLEAR	"\r\033[K"

static char dir[64];
static char said[2][1 << 17];	/* to standard output, and error */

/* Piece by piece, as it may be written; NULL ends them. */
static const struct { const char *name, *pieces[8], *out, *err; } cases[] = {
	{ "a line", { "a line\n" }, "a line\n", "a line\n" },
	{ "without an end", { "a", "b" }, "ab", "ab" },
	{ "escapes", { "a\033[31mb\007\177\n" }, "a?[31mb??\n", "a?[31mb??\n" },
	{ "C1", { "\302\233", "\233x\n" }, "??x\n", "??x\n" },
	{ "direction", { "\342\200\256x\342\201\246\n" }, "?x?\n", "?x?\n" },
	{ "a character in pieces", { "gr\303", "\274n \342", "\202", "\254\n" },
	    "gr\303\274n \342\202\254\n", "gr\303\274n \342\202\254\n" },
	{ "half a character", { "x\342\202" }, "x??", "x??" },
	{ "half a control", { "x\302", "\233", "y" }, "x?y", "x?y" },
	{ "progress", { CLEAR "50 %", CLEAR "60 %", CLEAR }, "??[K50 %??[K60 %??[K", CLEAR "50 %" CLEAR "60 %" CLEAR },
	{ "progress in pieces", { "\r", "\033", "[", "K1", "\r\033[" }, "??[K1??[", CLEAR "1??[" },
	{ "what only looks like it", { "a\rb\n", "\033[Kc\n", "\r\033[2J\n" }, "a?b\n?[Kc\n??[2J\n", "a?b\n?[Kc\n??[2J\n" },
};

static void
set_up(void)
{
	tmpdir_new(dir, sizeof(dir));
	ck_assert_int_eq(chmod(dir, 0755), 0);
}

static void
tear_down(void)
{
	rmdir(dir);
}

static int
print_case(int store_fd, void *arg)
{
	const char *const *piece = arg;

	(void)store_fd;
	for (; *piece != NULL; piece++)
		if (write(STDOUT_FILENO, *piece, strlen(*piece)) < 0 ||
		    write(STDERR_FILENO, *piece, strlen(*piece)) < 0)
			return 9;
	return 7;
}

/* More than the pipes take, with every byte there is. */
static int
print_much(int store_fd, void *arg)
{
	char all[256];
	int i;

	(void)store_fd;
	(void)arg;
	for (i = 0; i < 256; i++)
		all[i] = (char)i;
	for (i = 0; i < 400; i++)
		if (write(i % 2 + 1, all, sizeof(all)) < 0)
			return 9;
	return 7;
}

/* Runs it with both streams in files; the exit status. */
static int
run(int (*program)(int, void *), void *arg)
{
	const struct confined c = { .store = dir, .write_fd = -1, .sandbox = SANDBOX_NONE };
	FILE *file[2] = { tmpfile(), tmpfile() };
	int saved[2], i, status;
	size_t n;

	for (i = 0; i < 2; i++) {
		saved[i] = dup(i + 1);
		ck_assert_int_eq(dup2(fileno(file[i]), i + 1), i + 1);
	}
	status = confined_run(&c, program, arg);
	fflush(NULL);
	for (i = 0; i < 2; i++) {
		dup2(saved[i], i + 1);
		close(saved[i]);
		rewind(file[i]);
		n = fread(said[i], 1, sizeof(said[i]) - 1, file[i]);
		said[i][n] = '\0';
		fclose(file[i]);
	}
	return status;
}

START_TEST(prints_text)
{
	ck_assert_int_eq(run(print_case, (void *)(uintptr_t)cases[_i].pieces), 7);
	ck_assert_msg(strcmp(said[0], cases[_i].out) == 0, "%s: %s", cases[_i].name, said[0]);
	ck_assert_msg(strcmp(said[1], cases[_i].err) == 0, "%s: %s", cases[_i].name, said[1]);
}
END_TEST

START_TEST(prints_much)
{
	const unsigned char *s;
	size_t n;
	int i;

	ck_assert_int_eq(run(print_much, NULL), 7);
	for (i = 0; i < 2; i++) {
		ck_assert_uint_gt(strlen(said[i]), 200 * 200);
		for (s = (const unsigned char *)said[i]; *s != '\0'; s += n) {
			ck_assert_uint_ne(n = text_utf8_length(s), 0);
			ck_assert(*s == '\n' || !text_is_control(s, n));
		}
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("confined");
	TCase *tc = tcase_create("confined");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, prints_text, 0, (int)ARRAY_SIZE(cases));
	tcase_add_test(tc, prints_much);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
