/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command mount: checks the arguments, starts the supervisor and waits for its
 * word.  It touches none of the names (names.c does, in other processes), and
 * mounts nothing itself.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/backupid.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/branchname.h"
#include "cli/cli.h"
#include "cli/clone_args.h"
#include "cli/cmd_mount.h"
#include "cli/leaving.h"
#include "cli/limited.h"
#include "cli/names.h"
#include "cli/owner.h"
#include "cli/startline.h"
#include "cli/subcommand.h"
#include "cli/target_args.h"
#include "cli/waiter.h"
#include "ipc/shared.h"
#include "probackup/recovery_time.h"
#include "sandbox/sandbox.h"
#include "supervisor/fusemount.h"
#include "supervisor/logstore.h"
#include "supervisor/memlimit.h"
#include "supervisor/notify.h"
#include "supervisor/supervisor.h"

#define THREADS_DEFAULT	4
#define DESCRIPTORS_MIN	256
#define CACHE_DEFAULT	(256 * MiB)
#define CACHE_SHARE	4	/* at most a quarter of the limit of the cgroup */

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
	const struct cli_need need[] = {
		{ "--mnt-path", o->mnt != NULL }, { "--diff-dir", o->diff != NULL },
	};

	if (cli_require(need, ARRAY_SIZE(need)) != 0 || branchname_check("--branch", o->branch) != 0)
		return EXIT_USAGE;
	if (o->instance != NULL && (strchr(o->instance, '/') != NULL || o->instance[0] == '.'))
		return cli_usage("\"%s\" cannot be the name of an instance", o->instance);
	if (o->backup_id != NULL && backup_id_normalize(o->backup_id, id) != 0)
		return cli_usage("\"%s\" cannot be the id of a backup", o->backup_id);
	if (o->no_wal && o->wal == WAL_CHOICE_DIRECT)
		return cli_usage("--no-wal cannot be combined with --wal=direct");
	if (o->hydrate && o->no_wal)
		return cli_usage("--hydrate cannot be combined with --no-wal, whose changes go at unmount");
	if (!o->hydrate && (o->rate != 0 || o->jobs != 0))
		return cli_usage("--rate and --jobs need --hydrate");
	if (o->log_file != NULL && o->log_sink == LOG_TO_JOURNALD)
		return cli_usage("--log-file cannot be combined with --log-sink=journald");
	if (o->log_limit != 0 && o->log_sink == LOG_TO_JOURNALD)
		return cli_usage("--log-limit cannot be combined with --log-sink=journald");
	if (o->log_limit != 0 && o->log_limit < LOGSTORE_LIMIT_MIN)
		return cli_usage("--log-limit must be at least %uK",
		    (unsigned)(LOGSTORE_LIMIT_MIN / KiB));
	return check_context(o);
}

/* Returns a size that leaves room for the rest: only block maps grow with the store. */
static size_t
default_cache_size(void)
{
	return (size_t)MIN((uint64_t)CACHE_DEFAULT, memlimit_bytes() / CACHE_SHARE);
}

static int
fill_config(const struct options *o, const struct names *n, const char *backup_id,
    const struct clone_config *p, struct supervisor_config *c)
{
	bool latest = target_args_choose(o, p->target);

	*c = (struct supervisor_config){
		.store = n->store[0] != '\0' ? n->store : NULL,
		.store_error = n->store_error[0] != '\0' ? n->store_error : NULL, .instance = o->instance,
		.backup_id = latest || backup_id[0] == '\0' ? NULL : backup_id, .latest = latest,
		.clone = p,
		.mnt = n->mnt, .diff = n->diff, .branch = o->branch,
		.context = o->context, .sandbox = sandbox_level(o->sandbox), .wal = o->wal, .cache = o->cache,
		.verify = o->verify,
		.store_lock = o->store_lock,
		.force = o->force, .no_wal = o->no_wal, .perf_unsafe = o->perf_unsafe, .discard = o->discard,
		.debug = o->debug,
		.hydrate = o->hydrate, .hydrate_rate = o->rate, .hydrate_jobs = (uint32_t)o->jobs,
		.threads = o->threads != 0 ? (unsigned)o->threads : THREADS_DEFAULT,
		.cache_size = o->cache_size != 0 ? o->cache_size : default_cache_size(),
		.log_format = o->log_format, .log_target = o->log_sink,
		.log_limit = o->log_limit,
		.console = o->console,
	};
	if (o->owner != NULL && owner_parse(o->owner, &c->uid, &c->gid) != 0)
		return 1;
	c->owner_given = o->owner != NULL;
	return 0;
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

/* In the child.  Files that the caller named may not answer, and closing one may not either. */
static _Noreturn void
supervise(struct supervisor_config *c, const struct names *n)
{
	char error[NAMES_ERROR_MAX];

	leave_terminal(c->console);
	if (names_open(n, c, error) != 0) {
		notify_send(c->notify_fd, NOTIFY_FAILED, "%s", error);
		exit(EXIT_FAILURE);
	}
	exit(supervisor_main(c));
}

static pid_t
start_supervisor(struct supervisor_config *c, const struct names *n, const int *life, int *notify)
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
		if (life != NULL)
			close(life[1]);
		c->notify_fd = fds[1];
		supervise(c, n);
	}
	close(fds[1]);
	if (c->console)
		setpgid(pid, pid);
	*notify = fds[0];
	return pid;
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
	startline_print(w->server_version, w->uid, mnt);
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

/* Resolves the names until --timeout, or else for as long as a name may take. */
static int
resolve_names(const struct options *o, const struct waiter *w, struct clone_config *p, struct names *n)
{
	int64_t seconds = w->timeout != 0 ? (int64_t)w->timeout : LIMITED_SECONDS;
	int rc = names_resolve(o, p, w->deadline != 0 ? w->deadline :
	    clock_monotonic_ms() + seconds * 1000, seconds, n);

	return rc != 0 ? rc : clone_args_check_mapped(p);
}

/* The worker needs some for a chain, and a server's files; root may have them for the asking. */
static int
check_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max >= DESCRIPTORS_MIN)
		return 0;
	limit = (struct rlimit){ limit.rlim_cur, DESCRIPTORS_MIN };
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : cli_error("a mount needs %d file descriptors, and the limit"
	    " is lower: ulimit -Hn", DESCRIPTORS_MIN);
}

/* Any command about snapshots finishes what another one began, or takes it back, and says so; this one only looks. */
static int
settle(const struct options *o, const struct names *n)
{
	const struct options tree = { .diff = n->whole, .sandbox = o->sandbox };

	return n->is_between && subcommand_run(cmd_tree, &tree) != 0 ? EXIT_FAILURE : 0;
}

int
cmd_mount_begin(const struct options *o, const int *life, struct mounting *m)
{
	struct supervisor_config c;
	struct names *n = limited_share(sizeof(*n));
	char backup_id[BACKUP_ID_MAX] = "";	/* if one is named */
	int rc;

	if (n == NULL)
		return cli_error("out of memory");
	if (check_descriptors() != 0)
		return EXIT_FAILURE;
	waiter_init(&m->waiter, o->console ? 0 : o->timeout);
	if ((rc = check_arguments(o, backup_id)) != 0 ||
	    (rc = clone_args(o, n->mnt, &m->clone, &m->target)) != 0 ||
	    (rc = resolve_names(o, &m->waiter, &m->clone, n)) != 0 ||
	    (rc = fill_config(o, n, backup_id, &m->clone, &c)) != 0)
		return rc;
	c.life_fd = life != NULL ? life[0] : 0;
	if (settle(o, n) != 0 || leaving_wait(n->diff, o->console ? 0 : o->timeout) != 0)
		return EXIT_FAILURE;
	if ((m->supervisor = start_supervisor(&c, n, life, &m->waiter.fd)) < 0)
		return cli_error("could not start the supervisor: %s", strerror(-m->supervisor));
	m->mnt = n->mnt;
	return 0;
}

int
cmd_mount(const struct options *o)
{
	struct mounting m;
	int rc;

	if ((rc = cmd_mount_begin(o, NULL, &m)) != 0)
		return rc;
	m.waiter.forward_to = o->console ? m.supervisor : 0;
	rc = wait_for_mount(o, &m.clone, &m.waiter, m.mnt);
	return o->console && rc == 0 ? waiter_attend(&m.waiter) : rc;
}
