/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One attempt in a child: it finds the place new, becomes somebody, enters the sandbox, and tells
 * the answer by a pipe.
 */
#include "config.h"

#ifdef ENABLE_SANDBOX

#include <ftw.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "sandbox-try.h"
#include "sandbox/layers.h"
#include "supervisor/rights.h"

char root[PATH_MAX];	/* root/{store,diff/{changes,.pbkfs},outside} */
uid_t user_uid;
gid_t user_gid;
bool as_root;
pid_t parent;
int forced_abi = -1;	/* -1: what the kernel has */

/* The descriptors of a child before it enters the sandbox: such as a worker may have. */
struct have have;

/* Stands in for the weak symbol of the worker. */
int
sandbox_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 0)
		abi = 0;
	return forced_abi >= 0 && forced_abi < abi ? forced_abi : (int)abi;
}

const struct identity identities[IDENTITIES] = {
	{ "ordinary user", false, false, false, false, false, -1, 0, false },
	{ "root switched to the user", true, true, false, false, false, -1, 0, false },
	{ "root switched, CAP_DAC_READ_SEARCH kept", true, true, true, true, false, -1, 0, false },
	{ "root without capabilities", true, false, false, false, true, -1, 0, false },
	{ "ordinary user, Landlock ABI 1", false, false, false, false, false, 1, 0, false },
	{ "a command of root's that writes", true, false, true, false, true, -1, 0, false },
	{ "ordinary user, second wall", false, false, false, false, false, 0, MSG_NS_ALL, false },
	{ "root switched to the user, second wall", true, true, false, false, false, 0, MSG_NS_ALL,
	    false },
	{ "root switched, CAP_DAC_READ_SEARCH kept, second wall", true, true, true, true, false, 0,
	    MSG_NS_ALL, false },
	{ "root without capabilities, second wall", true, false, false, false, true, 0, MSG_NS_ALL,
	    false },
	{ "ordinary user, both walls", false, false, false, false, false, -1, MSG_NS_ALL, false },
	{ "root switched to the user, both walls", true, true, false, false, false, -1, MSG_NS_ALL,
	    false },
	{ "supervisor of an ordinary user", false, false, false, false, false, -1, 0, true },
	{ "supervisor of root's for the user", true, true, false, false, false, -1, 0, true },
};

int	tap_count, tap_failed;
bool	table_only;

void
report(bool ok, const char *fmt, ...)
{
	va_list ap;

	tap_count++;
	tap_failed += !ok;
	if (table_only && ok)
		return;
	printf("%s%sok %d - ", table_only ? "# " : "", ok ? "" : "not ", tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	return at->level == 0 ? 0 : remove(path);
}

static int
empty_root(void)
{
	return nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void
remove_root(void)
{
	if (empty_root() != 0 || rmdir(root) != 0)
		perror(root);
}

void
bail(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	fflush(stdout);
	if (getpid() == parent && root[0] != '\0')
		remove_root();
	_exit(99);
}

static void __attribute__((noreturn))
give_up(void)
{
	remove_root();
	exit(99);
}

int
must(int r, const char *what)
{
	if (r < 0)
		bail(what);
	return r;
}

static void
make_file(int dir, const char *name, uid_t uid, mode_t mode)
{
	int fd autoclose = must(openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, mode), name);

	must(io_write(fd, "plain", 5), name);
	must(fchmod(fd, mode), name);
	if (as_root)
		must(fchown(fd, uid, uid == 0 ? 0 : user_gid), name);
}

/* Plants a program, as a hostile worker might have left it. */
static void
make_program(int dir, uid_t uid)
{
	static const char text[] = "#!/bin/true\n";
	int fd autoclose = -1;

	make_file(dir, "prog", uid, 0700);
	fd = must(openat(dir, "prog", O_WRONLY | O_TRUNC), "prog");
	must(io_write(fd, text, sizeof(text) - 1), "prog");
}

static int
make_dir(const char *name, uid_t uid, mode_t mode)
{
	char path[PATH_MAX + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	if (mkdir(path, mode) != 0 && errno != EEXIST)
		bail(path);
	fd = must(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
	must(fchmod(fd, mode), path);
	if (as_root)
		must(fchown(fd, uid, uid == 0 ? 0 : user_gid), path);
	return fd;
}

/*
 * Empties the three directories and fills them again, so that one escape does not
 * help the next.
 */
static void
remake_place(const struct identity *id)
{
	uid_t owner = id->stay_root ? 0 : user_uid;
	uid_t store_owner = id->store_is_roots ? 0 : owner;
	int store, diff, infodir, outside;

	must(empty_root(), root);
	store = make_dir("store", store_owner, 0700);
	diff = make_dir("diff", owner, 0700);
	make_file(diff, ".pbkfs-lock", owner, 0600);
	make_file(diff, ".pbkfs-binding.json", owner, 0600);
	close(diff);
	diff = make_dir("diff/changes", owner, 0700);
	infodir = make_dir("diff/.pbkfs", owner, 0700);
	outside = make_dir("outside", owner, 0700);
	close(make_dir("store/dir", store_owner, 0700));
	close(make_dir("store/empty", store_owner, 0700));
	close(make_dir("diff/changes/sub", owner, 0700));
	make_file(infodir, "worker.pid", owner, 0600);
	make_file(infodir, "pbkfs.log", owner, 0600);
	make_file(store, "file", store_owner, 0600);
	make_file(store, "dir/deep", store_owner, 0600);
	make_file(diff, "file", owner, 0700);
	make_program(diff, owner);
	make_file(outside, "secret", owner, 0600);
	must(symlinkat("../outside/secret", store, "way-out"), "symlink");
	close(store);
	close(diff);
	close(infodir);
	close(outside);
}

int
open_in_root(const char *name, int flags)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return must(open(path, flags), path);
}

static void
open_before(void)
{
	have.store = open_in_root("store", O_PATH | O_DIRECTORY);
	have.diff = open_in_root("diff/changes", O_RDONLY | O_DIRECTORY);
	have.infodir = open_in_root("diff/.pbkfs", O_RDONLY | O_DIRECTORY);
	have.outside = open_in_root("outside", O_RDONLY | O_DIRECTORY);
	have.store_file = open_in_root("store/file", O_RDONLY);
	have.diff_file = open_in_root("diff/changes/file", O_RDWR);
	have.etc = must(open("/etc", O_RDONLY | O_DIRECTORY), "/etc");
	have.etc_path = must(open("/etc", O_PATH | O_DIRECTORY), "/etc");
	have.passwd_path = must(open("/etc/passwd", O_PATH), "/etc/passwd");
	have.ns = open("/proc/self/ns/uts", O_RDONLY);
	have.pidfd = (int)syscall(SYS_pidfd_open, parent, 0);
	have.tcp = socket(AF_INET, SOCK_STREAM, 0);
	have.udp = socket(AF_INET, SOCK_DGRAM, 0);
	have.handle.h.handle_bytes = MAX_HANDLE_SZ;
	name_to_handle_at(have.outside, "secret", &have.handle.h, &have.handle_mount, 0);
	have.handle_mount = have.outside;
}

static void
become_user(const struct identity *id)
{
	if (!as_root || id->stay_root)
		return;
	must(setgroups(0, NULL), "setgroups");
	must(setresgid(user_gid, user_gid, user_gid), "setresgid");
	must(setresuid(user_uid, user_uid, user_uid), "setresuid");
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

#define FDS_MAX		1000
#define MEMORY_MAX	(256 * MiB)

static void
enter(const struct identity *id, bool debug)
{
	struct sandbox s = {
		.level = SANDBOX_FULL,
		.dir = {
			{ .name = "store", .fd = have.store }, { .name = "pbkfs", .fd = have.infodir },
			{ .name = "changes", .fd = have.diff, .writable = true, .locked = true },
		},
		.n_dirs = 3, .namespaces = id->namespaces,
		.switch_user = id->switch_user, .uid = user_uid, .gid = user_gid,
		.keep_read_search = id->read_search, .debug = debug, .threads = true,
		.max_fds = FDS_MAX, .max_memory = MEMORY_MAX,
	};
	const struct rights rights = {
		.level = SANDBOX_FULL, .diff_fd = have.diff, .uid = user_uid, .gid = user_gid,
		.debug = debug,
	};
	struct msg_confined got = { .namespaces = id->namespaces };
	char error[RIGHTS_ERROR_MAX];
	int r;

	forced_abi = id->abi;
	r = id->supervisor ? rights_confine(&rights, error) : sandbox_enter(&s, &got, error);
	if (r != 0) {
		errno = -r;
		bail(error);
	}
	if ((got.namespaces | MSG_NS_USER) != (id->namespaces | MSG_NS_USER)) {
		errno = 0;
		bail(got.why);
	}
}

struct job_in_thread {
	int	(*try)(void);
	int	out;
};

/* Closed until no thread can start any more. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void
end_threads(void)
{
	const struct sandbox s = { .level = SANDBOX_FULL };

	must(sandbox_end_threads(&s), "end threads");
}

static void *
try_and_tell(void *arg)
{
	struct job_in_thread *j = arg;
	int r;

	pthread_mutex_lock(&gate);
	r = j->try();
	if (write(j->out, &r, sizeof(r)) != sizeof(r))
		_exit(98);
	return NULL;
}

static void __attribute__((noreturn))
child(const struct identity *id, enum where where, int (*try)(void), int out)
{
	struct job_in_thread j = { try, out };
	pthread_t thread;

	if (!id->switch_user)
		become_user(id);
	open_before();
	if (where == FREE && id->switch_user)
		become_user(id);
	if (where != FREE)
		enter(id, where >= DEBUGGED);
	if (where == SECOND_THREAD || where == DEBUGGED_THREAD) {
		pthread_mutex_lock(&gate);
		if (pthread_create(&thread, NULL, try_and_tell, &j) != 0)
			_exit(97);
		if (try != can_start_threads)
			end_threads();
		pthread_mutex_unlock(&gate);
		pthread_join(thread, NULL);
	} else {
		if (where != FREE && !id->supervisor && try != can_start_threads)
			end_threads();
		try_and_tell(&j);
	}
	_exit(0);
}

/*
 * A group of its own for kill(0); its own mounts, so that a mount that
 * succeeds without the sandbox stays there.
 */
static void
prepare_child(enum where where)
{
	setpgid(0, 0);
	if (where == FREE && as_root && unshare(CLONE_NEWNS) == 0)
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	alarm(20);
}

struct outcome
run(const struct identity *id, enum where where, int (*try)(void))
{
	struct outcome o = { NO_ANSWER, 0 };
	int pipe_fds[2], status;
	pid_t pid;

	remake_place(id);
	must(pipe2(pipe_fds, O_CLOEXEC), "pipe");
	fflush(stdout);
	if ((pid = must(fork(), "fork")) == 0) {
		prepare_child(where);
		child(id, where, try, pipe_fds[1]);
	}
	close(pipe_fds[1]);
	if (read(pipe_fds[0], &o.answer, sizeof(o.answer)) < 0)
		bail("pipe");
	close(pipe_fds[0]);
	must(waitpid(pid, &status, 0), "waitpid");
	if (WIFSIGNALED(status))
		o.signal = WTERMSIG(status);
	else if (WEXITSTATUS(status) == 99)
		give_up();	/* the child has said why */
	else if (o.answer == NO_ANSWER)
		o.answer = 0;	/* it became another program */
	return o;
}

const char *
outcome_name(const struct outcome *o)
{
	static char text[4][32];
	static unsigned next;
	char *buf = text[next++ % 4];

	if (o->signal != 0)
		snprintf(buf, 32, "SIG%s", sigabbrev_np(o->signal));
	else if (o->answer < 0)
		snprintf(buf, 32, "%s", strerrorname_np(-o->answer));
	else
		snprintf(buf, 32, "done");
	return buf;
}

bool
is_refused(const struct identity *id, const struct outcome *o, const struct attempt *a)
{
	static const int refusals[] = { EPERM, EACCES, ENOSYS, EXDEV, ENOTTY };
	/* The attempt failed since there is no such file or descriptor any more. */
	static const int in_a_tree[] = { ENOENT, EBADF, EROFS };
	size_t i;

	if (o->signal != 0)
		return o->signal == SIGSYS || (o->signal == SIGSEGV && strstr(a->what, "32-bit"));
	for (i = 0; i < ARRAY_SIZE(refusals); i++)
		if (o->answer == -refusals[i])
			return true;
	for (i = 0; i < ARRAY_SIZE(in_a_tree) && id->namespaces & MSG_NS_MOUNT; i++)
		if (o->answer == -in_a_tree[i])
			return true;
	return a->also != 0 && o->answer == -a->also;
}

#endif
