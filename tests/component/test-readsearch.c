/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may read the store: a child is asked, and nothing but its answer grants
 * anything.  Any other end of the child grants nothing, and keeps nobody from
 * ending.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "supervisor/become.h"
#include "supervisor/binding.h"
#include "supervisor/identity.h"
#include "supervisor/probe.h"
#include "supervisor/readsearch.h"
#include "support/tmpdir.h"
#include "support/unit.h"

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
	/* No process is left behind. */
	while (waitpid(-1, NULL, 0) > 0)
		;
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

static int stop_for_good(void *arg, int *passed) { (void)arg; (void)passed; raise(SIGSTOP); return 0; }

static int
probe_stopped(void)
{
	const struct probe p = { .uid = getuid() == 0 ? SOMEBODY : getuid(), .gid = getgid() };

	return __real_probe_run(&p, be_stopped, NULL);
}

static int
run_stopped(void)
{
	char nothing[1];
	const struct become_work w = { .act = stop_for_good, .arg = nothing };

	return become_run(NULL, &w, NULL);
}

/* A waiter ends on request: the limit is ten seconds, and the child says nothing. */
START_TEST(nobody_is_waited_for_who_was_told_to_end)
{
	static const struct {
		const char *name;
		int	(*wait)(void);
	} cases[] = { { "probe_run", probe_stopped }, { "become_run", run_stopped } };
	static const int ends[] = { SIGTERM, SIGINT, SIGQUIT };
	sigset_t set, pending;
	int64_t began;
	size_t i, j;

	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(ends); i++)
		sigaddset(&set, ends[i]);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	for (i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(ends); i++) {
		j = i / ARRAY_SIZE(ends);
		raise(ends[i % ARRAY_SIZE(ends)]);
		began = clock_monotonic_ms();
		ck_assert_msg(cases[j].wait() == -EINTR, "%s", cases[j].name);
		ck_assert_msg(clock_monotonic_ms() - began < 5000, "%s", cases[j].name);
		/* The event loop has to find it. */
		ck_assert(sigpending(&pending) == 0 && sigismember(&pending, ends[i % ARRAY_SIZE(ends)]) == 1);
		ck_assert_int_eq(sigwaitinfo(&pending, NULL), ends[i % ARRAY_SIZE(ends)]);
	}
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

static struct binding
make_binding(const char *id, bool part)
{
	return (struct binding){
		.store = strdup("/store"), .instance = strdup("main"), .backup_id = strdup(id),
		.member = { { "ABCDEF", 20516, 7 } }, .n_members = 1,
		.database = { part ? strdup("postgres") : NULL }, .n_databases = part,
	};
}

/* The cases of root's record. */
enum noted { NOTHING, THE_SAME, ANOTHER_ID, OTHER_DATABASES, ANOTHER_DIRECTORY };

static struct record
make_record(enum noted noted)
{
	struct record r = { .state = RECORD_FITS };

	if (noted == NOTHING)
		return (struct record){ .state = RECORD_NONE };
	if (noted == ANOTHER_DIRECTORY)
		r.state = RECORD_STRANGE;
	r.binding = make_binding(noted == ANOTHER_ID ? "ABCDEE" : "ABCDEF", noted == OTHER_DATABASES);
	return r;
}

START_TEST(decision)
{
	static const struct {
		const char *name;
		int	answer;
		bool	named, owner_given, latest, fresh;
		int	result;
		bool	capability;
		int	groups, root;	/* further answers, where he himself is denied */
		enum noted noted;
		const char *id;		/* that the record chooses */
	} cases[] = {
		{ "may read", 0, false, false, false, false, 0, false, 0, 0, NOTHING, NULL },
		{ "denied, all named", 1, true, true, false, false, 0, true, 1, 0, NOTHING, NULL },
		{ "denied, nothing named", 1, false, true, false, false, -1, false, 1, 0, NOTHING, NULL },
		{ "denied, nobody named", 1, true, false, false, false, -1, false, 1, 0, NOTHING, NULL },
		{ "denied, latest of a first mount", 1, true, true, true, true, 0, true, 1, 0, NOTHING, NULL },
		{ "denied, latest of a remount", 1, true, true, true, false, -1, false, 1, 0, NOTHING, NULL },
		{ "his groups are enough", 1, false, false, false, false, 0, false, 0, 0, NOTHING, NULL },
		{ "nothing helps", 1, true, true, false, false, -1, false, 1, 1, NOTHING, NULL },
		{ "the second child was killed", 1, true, true, false, false, -1, false, -EPERM, 0, NOTHING, NULL },
		{ "the third child was stopped", 1, true, true, false, false, -1, false, 1, -ETIMEDOUT, NOTHING, NULL },
		{ "the child was killed", -EPERM, true, true, false, false, -1, false, 0, 0, NOTHING, NULL },
		{ "the child was stopped", -ETIMEDOUT, true, true, false, false, -1, false, 0, 0, NOTHING, NULL },
		{ "no child", -EAGAIN, true, true, false, false, -1, false, 0, 0, NOTHING, NULL },
		{ "the child was confused", 7, true, true, false, false, -1, false, 0, 0, NOTHING, NULL },
		{ "recorded, nothing named", 1, false, true, false, false, 0, true, 1, 0, THE_SAME, NULL },
		{ "recorded, nobody named", 1, false, false, false, false, -1, false, 1, 0, THE_SAME, NULL },
		{ "recorded, latest of a remount", 1, true, true, true, false, 0, true, 1, 0, THE_SAME, NULL },
		{ "recorded otherwise", 1, false, true, false, false, -1, false, 1, 0, ANOTHER_ID, NULL },
		{ "recorded otherwise, latest", 1, true, true, true, false, -1, false, 1, 0, ANOTHER_ID, NULL },
		{ "recorded otherwise, all named", 1, true, true, false, false, 0, true, 1, 0, ANOTHER_ID, NULL },
		{ "other databases, nothing named", 1, false, true, false, false, -1, false, 1, 0, OTHER_DATABASES, NULL },
		{ "other databases, all named but these", 1, true, true, false, false, -1, false, 1, 0, OTHER_DATABASES, NULL },
		{ "emptied, latest", 1, true, true, true, true, 0, true, 1, 0, ANOTHER_ID, "ABCDEE" },
		{ "replaced, nothing named", 1, false, true, false, false, -1, false, 1, 0, ANOTHER_DIRECTORY, NULL },
		{ "replaced, latest", 1, true, true, true, true, -1, false, 1, 0, ANOTHER_DIRECTORY, NULL },
		{ "replaced, all named", 1, true, true, false, false, 0, true, 1, 0, ANOTHER_DIRECTORY, NULL },
		{ "beyond his way, nothing named", 0, false, true, false, false, 0, false, 1, 0, NOTHING, NULL },
		{ "beyond his way, latest of a remount", 0, true, true, true, false, -1, false, 1, 0, NOTHING, NULL },
		{ "beyond his way, nobody named", 0, true, false, false, false, -1, false, 1, 0, NOTHING, NULL },
		{ "beyond his way, all named", 0, true, true, false, false, 0, false, 1, 0, NOTHING, NULL },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct supervisor_config c = {
			.store = cases[i].named ? "/store" : NULL, .instance = cases[i].named ? "main" : NULL,
			.backup_id = cases[i].named && !cases[i].latest ? "ABCDEF" : NULL,
			.latest = cases[i].latest, .owner_given = cases[i].owner_given, .diff = "/diff",
			.notify_fd = -1,
		};
		static struct supervisor s;

		memset(&s, 0, sizeof(s));
		s.config = &c;
		s.owner.uid = s.owner.gid = SOMEBODY;
		s.source.store = "/store";
		s.source.instance = "main";
		s.source.is_roots = cases[i].named;
		s.binding.is_fresh = cases[i].fresh;
		s.binding.is_saved = !s.binding.is_fresh;
		s.claim.dir.walk.uid = SOMEBODY;
		if (s.binding.is_saved)
			s.binding.saved = make_binding("ABCDEF", false);
		s.binding.record = make_record(cases[i].noted);
		the_answer = cases[i].answer;
		groups_answer = cases[i].groups;
		root_answer = cases[i].root;
		if (getuid() != 0) {
			ck_assert_int_eq(readsearch_choose(&s), 0);
			ck_assert(!s.owner.keep_read_search);
			continue;
		}
		ck_assert_msg(readsearch_choose(&s) == cases[i].result, "%s", cases[i].name);
		if (cases[i].result == 0)
			ck_assert_msg(s.owner.with_groups == (cases[i].answer == 1 && cases[i].groups == 0),
			    "%s", cases[i].name);
		if (cases[i].result == 0)
			ck_assert_msg(s.owner.keep_read_search == cases[i].capability, "%s", cases[i].name);
		ck_assert_msg((s.error[0] != '\0') == (cases[i].result != 0), "%s: %s", cases[i].name, s.error);
		if (cases[i].id == NULL)
			ck_assert_msg(s.source.backup_id == NULL, "%s", cases[i].name);
		else
			ck_assert_msg(s.source.backup_id != NULL && strcmp(s.source.backup_id, cases[i].id) == 0, "%s", cases[i].name);
		binding_fini(&s.binding.saved);
		record_fini(&s.binding.record);
	}
}
END_TEST

/* ---- what is stored ----------------------------------------------------- */

START_TEST(stores_only_what_can_be_read)
{
	static const struct { const char *snapshot, *id; int rc; } cases[] = {
		{ "one", "0123456789abcdef0123456789abcdef", 0 },
		{ "", "0123456789abcdef0123456789abcdef", -EUCLEAN },
		{ "one", "", -EUCLEAN },
	};
	struct binding b, back;
	char dir[PATH_MAX];
	size_t i;
	int fd;

	tmpdir_new(dir, sizeof(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		b = make_binding("ABCDEF", false);
		b.host = strdup("host");
		b.created = strdup("now");
		b.branch = strdup("b");
		b.snapshot = strdup(cases[i].snapshot);
		b.snapshot_id = strdup(cases[i].id);
		ck_assert_int_eq(binding_store(fd, &b), cases[i].rc);
		/* The binding of before is there still. */
		ck_assert_int_eq(binding_load(fd, &back), 0);
		ck_assert_str_eq(back.snapshot, "one");
		binding_fini(&back);
		binding_fini(&b);
	}
	close(fd);
	tmpdir_remove(dir);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("readsearch");
	TCase *t = tcase_create("readsearch");

	tcase_add_test(t, child);
	tcase_add_test(t, nobody_is_waited_for_who_was_told_to_end);
	tcase_add_test(t, child_is_out_of_reach);
	tcase_add_test(t, child_has_the_users_rights);
	tcase_add_test(t, decision);
	tcase_add_test(t, stores_only_what_can_be_read);
	suite_add_tcase(s, t);
	return unit_main(s);
}
