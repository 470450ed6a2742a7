/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A tied child ends with its parent: one that changes its ids, too, and one whose parent has ended
 * before the kernel knew of the tie.  A child of it has no tie.
 */
#include "config.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/tie.h"
#include "support/unit.h"

#define NOBODY	65534

static bool orphaned;	/* its parent ends between fork(2) and the tie */

pid_t	__real_getppid(void);
pid_t	__wrap_getppid(void);

pid_t
__wrap_getppid(void)
{
	return orphaned ? 1 : __real_getppid();
}

/* Check's would pass the signal on to all of us. */
static void
no_handlers(void)
{
	signal(SIGTERM, SIG_DFL);
}

static void
change_ids(void)
{
	if (getuid() == 0 && (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0))
		_exit(EXIT_FAILURE);
	tie_again();
}

static void
change_nothing(void)
{
}

static void
tie_of_a_child(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		orphaned = true;
		tie_again();
		_exit(EXIT_SUCCESS);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		_exit(EXIT_FAILURE);
}

static const struct {
	const char *name;
	void	(*then)(void);
	int	number;
} cases[] = {
	{ "a child", change_nothing, SIGTERM },
	{ "a child that changes its ids", change_ids, SIGKILL },
	{ "a child with a child", tie_of_a_child, SIGTERM },
};

/* The child holds a pipe and waits; its parent ends once it has said so. */
START_TEST(ends_with_its_parent)
{
	int held[2], ready[2];
	struct pollfd p;
	pid_t parent, child;

	ck_assert_int_eq(pipe(held), 0);
	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_ge(parent = fork(), 0);
	if (parent == 0) {
		if (tie_fork(cases[_i].number) == 0) {
			cases[_i].then();
			child = getpid();
			if (write(ready[1], &child, sizeof(child)) == (ssize_t)sizeof(child))
				for (;;)
					pause();
			_exit(EXIT_FAILURE);
		}
		for (;;)
			pause();
	}
	close(held[1]);
	ck_assert_msg(read(ready[0], &child, sizeof(child)) == (ssize_t)sizeof(child), "%s: begins", cases[_i].name);
	ck_assert_int_eq(kill(parent, SIGKILL), 0);
	ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
	p = (struct pollfd){ .fd = held[0], .events = POLLIN };
	ck_assert_msg(poll(&p, 1, 30000) == 1, "%s does not end", cases[_i].name);
	close(held[0]);
	close(ready[0]);
	close(ready[1]);
}
END_TEST

START_TEST(ends_without_a_parent)
{
	static const int numbers[] = { SIGTERM, SIGQUIT, SIGKILL };
	int status;
	pid_t pid;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		orphaned = true;
		pid = tie_fork(numbers[i]);
		if (pid == 0)
			_exit(EXIT_SUCCESS);
		orphaned = false;
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == numbers[i], "signal %d", numbers[i]);
	}
}
END_TEST

START_TEST(may_stay)
{
	int status, number = -1;
	pid_t pid;

	orphaned = true;
	if ((pid = tie_fork(0)) == 0)
		_exit(prctl(PR_GET_PDEATHSIG, &number) != 0 || number != 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("tie");
	TCase *t = tcase_create("tie");

	tcase_add_checked_fixture(t, no_handlers, NULL);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, ends_with_its_parent, 0, (int)ARRAY_SIZE(cases));
	tcase_add_test(t, ends_without_a_parent);
	tcase_add_test(t, may_stay);
	suite_add_tcase(s, t);
	return unit_main(s);
}
