/*
 * Who may read the store: a child is asked, and only its answer is one.  Whatever
 * else becomes of it grants nothing.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/identity.h"
#include "supervisor/probe.h"
#include "supervisor/readsearch.h"
#include "unit.h"

#define SOMEBODY	4711

static int the_answer, groups_answer, root_answer;	/* for him, in his groups, and with the capability */

/* --wrap: readsearch.c is told what the table says, the cases below ask the real one. */
int	__real_probe_run(const struct probe *p, int (*test)(const void *arg), const void *arg);
int	__wrap_probe_run(const struct probe *p, int (*test)(const void *arg), const void *arg);

int
__wrap_probe_run(const struct probe *p, int (*test)(const void *arg), const void *arg)
{
	(void)test;
	(void)arg;
	return p->read_search ? root_answer : p->with_groups ? groups_answer : the_answer;
}

/* ---- the child ---------------------------------------------------------- */

static int answer_seven(const void *arg) { (void)arg; return 7; }
static int answer_beyond(const void *arg) { (void)arg; return 101; }
static int be_killed(const void *arg) { (void)arg; raise(SIGKILL); return 0; }
static int be_stopped(const void *arg) { (void)arg; raise(SIGSTOP); return 0; }

START_TEST(child)
{
	static const struct {
		const char *name;
		int	(*test)(const void *arg);
		int	result;
	} cases[] = {
		{ "an answer", answer_seven, 7 },
		{ "no answer that there is", answer_beyond, -EPERM },
		{ "killed", be_killed, -EPERM },
		{ "stopped", be_stopped, -ETIMEDOUT },
	};
	const struct probe p = { .uid = getuid() == 0 ? SOMEBODY : getuid(), .gid = getgid(), .seconds = 1 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_msg(__real_probe_run(&p, cases[i].test, NULL) == cases[i].result, "%s", cases[i].name);
	/* And nobody is left behind. */
	while (waitpid(-1, NULL, 0) > 0)
		;
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

/* In the child: a process of that user tries to signal it.  1 if it could. */
static int
be_attacked(const void *arg)
{
	pid_t victim = getpid(), pid;
	int status;

	(void)arg;
	if ((pid = fork()) == 0) {
		if (syscall(SYS_setresgid, SOMEBODY, SOMEBODY, SOMEBODY) != 0 ||
		    syscall(SYS_setresuid, SOMEBODY, SOMEBODY, SOMEBODY) != 0)
			_exit(2);
		_exit(kill(victim, 0) == 0 || errno != EPERM);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

START_TEST(child_is_out_of_reach)
{
	const struct probe p = { .uid = SOMEBODY, .gid = SOMEBODY };

	if (getuid() == 0)
		ck_assert_int_eq(__real_probe_run(&p, be_attacked, NULL), 0);
}
END_TEST

static int
can_read_shadow(const void *arg)
{
	(void)arg;
	return fopen("/etc/shadow", "re") != NULL;
}

START_TEST(child_has_the_users_rights)
{
	const struct probe p = { .uid = SOMEBODY, .gid = SOMEBODY };

	if (getuid() == 0)
		ck_assert_int_eq(__real_probe_run(&p, can_read_shadow, NULL), 0);
}
END_TEST

/* ---- the decision ------------------------------------------------------- */

START_TEST(decision)
{
	static const struct {
		const char *name;
		int	answer;
		bool	named, owner_given, latest, fresh;
		int	result;
		bool	capability;
		int	groups, root;	/* further answers, where he himself is denied */
	} cases[] = {
		{ "may read", 0, false, false, false, false, 0, false, 0, 0 },
		{ "denied, all named", 1, true, true, false, false, 0, true, 1, 0 },
		{ "denied, nothing named", 1, false, true, false, false, -1, false, 1, 0 },
		{ "denied, nobody named", 1, true, false, false, false, -1, false, 1, 0 },
		{ "denied, latest of a first mount", 1, true, true, true, true, 0, true, 1, 0 },
		{ "denied, latest of a remount", 1, true, true, true, false, -1, false, 1, 0 },
		{ "his groups are enough", 1, false, false, false, false, 0, false, 0, 0 },
		{ "nothing helps", 1, true, true, false, false, -1, false, 1, 1 },
		{ "the second child was killed", 1, true, true, false, false, -1, false, -EPERM, 0 },
		{ "the third child was stopped", 1, true, true, false, false, -1, false, 1, -ETIMEDOUT },
		{ "the child was killed", -EPERM, true, true, false, false, -1, false, 0, 0 },
		{ "the child was stopped", -ETIMEDOUT, true, true, false, false, -1, false, 0, 0 },
		{ "no child", -EAGAIN, true, true, false, false, -1, false, 0, 0 },
		{ "the child was confused", 7, true, true, false, false, -1, false, 0, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct supervisor_config c = {
			.store = cases[i].named ? "/store" : NULL, .instance = cases[i].named ? "main" : NULL,
			.backup_id = cases[i].named && !cases[i].latest ? "ABCDEF" : NULL,
			.latest = cases[i].latest, .owner_given = cases[i].owner_given, .diff = "/diff",
		};
		static struct supervisor s;

		memset(&s, 0, sizeof(s));
		s.config = &c;
		s.uid = s.gid = SOMEBODY;
		s.store = "/store";
		s.fresh = cases[i].fresh;
		the_answer = cases[i].answer;
		groups_answer = cases[i].groups;
		root_answer = cases[i].root;
		if (getuid() != 0) {
			ck_assert_int_eq(readsearch_choose(&s), 0);
			ck_assert(!s.keep_read_search);
			continue;
		}
		ck_assert_msg(readsearch_choose(&s) == cases[i].result, "%s", cases[i].name);
		if (cases[i].result == 0)
			ck_assert_msg(s.with_groups == (cases[i].answer == 1 && cases[i].groups == 0),
			    "%s", cases[i].name);
		if (cases[i].result == 0)
			ck_assert_msg(s.keep_read_search == cases[i].capability, "%s", cases[i].name);
		ck_assert_msg((s.error[0] != '\0') == (cases[i].result != 0), "%s: %s", cases[i].name, s.error);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("readsearch");
	TCase *t = tcase_create("readsearch");

	tcase_add_test(t, child);
	tcase_add_test(t, child_is_out_of_reach);
	tcase_add_test(t, child_has_the_users_rights);
	tcase_add_test(t, decision);
	suite_add_tcase(s, t);
	return unit_main(s);
}
