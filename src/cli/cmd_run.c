/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command run: checks its options, makes a directory, starts the guardian, and passes
 * signals on to it.  guardian.c has the order of things.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/branchname.h"
#include "cli/cli.h"
#include "cli/guest.h"
#include "cli/layered.h"
#include "cli/owner.h"
#include "cli/pgserver.h"
#include "cli/run.h"
#include "cli/subcommand.h"
#include "cli/waiter.h"
#include "cli/which.h"
#include "supervisor/tie.h"

#define DEFAULT_OWNER	"postgres"

/* A branch has its backup, and its time; and it goes with the run. */
static int
check_from(const struct options *o)
{
	const struct { const char *name; bool given; } others[] = {
		{ "--pbk-store", o->store != NULL }, { "--instance", o->instance != NULL }, { "--backup-id", o->backup_id != NULL },
		{ "--diff-dir", o->diff != NULL }, { "--keep", o->keep }, { "--at", o->at != NULL },
		{ "--recovery-target", o->target != NULL }, { "--recovery-target-time", o->target_time != NULL },
		{ "--recovery-target-xid", o->target_xid != NULL }, { "--recovery-target-lsn", o->target_lsn != NULL },
		{ "--recovery-target-name", o->target_name != NULL }, { "--db-include", o->db_include.n > 0 },
		{ "--db-exclude", o->db_exclude.n > 0 },
	};
	const char *at = strrchr(o->from, '@');
	size_t i;

	if (at == NULL || at == o->from)
		return cli_usage("--from takes DIFF@SNAPSHOT, not \"%s\"", o->from);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		if (others[i].given)
			return cli_usage("--from cannot be combined with %s", others[i].name);
	return branchname_check("--from DIFF@SNAPSHOT", at + 1);
}

/* Makes the branch of --from, under a name that no other run has. */
static int
make_branch(struct run *r)
{
	const char *from = r->options->from, *at = strrchr(from, '@');
	const struct options b = {
		.diff = r->whole, .name = r->branch, .from = at + 1, .sandbox = r->options->sandbox, .discard = true,
	};

	if (at - from >= PATH_MAX)
		return cli_error("\"%s\" is too long a name", from);
	snprintf(r->whole, sizeof(r->whole), "%.*s", (int)(at - from), from);
	snprintf(r->branch, sizeof(r->branch), LAYERED_RUN "%d-%llx", (int)getpid(),
	    (unsigned long long)clock_monotonic_ns());
	if (subcommand_run(cmd_branch, &b) != 0) {
		r->branch[0] = '\0';
		return EXIT_FAILURE;
	}
	return branchname_path(r->whole, r->branch, r->place.diff);
}

static int
check_options(const struct options *o)
{
	if (o->from != NULL && check_from(o) != 0)
		return EXIT_FAILURE;
	if (o->from == NULL && o->store == NULL)
		return cli_usage("--pbk-store is required");
	if (o->from == NULL && o->instance == NULL)
		return cli_usage("--instance is required");
	if (o->at != NULL && (o->target != NULL || o->target_time != NULL || o->target_xid != NULL ||
	    o->target_lsn != NULL || o->target_name != NULL))
		return cli_usage("--at cannot be combined with another recovery target");
	if (o->at != NULL && o->backup_id != NULL && strcmp(o->backup_id, "latest") != 0)
		return cli_usage("--at chooses the backup: it cannot be combined with --backup-id");
	if (o->action != NULL && strcmp(o->action, "shutdown") == 0)
		return cli_usage("--recovery-target-action cannot be \"shutdown\": no command could run then");
	if (o->command == NULL && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
		return cli_usage("a command is missing, and this is no terminal for psql");
	return 0;
}

/* Where the server listens is the run's to say: nobody else is to find it. */
static int
check_settings(const struct options *o)
{
	static const char *const ours[] = {
		"unix_socket_directories", "listen_addresses", "port", "hba_file", "ident_file",
		"log_destination", "logging_collector", "log_min_messages", "lc_messages",
	};
	size_t i, k, len;

	for (i = 0; i < o->set.n; i++)
		for (k = 0; k < ARRAY_SIZE(ours); k++) {
			len = strlen(ours[k]);
			if (strncasecmp(o->set.item[i], ours[k], len) == 0 && o->set.item[i][len] == '=')
				return cli_usage("--set %s cannot be used here: a run has one of its own%s",
				    ours[k], k < 3 ? " (--listen)" : "");
		}
	return 0;
}

static int
choose_user(const struct options *o, uid_t *uid, gid_t *gid)
{
	*uid = geteuid();
	*gid = getegid();
	if (geteuid() != 0 && o->owner == NULL)
		return 0;
	if (owner_parse(o->owner != NULL ? o->owner : DEFAULT_OWNER, uid, gid) != 0)
		return EXIT_FAILURE;
	return *uid != 0 ? 0 : cli_usage("the server refuses to run as root: --owner names another user");
}

int
cmd_run_check(const struct options *o, uid_t *uid, gid_t *gid)
{
	int rc = check_settings(o);

	return rc != 0 ? rc : choose_user(o, uid, gid);
}

/* Says to the mount what the command line says, and what a run has of its own. */
static void
fill_mount(struct run *r)
{
	const struct options *o = r->options;
	static const char name[] = "unix_socket_directories=";
	static char sockets[sizeof(name) + 2 * PATH_MAX];
	struct options *m = &r->mount;

	*m = *o;
	m->mnt = r->place.mnt;
	m->diff = r->branch[0] != '\0' ? r->whole : r->place.diff;
	m->branch = r->branch[0] != '\0' ? r->branch : NULL;
	m->from = NULL;
	m->owner = geteuid() != 0 ? NULL : o->owner != NULL ? o->owner : DEFAULT_OWNER;
	m->perf_unsafe = m->discard = r->place.own_diff && !o->keep;
	m->jobs = 0;	/* a proof's checks have them, and no hydration */
	/* The mount would advise where to find the server; a diff directory that is kept is not to say so. */
	if (r->place.own_diff && m->set.n < OPTION_LIST_MAX) {
		memcpy(sockets, name, sizeof(name));
		guest_quote(r->place.sock, sockets + strlen(name), sizeof(sockets) - strlen(name));
		m->set.item[m->set.n++] = sockets;
	}
	if (o->at != NULL)
		m->target_time = o->at;
	if (o->backup_id == NULL && o->from == NULL)
		m->backup_id = "latest";
	if (o->action == NULL && !o->replica && (m->target != NULL || m->target_time != NULL ||
	    m->target_xid != NULL || m->target_lsn != NULL || m->target_name != NULL))
		m->action = "promote";
}

/* ---- the parent ------------------------------------------------------------------- */

/*
 * The keyboard signals everybody in its foreground: the guardian has to know that it was that.  A
 * terminal that goes away tells the first process of the session alone, which may be us.
 */
static void
pass_on(pid_t guardian, const siginfo_t *info)
{
	union sigval value = { .sival_int = info->si_code > 0 && info->si_signo != SIGHUP ?
	    RUN_FROM_KEYBOARD : 0 };

	sigqueue(guardian, info->si_signo, value);
	kill(guardian, SIGCONT);	/* one that somebody has stopped would never hear of it */
}

static int
attend(struct run *r, pid_t guardian, const sigset_t *set)
{
	siginfo_t info;
	int status;

	for (;;) {
		if (sigwaitinfo(set, &info) < 0)
			continue;
		if (info.si_signo != SIGCHLD) {
			pass_on(guardian, &info);
			continue;
		}
		if (waitpid(guardian, &status, WNOHANG) == guardian)
			break;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	cli_error("the process that guards this run was killed: taking away what it has left");
	guardian_succeed(r);
	return RUN_FAILED;
}

static void
block_signals(sigset_t *set)
{
	waiter_stop_signals(set);
	sigaddset(set, SIGCHLD);
	sigprocmask(SIG_BLOCK, set, NULL);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGXFSZ, SIG_IGN);	/* a file that may not grow is an error to be told, and what was made to be removed */
}

int
cmd_run_all(struct run *r)
{
	const struct options *o = r->options;
	sigset_t set;
	pid_t pid;
	uid_t uid;
	gid_t gid;

	if (cmd_run_check(o, &uid, &gid) != 0)
		return RUN_FAILED;
	if (o->quiet)
		cli_leave_out_notes();
	r->umask = umask(022);	/* the modes of what belongs to a run are decided where it is made */
	block_signals(&set);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (pipe2(r->life, O_CLOEXEC) != 0) {
		cli_error("could not make a pipe: %s", strerror(errno));
		return RUN_FAILED;
	}
	workdir_sweep(o->workdir);
	if (workdir_make(&r->place, o->workdir, o->diff, uid, gid, o->listen != NULL) != 0)
		return RUN_FAILED;
	if (o->from != NULL && make_branch(r) != 0) {
		workdir_remove(&r->place);
		return RUN_FAILED;
	}
	fill_mount(r);
	fflush(NULL);
	if ((pid = tie_fork(SIGTERM)) == 0)
		_exit(guardian_main(r));
	if (pid < 0) {
		cli_error("could not start a process: %s", strerror(errno));
		workdir_remove(&r->place);
		return RUN_FAILED;
	}
	close(r->life[0]);
	subcommand_leave_output();	/* standard output is the command's */
	return attend(r, pid, &set);
}

int
cmd_run(const struct options *o)
{
	static struct run r;
	int rc;

	r.options = o;
	if (check_options(o) != 0)
		return RUN_FAILED;
	/* Once the version is known, the guardian looks again. */
	if ((rc = which_check(o->command, o->bindir, o->bindir == NULL ? pgserver_may_have : NULL)) != 0)
		return rc;
	return cmd_run_all(&r);
}
