/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command mount: checks the arguments, resolves names and opens files as
 * the caller, starts the supervisor and waits for its word.  It mounts nothing
 * itself.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/backupid.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/clone_args.h"
#include "cli/leaving.h"
#include "cli/limited.h"
#include "cli/owner.h"
#include "cli/target_args.h"
#include "cli/waiter.h"
#include "ipc/shared.h"
#include "probackup/recovery_time.h"
#include "sandbox/sandbox.h"
#include "supervisor/fusemount.h"
#include "supervisor/logstore.h"
#include "supervisor/memlimit.h"
#include "supervisor/mountinfo.h"
#include "supervisor/paths.h"
#include "supervisor/storeuser.h"
#include "supervisor/supervisor.h"
#include "supervisor/walk.h"

#define THREADS_DEFAULT	4
#define CACHE_DEFAULT	(256 * MiB)
#define CACHE_SHARE	4	/* at most a quarter of the limit of the cgroup */

struct names {
	char	store[PATH_MAX], mnt[PATH_MAX], diff[PATH_MAX];
	char	log_file[PATH_MAX], pid_file[PATH_MAX];
	char	backup_id[BACKUP_ID_MAX];	/* "" if none is named */
};

static int
check_context(const struct options *o)
{
	if (o->context == NULL)
		return 0;
	if (geteuid() != 0)
		return cli_error("only root can give a mount a label (--context):"
		    " fusermount3 does not pass it on");
	if (fusemount_check_context(o->context) != 0)
		return cli_usage("\"%s\" cannot be a label of SELinux (--context)", o->context);
	return 0;
}

static int
check_arguments(const struct options *o, char id[BACKUP_ID_MAX])
{
	if (o->mnt == NULL || o->diff == NULL)
		return cli_usage("--mnt-path and --diff-dir are required");
	if (o->instance != NULL && (strchr(o->instance, '/') != NULL || o->instance[0] == '.'))
		return cli_usage("\"%s\" cannot be the name of an instance", o->instance);
	if (o->backup_id != NULL && backup_id_normalize(o->backup_id, id) != 0)
		return cli_usage("\"%s\" cannot be the id of a backup", o->backup_id);
	if (o->no_wal && o->wal == WAL_CHOICE_DIRECT)
		return cli_usage("--no-wal cannot be combined with --wal=direct");
	if (o->log_file != NULL && o->log_sink == LOG_TO_JOURNALD)
		return cli_usage("--log-file cannot be combined with --log-sink=journald");
	if (o->log_limit != 0 && o->log_sink == LOG_TO_JOURNALD)
		return cli_usage("--log-limit cannot be combined with --log-sink=journald");
	if (o->log_limit != 0 && o->log_limit < LOGSTORE_LIMIT_MIN)
		return cli_usage("--log-limit must be at least %uK",
		    (unsigned)(LOGSTORE_LIMIT_MIN / KiB));
	return check_context(o);
}

/* Whether it is mounted, by name alone: nobody may touch a mount that is dead or hangs. */
static bool
is_mounted(const char *name)
{
	struct mountinfo *m autofree = malloc(sizeof(*m));
	char path[PATH_MAX];

	return m != NULL && paths_resolve_parent(name, path) == 0 &&
	    mountinfo_find(path, m) == 0 && strcmp(m->fstype, MOUNT_FSTYPE) == 0;
}

static int
resolve_mountpoint(const struct options *o, struct names *n)
{
	struct stat st;
	int rc;

	if (is_mounted(o->mnt))
		return cli_error("\"%s\" is mounted already, alive or dead:"
		    " pbkfs unmount it first", o->mnt);
	if ((rc = paths_resolve(o->mnt, n->mnt)) != 0)
		return cli_error("could not use mountpoint \"%s\": %s", o->mnt, paths_strerror(rc));
	if (stat(n->mnt, &st) != 0 || !S_ISDIR(st.st_mode))
		return cli_error("mountpoint \"%s\" is not a directory", o->mnt);
	return 0;
}

static int
store_failed(const struct options *o, int rc)
{
	char ways[STOREUSER_WAYS_MAX] = "";

	if (rc == -EACCES)
		storeuser_ways(o->store, geteuid() == 0, ways);
	return cli_error("could not use store \"%s\": %s%s", o->store, paths_strerror(rc), ways);
}

struct resolution {
	const char *path;
	char	*out;		/* PATH_MAX bytes, shared with the parent */
};

/* Holds no terminal or pipe of the caller's: the kernel may not let go of it. */
static int
resolve_step(const void *arg)
{
	const struct resolution *r = arg;
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		close(fd);
	return storeuser_realpath(r->path, r->out);
}

/* Its file system may not answer, and who waits for that in the kernel heeds nobody: a child does. */
static int
resolve_store(const struct options *o, const struct waiter *w, char out[PATH_MAX])
{
	struct resolution r = { .path = o->store };
	int64_t until = w->deadline != 0 ? w->deadline : INT64_MAX;
	int rc;

	r.out = mmap(NULL, PATH_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (r.out == MAP_FAILED)
		return cli_error("could not use store \"%s\": %s", o->store, strerror(errno));
	rc = limited_run_until(resolve_step, &r, until, NULL);
	if (rc == 0)
		memcpy(out, r.out, PATH_MAX);
	munmap(r.out, PATH_MAX);
	if (rc == -ETIMEDOUT)
		return cli_error("store \"%s\" did not answer within %llu seconds: nothing was"
		    " mounted", o->store, (unsigned long long)w->timeout);
	return rc == 0 ? 0 : store_failed(o, rc);
}

static int
resolve_names(const struct options *o, const struct waiter *w, struct names *n)
{
	int rc;

	if (o->store != NULL && (rc = resolve_store(o, w, n->store)) != 0)
		return rc;
	if (resolve_mountpoint(o, n) != 0)
		return 1;
	if ((rc = paths_resolve_parent(o->diff, n->diff)) != 0)
		return cli_error("could not use diff directory \"%s\": %s", o->diff,
		    paths_strerror(rc));
	if (o->log_file != NULL && (rc = paths_resolve_parent(o->log_file, n->log_file)) != 0)
		return cli_error("could not use log file \"%s\": %s", o->log_file,
		    paths_strerror(rc));
	if (o->pid_file != NULL && (rc = paths_resolve_parent(o->pid_file, n->pid_file)) != 0)
		return cli_error("could not use pid file \"%s\": %s", o->pid_file,
		    paths_strerror(rc));
	return 0;
}

static const char *
or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static int
check_overlap(const struct names *n)
{
	const struct paths_named paths[] = {
		{ "store", or_null(n->store) }, { "mountpoint", n->mnt },
		{ "diff directory", n->diff }, { "log file", or_null(n->log_file) },
		{ "pid file", or_null(n->pid_file) },
	};
	char error[2 * PATH_MAX + 128];

	if (paths_check_overlap(paths, ARRAY_SIZE(paths), error, sizeof(error)) != 0)
		return cli_error("%s", error);
	return 0;
}

/*
 * Opens the directory of a file that the caller named.  Its owner may choose
 * what is there; for root, only root and the owner of the mount may be able to
 * lead us elsewhere.  Returns a descriptor, or -1 after cli_error().
 */
static int
open_directory(const char *path, const char *what, const struct supervisor_config *c)
{
	char dir[PATH_MAX], error[WALK_ERROR_MAX];
	int parent autoclose = -1, fd autoclose = -1;
	struct walk w;

	walk_split(path, dir);
	parent = walk_parent(dir, &w, error);
	if (parent >= 0 && (fd = openat(parent, dir[1] == '\0' ? "." : strrchr(dir, '/') + 1,
	    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		strlcpy(error, strerror(errno), sizeof(error));
	if (fd < 0 || (geteuid() == 0 && (walk_enter(&w, dir, fd, error) != 0 ||
	    walk_check(&w, dir, c->owner_given ? c->uid : 0, error) != 0))) {
		cli_error("could not use %s \"%s\": %s", what, path, error);
		return -1;
	}
	return steal_fd(&fd);
}

/*
 * Opens a file with the rights of the caller, who named it.  Follows no link at
 * the last component.
 */
static int
open_named(int dir_fd, const char *path, const char *what, int flags, int *fd)
{
	int opened autoclose = -1;
	struct stat st;

	opened = openat(dir_fd, strrchr(path, '/') + 1,
	    flags | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (opened < 0 || fstat(opened, &st) != 0)
		return cli_error("could not open %s \"%s\": %s", what, path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != geteuid())
		return cli_error("%s \"%s\" is not a plain file of yours", what, path);
	*fd = steal_fd(&opened);
	return 0;
}

static int
open_outputs(const struct names *n, struct supervisor_config *c)
{
	c->log_fd = c->log_dir_fd = c->pid_fd = c->pid_dir_fd = -1;
	if (n->log_file[0] != '\0') {
		c->log_name = strrchr(n->log_file, '/') + 1;
		if ((c->log_dir_fd = open_directory(n->log_file, "log file", c)) < 0 ||
		    open_named(c->log_dir_fd, n->log_file, "log file", O_WRONLY | O_APPEND,
		    &c->log_fd) != 0)
			return 1;
	}
	if (n->pid_file[0] == '\0')
		return 0;
	c->pid_name = strrchr(n->pid_file, '/') + 1;
	if ((c->pid_dir_fd = open_directory(n->pid_file, "pid file", c)) < 0)
		return 1;
	return open_named(c->pid_dir_fd, n->pid_file, "pid file", O_WRONLY, &c->pid_fd);
}

/* Returns a size that leaves room for the rest: only block maps grow with the store. */
static size_t
default_cache_size(void)
{
	return (size_t)MIN((uint64_t)CACHE_DEFAULT, memlimit_bytes() / CACHE_SHARE);
}

static int
fill_config(const struct options *o, const struct names *n, const struct clone_config *p,
    struct supervisor_config *c)
{
	bool latest = target_args_choose(o, p->target);

	*c = (struct supervisor_config){
		.store = or_null(n->store), .instance = o->instance,
		.backup_id = latest || n->backup_id[0] == '\0' ? NULL : n->backup_id, .latest = latest, .clone = p,
		.mnt = n->mnt, .diff = n->diff,
		.context = o->context, .sandbox = sandbox_level(o->sandbox), .wal = o->wal, .cache = o->cache,
		.verify = o->verify,
		.store_lock = o->store_lock,
		.force = o->force, .no_wal = o->no_wal, .perf_unsafe = o->perf_unsafe,
		.debug = o->debug,
		.threads = o->threads != 0 ? (unsigned)o->threads : THREADS_DEFAULT,
		.cache_size = o->cache_size != 0 ? o->cache_size : default_cache_size(),
		.log_format = o->log_format, .log_target = o->log_sink,
		.log_limit = o->log_limit,
		.console = o->console,
	};
	if (o->owner != NULL && owner_parse(o->owner, &c->uid, &c->gid) != 0)
		return 1;
	c->owner_given = o->owner != NULL;
	return open_outputs(n, c);
}

/* Lets the supervisor go on without a terminal, and without a directory that it would keep busy. */
static void
leave_terminal(bool console)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	umask(077);
	if (chdir("/") != 0)
		exit(EXIT_FAILURE);
	signal(SIGTTOU, SIG_IGN);
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	if (console) {
		setpgid(0, 0);	/* Ctrl-C is for the command, which passes it on */
		return;
	}
	setsid();
	dup2(fd, STDERR_FILENO);
}

static pid_t
start_supervisor(struct supervisor_config *c, int *notify)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return -errno;
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	fflush(NULL);
	if ((pid = fork()) < 0)
		return -errno;
	if (pid == 0) {
		close(fds[0]);
		c->notify_fd = fds[1];
		leave_terminal(c->console);
		exit(supervisor_main(c));
	}
	close(fds[1]);
	if (c->console)
		setpgid(pid, pid);
	*notify = fds[0];
	return pid;
}

static void
print_word(const char *word)
{
	char quoted[2 * PATH_MAX];

	text_quote_shell(word, quoted, sizeof(quoted));
	cli_print("%s", quoted);
}

/* Finds the server of one major version where packages put it; else it is in the PATH. */
static void
find_pg_ctl(unsigned version, char *path, size_t size)
{
	snprintf(path, size, "/usr/lib/postgresql/%u/bin/pg_ctl", version);
	if (access(path, X_OK) == 0)
		return;
	snprintf(path, size, "/usr/pgsql-%u/bin/pg_ctl", version);
	if (access(path, X_OK) != 0)
		snprintf(path, size, "pg_ctl");
}

/* Prints how to act as a user; a directory service may call its users what it likes. */
static void
print_user(const char *name)
{
	cli_print("runuser -u ");
	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0')
		cli_print("%s", name);
	else
		print_word(name);
	cli_print(" -- ");
}

static void
print_start_command(const struct waiter *w, const char *mnt)
{
	const struct passwd *pw = getpwuid(w->uid);
	char program[64];

	find_pg_ctl(w->server_version, program, sizeof(program));
	cli_print("start PostgreSQL %u with: ", w->server_version);
	if (geteuid() == 0 && w->uid != 0 && pw != NULL)
		print_user(pw->pw_name);
	cli_print("%s -D ", program);
	print_word(mnt);
	cli_print(" start\n");
	cli_flush();
}

/* Tells the target time in both zones: a user elsewhere may have meant another time. */
static void
tell_target_time(const struct recovery_target *t, const char *zone)
{
	char text[RECOVERY_TIME_MAX];

	if (t->kind != RECOVERY_TIME)
		return;
	if (zone[0] == '\0')
		cli_note("recovery target time is %s", t->written);
	else if (recovery_time_format(t->time_us, zone, text) == 0)
		cli_note("recovery target time is %s, for the server (timezone \"%s\") %s",
		    t->written, zone, text);
	else
		cli_note("recovery target time is %s; the server has timezone \"%s\"", t->written,
		    zone);
}

/* Names the state in which a server that pauses shows what it was asked for, and nothing earlier. */
static void
tell_pause(const struct clone_config *c, unsigned server_version)
{
	if (c->target->kind < RECOVERY_TIME || c->replica ||
	    (c->action != NULL && strcmp(c->action, "pause") != 0))
		return;
	cli_note("the server takes queries before it has reached the target: it is there when %s",
	    server_version >= 14 ? "pg_get_wal_replay_pause_state() is \"paused\"" :
	    "pg_is_wal_replay_paused() is true");
}

static int
report_mounted(const struct options *o, const struct waiter *w, const char *mnt)
{
	if (!o->console)
		waiter_end(w);	/* a reader of the output may take long */
	cli_say("mounted at \"%s\"", mnt);
	print_start_command(w, mnt);
	return 0;
}

static int
wait_for_mount(const struct options *o, const struct clone_config *c, struct waiter *w,
    const char *mnt)
{
	enum waiter_result result = waiter_wait(w);

	if (result == WAITER_MOUNTED) {
		tell_target_time(c->target, w->zone);
		tell_pause(c, w->server_version);
	}
	if (result == WAITER_MOUNTED && o->wait)
		result = waiter_ask(w, mnt);
	switch (result) {
	case WAITER_MOUNTED:
		return report_mounted(o, w, mnt);
	case WAITER_MUTE:
		return cli_error("\"%s\" is mounted but did not answer within %llu seconds; the mount"
		    " goes on in the background: pbkfs unmount --force -d \"%s\" ends it", mnt,
		    w->timeout != 0 ? (unsigned long long)w->timeout : WAITER_ANSWER_SECONDS, o->diff);
	case WAITER_TIMEOUT:
		return cli_error("not mounted after %llu seconds; the mount of \"%s\" goes on"
		    " in the background: pbkfs unmount -d \"%s\" ends it",
		    (unsigned long long)o->timeout, mnt, o->diff);
	case WAITER_INTERRUPTED:
		if (o->console)
			return 0;	/* the supervisor has the signal, and ends in its time */
		return cli_error("interrupted; the mount of \"%s\" goes on in the background:"
		    " pbkfs unmount -d \"%s\" ends it", mnt, o->diff);
	case WAITER_FAILED:
		break;
	}
	return cli_error("%s", w->error);
}

int
cmd_mount(const struct options *o)
{
	struct supervisor_config c;
	static struct names n;
	struct recovery_target target;
	struct clone_config clone;
	struct waiter w;
	pid_t pid;
	int rc;

	waiter_init(&w, o->console ? 0 : o->timeout);
	if ((rc = check_arguments(o, n.backup_id)) != 0 || (rc = resolve_names(o, &w, &n)) != 0 ||
	    (rc = check_overlap(&n)) != 0 ||
	    (rc = clone_args(o, n.mnt, &clone, &target)) != 0 ||
	    (rc = fill_config(o, &n, &clone, &c)) != 0)
		return rc;
	if (leaving_wait(n.diff, o->console ? 0 : o->timeout) != 0)
		return EXIT_FAILURE;
	if ((pid = start_supervisor(&c, &w.fd)) < 0)
		return cli_error("could not start the supervisor: %s", strerror(-pid));
	w.forward_to = o->console ? pid : 0;
	rc = wait_for_mount(o, &clone, &w, n.mnt);
	return o->console && rc == 0 ? waiter_attend(&w) : rc;
}
