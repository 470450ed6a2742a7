/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls that are named with --debug, the levels of confinement, and which program of the
 * worker may start threads.
 */
#include "config.h"

#ifdef ENABLE_SANDBOX

#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/job.h"
#include "sandbox-try.h"
#include "sandbox/layers.h"
#include "supervisor/rights.h"
#include "worker/confine.h"

static struct msg_confined ignored;	/* what a sandbox reports to have */

/* Runs the function with standard error in a file, and reads that back. */
static struct outcome
run_debugged(enum where where, int (*try)(void), char *text, size_t size)
{
	int saved = must(dup(STDERR_FILENO), "dup");
	FILE *f = tmpfile();
	struct outcome o;
	size_t n;

	if (f == NULL)
		bail("tmpfile");
	must(dup2(fileno(f), STDERR_FILENO), "dup2");
	o = run(&identities[0], where, try);
	must(dup2(saved, STDERR_FILENO), "dup2");
	close(saved);
	rewind(f);
	n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	fclose(f);
	return o;
}

void
test_debug(void)
{
	static const struct {
		int	(*try)(void);
		const char *name;
		int	answer, signal;
	} cases[] = {
		{ proc_execve, "execve(", NO_ANSWER, SIGSYS },
		{ change_directory, "chdir(", -ENOSYS, 0 },
		{ sys_syslog, "?(", -ENOSYS, 0 },
		{ mem_wx, "mmap(", -EACCES, 0 },
		{ net_udp, "socket(", -EPERM, 0 },
	};
	char text[512], want[64];
	struct outcome o;
	size_t i, w;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		for (w = DEBUGGED; w <= DEBUGGED_THREAD; w++) {
			o = run_debugged((enum where)w, cases[i].try, text, sizeof(text));
			snprintf(want, sizeof(want), "pbkfs worker: system call %s", cases[i].name);
			report(o.answer == cases[i].answer && o.signal == cases[i].signal,
			    "debug: %s answers %s", cases[i].name, outcome_name(&o));
			report(strncmp(text, want, strlen(want)) == 0 &&
			    strstr(text, ") refused\n") != NULL, "debug: it is named: %.*s",
			    (int)strcspn(text, "\n"), text);
		}
}

static int
no_landlock(enum sandbox_level level, char *error)
{
	struct sandbox s = { .level = level };

	forced_abi = 0;
	error[0] = '\0';
	return sandbox_enter(&s, &ignored, error);
}

TRY(full_without_landlock)
{
	char error[SANDBOX_ERROR_MAX];
	int r = no_landlock(SANDBOX_FULL, error);

	return r == -EOPNOTSUPP && strcmp(error, "this kernel has no Landlock: use "
	    "--sandbox=seccomp-only to run with less confinement") == 0 ? 0 : -EINVAL;
}

/* The second wall is off where a directory is not found by its name. */
static int
with_a_tree(int abi, struct msg_confined *got, char *error)
{
	struct sandbox s = {
		.level = SANDBOX_FULL, .namespaces = MSG_NS_ALL, .n_dirs = 1,
		.dir = { { .name = "store", .fd = open_in_root("diff/changes/sub", O_PATH) } },
	};

	forced_abi = abi;
	if (unlinkat(open_in_root("diff/changes", O_PATH), "sub", AT_REMOVEDIR) != 0)
		return -errno;
	return sandbox_enter(&s, got, error);
}

TRY(landlock_without_tree)
{
	char error[SANDBOX_ERROR_MAX];
	struct msg_confined got;

	if (with_a_tree(-1, &got, error) != 0 || got.namespaces & MSG_NS_MOUNT)
		return -EINVAL;
	return strstr(got.why, "could not find the directories by their names: ") == got.why &&
	    open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? 0 : -EINVAL;
}

TRY(neither_of_both)
{
	char error[SANDBOX_ERROR_MAX];
	struct msg_confined got;

	return with_a_tree(0, &got, error) == -EOPNOTSUPP &&
	    strstr(error, "this kernel has no Landlock, and it could not find the directories") == error &&
	    strstr(error, "use --sandbox=seccomp-only") != NULL ? 0 : -EINVAL;
}

/* Without Landlock files outside are open, calls are not. */
TRY(seccomp_without_landlock)
{
	char error[SANDBOX_ERROR_MAX];

	if (no_landlock(SANDBOX_SECCOMP_ONLY, error) != 0)
		return -EINVAL;
	return open("/etc/passwd", O_RDONLY) >= 0 && socket(AF_INET, SOCK_DGRAM, 0) < 0 &&
	    errno == EPERM ? 0 : -EINVAL;
}

TRY(none_drops_capabilities)
{
	char error[SANDBOX_ERROR_MAX];

	if (no_landlock(SANDBOX_NONE, error) != 0 || permitted_caps() != 0 ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return -EINVAL;
	return answer(socket(AF_INET, SOCK_DGRAM, 0));
}

/* As root: the user, no groups, one capability, an empty bounding set. */
TRY(keeps_one_capability)
{
	struct sandbox s = {
		.level = SANDBOX_NONE,
		.switch_user = true, .uid = user_uid, .gid = user_gid, .keep_read_search = true,
	};
	char error[SANDBOX_ERROR_MAX];
	int cap;

	if (sandbox_enter(&s, &ignored, error) != 0)
		return -EINVAL;
	if (permitted_caps() != UINT64_C(1) << CAP_DAC_READ_SEARCH)
		return -EPERM;
	for (cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) > 0)
			return -EPERM;
	return geteuid() == user_uid && getegid() == user_gid && getgroups(0, NULL) == 0 &&
	    setuid(0) != 0 ? 0 : -EPERM;
}

/* As root: the walls bound the host; each level without them leaves all of it open. */
static int
open_shadow_with_less(enum sandbox_level level)
{
	struct sandbox s = {
		.level = level,
		.switch_user = true, .uid = user_uid, .gid = user_gid, .keep_read_search = true,
	};
	char error[SANDBOX_ERROR_MAX];

	return sandbox_enter(&s, &ignored, error) != 0 ? -EINVAL : read_shadow();
}

TRY(capability_without_walls)	{ return open_shadow_with_less(SANDBOX_SECCOMP_ONLY); }
TRY(capability_without_any)	{ return open_shadow_with_less(SANDBOX_NONE); }
TRY(capability_with_a_wall)	{ return open_shadow_with_less(SANDBOX_FULL) == -EACCES ? 0 : -EINVAL; }

/*
 * A supervisor with less: without Landlock files are open; without filters calls
 * are, too.
 */
static int
supervise_with(enum sandbox_level level)
{
	const struct rights rights = {
		.level = level, .diff_fd = have.diff, .uid = user_uid, .gid = user_gid,
	};
	char error[RIGHTS_ERROR_MAX];

	return rights_confine(&rights, error) == 0 ? read_etc_passwd() : -EINVAL;
}

TRY(supervise_behind_seccomp)
{
	int r = supervise_with(SANDBOX_SECCOMP_ONLY);

	return r != 0 ? r : net_udp() == -EPERM ? 0 : -EINVAL;
}

TRY(supervise_freely)
{
	int r = supervise_with(SANDBOX_NONE);

	return r != 0 ? r : net_udp();
}

/* As root: the user in exactly the groups that were asked for, whatever their order. */
TRY(keeps_groups)
{
	static const gid_t asked[] = { 4713, 4711, 4712 };
	struct sandbox s = {
		.level = SANDBOX_NONE, .switch_user = true,
		.uid = user_uid, .gid = user_gid, .groups = asked, .n_groups = ARRAY_SIZE(asked),
	};
	char error[SANDBOX_ERROR_MAX];
	gid_t now[4];

	if (sandbox_enter(&s, &ignored, error) != 0)
		return -EINVAL;
	return permitted_caps() == 0 && getgroups(ARRAY_SIZE(now), now) == 3 &&
	    now[0] == 4711 && now[1] == 4712 && now[2] == 4713 && setgroups(0, NULL) != 0 ?
	    0 : -EPERM;
}

/* As root: between the switch and the end of its rights the user cannot touch the process. */
TRY(is_not_the_users_yet)
{
	const struct sandbox s = { .switch_user = true, .uid = user_uid, .gid = user_gid };
	const char *step;
	pid_t self = getpid(), pid;
	struct rlimit limit;
	int status;

	if (sandbox_identity_switch(&s, &step) != 0 || geteuid() != user_uid)
		return -EINVAL;
	if ((pid = fork()) == 0) {
		if (seteuid(0) != 0 || setresuid(user_uid, user_uid, user_uid) != 0)
			_exit(2);
		_exit(kill(self, 0) == 0 || errno != EPERM ||
		    prlimit(self, RLIMIT_NOFILE, NULL, &limit) == 0 || errno != EPERM);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -EPERM;
}

static void *
sleep_long(void *arg)
{
	sleep(20);
	return arg;
}

TRY(refuses_with_threads)
{
	struct sandbox s = { .level = SANDBOX_FULL };
	char error[SANDBOX_ERROR_MAX];
	pthread_t t;

	forced_abi = -1;
	if (pthread_create(&t, NULL, sleep_long, NULL) != 0)
		return -EAGAIN;
	return sandbox_enter(&s, &ignored, error) == -EBUSY ? 0 : -EINVAL;
}

/* Only root can switch; an ordinary user is told what failed. */
TRY(refuses_switch_by_user)
{
	struct sandbox s = {
		.level = SANDBOX_FULL, 
		.switch_user = true, .uid = 0, .gid = 0,
	};
	char error[SANDBOX_ERROR_MAX];

	forced_abi = -1;
	return sandbox_enter(&s, &ignored, error) == -EPERM &&
	    strcmp(error, "could not drop the supplementary groups: "
	    "Operation not permitted") == 0 ? 0 : -EINVAL;
}

static void
expect_zero(const struct identity *id, const struct attempt *cases, size_t n)
{
	struct outcome o;
	size_t i;

	for (i = 0; i < n; i++) {
		o = run(id, FREE, cases[i].try);
		report(o.answer == 0 && o.signal == 0, "%s: %s", cases[i].what, outcome_name(&o));
	}
}

void
test_levels(void)
{
	const struct identity root_itself = { .name = "root", .stay_root = true, .abi = -1, .namespaces = 0 };
	static const struct attempt cases[] = {
		{ "full without Landlock is refused, with a hint", full_without_landlock, 0 },
		{ "full with Landlock, without the second wall", landlock_without_tree, 0 },
		{ "full without both is refused, with a hint", neither_of_both, 0 },
		{ "seccomp-only without Landlock", seccomp_without_landlock, 0 },
		{ "none drops capabilities and sets no_new_privs", none_drops_capabilities, 0 },
		{ "a process with threads is refused", refuses_with_threads, 0 },
		{ "a switch by an ordinary user is refused", refuses_switch_by_user, 0 },
		{ "a supervisor with seccomp-only opens files, and no socket", supervise_behind_seccomp, 0 },
		{ "a supervisor with none does both", supervise_freely, 0 },
	}, of_root[] = {
		{ "root switched keeps CAP_DAC_READ_SEARCH and nothing else", keeps_one_capability, 0 },
		{ "root switched is in the groups asked for", keeps_groups, 0 },
		{ "who has rights left cannot be signalled by the user", is_not_the_users_yet, 0 },
		{ "CAP_DAC_READ_SEARCH with seccomp-only opens /etc/shadow", capability_without_walls, 0 },
		{ "with none, too", capability_without_any, 0 },
		{ "with full it does not", capability_with_a_wall, 0 },
	};

	expect_zero(&identities[0], cases, ARRAY_SIZE(cases));
	if (as_root)
		expect_zero(&root_itself, of_root, ARRAY_SIZE(of_root));
}

/* ---- the programs of the worker: who may start threads ---- */

static struct job
job_of(enum job_program program)
{
	return (struct job){
		.program = program, .sandbox = SANDBOX_FULL,
		.store_fd = have.store, .infodir_fd = have.infodir, .diff_fd = have.diff,
		.out_fd = open("/dev/null", O_WRONLY | O_CLOEXEC),
		.index_fd = -1, .fuse_fd = -1, .lock_fd = -1, .layers_fd = -1,
	};
}

static int
thread_in(enum job_program program)
{
	struct job job = job_of(program);

	forced_abi = -1;
	return confine_worker(&job) != 0 ? -EINVAL : take_thread();
}

TRY(thread_in_preparer)	{ return thread_in(JOB_PREPARE); }
TRY(thread_in_filler)	{ return thread_in(JOB_FILL); }
TRY(thread_in_looker)	{ return thread_in(JOB_RECHECK); }
TRY(thread_in_server)	{ return thread_in(JOB_SERVE); }

TRY(thread_in_server_later)
{
	struct job job = job_of(JOB_SERVE);

	if (thread_in(JOB_SERVE) != 0 || confine_end_threads(&job) != 0)
		return -EINVAL;
	return take_thread();
}

void
test_programs(void)
{
	static const struct {
		const char *who;
		int	(*try)(void);
		int	signal;
	} cases[] = {
		{ "the preparer may start threads", thread_in_preparer, 0 },
		{ "a filler may not", thread_in_filler, SIGSYS },
		{ "nor who looks at a store", thread_in_looker, SIGSYS },
		{ "who serves may", thread_in_server, 0 },
		{ "until it has them", thread_in_server_later, SIGSYS },
	};
	struct outcome o;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		o = run(&identities[0], FREE, cases[i].try);
		report(o.signal == cases[i].signal && (o.signal != 0 || o.answer == 0), "%s: %s",
		    cases[i].who, outcome_name(&o));
	}
}

void
test_missing(void)
{
	static const struct { int abi; const char *text; } cases[] = {
		{ 0, "Landlock" },
		{ 1, "rename between directories, truncate, TCP, device ioctl, scopes" },
		{ 2, "truncate, TCP, device ioctl, scopes" },
		{ 3, "TCP, device ioctl, scopes" },
		{ 5, "scopes" },
		{ 6, "" },
		{ 7, "" },
	};
	char text[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		sandbox_landlock_missing(cases[i].abi, text, sizeof(text));
		report(strcmp(text, cases[i].text) == 0, "ABI %d lacks \"%s\"", cases[i].abi, text);
	}
	sandbox_landlock_missing(1, text, 8);
	report(strlen(text) == 7, "a small buffer is kept: \"%s\"", text);
}

#endif
