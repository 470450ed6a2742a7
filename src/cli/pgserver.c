/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds, starts and watches a server.  It decides nothing about settings (guest.c), nor
 * when the server has to end (guardian.c).
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/pgserver.h"
#include "cli/stall.h"
#include "cli/which.h"
#include "supervisor/tie.h"

/* ---- running its programs ------------------------------------------------- */

static _Noreturn void
become_program(const struct pgserver_program *p)
{
	static const char *const bare[] = {
		"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/", "LC_ALL=C", NULL
	};
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	/* Its signals are those that we send; Ctrl-C is not for it. */
	setsid();
	umask(077);
	if (null < 0 || chdir("/") != 0 || dup2(p->in < 0 ? null : p->in, STDIN_FILENO) < 0 ||
	    dup2(p->out < 0 ? null : p->out, STDOUT_FILENO) < 0 ||
	    dup2(p->err < 0 ? null : p->err, STDERR_FILENO) < 0 || become_now(p->user) != 0)
		_exit(126);
	tie_again();
	closefrom(STDERR_FILENO + 1);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	signal(SIGTTIN, SIG_DFL);
	signal(SIGTTOU, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvpe(p->argv[0], (char *const *)(uintptr_t)p->argv,
	    p->keeps_environment ? environ : (char *const *)(uintptr_t)bare);
	_exit(errno == ENOENT ? 127 : 126);
}

pid_t
pgserver_spawn(const struct pgserver_program *p)
{
	pid_t pid;

	fflush(NULL);
	if ((pid = tie_fork(p->death_signal)) == 0)
		become_program(p);
	return pid > 0 ? pid : -errno;
}

/* Appends to o what fd has.  Returns false at its end. */
static bool
take_output(int fd, struct pgserver_output *o)
{
	char buf[16384];
	ssize_t n = read(fd, buf, sizeof(buf));
	size_t room;

	if (n <= 0)
		return n < 0 && errno == EINTR;
	if (o->see != NULL)
		o->see(o->arg, buf, (size_t)n);
	room = MIN((size_t)n, o->size - 1 - o->len);
	memcpy(o->text + o->len, buf, room);
	o->len += room;
	o->text[o->len] = '\0';
	return true;
}

/* Returns 0 when both have ended, -ETIMEDOUT, or -ETIME. */
static int
take_outputs(const int fd[2], struct pgserver_output output[2], int64_t until, struct stall *stall)
{
	struct pollfd p[] = { { .fd = fd[0], .events = POLLIN }, { .fd = fd[1], .events = POLLIN } };
	int64_t left;
	size_t i;
	int rc;

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		left = until == INT64_MAX ? INT_MAX : MIN(until - clock_monotonic_ms(), (int64_t)INT_MAX);
		if (left <= 0)
			return -ETIMEDOUT;
		rc = poll(p, ARRAY_SIZE(p), (int)(stall != NULL ? MIN(left, (int64_t)STALL_LOOK_MS) : left));
		if (rc < 0 && errno != EINTR)
			return -errno;
		if (rc > 0 && stall != NULL)
			stall_reset(stall);
		if (rc == 0 && stall != NULL && stall_look(stall))
			return -ETIME;
		for (i = 0; rc > 0 && i < ARRAY_SIZE(p); i++)
			if (p[i].revents != 0 && !take_output(fd[i], &output[i]))
				p[i].fd = -1;
	}
	return 0;
}

int
pgserver_collect(pid_t pid, const int fd[2], struct pgserver_output output[2], int64_t until,
    struct stall *stall)
{
	int rc = take_outputs(fd, output, until, stall), status;

	if (rc != 0)
		kill(pid, SIGKILL);
	close(fd[0]);
	close(fd[1]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (rc != 0)
		return rc;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
pgserver_pipes(int read_fd[2], int write_fd[2])
{
	int fds[2], i, rc;

	for (i = 0; i < 2; i++) {
		if (pipe2(fds, O_CLOEXEC) != 0) {
			rc = -errno;
			if (i > 0) {
				close(read_fd[0]);
				close(write_fd[0]);
			}
			return rc;
		}
		read_fd[i] = fds[0];
		write_fd[i] = fds[1];
	}
	return 0;
}

int
pgserver_ask(const char *const argv[], const struct become *user, char *out, size_t out_size,
    char *err, size_t err_size)
{
	struct pgserver_output output[] = {
		{ .text = out, .size = out_size }, { .text = err, .size = err_size },
	};
	struct pgserver_program p = { .argv = argv, .user = user, .in = -1, .death_signal = SIGKILL };
	int from[2], to[2], rc;
	pid_t pid;

	out[0] = err[0] = '\0';
	if ((rc = pgserver_pipes(from, to)) != 0)
		return rc;
	p.out = to[0];
	p.err = to[1];
	pid = pgserver_spawn(&p);
	close(to[0]);
	close(to[1]);
	if (pid > 0)
		return pgserver_collect(pid, from, output, clock_monotonic_ms() + PGSERVER_ASK_SECONDS * 1000,
		    NULL);
	close(from[0]);
	close(from[1]);
	return pid;
}

/* ---- where they are ------------------------------------------------------- */

/* The major version of the server in dir; 0 if there is none. */
static unsigned
version_in(const char *dir)
{
	char path[PATH_MAX], out[256], err[256], *number;
	const char *const argv[] = { path, "--version", NULL };
	struct become self = { .uid = geteuid(), .gid = getegid() };

	if (snprintf(path, sizeof(path), "%s/postgres", dir) >= (int)sizeof(path) ||
	    access(path, X_OK) != 0 || pgserver_ask(argv, &self, out, sizeof(out), err, sizeof(err)) != 0)
		return 0;
	/* "postgres (PostgreSQL) 15.14", also with words behind it */
	if ((number = strchr(out, ')')) == NULL)
		return 0;
	return (unsigned)strtoul(number + 1, NULL, 10);
}

/* Asks pg_config, which a development package brings. */
static bool
ask_config(char bindir[PATH_MAX])
{
	static const char *const argv[] = { "/usr/bin/pg_config", "--bindir", NULL };
	struct become self = { .uid = geteuid(), .gid = getegid() };
	char err[256];

	if (access(argv[0], X_OK) != 0 ||
	    pgserver_ask(argv, &self, bindir, PATH_MAX, err, sizeof(err)) != 0)
		return false;
	bindir[strcspn(bindir, "\n")] = '\0';
	return bindir[0] == '/';
}

static bool
find_in_path(unsigned major, char bindir[PATH_MAX])
{
	const char *path = getenv("PATH");
	size_t n;

	for (; path != NULL && *path != '\0'; path += n + (path[n] == ':')) {
		n = strcspn(path, ":");
		if (n == 0 || n >= PATH_MAX || path[0] != '/')
			continue;
		memcpy(bindir, path, n);
		bindir[n] = '\0';
		if (version_in(bindir) == major)
			return true;
	}
	return false;
}

static bool
file_has(const char *path, const char *word)
{
	char text[4096];
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return strstr(text, word) != NULL;
}

/* Where packages put servers. */
static const struct { const char *before, *behind; } places[] = {
	{ "/usr/lib/postgresql/", "/bin" },	/* Debian, and Ubuntu */
	{ "/usr/pgsql-", "/bin" },		/* PGDG on Fedora and RHEL */
	{ "/usr/lib/postgresql", "/bin" },	/* SUSE */
	{ "/usr/lib64/pgsql/postgresql-", "/bin" },	/* Fedora, for pg_upgrade */
};

#define MAJOR_FIRST	10	/* versions whose places are looked at, for a program of any of them */
#define MAJOR_LAST	99

/* The distributions whose packages we know, by a word of os-release. */
static const struct {
	const char *word, *before, *behind;	/* the package: the major version in between */
	const char *site;
	unsigned place;
} distributions[] = {
	{ "debian", "postgresql-", "", "apt.postgresql.org", 0 },
	{ "ubuntu", "postgresql-", "", "apt.postgresql.org", 0 },
	{ "fedora", "postgresql", "-server", "yum.postgresql.org", 1 },
	{ "rhel", "postgresql", "-server", "yum.postgresql.org", 1 },
	{ "suse", "postgresql", "-server", "zypp.postgresql.org", 2 },
};

static void
put_place(size_t place, unsigned major, char bindir[PATH_MAX])
{
	snprintf(bindir, PATH_MAX, "%s%u%s", places[place].before, major, places[place].behind);
}

bool
pgserver_package(unsigned major, struct pgserver_package *p)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(distributions); i++) {
		if (!file_has("/etc/os-release", distributions[i].word))
			continue;
		snprintf(p->name, sizeof(p->name), "%s%u%s", distributions[i].before, major, distributions[i].behind);
		p->site = distributions[i].site;
		put_place(distributions[i].place, major, p->bindir);
		return true;
	}
	return false;
}

bool
pgserver_look(unsigned major, char bindir[PATH_MAX])
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++) {
		put_place(i, major, bindir);
		if (version_in(bindir) == major)
			return true;
	}
	return (ask_config(bindir) && version_in(bindir) == major) || find_in_path(major, bindir);
}

static bool
has_program(const char *bindir, const char *name)
{
	char file[PATH_MAX];

	return snprintf(file, sizeof(file), "%s/%s", bindir, name) < (int)sizeof(file) && which_look_at(file) == 0;
}

bool
pgserver_may_have(const char *name)
{
	char bindir[PATH_MAX];
	unsigned major;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(places); i++)
		for (major = MAJOR_FIRST; major <= MAJOR_LAST; major++) {
			put_place(i, major, bindir);
			if (has_program(bindir, name))
				return true;
		}
	return ask_config(bindir) && has_program(bindir, name);
}

static int
not_installed(unsigned major, char why[PGSERVER_LINE_MAX])
{
	struct pgserver_package p;

	if (pgserver_package(major, &p))
		snprintf(why, PGSERVER_LINE_MAX, "server of PostgreSQL %u is not installed: the package is %s, of the"
		    " distribution or of %s; or name its programs (--bindir)", major, p.name, p.site);
	else
		snprintf(why, PGSERVER_LINE_MAX, "server of PostgreSQL %u is not installed: install it, or name its"
		    " programs (--bindir)", major);
	return -ENOENT;
}

int
pgserver_choose(unsigned major, const char *given, char bindir[PATH_MAX], char why[PGSERVER_LINE_MAX])
{
	unsigned found;

	if (given == NULL)
		return pgserver_look(major, bindir) ? 0 : not_installed(major, why);
	if (strlcpy(bindir, given, PATH_MAX) < PATH_MAX && (found = version_in(given)) != 0) {
		if (found == major)
			return 0;
		snprintf(why, PGSERVER_LINE_MAX, "the backup needs PostgreSQL %u, and \"%.800s\" has PostgreSQL %u"
		    " (--bindir)", major, given, found);
		return -EINVAL;
	}
	snprintf(why, PGSERVER_LINE_MAX, "\"%.800s\" has no program \"postgres\" that can be run (--bindir)", given);
	return -ENOENT;
}

int
pgserver_find(unsigned major, const char *given, char bindir[PATH_MAX])
{
	char why[PGSERVER_LINE_MAX];

	return pgserver_choose(major, given, bindir, why) == 0 ? 0 : cli_error("%s", why);
}

/* ---- its life ------------------------------------------------------------- */

void
pgserver_init(struct pgserver *s)
{
	*s = (struct pgserver){ .log_fd = -1 };
}

/* Opens both ends of its log. */
static int
open_log(const char *log, int fds[2])
{
	if (log == NULL)
		return pipe2(fds, O_CLOEXEC) == 0 ? 0 : -errno;
	if ((fds[1] = open(log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0)
		return -errno;
	if ((fds[0] = open(log, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) >= 0)
		return 0;
	close(fds[1]);
	return -errno;
}

int
pgserver_start(struct pgserver *s, const char *const argv[], const struct become *user, const char *log)
{
	struct pgserver_program p = {
		.argv = argv, .user = user, .in = -1, .death_signal = log != NULL ? 0 : SIGQUIT,
	};
	int fds[2], rc;
	pid_t pid;

	pgserver_init(s);
	s->log_is_file = log != NULL;
	if ((rc = open_log(log, fds)) != 0)
		return rc;
	p.out = p.err = fds[1];
	pid = pgserver_spawn(&p);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return pid;
	}
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	s->log_fd = fds[0];
	s->pid = pid;
	return 0;
}

/* ---- its log, whose language is English: guest.c sets lc_messages ---------- */

/* Copies what stands between two marks of a line. */
static bool
cut_out(const char *line, const char *before, const char *after, char *out, size_t size)
{
	const char *start = strstr(line, before);
	size_t n;

	if (start == NULL)
		return false;
	start += strlen(before);
	n = after[0] != '\0' ? strcspn(start, after) : strlen(start);
	snprintf(out, size, "%.*s", (int)MIN(n, size - 1), start);
	return true;
}

static bool
take_state(struct pgserver *s, const char *line)
{
	if (strstr(line, "database system is ready to accept connections") != NULL)
		s->state = PGSERVER_OPEN;
	else if (strstr(line, "pausing at the end of recovery") != NULL)
		s->state = PGSERVER_PAUSED;
	else if (s->state == PGSERVER_STARTING && (strstr(line, "to accept read-only connections") != NULL ||
	    strstr(line, "to accept read only connections") != NULL))
		s->state = PGSERVER_READ_ONLY;
	else
		return false;
	return true;
}

static bool
take_position(struct pgserver *s, const char *line)
{
	if (cut_out(line, "redo starts at ", " ", s->position, sizeof(s->position))) {
		s->recovers = true;
		return true;
	}
	return cut_out(line, "current LSN: ", " ", s->position, sizeof(s->position)) ||
	    cut_out(line, "restored log file \"", "\"", s->position, sizeof(s->position)) ||
	    cut_out(line, "redo done at ", " ", s->position, sizeof(s->position)) ||
	    cut_out(line, "last completed transaction was at log time ", "", s->time, sizeof(s->time));
}

static bool
take_line(struct pgserver *s, const char *line)
{
	/* The last ones are in lines of LOG, which say why a line of FATAL comes behind them. */
	static const char *const marks[] = {
		"FATAL:  ", "PANIC:  ", "ERROR:  ", "HINT:  ", "DETAIL:  ", "invalid value for parameter",
		"unrecognized configuration parameter", "could not ",
	};
	size_t i;

	if (take_state(s, line) || take_position(s, line))
		return true;
	if (strstr(line, "FATAL:  the database system is ") != NULL)
		return false;	/* said to a client that came early, and nothing of what is wrong */
	for (i = 0; i < ARRAY_SIZE(marks); i++)
		if (strstr(line, marks[i]) != NULL) {
			strlcpy(s->error[s->n_errors++ % PGSERVER_LINES_KEPT], line, PGSERVER_LINE_MAX);
			break;
		}
	return false;
}

static bool
take_text(struct pgserver *s, const char *text, size_t n)
{
	bool changed = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (text[i] != '\n') {
			if (s->have < sizeof(s->line) - 1)
				s->line[s->have++] = text[i];	/* the rest of a long line is not needed */
			continue;
		}
		s->line[s->have] = '\0';
		s->have = 0;
		changed = take_line(s, s->line) || changed;
	}
	return changed;
}

bool
pgserver_read(struct pgserver *s)
{
	bool changed = false;
	char buf[16384];
	ssize_t n;

	while ((n = read(s->log_fd, buf, sizeof(buf))) > 0)
		changed = take_text(s, buf, (size_t)n) || changed;
	if (n == 0 && !s->log_is_file) {
		close(s->log_fd);
		s->log_fd = -1;
	}
	return changed;
}

/* ---- what a killed one leaves --------------------------------------------- */

/* A line of the kernel's list is: key, id, mode, size, pids of who made it and who used it last, users, ids, times. */
static void
sweep_segment(const char *line, const pid_t *postmaster, size_t n, uid_t uid, time_t since)
{
	unsigned cuid, attached;
	long long ctime;
	int id, cpid;
	size_t i;

	if (sscanf(line, "%*d %d %*o %*u %d %*d %u %*u %*u %u %*u %*u %*u %lld", &id, &cpid, &attached, &cuid,
	    &ctime) != 5 || attached != 0 || cuid != uid || ctime < since)
		return;
	for (i = 0; i < n; i++)
		if (postmaster[i] == cpid)
			shmctl(id, IPC_RMID, NULL);
}

void
pgserver_sweep(const pid_t *postmaster, size_t n, uid_t uid, time_t since)
{
	FILE *f = fopen("/proc/sysvipc/shm", "re");
	char *line = NULL;
	size_t size = 0;

	if (f == NULL)
		return;
	while (getline(&line, &size, f) > 0)
		sweep_segment(line, postmaster, n, uid, since);
	free(line);
	fclose(f);
}
