/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order in which a run comes and goes: mount, server, command, and back.
 *
 * All processes are children of the guardian, orphans too (PR_SET_CHILD_SUBREAPER), so that it
 * knows when the last one has ended.  It dies last.  If it is killed before that, the server gets a
 * signal for it, and its parent, the next subreaper, takes the rest away; if both are killed, the
 * pipe `life` ends, and with it the mount.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/bootuser.h"
#include "cli/cli.h"
#include "cli/guest.h"
#include "cli/cmd_mount.h"
#include "cli/pgserver.h"
#include "cli/run.h"
#include "cli/stall.h"
#include "cli/subcommand.h"
#include "cli/which.h"
#include "supervisor/mountinfo.h"
#include "supervisor/tie.h"

#define TICK_MS			1000
#define FILE_TICK_MS		50	/* to look at a log that is a file */
#define PROGRESS_SECONDS	10	/* between two lines of progress, where it is no terminal */
#define GONE_MAX		64	/* one of them was the postmaster */
#define PROMPT_MAX		160
#define MENDINGS_MAX		8	/* starts of a server that lacked something */

/* Seconds of patience, before whoever is waited for is killed. */
#define COMMAND_SECONDS		10	/* after SIGTERM and SIGHUP */
#define ORPHAN_SECONDS		2	/* a command whose run was killed */
#define DISCARD_SECONDS		5	/* a server, and a mount, whose changes nobody wants */
#define KEEP_SECONDS		120	/* those whose changes are kept */
#define REST_SECONDS		5	/* what is left of a server */

struct guardian {
	struct run *run;
	const struct options *options;
	pid_t	front;		/* our parent */
	int	signal_fd;
	int64_t	began;		/* clock_monotonic_ms() */
	pid_t	supervisor, command;	/* 0 = it has ended, or was not started */
	int	command_status;
	unsigned version, wal_segment;	/* of the cluster */
	char	bindir[PATH_MAX];
	struct become user;
	struct pgserver server;
	struct guest guest;
	struct bootuser role;
	pid_t	gone[GONE_MAX];	/* children that have ended, the first of them */
	size_t	n_gone;
	time_t	since;		/* the clock of the machine when we began */
	int	interrupted;	/* the last signal that told us to stop; 0 = none */
	int	typed;		/* the last one of the keyboard that the command got; 0 = none */
	bool	hurry;		/* a second one: nothing is waited for */
	int64_t	told_at;	/* progress, as a line */
	bool	is_live;	/* progress has one line of a terminal, which goes away */
};

/* ---- signals, children, output ----------------------------------------------- */

static bool
is_orphan(const struct guardian *g)
{
	return getppid() != g->front;
}

static void
reap(struct guardian *g)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (g->n_gone < GONE_MAX)
			g->gone[g->n_gone++] = pid;
		if (pid == g->supervisor)
			g->supervisor = 0;
		else if (pid == g->server.pid)
			g->server.pid = 0;
		else if (pid == g->command) {
			g->command = 0;
			g->command_status = status;
		}
	}
}

/* The keyboard's signals reach the command without us. */
static void
take_signal(struct guardian *g, const struct signalfd_siginfo *info)
{
	int number = (int)info->ssi_signo;

	if (number == SIGCHLD) {
		reap(g);
		return;
	}
	if (g->command != 0 && info->ssi_code == SI_QUEUE && info->ssi_int == RUN_FROM_KEYBOARD) {
		g->typed = number;
		return;
	}
	g->hurry = g->hurry || g->interrupted != 0;
	g->interrupted = number;
	if (g->command != 0) {
		kill(g->command, g->hurry ? SIGKILL : number);
		kill(g->command, SIGCONT);
	}
}

/* Waits for a signal or the server's log, at most so long. */
static void
wait_event(struct guardian *g, int ms)
{
	struct pollfd p[] = {
		{ .fd = g->signal_fd, .events = POLLIN },
		{ .fd = g->server.log_is_file ? -1 : g->server.log_fd, .events = POLLIN },
	};
	struct signalfd_siginfo info;

	if (g->server.log_is_file && g->server.state < PGSERVER_PAUSED)
		ms = MIN(ms, FILE_TICK_MS);
	if (poll(p, ARRAY_SIZE(p), ms) > 0)
		while (read(g->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
			take_signal(g, &info);
	reap(g);
}

static void	note(const struct guardian *g, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));

/* Tells how far it is, and how long that took: as a line, or for a moment on a terminal. */
static void
note(const struct guardian *g, const char *fmt, ...)
{
	int64_t ms = clock_monotonic_ms() - g->began;
	char line[PATH_MAX + 256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (g->is_live)
		cli_progress("pbkfs: %s (%lld.%lld s)", line, (long long)(ms / 1000), (long long)(ms % 1000 / 100));
	else
		cli_note("%s (%lld.%lld s)", line, (long long)(ms / 1000), (long long)(ms % 1000 / 100));
}

/* Tells what it waits for, to who sees only that. */
static void
note_wait(const struct guardian *g, const char *what)
{
	if (g->is_live)
		cli_progress("pbkfs: %s", what);
}

static void
reach(const struct guardian *g, enum run_stage stage)
{
	if (g->run->stage != NULL)
		*g->run->stage = stage;
}

/* ---- the mount ------------------------------------------------------------------ */

static int
interrupted(const struct guardian *g)
{
	return 128 + (g->interrupted != 0 ? g->interrupted : SIGTERM);
}

static int
make_mount(struct guardian *g)
{
	static struct mounting m;
	enum waiter_result result;

	note_wait(g, "mounting the backup");
	if (cmd_mount_begin(&g->run->mount, g->options->keep ? NULL : g->run->life, &m) != 0)
		return RUN_FAILED;
	g->supervisor = m.supervisor;
	m.waiter.no_notes = !g->run->place.own_diff;	/* it tells where later servers listen */
	result = waiter_wait(&m.waiter);
	close(m.waiter.fd);
	g->version = m.waiter.server_version;
	g->wal_segment = m.waiter.wal_segment;
	switch (result) {
	case WAITER_MOUNTED:
		note(g, "backup mounted at \"%s\"", g->run->place.mnt);
		return 0;
	case WAITER_FAILED:
		cli_error("%s", m.waiter.error);
		return RUN_FAILED;
	case WAITER_INTERRUPTED:
		g->interrupted = m.waiter.signal;
		return interrupted(g);
	case WAITER_MUTE:
	case WAITER_TIMEOUT:
		break;
	}
	cli_error("not mounted after %llu seconds (--timeout)", (unsigned long long)g->options->timeout);
	return RUN_FAILED;
}

/* ---- the server ------------------------------------------------------------------ */

static void
show_progress(struct guardian *g)
{
	const struct pgserver *s = &g->server;
	int64_t now = clock_monotonic_ms();
	char line[256];

	if (g->options->quiet || !s->recovers || s->state >= PGSERVER_PAUSED)
		return;
	snprintf(line, sizeof(line), "recovering: %s%s%s", s->position, s->time[0] != '\0' ? ", " : "", s->time);
	if (g->is_live || g->told_at == 0 || now - g->told_at >= PROGRESS_SECONDS * 1000) {
		g->told_at = now;
		note(g, "%s", line);
	}
}

/* The log tells of WAL files only, before PostgreSQL 15; a server that takes queries knows more. */
static void
ask_progress(struct guardian *g)
{
	static const char sql[] = "SELECT pg_catalog.pg_last_wal_replay_lsn(),"
	    " pg_catalog.pg_last_xact_replay_timestamp()::timestamp(0)";
	char answer[256], *bar;

	if (g->server.state != PGSERVER_READ_ONLY || g->options->quiet || g->role.n_roles == 0 ||
	    bootuser_ask(g->role.role[0].name, sql, &g->guest, &g->run->place, g->bindir, &g->user, answer,
	    sizeof(answer)) != 0 || (bar = strchr(answer, '|')) == NULL)
		return;
	*bar = '\0';
	strlcpy(g->server.position, answer, sizeof(g->server.position));
	strlcpy(g->server.time, bar + 1, sizeof(g->server.time));
	g->server.time[strcspn(g->server.time, "\n")] = '\0';
}

/* The rest of the sentence why, if recovery did not reach its target: how far the WAL goes that there is. */
static const char *
target_way_out(const struct pgserver *s, const char *why, char *text, size_t size)
{
	if (why == NULL || strstr(why, "recovery ended before configured recovery target") == NULL)
		return "";
	snprintf(text, size, ": the WAL that there is ends before it%s%s; choose an earlier target, or none, for all of the WAL",
	    s->time[0] != '\0' ? ", its last transaction was at " : "", s->time);
	return text;
}

static int
server_failed(const struct guardian *g)
{
	const struct pgserver *s = &g->server;
	unsigned i, n = MIN(s->n_errors, (unsigned)PGSERVER_LINES_KEPT);
	const char *line, *fatal, *why = NULL;
	char end[256];

	for (i = s->n_errors - n; i < s->n_errors; i++) {
		line = s->error[i % PGSERVER_LINES_KEPT];
		if ((fatal = strstr(line, "FATAL:  ")) == NULL)
			fatal = strstr(line, "PANIC:  ");
		if (why == NULL && fatal != NULL)
			why = fatal;	/* told below */
		else
			cli_reason("server: %s", line);
	}
	cli_error("server of PostgreSQL %u ended before it could be used%s%s%s", g->version,
	    why != NULL ? ": " : "", why != NULL ? why + strlen("FATAL:  ") : "", target_way_out(s, why, end, sizeof(end)));
	return RUN_FAILED;
}

static bool
is_far_enough(const struct guardian *g)
{
	return g->server.state >= PGSERVER_PAUSED ||
	    (g->server.state == PGSERVER_READ_ONLY && g->options->replica);
}

static int
server_stalled(const struct guardian *g, const struct stall *s)
{
	char wal[STALL_WAL_MAX];

	stall_wal(g->server.pid, wal);
	if (wal[0] != '\0')
		return cli_error("the server does not get on: it waits at WAL file \"%s\" for %llu seconds (--stall-timeout);"
		    " to become consistent it needs all WAL up to the end of the backup", wal, (unsigned long long)s->limit);
	return cli_error("the server does not get on: it has done nothing for %llu seconds (--stall-timeout)",
	    (unsigned long long)s->limit);
}

/* Waits until the server is open, or has ended. */
static int
wait_open(struct guardian *g)
{
	uint64_t timeout = g->options->timeout;
	char position[sizeof(g->server.position)] = "";
	struct stall stall;

	stall_begin(&stall, getpid(), g->options->stall_timeout);
	while (!is_far_enough(g)) {
		wait_event(g, TICK_MS);
		if (g->interrupted != 0 || is_orphan(g))
			return interrupted(g);
		if (g->server.log_fd < 0 || !pgserver_read(&g->server))
			ask_progress(g);
		else
			stall_reset(&stall);
		/* Questions cost time of the server's; once they are answered, the position is what counts. */
		if (strcmp(position, g->server.position) != 0)
			stall_reset(&stall);
		if (g->server.state == PGSERVER_READ_ONLY && !g->options->quiet)
			stall.root = 0;
		strlcpy(position, g->server.position, sizeof(position));
		show_progress(g);
		if (g->server.pid == 0 && !is_far_enough(g))
			return -1;
		if (stall_look(&stall)) {
			server_stalled(g, &stall);
			return RUN_FAILED;
		}
		if (timeout != 0 && clock_monotonic_ms() - g->began > (int64_t)timeout * 1000) {
			cli_error("the server was not open after %llu seconds (--timeout)",
			    (unsigned long long)timeout);
			return RUN_FAILED;
		}
	}
	cli_progress_end();
	return 0;
}

static int
start_server(struct guardian *g)
{
	const struct workdir *w = &g->run->place;
	unsigned tries;
	int rc;

	for (tries = 0; tries < MENDINGS_MAX; tries++) {
		rc = pgserver_start(&g->server, g->guest.argv, &g->user, g->options->keep ? w->log : NULL);
		if (rc != 0) {
			cli_error("could not start \"%s\": %s", g->guest.argv[0], strerror(-rc));
			return RUN_FAILED;
		}
		workdir_note_server(w, g->server.pid);
		if ((rc = wait_open(g)) >= 0)
			return rc;
		cli_progress_end();
		while (g->server.log_fd >= 0 && !g->server.log_is_file) {
			pgserver_read(&g->server);	/* its last words */
			if (g->server.log_fd >= 0)
				wait_event(g, TICK_MS);
		}
		if (g->server.state != PGSERVER_STARTING || !guest_mend(&g->server, w, &g->user))
			break;
	}
	return server_failed(g);
}

static int
make_server(struct guardian *g)
{
	const struct workdir *w = &g->run->place;
	const struct guest_limits limits = { .memory = guest_memory(), .space = guest_space(w), .major = g->version,
	    .wal_segment = g->wal_segment, .discarded = w->own_diff };
	int rc;

	reach(g, RUN_FINDING_SERVER);
	if (pgserver_find(g->version, g->options->bindir, g->bindir) != 0)
		return RUN_FAILED;
	if (g->run->program == NULL && (rc = which_check(g->options->command, g->bindir, NULL)) != 0)
		return rc;
	reach(g, RUN_STARTING_SERVER);
	note_wait(g, "starting the server");
	if ((rc = bootuser_read(&g->role, w, &g->user)) == -EINTR) {
		wait_event(g, 0);	/* the signal is still pending */
		return interrupted(g);
	}
	if (rc != 0) {
		cli_error("could not read the names of roles in \"%s\": %s", w->mnt, strerror(-rc));
		return RUN_FAILED;
	}
	guest_place_memory(w, &g->user);
	guest_make(&g->guest, g->options, w, &limits, g->bindir);
	if (g->run->program != NULL)
		guest_insist(&g->guest, g->options, g->version);
	if ((rc = start_server(g)) != 0)
		return rc;
	if (bootuser_find(&g->role, &g->guest, w, g->bindir, &g->user) != 0)
		return RUN_FAILED;
	if (g->server.state == PGSERVER_OPEN)
		note(g, "PostgreSQL %u is ready", g->version);
	else		/* that is worth a line that stays */
		cli_note("PostgreSQL %u is ready, %s", g->version,
		    g->server.state == PGSERVER_PAUSED ? "at its recovery target" : "as a standby");
	return 0;
}

/* ---- the command ------------------------------------------------------------------ */

/* Variables of the caller's that would lead a client of libpq elsewhere. */
static const char *const misleading[] = {
	"PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE", "PGPASSWORD", "PGREQUIREAUTH", "PGCHANNELBINDING",
	"PGSSLMODE", "PGREQUIRESSL", "PGSSLNEGOTIATION", "PGGSSENCMODE", "PGREQUIREPEER",
	"PGTARGETSESSIONATTRS", "PGLOADBALANCEHOSTS", "PGCLUSTER",
};

static void
set_environment(const struct guardian *g)
{
	char *path autofree = which_path(g->bindir);
	char port[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(misleading); i++)
		unsetenv(misleading[i]);
	snprintf(port, sizeof(port), "%u", g->guest.port);
	setenv("PGHOST", g->run->place.sock, 1);
	setenv("PGPORT", port, 1);
	setenv("PGUSER", g->role.name, 1);
	setenv("PGDATA", g->run->place.mnt, 1);
	setenv("PGAPPNAME", "pbkfs", 1);
	if (g->options->command == NULL)
		setenv("PGDATABASE", "postgres", 0);
	/* pg_dump has to be as new as the server, and Debian has no pg_amcheck in the PATH. */
	if (path != NULL)
		setenv("PATH", path, 1);
}

/* The name of that which it is a clone of. */
static const char *
origin(const struct guardian *g)
{
	return g->options->from != NULL ? g->options->from : g->options->instance;
}

/* A prompt of psql that says where one is.  A .psqlrc that sets another one is read behind it. */
static void
make_prompt(const struct guardian *g, const char *name, char text[PROMPT_MAX])
{
	char instance[64];
	size_t n = (size_t)snprintf(text, PROMPT_MAX, "%s=clone of ", name), i;

	text_copy_visible(instance, sizeof(instance), origin(g));
	for (i = 0; instance[i] != '\0'; i++) {
		if (instance[i] == '%')
			text[n++] = '%';
		text[n++] = instance[i];
	}
	snprintf(text + n, PROMPT_MAX - n, ": %%/%%R%%x%%# ");
}

static void
tell_clone(const struct guardian *g)
{
	const struct workdir *w = &g->run->place;

	if (!w->own_diff)
		cli_note("this is a clone of \"%s\": what you change is kept in \"%s\"", origin(g), w->diff);
	else if (g->options->keep)
		cli_note("this is a clone of \"%s\", which goes on behind psql (--keep)", origin(g));
	else
		cli_note("this is a clone of \"%s\", to be thrown away: what you change is gone when psql ends",
		    origin(g));
}

static void
execute_command(const struct guardian *g)
{
	char first[PROMPT_MAX], more[PROMPT_MAX], name[] = WHICH_DEFAULT, option[] = "-v";
	char *const psql[] = { name, option, first, option, more, NULL };
	char *const *argv = g->options->command != NULL ? g->options->command : psql;
	sigset_t none;
	int i;

	make_prompt(g, "PROMPT1", first);
	make_prompt(g, "PROMPT2", more);

	setpgid(0, getpgid(g->front));	/* it has the terminal */
	for (i = 1; i < NSIG; i++)
		if (i != SIGHUP || !waiter_ignores_hangup())
			signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	set_environment(g);
	umask(g->run->umask);
	if (g->run->program != NULL) {
		const struct run_server s = { .version = g->version, .user = &g->user };

		_exit(g->run->program(&s, g->run->arg));
	}
	execvp(argv[0], argv);
	_exit(which_tell(argv[0], -errno));
}

/* A command that was told to end has some time, unless it was the user's own Ctrl-C. */
static void
end_slow_command(struct guardian *g, int64_t *until)
{
	int64_t now = clock_monotonic_ms();
	bool orphan = is_orphan(g);

	if (!orphan && g->interrupted != SIGTERM && g->interrupted != SIGHUP)
		return;
	if (*until == 0) {
		if (orphan)
			kill(g->command, SIGTERM);
		*until = now + (orphan ? ORPHAN_SECONDS : COMMAND_SECONDS) * 1000;
	}
	if (now >= *until)
		kill(g->command, SIGKILL);
}

static int
run_command(struct guardian *g)
{
	int64_t until = 0;
	bool server_lost = false;
	int status;

	cli_progress_end();
	fflush(NULL);
	wait_event(g, 0);	/* a key that was pressed before there was a command is for us */
	if (g->interrupted != 0)
		return interrupted(g);
	if (g->options->command == NULL && g->run->program == NULL)
		tell_clone(g);
	if ((g->command = tie_fork(SIGTERM)) == 0)
		execute_command(g);
	if (g->command < 0) {
		g->command = 0;
		cli_error("could not start the command: %s", strerror(errno));
		return RUN_FAILED;
	}
	subcommand_leave_output();
	while (g->command != 0) {
		wait_event(g, TICK_MS);
		if (g->server.log_fd >= 0)
			pgserver_read(&g->server);
		if (g->command != 0)
			end_slow_command(g, &until);
		if (g->server.pid == 0 && !server_lost) {
			server_lost = true;
			cli_warn("server of PostgreSQL %u has ended unexpectedly", g->version);
		}
	}
	status = WIFEXITED(g->command_status) ? WEXITSTATUS(g->command_status) :
	    128 + WTERMSIG(g->command_status);
	/* A command that ended by Ctrl-C was the first one: the next is for us, and is immediate. */
	if (g->typed != 0 && status == 128 + g->typed)
		g->interrupted = g->typed;
	return status;
}

/* ---- and back ------------------------------------------------------------------------ */

/* The children that we have, adopted ones too, but for the supervisor.  Kills them if number is not 0. */
static unsigned
count_children(const struct guardian *g, int number)
{
	char path[64], *text = NULL, *p, *end;
	size_t size = 0;
	unsigned n = 0;
	FILE *f;
	long pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	if (getline(&text, &size, f) > 0)
		for (p = text; (pid = strtol(p, &end, 10)) > 0 && end != p; p = end) {
			if (pid == g->supervisor || (number == SIGTERM && pid == g->server.pid))
				continue;
			n++;
			if (number != 0)
				kill((pid_t)pid, number);
		}
	free(text);
	fclose(f);
	return n;
}

/* Waits until *pid is 0, at most so many seconds, and for nothing once there is a hurry. */
static bool
wait_pid(struct guardian *g, const pid_t *pid, int seconds)
{
	int64_t until = clock_monotonic_ms() + (int64_t)seconds * 1000;

	while (*pid != 0 && !g->hurry && clock_monotonic_ms() < until) {
		wait_event(g, 100);
		if (g->server.log_fd >= 0)
			pgserver_read(&g->server);
	}
	return *pid == 0;
}

/* Processes of a killed parent end of themselves, if they look.  Those of the mount still unmount. */
static void
end_rest(struct guardian *g)
{
	int64_t until = clock_monotonic_ms() + (g->hurry ? 0 : REST_SECONDS * 1000);

	while (count_children(g, 0) > 0 && clock_monotonic_ms() < until)
		wait_event(g, 50);
	until = clock_monotonic_ms() + REST_SECONDS * 1000;
	while (count_children(g, SIGKILL) > 0 && clock_monotonic_ms() < until)
		wait_event(g, 50);
}

/* Changes that are thrown away need no checkpoint. */
static void
end_server(struct guardian *g)
{
	bool discard = g->run->place.own_diff;

	if (g->server.pid != 0) {
		if (!discard)
			note_wait(g, "stopping the server");
		kill(g->server.pid, discard ? SIGQUIT : SIGINT);
		if (!wait_pid(g, &g->server.pid, discard ? DISCARD_SECONDS : KEEP_SECONDS) && !discard) {
			kill(g->server.pid, SIGQUIT);
			g->hurry = false;
			wait_pid(g, &g->server.pid, DISCARD_SECONDS);
		}
		if (g->server.pid != 0)
			kill(g->server.pid, SIGKILL);
	}
	end_rest(g);
	g->server.pid = 0;
	pgserver_sweep(g->gone, g->n_gone, g->run->place.uid, g->since);
}

static int
force_unmount(const struct workdir *w)
{
	const struct options by_force = { .mnt = w->mnt, .diff = w->diff, .force = true };

	return subcommand_run(cmd_unmount, &by_force);
}

/* Ends our supervisor, in order or else by force.  Returns whether it has ended. */
static bool
end_supervisor(struct guardian *g)
{
	const struct workdir *w = &g->run->place;

	kill(g->supervisor, SIGTERM);
	if (wait_pid(g, &g->supervisor, w->own_diff ? DISCARD_SECONDS : KEEP_SECONDS))
		return true;
	if (!g->hurry)
		cli_warn("\"%s\" is still in use: it is detached", w->mnt);
	g->hurry = false;
	force_unmount(w);
	return wait_pid(g, &g->supervisor, DISCARD_SECONDS);
}

static int
end_mount(struct guardian *g)
{
	const struct workdir *w = &g->run->place;
	static struct mountinfo m;

	if (g->supervisor != 0 && !end_supervisor(g))
		return cli_error("the mount at \"%s\" does not end", w->mnt);
	/* Whom a killed supervisor leaves is our child, and has the diff directory, when that has been reaped. */
	end_rest(g);
	if (mountinfo_find(w->mnt, &m) == 0)
		force_unmount(w);
	return 0;
}

static int
remove_place(struct guardian *g)
{
	struct workdir *w = &g->run->place;
	const struct options all = { .diff = w->diff };
	const struct options branch = { .diff = g->run->whole, .branch = g->run->branch };

	if (g->run->branch[0] != '\0' && access(w->diff, F_OK) == 0)
		return subcommand_run(cmd_delete, &branch) != 0 ? EXIT_FAILURE : workdir_remove(w);
	if (g->run->branch[0] == '\0' && w->own_diff && access(w->diff, F_OK) == 0 && subcommand_run(cmd_cleanup, &all) != 0)
		return EXIT_FAILURE;
	return workdir_remove(w);
}

/* Takes all away.  Returns status, or RUN_FAILED if something had to stay. */
static int
take_away(struct guardian *g, int status)
{
	bool failed;

	count_children(g, SIGTERM);	/* what the command left in the background */
	end_server(g);
	workdir_follow(&g->run->place);
	cli_progress_end();
	failed = end_mount(g) != 0;
	failed = remove_place(g) != 0 || failed;
	return failed && status == 0 ? RUN_FAILED : status;
}

static void
tell_kept(const struct guardian *g)
{
	const struct workdir *w = &g->run->place;
	char sock[2 * PATH_MAX], short_dir[2 * PATH_MAX] = "", mnt[2 * PATH_MAX], diff[2 * PATH_MAX], role[2 * AUTHID_NAME_MAX];
	char dir[2 * PATH_MAX], end[128];

	text_quote_shell(w->sock, sock, sizeof(sock));
	text_quote_shell(w->mnt, mnt, sizeof(mnt));
	text_quote_shell(w->diff, diff, sizeof(diff));
	text_quote_shell(w->dir, dir, sizeof(dir));
	if (w->short_dir[0] != '\0')
		text_quote_shell(w->short_dir, short_dir, sizeof(short_dir));
	text_quote_shell(g->role.name, role, sizeof(role));
	cli_note("mount and server go on (--keep); the server's log is \"%s\"", w->log);
	cli_note("to connect: psql -h %s -p %u -U %s", sock, g->guest.port, role);
	snprintf(end, sizeof(end), "kill -INT %d 2>/dev/null; while kill -0 %d 2>/dev/null; do sleep 0.1; done", (int)g->server.pid,
	    (int)g->server.pid);
	if (w->own_diff)	/* by force, for another mount namespace may hold the mount, and nobody wants what is in there */
		cli_note("to end and remove it: %s; pbkfs cleanup --force -d %s && rm -r %s %s", end, diff, dir, short_dir);
	else
		cli_note("to end it, and keep what was changed in %s: %s; pbkfs unmount -D %s && rm -r %s %s", diff, end, mnt, dir, short_dir);
}

/* ---- begin and end -------------------------------------------------------------------- */

static int
go(struct guardian *g)
{
	int rc;

	if ((rc = guest_listen(&g->guest, g->options->listen)) != 0)
		return RUN_FAILED;
	reach(g, RUN_MOUNTING);
	if ((rc = make_mount(g)) != 0 || (rc = make_server(g)) != 0)
		return rc;
	if (g->options->listen != NULL)
		cli_note("listening at %s, port %u: roles connect with their passwords", g->guest.listen,
		    g->guest.port);
	reach(g, RUN_COMMAND);
	return run_command(g);
}

static int
open_signals(void)
{
	sigset_t set;

	waiter_stop_signals(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGTTOU, SIG_IGN);	/* our group is not the terminal's */
	signal(SIGTTIN, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void
guardian_init(struct guardian *g, struct run *r)
{
	g->run = r;
	g->options = r->options;
	g->front = getppid();
	g->began = clock_monotonic_ms();
	g->since = time(NULL);
	g->is_live = !r->options->quiet && cli_shows_progress();
	pgserver_init(&g->server);
	become_init(&g->user, r->place.uid, r->place.gid, true);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

int
guardian_main(struct run *r)
{
	static struct guardian g;
	int status;

	guardian_init(&g, r);
	if ((g.signal_fd = open_signals()) < 0) {
		cli_error("could not wait for signals: %s", strerror(errno));
		workdir_remove(&r->place);
		return RUN_FAILED;
	}
	setpgid(0, 0);
	setproctitle("run: %s", r->place.dir);
	status = go(&g);
	cli_progress_end();
	if (r->options->keep && g.role.name[0] != '\0' && !is_orphan(&g)) {
		int rc = workdir_keep(&r->place);

		if (rc != 0)
			cli_warn("the next run removes \"%s\" once nothing is mounted there: could not mark it:"
			    " %s", r->place.dir, strerror(-rc));
		tell_kept(&g);
		return status;
	}
	return take_away(&g, status);
}

void
guardian_succeed(struct run *r)
{
	static struct guardian g;

	guardian_init(&g, r);
	if ((g.signal_fd = open_signals()) < 0)
		return;
	/* Whose child is who is not known any more: the mount goes by its name, with its supervisor. */
	count_children(&g, SIGTERM);
	end_server(&g);
	workdir_follow(&r->place);
	end_mount(&g);
	remove_place(&g);
}
