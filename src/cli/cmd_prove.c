/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command prove: finds the backups, and takes each through the steps; a failure of one does not
 * stop the others.  Each step is a child: verify, and a run whose command is prove_steps().
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/confined.h"
#include "cli/limited.h"
#include "cli/plan.h"
#include "cli/prove.h"
#include "cli/report.h"
#include "cli/stall.h"
#include "cli/subcommand.h"
#include "cli/table.h"
#include "cli/waiter.h"
#include "probackup/archive_last.h"
#include "probackup/choose.h"
#include "probackup/recovery_time.h"
#include "supervisor/tie.h"

/* Of linux/ioprio.h, which not every system has. */
#define IOPRIO_WHO_PROCESS	1
#define IOPRIO_LOWEST		(2 << 13 | 7)	/* best effort */
#define IOPRIO_IDLE		(3 << 13)	/* when nobody else uses the disk */

#define NICE_DEFAULT	10
#define NICE_MAX	19
#define PROOFS_MAX	1024
#define RUN_END_SECONDS	300	/* for a run to take away what it has made */
#define QUERY_MAX	(16 * MiB)	/* a file of --sql */

/* ---- what there is to prove ------------------------------------------------- */

/* The confined child fills it, which a hostile catalog may have taken over. */
struct found {
	size_t	n, left_out;
	struct proof proof[PROOFS_MAX];
};

struct request {
	const struct options *options;
	struct found *found;
};

static void	put_remark(struct prove_step *s, enum prove_result r, const char *fmt, ...)
		    __attribute__((format(printf, 3, 4)));

static void
put_remark(struct prove_step *s, enum prove_result r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->remark, sizeof(s->remark), fmt, ap);
	va_end(ap);
	text_make_printable(s->remark);
	s->result = r;
}

static struct proof *
add_proof(struct found *f, const char *instance, const char *id)
{
	struct proof *p;

	if (f->n == PROOFS_MAX) {
		f->left_out++;
		return NULL;
	}
	p = &f->proof[f->n++];
	strlcpy(p->instance, instance, sizeof(p->instance));
	strlcpy(p->id, id, sizeof(p->id));
	return p;
}

static void
put_age(struct proof *p, const struct instance_backup *newest)
{
	const struct control *c = newest != NULL ? newest->control : NULL;
	int64_t us;

	if (p == NULL || c == NULL ||
	    recovery_time_parse(c->recovery_time[0] != '\0' ? c->recovery_time : c->end_time, &us) != 0)
		return;
	p->has_age = true;
	p->age = MAX(clock_real_ns() / 1000000000 - us / 1000000, (int64_t)0);
}

/* Whether the archive, whose last segment is *w, has all up to the end of the backup. */
static bool
is_covered(const struct archive *a, const struct walname *w, const struct control *c)
{
	return c->stop_lsn != 0 && w->timeline >= c->timeline && w->segno >= wal_segno_before(c->stop_lsn, a->seg_size);
}

/*
 * Finds the archive of the instance and the moment up to which it has all that a server did: the time
 * of its last records; or that of the newest backup, if the archive goes on to its end, since an idle server
 * writes nothing.
 */
static void
find_archive(int store_fd, const char *instance, const struct instance_backup *newest, struct proof *p)
{
	int64_t now = clock_real_ns() / 1000000000;
	struct archive_last last;
	struct archive a;

	if (archive_init(&a, store_fd, instance, 0, 0) != 0 || archive_last_find(&a, &last) != 0 ||
	    last.wal.kind == WAL_NONE)
		return;
	p->has_archive = true;
	strlcpy(p->last_wal, last.name, sizeof(p->last_wal));
	p->wal_age = MAX(now - last.time, (int64_t)0);
	if (p->has_age && is_covered(&a, &last.wal, newest->control))
		p->wal_age = MIN(p->wal_age, p->age);
}

/* A backup that was named is one of this instance's, or of another one. */
static void
take_named(const struct request *q, const char *name, const struct instance *in, const struct instance_backup *newest)
{
	const struct options *o = q->options;
	char id[BACKUP_ID_MAX];
	struct proof *p;
	size_t i;

	for (i = 0; i < in->n; i++)
		if (backup_id_normalize(o->backup_id, id) == 0 && strcmp(in->backup[i].id, id) == 0) {
			put_age(add_proof(q->found, name, id), newest);
			return;
		}
	if (o->instances.n > 0 && (p = add_proof(q->found, name, "")) != NULL)
		put_remark(&p->step[PROVE_VERIFY], PROVE_UNKNOWN, "no backup \"%s\": pbkfs show lists those that there are",
		    o->backup_id);
}

static void
take_instance(const struct request *q, int store_fd, const char *name)
{
	const struct options *o = q->options;
	char error[CHAIN_ERROR_MAX] = "";
	const struct instance_backup *newest;
	struct instance in = { 0 };
	struct proof *p;
	size_t i, first;
	int rc;

	if ((rc = confined_admit(store_fd, name)) != 0)
		snprintf(error, sizeof(error), "%s", strerror(-rc));
	else
		rc = instance_load(store_fd, o->store, name, &in, error);
	if (rc != 0) {
		if ((p = add_proof(q->found, name, "")) != NULL)
			put_remark(&p->step[PROVE_VERIFY], PROVE_UNKNOWN, "%s", error);
		instance_fini(&in);
		return;
	}
	newest = choose_newest(&in);
	first = q->found->n;
	if (o->backup_id != NULL && strcmp(o->backup_id, "all") == 0) {
		for (i = 0; i < in.n; i++)
			if (in.backup[i].reason == NULL)
				put_age(add_proof(q->found, name, in.backup[i].id), newest);
	} else if (o->backup_id != NULL && !choose_is_asked(o->backup_id)) {
		take_named(q, name, &in, newest);
	} else if (newest != NULL) {
		put_age(add_proof(q->found, name, newest->id), newest);
	}
	if (first < q->found->n)
		find_archive(store_fd, name, newest, &q->found->proof[first]);
	for (i = first + 1; i < q->found->n; i++) {
		p = &q->found->proof[i];
		p->has_archive = p[-1].has_archive;
		p->wal_age = p[-1].wal_age;
		memcpy(p->last_wal, p[-1].last_wal, sizeof(p->last_wal));
	}
	if (newest == NULL && (p = add_proof(q->found, name, "")) != NULL)
		put_remark(&p->step[PROVE_VERIFY], PROVE_FAILED, "no backup can be mounted");
	instance_fini(&in);
}

static bool
is_named_before(const struct option_list *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(list->item[i], list->item[n]) == 0)
			return true;
	return false;
}

/* Runs in the confined child. */
static int
find_inside(int store_fd, void *arg)
{
	const struct request *q = arg;
	char error[CHAIN_ERROR_MAX], **names = NULL;
	size_t n = 0, i;
	int rc;

	memset(q->found, 0, sizeof(*q->found));
	for (i = 0; i < q->options->instances.n; i++)
		if (!is_named_before(&q->options->instances, i))
			take_instance(q, store_fd, q->options->instances.item[i]);
	if (i > 0)
		return 0;
	if ((rc = instance_names(store_fd, q->options->store, &names, &n, error)) < 0)
		return confined_failed(rc, error);
	for (i = 0; i < n; i++)
		take_instance(q, store_fd, names[i]);
	instance_names_free(names, n);
	return 0;
}

/* Believes nothing of what it found but a name and an id, as far as they can be such. */
static int
check_found(const struct options *o, struct found *f)
{
	size_t i, k;

	if (f->n > PROOFS_MAX)
		return cli_error("the confined process was taken over");
	for (i = 0; i < f->n; i++) {
		struct proof *p = &f->proof[i];
		char id[BACKUP_ID_MAX];

		p->instance[sizeof(p->instance) - 1] = p->id[sizeof(p->id) - 1] = '\0';
		p->last_wal[sizeof(p->last_wal) - 1] = '\0';
		p->age = MAX(p->age, (int64_t)0);
		p->wal_age = MAX(p->wal_age, (int64_t)0);
		if (strchr(p->instance, '/') != NULL || p->instance[0] == '.' ||
		    (p->id[0] != '\0' && backup_id_normalize(p->id, id) != 0))
			return cli_error("the confined process was taken over");
		if (p->id[0] != '\0')
			strlcpy(p->id, id, sizeof(p->id));
		for (k = 0; k < PROVE_STEPS; k++) {
			p->step[k].remark[PROVE_REMARK_MAX - 1] = '\0';
			if ((unsigned)p->step[k].result > PROVE_UNKNOWN)
				return cli_error("the confined process was taken over");
		}
	}
	if (f->n == 0 && o->backup_id != NULL && !choose_is_asked(o->backup_id))
		return cli_error("no instance has a backup \"%s\": pbkfs show lists those that there are", o->backup_id);
	if (f->n == 0)
		return cli_error("the catalog has no instances");
	if (f->left_out > 0)
		return cli_error("%zu backups are too many to prove at once", f->n + f->left_out);
	return 0;
}

static int
find(const struct options *o, struct found *f)
{
	struct request q = { o, f };
	struct confined c = {
		.store = o->store, .instance = o->instances.n == 1 ? o->instances.item[0] : NULL, .write_fd = -1,
		.sandbox = o->sandbox, .debug = o->debug, .so_what = "nothing was proven",
	};

	return confined_run(&c, find_inside, &q) != 0 ? PROVE_EXIT_UNJUDGED : check_found(o, f);
}

static uint64_t
stall_seconds(const struct options *o)
{
	return o->stall_timeout != 0 ? o->stall_timeout : STALL_SECONDS;
}

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
 * Waits for it, and passes signals on.  Returns its exit status, 128 + a signal, -ETIMEDOUT, or -ETIME if it
 * did not get on for so many seconds.
 */
static int
await(pid_t pid, uint64_t timeout, uint64_t stall_timeout)
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
		if (info.si_code <= 0)	/* else the terminal has sent it to the child as well */
			kill(pid, info.si_signo);
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
check_age(struct proof *p, uint64_t max_age)
{
	char age[TEXT_NUMBER_MAX], limit[TEXT_NUMBER_MAX], wal_age[TEXT_NUMBER_MAX] = "";
	struct prove_step *s = &p->step[PROVE_AGE];

	if (!p->has_age && max_age != 0) {
		put_remark(&p->step[PROVE_AGE], PROVE_FAILED, "nothing says how old the newest backup is");
		return;
	}
	if (!p->has_age)
		return;
	text_duration((uint64_t)p->age, age);
	text_duration(max_age, limit);
	if (p->last_wal[0] != '\0')
		text_duration((uint64_t)p->wal_age, wal_age);
	if (max_age != 0 && (uint64_t)p->age > max_age)
		put_remark(s, PROVE_FAILED, "the newest backup is %s old, more than %s", age, limit);
	else if (max_age != 0 && wal_age[0] != '\0' && (uint64_t)p->wal_age > max_age)
		put_remark(s, PROVE_FAILED, "the last WAL, %s, is %s old, more than %s: it is no longer archived, or"
		    " the server is idle", p->last_wal, wal_age, limit);
	else
		put_remark(s, max_age != 0 ? PROVE_OK : PROVE_NOT_ASKED, "newest backup %s%s%s", age,
		    wal_age[0] != '\0' ? ", last WAL " : "", wal_age);
}

static void
verify(struct prove_task *t)
{
	struct prove_step *s = &t->proof->step[PROVE_VERIFY];
	int64_t began = clock_monotonic_ms();
	pid_t pid = start(verify_child, t, s->remark);
	int rc = pid < 0 ? pid : await(pid, t->options->timeout, t->options->stall_timeout);

	s->ms = clock_monotonic_ms() - began;
	if (interrupted != 0) {
		put_remark(s, PROVE_UNKNOWN, "interrupted by SIG%s", sigabbrev_np(interrupted));
	} else if (rc == 0) {
		put_remark(s, PROVE_OK, "%s", "");
	} else if (rc == -ETIMEDOUT) {
		put_remark(s, PROVE_FAILED, "not done after %llu seconds (--timeout)",
		    (unsigned long long)t->options->timeout);
	} else if (rc == -ETIME) {
		put_remark(s, PROVE_FAILED, "did not get on for %llu seconds (--stall-timeout)",
		    (unsigned long long)stall_seconds(t->options));
	} else if (rc < 0) {
		put_remark(s, PROVE_UNKNOWN, "could not start a process: %s", strerror(-rc));
	} else {
		s->result = PROVE_FAILED;
	}
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
	rc = pid < 0 ? pid : await(pid, 0, stall_seconds(t->options) + RUN_END_SECONDS);
	if (s->result != PROVE_OK && interrupted != 0) {
		s->ms = clock_monotonic_ms() - p->began;
		put_remark(s, PROVE_UNKNOWN, "interrupted by SIG%s", sigabbrev_np(interrupted));
		return;
	}
	if (s->result != PROVE_OK) {
		s->ms = clock_monotonic_ms() - p->began;
		s->result = p->stage == RUN_BEGINNING || p->stage == RUN_FINDING_SERVER || rc < 0 ?
		    PROVE_UNKNOWN : PROVE_FAILED;
		if (rc == -ETIME)
			put_remark(s, PROVE_FAILED, "the mount did not get on for %llu seconds (--stall-timeout)",
			    (unsigned long long)stall_seconds(t->options));
		if (s->remark[0] == '\0')
			strlcpy(s->remark, "the run has ended early", sizeof(s->remark));
		return;
	}
	*kept_something = *kept_something || rc != 0;
	for (i = PROVE_CONNECT; i < PROVE_STEPS; i++)
		if (p->step[i].result == PROVE_RUNNING && interrupted != 0)
			put_remark(&p->step[i], PROVE_UNKNOWN, "interrupted by SIG%s", sigabbrev_np(interrupted));
		else if (p->step[i].result == PROVE_RUNNING)
			put_remark(&p->step[i], PROVE_FAILED, "the process of this step was killed");
}

static void
prove_one(struct prove_task *t, uint64_t max_age, bool *kept_something)
{
	struct proof *p = t->proof;

	check_age(p, max_age);
	plan_steps(t->options, p);
	if (p->id[0] == '\0' || interrupted != 0)
		return;
	cli_note("instance \"%s\", backup %s", p->instance, p->id);
	verify(t);
	if (interrupted == 0)
		serve(t, kept_something);
}

/* ---- the table -------------------------------------------------------------- */

struct row {
	const struct proof *proof;
	enum prove_step_name step;
};

static void
cell_instance(const void *row, char *text)
{
	const struct row *r = row;

	strlcpy(text, r->proof->instance, TABLE_CELL_MAX);
}

static void
cell_backup(const void *row, char *text)
{
	const struct row *r = row;

	strlcpy(text, r->proof->id, TABLE_CELL_MAX);
}

static void
cell_step(const void *row, char *text)
{
	const struct row *r = row;

	strlcpy(text, prove_step_names[r->step], TABLE_CELL_MAX);
}

static void
cell_result(const void *row, char *text)
{
	const struct row *r = row;

	strlcpy(text, prove_result_word(r->proof->step[r->step].result), TABLE_CELL_MAX);
}

static void
cell_seconds(const void *row, char *text)
{
	const struct row *r = row;

	if (r->step != PROVE_AGE && r->proof->step[r->step].result > PROVE_SKIPPED)
		snprintf(text, TABLE_CELL_MAX, "%.1f", (double)r->proof->step[r->step].ms / 1000);
}

static void
cell_remark(const void *row, char *text)
{
	const struct row *r = row;

	strlcpy(text, r->proof->step[r->step].remark, TABLE_CELL_MAX);
}

/* Ages are told even if nobody asked for a limit. */
static bool
is_left_out(const struct row *r)
{
	const struct prove_step *s = &r->proof->step[r->step];

	return s->result == PROVE_NOT_ASKED && (r->step != PROVE_AGE || s->remark[0] == '\0');
}

static void
print_table(const struct found *f)
{
	static const struct table_column columns[] = {
		{ "INSTANCE", cell_instance, false }, { "BACKUP", cell_backup, false },
		{ "STEP", cell_step, false }, { "RESULT", cell_result, false },
		{ "SECONDS", cell_seconds, true }, { "REMARK", cell_remark, false },
	};
	int width[ARRAY_SIZE(columns)] = { 0 };
	struct row r;
	unsigned pass, step;
	size_t i;

	for (pass = 0; pass < 2; pass++) {
		if (pass == 0)
			table_measure(columns, ARRAY_SIZE(columns), NULL, width);
		else
			table_print(columns, ARRAY_SIZE(columns), NULL, width);
		for (i = 0; i < f->n; i++)
			for (step = 0; step < PROVE_STEPS; step++) {
				r = (struct row){ &f->proof[i], (enum prove_step_name)step };
				if (is_left_out(&r))
					continue;
				if (pass == 0)
					table_measure(columns, ARRAY_SIZE(columns), &r, width);
				else
					table_print(columns, ARRAY_SIZE(columns), &r, width);
			}
	}
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

/*
 * Lowers the priority of this process, and so of all that come of it, for production may be on this machine:
 * of the processor, and of disks.  Never raises it.
 */
static int
be_nice(const char *text)
{
	int wanted = NICE_DEFAULT, now = getpriority(PRIO_PROCESS, 0);
	char *end = NULL;

	if (text != NULL) {
		wanted = (int)strtol(text, &end, 10);
		if (text[0] < '0' || text[0] > '9' || *end != '\0' || strlen(text) > 2 || wanted > NICE_MAX)
			return cli_usage("--nice takes 0 to %d, not \"%s\"", NICE_MAX, text);
	}
	if (wanted <= now || wanted == 0)
		return 0;
	if (setpriority(PRIO_PROCESS, 0, wanted) != 0)
		cli_warn("could not lower the priority to %d: %s", wanted, strerror(errno));
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, wanted == NICE_MAX ? IOPRIO_IDLE : IOPRIO_LOWEST);
	return 0;
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
	unsigned i;

	if (o->store == NULL)
		return cli_usage("--pbk-store is required");
	if (o->target != NULL && strcmp(o->target, "latest") != 0 && strcmp(o->target, "immediate") != 0)
		return cli_usage("--recovery-target cannot be \"%s\", only immediate|latest", o->target);
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

static int
tell(const struct report_files *files, const struct found *f, struct report *r)
{
	int status = r->left_something ? PROVE_EXIT_UNJUDGED : EXIT_SUCCESS;
	char store[PATH_MAX];
	size_t i;

	print_table(f);
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
	struct found *f = limited_share(sizeof(*f));
	struct prove_task t = { .options = o, .query = query };
	struct report r = { .store = o->store, .began = clock_real_ns() / 1000000000 };
	struct report_files files;
	sigset_t set;
	size_t i;
	int rc;

	if ((rc = check_options(o, &r.max_age)) != 0 || (rc = be_nice(o->nice)) != 0 ||
	    (rc = read_queries(o, query)) != 0 || (rc = report_begin(&files, o)) != 0)
		return rc;
	if (f == NULL) {
		cli_error("out of memory");
		return PROVE_EXIT_UNJUDGED;
	}
	if (o->quiet)
		cli_leave_out_notes();
	if (find(o, f) != 0)
		return PROVE_EXIT_UNJUDGED;
	if (o->plan) {
		for (i = 0; i < f->n; i++) {
			check_age(&f->proof[i], r.max_age);
			plan_steps(o, &f->proof[i]);
		}
		return prove_plan(o, &files, f->proof, f->n);
	}
	fill_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGCHLD, SIG_DFL);
	for (i = 0; i < f->n; i++) {
		t.proof = &f->proof[i];
		prove_one(&t, r.max_age, &r.left_something);
	}
	return tell(&files, f, &r);
}
