/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command prove: takes each backup that was found through the steps; a failure of one does not
 * stop the others.  Each step is a child: verify, and a run whose command is prove_steps().
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/limited.h"
#include "cli/niceness.h"
#include "cli/plan.h"
#include "cli/prove.h"
#include "cli/report.h"
#include "cli/stall.h"
#include "cli/subcommand.h"
#include "cli/target_args.h"
#include "cli/waiter.h"
#include "supervisor/fusewhy.h"
#include "supervisor/tie.h"

#define RUN_END_SECONDS	300	/* for a run to take away what it has made */
#define QUERY_MAX	(16 * MiB)	/* a file of --sql */

/* ---- children --------------------------------------------------------------- */

static int interrupted;		/* a signal that told us to stop; 0 = none */

static void
fill_signals(sigset_t *set)
{
	waiter_stop_signals(set);
	sigaddset(set, SIGCHLD);
}

/* Starts it in a child, which ends with us.  Returns its pid, or negative errno. */
static pid_t
start(int (*work)(struct prove_task *t), struct prove_task *t, char *error)
{
	pid_t pid;

	fflush(NULL);
	if ((pid = tie_fork(SIGTERM)) < 0)
		return -errno;
	if (pid > 0)
		return pid;
	cli_keep_error(error, PROVE_REMARK_MAX);
	_exit(work(t));
}

/*
 * Waits for it, and passes signals on; those of the terminal it has already, unless it has a session of its
 * own.  Returns its exit status, 128 + a signal, -ETIMEDOUT, or -ETIME if it did not get on for so many seconds.
 */
static int
await(pid_t pid, bool has_session, uint64_t timeout, uint64_t stall_timeout)
{
	int64_t until = clock_monotonic_ms() + (int64_t)timeout * 1000, left;
	struct stall stall;
	struct timespec ts;
	siginfo_t info;
	sigset_t set;
	int status, killed = 0;

	fill_signals(&set);
	stall_begin(&stall, getpid(), stall_timeout);
	while (waitpid(pid, &status, WNOHANG) != pid) {
		left = timeout != 0 && killed == 0 ? MAX(until - clock_monotonic_ms(), (int64_t)0) : STALL_LOOK_MS;
		left = MIN(left, (int64_t)STALL_LOOK_MS);
		ts = (struct timespec){ left / 1000, left % 1000 * 1000000 };
		niceness_spread();
		if (sigtimedwait(&set, &info, &ts) < 0) {
			if (killed != 0)
				continue;
			killed = timeout != 0 && clock_monotonic_ms() >= until ? -ETIMEDOUT : stall_look(&stall) ? -ETIME : 0;
			if (killed != 0)
				kill(pid, SIGKILL);
			continue;
		}
		if (info.si_signo == SIGCHLD)
			continue;
		interrupted = info.si_signo;
		if (has_session || info.si_code <= 0)
			kill(pid, info.si_signo);
		kill(pid, SIGCONT);	/* one that somebody has stopped would never hear of it */
	}
	if (killed != 0)
		return killed;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
verify_child(struct prove_task *t)
{
	const struct options *o = t->options;
	const struct options verify = {
		.store = o->store, .instance = t->proof->instance, .backup_id = t->proof->id,
		.sandbox = o->sandbox, .debug = o->debug, .threads = o->jobs,
	};
	sigset_t none;

	setsid();	/* niceness_spread() */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	subcommand_leave_output();
	return cmd_verify(&verify);
}

static int
run_child(struct prove_task *t)
{
	static struct options o;
	static struct run r;

	o = *t->options;
	o.instance = t->proof->instance;
	o.backup_id = t->proof->id;
	if (o.target == NULL && t->proof->has_archive)
		o.target = "latest";	/* which insists on all WAL */
	r = (struct run){ .options = &o, .program = prove_steps, .arg = t, .stage = &t->proof->stage };
	return cmd_run_all(&r);
}

/* ---- one backup ------------------------------------------------------------- */

/* Says which steps are wanted. */
static void
plan_steps(const struct options *o, struct proof *p)
{
	size_t i;

	for (i = PROVE_VERIFY; i < PROVE_STEPS; i++)
		if (p->step[i].result == PROVE_NOT_ASKED)
			p->step[i].result = PROVE_NOT_RUN;
	if (!o->dump)
		p->step[PROVE_DUMP].result = PROVE_NOT_ASKED;
	if (o->sql.n == 0)
		p->step[PROVE_SQL].result = PROVE_NOT_ASKED;
}

static void
put_interrupted(struct prove_step *s)
{
	prove_remark(s, PROVE_UNKNOWN, "interrupted by SIG%s", sigabbrev_np(interrupted));
}

static void
verify(struct prove_task *t)
{
	struct prove_step *s = &t->proof->step[PROVE_VERIFY];
	int64_t began = clock_monotonic_ms();
	pid_t pid = start(verify_child, t, s->remark);
	int rc = pid < 0 ? pid : await(pid, true, t->options->timeout, t->options->stall_timeout);

	s->ms = clock_monotonic_ms() - began;
	if (interrupted != 0) {
		put_interrupted(s);
	} else if (rc == 0) {
		prove_remark(s, PROVE_OK, "%s", "");
	} else if (rc == -ETIMEDOUT) {
		prove_remark(s, PROVE_FAILED, "not done after %llu seconds (--timeout)",
		    (unsigned long long)t->options->timeout);
	} else if (rc == -ETIME) {
		prove_remark(s, PROVE_FAILED, "did not get on for %llu seconds (--stall-timeout)",
		    (unsigned long long)stall_seconds(t->options->stall_timeout));
	} else if (rc < 0) {
		prove_remark(s, PROVE_UNKNOWN, "could not start a process: %s", strerror(-rc));
	} else {
		s->result = PROVE_FAILED;
	}
}

/* Runs in a child: whether nobody could mount here, whatever the backup is. */
static int
foresee_mount(const void *arg)
{
	char why[PROVE_REMARK_MAX];

	(void)arg;
	return fusewhy_foresee(geteuid() == 0, why, sizeof(why)) ? -ENODEV : 0;
}

/* Whether this machine lacks something, so that a failure of the step says nothing of the backup. */
static bool
lacks_something(const struct proof *p)
{
	return p->stage == RUN_BEGINNING || p->stage == RUN_FINDING_SERVER ||
	    (p->stage == RUN_MOUNTING && limited_run(foresee_mount, NULL, LIMITED_SECONDS) == -ENODEV);
}

static void
serve(struct prove_task *t, bool *kept_something)
{
	struct proof *p = t->proof;
	struct prove_step *s = &p->step[PROVE_SERVER];
	pid_t pid;
	int rc;
	size_t i;

	p->began = clock_monotonic_ms();
	s->result = PROVE_RUNNING;
	pid = start(run_child, t, s->remark);
	/* The run watches itself; this is for the rest of it, such as the mount. */
	rc = pid < 0 ? pid : await(pid, false, 0, stall_seconds(t->options->stall_timeout) + RUN_END_SECONDS);
	if (s->result != PROVE_OK) {
		s->ms = clock_monotonic_ms() - p->began;
		if (interrupted != 0) {
			put_interrupted(s);
			return;
		}
		s->result = rc < 0 || lacks_something(p) ? PROVE_UNKNOWN : PROVE_FAILED;
		if (rc == -ETIME)
			prove_remark(s, PROVE_FAILED, "the mount did not get on for %llu seconds (--stall-timeout)",
			    (unsigned long long)stall_seconds(t->options->stall_timeout));
		if (s->remark[0] == '\0')
			strlcpy(s->remark, "the run has ended early", sizeof(s->remark));
		return;
	}
	*kept_something = *kept_something || rc != 0;
	for (i = PROVE_CONNECT; i < PROVE_STEPS; i++)
		if (p->step[i].result == PROVE_RUNNING && interrupted != 0)
			put_interrupted(&p->step[i]);
		else if (p->step[i].result == PROVE_RUNNING)
			prove_remark(&p->step[i], PROVE_FAILED, "the process of this step was killed");
}

static void
prove_one(struct prove_task *t, uint64_t max_age, bool *kept_something)
{
	struct proof *p = t->proof;

	prove_judge_age(p, max_age);
	plan_steps(t->options, p);
	if (p->step[PROVE_VERIFY].result != PROVE_NOT_RUN || interrupted != 0)	/* there is none, or nobody can use it */
		return;
	cli_note("instance \"%s\", backup %s", p->instance, p->id);
	verify(t);
	if (interrupted == 0)
		serve(t, kept_something);
}

/* ---- the command ------------------------------------------------------------ */

static int
parse_age(const char *text, uint64_t *seconds)
{
	static const struct { char unit; unsigned seconds; } units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
	};
	unsigned long long v;
	char *end;
	size_t i;

	*seconds = 0;
	if (text == NULL)
		return 0;
	errno = 0;
	v = strtoull(text, &end, 10);
	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (text[0] >= '0' && text[0] <= '9' && errno == 0 && v > 0 && v < 1000000000 && end[0] == units[i].unit &&
		    end[1] == '\0') {
			*seconds = v * units[i].seconds;
			return 0;
		}
	return cli_usage("--max-age cannot be \"%s\": a number and s, m, h or d, as in 26h", text);
}

static int
read_queries(const struct options *o, struct prove_query *query)
{
	unsigned i;
	int rc;

	for (i = 0; i < o->sql.n; i++) {
		int fd autoclose = open(o->sql.item[i], O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

		query[i].file = o->sql.item[i];
		rc = fd < 0 ? -errno : io_read_file(fd, QUERY_MAX, &query[i].text, &query[i].len);
		if (rc != 0) {
			cli_error("could not read \"%s\": %s (--sql)", o->sql.item[i], io_plain_error(rc));
			return PROVE_EXIT_UNJUDGED;
		}
	}
	return 0;
}

static int
check_options(const struct options *o, uint64_t *max_age)
{
	struct recovery_target target;
	unsigned i;
	int rc;

	if (o->store == NULL)
		return cli_usage("--pbk-store is required");
	if ((rc = target_args(o, &target)) != 0)
		return rc;
	for (i = 0; i < o->instances.n; i++)
		if (strchr(o->instances.item[i], '/') != NULL || o->instances.item[i][0] == '.')
			return cli_usage("\"%s\" cannot be the name of an instance", o->instances.item[i]);
	for (i = 0; o->plan && i < o->reports.n; i++)
		if (!prove_plan_knows(o->reports.item[i]))
			return cli_usage("--report of a --plan takes a file .json, not \"%s\"", o->reports.item[i]);
	if (o->plan && o->history != NULL)
		return cli_usage("--history cannot be combined with --plan: a plan proves nothing");
	return parse_age(o->max_age, max_age);
}

/* A fault of the question, such as the name of an instance, is said before anything is started. */
static void
tell_unfound(const struct proofs *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		if (f->proof[i].id[0] == '\0' && f->proof[i].step[PROVE_VERIFY].result == PROVE_UNKNOWN)
			cli_warn("nothing to prove: %s", f->proof[i].step[PROVE_VERIFY].remark);
}

static int
tell(const struct report_files *files, const struct proofs *f, struct report *r)
{
	int status = r->left_something ? PROVE_EXIT_UNJUDGED : EXIT_SUCCESS;
	char store[PATH_MAX];
	size_t i;

	prove_table(f);
	if (interrupted != 0) {
		/* Half a proof is not to take the place of the last whole one. */
		for (i = 0; i < files->n; i++)
			cli_warn("\"%s\" was not written: the proof was interrupted", files->item[i].file);
		return 128 + interrupted;
	}
	r->proof = f->proof;
	r->n = f->n;
	r->ended = clock_real_ns() / 1000000000;
	if (realpath(r->store, store) != NULL)	/* by whatever name it was called */
		r->store = store;
	if (report_end(files, r) != 0)
		status = PROVE_EXIT_UNJUDGED;
	for (i = 0; i < f->n; i++)
		if (prove_judge(&f->proof[i]) == PROVE_FAILED)
			return PROVE_EXIT_UNPROVEN;
		else if (prove_judge(&f->proof[i]) == PROVE_UNKNOWN)
			status = PROVE_EXIT_UNJUDGED;
	return status;
}

int
cmd_prove(const struct options *o)
{
	static struct prove_query query[OPTION_LIST_MAX];
	struct proofs *f = limited_share(sizeof(*f));
	struct prove_task t = { .options = o, .query = query };
	struct report r = { .store = o->store, .began = clock_real_ns() / 1000000000 };
	struct report_files files;
	sigset_t set;
	size_t i;
	int rc;

	if ((rc = check_options(o, &r.max_age)) != 0 || (rc = niceness_lower(o->nice)) != 0 ||
	    (rc = read_queries(o, query)) != 0 || (rc = report_begin(&files, o)) != 0)
		return rc;
	if (f == NULL) {
		cli_error("out of memory");
		return PROVE_EXIT_UNJUDGED;
	}
	if (o->quiet)
		cli_leave_out_notes();
	if (prove_find(o, f) != 0)
		return PROVE_EXIT_UNJUDGED;
	if (o->plan) {
		for (i = 0; i < f->n; i++) {
			prove_judge_age(&f->proof[i], r.max_age);
			plan_steps(o, &f->proof[i]);
		}
		return prove_plan(o, &files, f->proof, f->n);
	}
	tell_unfound(f);
	fill_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGCHLD, SIG_DFL);
	for (i = 0; i < f->n; i++) {
		t.proof = &f->proof[i];
		prove_one(&t, r.max_age, &r.left_something);
	}
	return tell(&files, f, &r);
}
