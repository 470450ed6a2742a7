/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Children with a limit of time: whether one gets on is seen by its work, not by the
 * clock alone, and what it prints comes through whether it ends or not.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/limited.h"
#include "supervisor/tie.h"
#include "support/unit.h"

#define SILENT	2	/* seconds without work */
#define LONGER	5	/* seconds that a program takes */

static int
wait_for_nobody(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

static int
wait_by_its_word(void *arg)
{
	(void)arg;
	limited_rest(true);
	sleep(LONGER);
	return 3;
}

/* It sleeps most of the time, as who reads from slow storage does. */
static int
work_a_little(void *arg)
{
	int64_t until = clock_monotonic_ms() + LONGER * 1000;

	(void)arg;
	while (clock_monotonic_ms() < until)
		usleep(100000);
	return 4;
}

static int
give_up(void *arg)
{
	int64_t until = clock_monotonic_ms() + 60000;

	(void)arg;
	limited_give_up();
	while (clock_monotonic_ms() < until)
		usleep(10000);
	return 5;
}

static int
speak_and_hang(void *arg)
{
	cli_error("the last word");
	return wait_for_nobody(arg);
}

static int
die(void *arg)
{
	(void)arg;
	return raise(SIGKILL);
}

static const struct {
	const char *name;
	int (*program)(void *arg);
	int status;
	const char *said;
} cases[] = {
	{ "one that waits", wait_for_nobody, -ETIMEDOUT, "" },
	{ "one that rests", wait_by_its_word, 3, "" },
	{ "one that works a little", work_a_little, 4, "" },
	{ "one that gives up", give_up, -ETIMEDOUT, "" },
	{ "one that speaks, and waits", speak_and_hang, -ETIMEDOUT, "pbkfs error: the last word\n" },
	{ "one that is killed", die, -ECANCELED, "" },
};

/* Runs it with standard error in a file, whose text becomes said. */
static int
run(int (*program)(void *arg), char *said, size_t size)
{
	int saved = dup(STDERR_FILENO), rc;
	FILE *file = tmpfile();

	ck_assert_int_eq(dup2(fileno(file), STDERR_FILENO), STDERR_FILENO);
	rc = limited_program(program, NULL, SILENT, NULL);
	fflush(NULL);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	said[fread(said, 1, size - 1, file)] = '\0';
	fclose(file);
	return rc;
}

START_TEST(ends_who_does_not_get_on)
{
	char said[256];

	ck_assert_int_eq(run(cases[_i].program, said, sizeof(said)), cases[_i].status);
	ck_assert_str_eq(said, cases[_i].said);
}
END_TEST

/* The child says in shared memory that it lives, and so does its end: the pipe has no writer then. */
static int
tell_and_wait(void *arg)
{
	_Atomic int *pid = arg;

	tie_again();
	atomic_store(pid, getpid());
	return wait_for_nobody(NULL);
}

START_TEST(ends_with_its_caller)
{
	_Atomic int *pid = limited_share(sizeof(*pid));
	char word;
	int alive[2];
	pid_t caller;

	ck_assert_int_eq(pipe(alive), 0);
	ck_assert_int_ge(caller = fork(), 0);
	if (caller == 0)
		_exit(limited_program(tell_and_wait, pid, 60, NULL));
	close(alive[1]);
	while (atomic_load(pid) == 0)
		usleep(1000);
	kill(caller, SIGKILL);
	waitpid(caller, NULL, 0);
	/* Caller and child have the other end. */
	ck_assert_int_eq(read(alive[0], &word, 1), 0);
	close(alive[0]);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("limited");
	TCase *tc = tcase_create("limited");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, ends_who_does_not_get_on, 0, (int)ARRAY_SIZE(cases));
	tcase_add_test(tc, ends_with_its_caller);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
