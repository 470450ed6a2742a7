/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The steps that ask a server.  This process is the caller's, root perhaps; the programs of
 * PostgreSQL that it runs are the server's user's, for the server may be hostile to them.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/guest.h"
#include "cli/pgserver.h"
#include "cli/prove.h"
#include "cli/stall.h"

#define OUTPUT_MAX	(1024 * KiB)	/* names of databases */
#define LIBRARY_MAX	256
#define ERRORS_MAX	4096

struct asking {
	const struct prove_task *task;
	const struct run_server *server;
	int64_t	until;		/* of this step, clock_monotonic_ms(); INT64_MAX = for ever */
	char	*out;		/* OUTPUT_MAX, ended */
	size_t	n_out;
	char	err[ERRORS_MAX];
	bool	line_began;	/* false_lines() */
	bool	may_be_false, is_false;
	unsigned n_lacking;	/* libraries, in each database that has functions of them */
	char	lacking[LIBRARY_MAX];	/* the first */
	unsigned n_invalid;	/* databases that nobody can connect to, but drop */
	char	invalid[256];	/* the first */
	char	*databases;	/* names, each ended with NUL, and an empty one */
};

/* ---- programs ------------------------------------------------------------- */

/* Takes away what is the caller's and would change what the programs do or say. */
static void
clean_environment(const struct asking *a)
{
	static const char *const misleading[] = { "PGCLIENTENCODING", "PSQLRC", "PGPASSFILE" };
	char insistence[GUEST_INSISTENCE_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(misleading); i++)
		unsetenv(misleading[i]);
	guest_insistence(a->task->options, a->server->version, insistence);
	setenv("PGOPTIONS", insistence, 1);
	setenv("HOME", "/", 1);
}

/* Notes whether a line is psql's word for false, however the text is cut. */
static void
false_lines(void *arg, const char *text, size_t n)
{
	struct asking *a = arg;
	size_t i;

	for (i = 0; i < n; i++) {
		if (text[i] == '\n') {
			a->is_false = a->is_false || a->may_be_false;
			a->line_began = a->may_be_false = false;
		} else {
			a->may_be_false = !a->line_began && text[i] == 'f';
			a->line_began = true;
		}
	}
}

/*
 * Runs it with that database, standard input from `in` (-1: nothing), and its output taken, or left to
 * nowhere.  Returns as pgserver_collect().
 */
static int
ask(struct asking *a, const char *const argv[], const char *database, int in, bool take_output)
{
	struct pgserver_output output[] = {
		{ .text = a->out, .size = OUTPUT_MAX, .see = false_lines, .arg = a },
		{ .text = a->err, .size = sizeof(a->err) },
	};
	struct pgserver_program p = {
		.argv = argv, .user = a->server->user, .in = in, .death_signal = SIGKILL, .keeps_environment = true,
	};
	struct stall stall;
	int from[2], to[2], rc;
	pid_t pid;

	a->out[0] = a->err[0] = '\0';
	a->n_out = 0;
	a->line_began = a->may_be_false = a->is_false = false;
	/* As a variable it is a name, whatever it looks like. */
	if (setenv("PGDATABASE", database, 1) != 0)
		return -errno;
	if ((rc = pgserver_pipes(from, to)) != 0)
		return rc;
	p.out = take_output ? to[0] : -1;
	p.err = to[1];
	pid = pgserver_spawn(&p);
	close(to[0]);
	close(to[1]);
	if (pid < 0) {
		close(from[0]);
		close(from[1]);
		return pid;
	}
	/* The server is a child of our parent's, the guardian's. */
	stall_begin(&stall, getppid(), a->task->options->stall_timeout);
	rc = pgserver_collect(pid, from, output, a->until, &stall);
	a->n_out = output[0].len;
	return rc;
}

static int
ask_sql(struct asking *a, const char *database, const char *sql)
{
	/* No schema of production's comes before pg_catalog, with operators of its own. */
	const char *const argv[] = {
		"psql", "-XAtqw0", "-v", "ON_ERROR_STOP=1", "-c", "SET search_path = pg_catalog, pg_temp", "-c", sql, NULL
	};

	return ask(a, argv, database, -1, true);
}

/* ---- results -------------------------------------------------------------- */

static void	end(struct prove_step *s, enum prove_result r, const char *fmt, ...)
		    __attribute__((format(printf, 3, 4)));

/* The first word on a step counts. */
static void
end(struct prove_step *s, enum prove_result r, const char *fmt, ...)
{
	va_list ap;

	if (s->result != PROVE_RUNNING)
		return;
	va_start(ap, fmt);
	vsnprintf(s->remark, sizeof(s->remark), fmt, ap);
	va_end(ap);
	text_make_printable(s->remark);
	s->result = r;
}

/* Puts a few lines into one. */
static void
join_lines(const char *text, char out[PROVE_REMARK_MAX])
{
	size_t n = 0;

	for (; *text != '\0' && n < PROVE_REMARK_MAX - 1; text++) {
		bool blank = *text == '\n' || *text == ' ' || *text == '\t';

		if (blank && (n == 0 || out[n - 1] == ' '))
			continue;
		out[n++] = blank ? ' ' : *text;
	}
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
}

/*
 * Whether nothing is wrong but that this machine lacks a library, whose name is copied.  The server's
 * messages are in English: guest.c.
 */
static bool
lacks_library(const char *text, char library[LIBRARY_MAX])
{
	static const char mark[] = "could not access file \"";
	const char *line, *at;
	char one[1024];
	size_t n;

	library[0] = '\0';
	for (line = text; *line != '\0'; line += n + (line[n] == '\n')) {
		n = strcspn(line, "\n");
		snprintf(one, sizeof(one), "%.*s", (int)MIN(n, sizeof(one) - 1), line);
		if ((at = strstr(one, mark)) != NULL) {
			if (library[0] == '\0')
				snprintf(library, LIBRARY_MAX, "%.*s", (int)MIN(strcspn(at + strlen(mark), "\""),
				    (size_t)LIBRARY_MAX - 1), at + strlen(mark));
			continue;
		}
		/* pg_amcheck indents what it found. */
		if (strstr(one, "ERROR:") != NULL || strstr(one, "FATAL:") != NULL ||
		    (one[0] == ' ' && strstr(one, "CONTEXT:") == NULL && strstr(one, "HINT:") == NULL))
			return false;
	}
	return library[0] != '\0';
}

/* Ends a step whose program ended with rc, in its own words. */
static void
end_failed(struct asking *a, struct prove_step *s, const char *program, const char *of, int rc)
{
	const struct options *options = a->task->options;
	const char *said = a->n_out > 0 && s == &a->task->proof->step[PROVE_AMCHECK] ? a->out : a->err;
	char text[PROVE_REMARK_MAX], library[LIBRARY_MAX];

	join_lines(said, text);
	if (rc == -ETIMEDOUT)
		end(s, PROVE_FAILED, "%s: not done after %llu seconds (--timeout)", of,
		    (unsigned long long)options->timeout);
	else if (rc == -ETIME)
		end(s, PROVE_FAILED, "%s: did not get on for %llu seconds (--stall-timeout)", of,
		    (unsigned long long)stall_seconds(options->stall_timeout));
	else if (rc == 127)
		end(s, PROVE_UNKNOWN, "program \"%s\" is not installed", program);
	else if (rc < 0)
		end(s, PROVE_UNKNOWN, "%s: %s", program, strerror(-rc));
	else if (lacks_library(said, library))
		end(s, PROVE_UNKNOWN, "%s: library \"%s\" is not installed here, nor can this be judged without:"
		    " install its package", of, library);
	else if (text[0] != '\0')
		end(s, PROVE_FAILED, "%s: %s", of, text);
	else
		end(s, PROVE_FAILED, "%s: %s ended with status %d", of, program, rc);
}

/* ---- the steps ------------------------------------------------------------ */

/*
 * Asks for libraries of functions that are not where the server looks for them.  A backup is none the
 * worse for it, but whoever calls such a function here would think so.
 */
static void
find_libraries(struct asking *a, const char *database)
{
	static const char sql[] =
	    "WITH c AS (SELECT setting AS libdir FROM pg_catalog.pg_config WHERE name = 'PKGLIBDIR'),"
	    " l AS (SELECT DISTINCT probin FROM pg_catalog.pg_proc WHERE probin IS NOT NULL),"
	    " d AS (SELECT DISTINCT probin, pg_catalog.replace(CASE WHEN probin ~ '/' THEN probin ELSE dir || '/' || probin END,"
	    " '$libdir', libdir) AS path FROM l, c,"
	    " pg_catalog.unnest(pg_catalog.string_to_array(pg_catalog.current_setting('dynamic_library_path'), ':')) dir)"
	    " SELECT probin FROM d GROUP BY probin HAVING pg_catalog.bool_and((pg_catalog.pg_stat_file(path, true)).size IS NULL"
	    " AND (pg_catalog.pg_stat_file(path || '.so', true)).size IS NULL) ORDER BY probin";
	const char *name;

	if (ask_sql(a, database, sql) != 0)
		return;
	for (name = a->out; *name != '\0' && a->n_out < OUTPUT_MAX - 2; name += strlen(name) + 1) {
		cli_warn("database \"%s\": library \"%s\" is not installed here: calls of its functions fail", database, name);
		if (a->n_lacking++ == 0)
			strlcpy(a->lacking, name, sizeof(a->lacking));
	}
}

/*
 * A DROP DATABASE that was interrupted leaves one that is marked so; production has it, and a backup is none the worse
 * for it.  No program of an older minor version asks for the mark, so that the clone's says that nobody may connect.
 */
static void
leave_out_invalid(struct asking *a)
{
	const char *name;

	if (ask_sql(a, "template1", "UPDATE pg_catalog.pg_database SET datallowconn = false"
	    " WHERE datconnlimit = -2 RETURNING datname") != 0)
		return;
	for (name = a->out; *name != '\0' && a->n_out < OUTPUT_MAX - 2; name += strlen(name) + 1) {
		cli_warn("database \"%s\" is what an interrupted DROP DATABASE has left: nobody can connect to it, drop it in"
		    " production", name);
		if (a->n_invalid++ == 0)
			strlcpy(a->invalid, name, sizeof(a->invalid));
	}
}

static void
connect_all(struct asking *a, struct prove_step *s)
{
	const char *d;
	unsigned n = 0;
	int rc;

	leave_out_invalid(a);
	rc = ask_sql(a, "template1", "SELECT datname FROM pg_catalog.pg_database WHERE datallowconn ORDER BY datname");
	if (rc != 0) {
		end_failed(a, s, "psql", "template1", rc);
		return;
	}
	if (a->n_out >= OUTPUT_MAX - 2 || (a->databases = calloc(1, a->n_out + 2)) == NULL) {
		end(s, PROVE_UNKNOWN, "the names of the databases need too much memory");
		return;
	}
	memcpy(a->databases, a->out, a->n_out);
	for (d = a->databases; *d != '\0'; d += strlen(d) + 1, n++)
		if ((rc = ask_sql(a, d, "SELECT 1")) != 0)
			end_failed(a, s, "psql", d, rc);
		else
			find_libraries(a, d);
	if (a->n_invalid > 0)
		end(s, PROVE_OK, "%u databases; %u that DROP DATABASE did not end with, the first is \"%s\"", n, a->n_invalid,
		    a->invalid);
	if (a->n_lacking > 0)
		end(s, PROVE_OK, "%u databases; libraries of functions that are not installed here: %u, the first is \"%s\"", n,
		    a->n_lacking, a->lacking);
	end(s, PROVE_OK, "%u databases", n);
}

/*
 * Makes the extension in the clone, or updates it: a cluster that came by pg_upgrade has it as it was, without what
 * pg_amcheck calls.  No event trigger of production's is asked, ENABLE ALWAYS or not, and each is as it was afterwards,
 * for what dumps and queries see.
 */
static void
make_amcheck(struct asking *a, struct prove_step *s)
{
	static const char sql[] = "SET session_replication_role = replica; SET client_min_messages = error;"
	    " SELECT set_config('pbkfs.' || e, (SELECT string_agg(oid::text, ',') FROM pg_event_trigger"
	    " WHERE evtenabled::text = e), true) FROM unnest(ARRAY['A', 'R']) e;"
	    " UPDATE pg_event_trigger SET evtenabled = 'D' WHERE evtenabled IN ('A', 'R');"
	    " CREATE EXTENSION IF NOT EXISTS amcheck SCHEMA pg_catalog;"
	    " ALTER EXTENSION amcheck UPDATE;"
	    " UPDATE pg_event_trigger SET evtenabled = e::\"char\" FROM unnest(ARRAY['A', 'R']) e"
	    " WHERE pg_event_trigger.oid::text = ANY (string_to_array(current_setting('pbkfs.' || e), ','))";
	const char *d;
	int rc;

	for (d = a->databases; d != NULL && *d != '\0'; d += strlen(d) + 1)
		if ((rc = ask_sql(a, d, sql)) != 0)
			end_failed(a, s, "psql", d, rc);
}

static void
check_relations(struct asking *a, struct prove_step *s)
{
	char jobs[24];
	const char *const argv[] = {
		"pg_amcheck", "--all", "--heapallindexed", "--no-password", "--jobs", jobs, NULL
	};
	int rc;

	if (a->server->version < PROVE_AMCHECK_VERSION) {
		end(s, PROVE_SKIPPED, "needs PostgreSQL %d", PROVE_AMCHECK_VERSION);
		return;
	}
	rc = ask_sql(a, "template1", "SELECT count(*) FROM pg_catalog.pg_available_extensions WHERE name = 'amcheck'");
	if (rc == 0 && a->out[0] == '0') {
		end(s, PROVE_UNKNOWN, "extension amcheck of PostgreSQL %u is not installed: it is in the package of the"
		    " server, or in postgresql%u-contrib", a->server->version, a->server->version);
		return;
	}
	make_amcheck(a, s);
	snprintf(jobs, sizeof(jobs), "%llu", (unsigned long long)MAX(a->task->options->jobs, (uint64_t)1));
	if ((rc = ask(a, argv, "postgres", -1, true)) != 0)
		end_failed(a, s, argv[0], "amcheck", rc);
	end(s, PROVE_OK, "%s", "");
}

static void
dump_all(struct asking *a, struct prove_step *s, bool with_data)
{
	const char *const argv[] = { "pg_dump", "--no-password", with_data ? NULL : "--schema-only", NULL };
	const char *d;
	int rc;

	if (a->databases == NULL)
		end(s, PROVE_NOT_RUN, "the names of the databases are not known");
	for (d = a->databases; d != NULL && *d != '\0'; d += strlen(d) + 1)
		if ((rc = ask(a, argv, d, -1, false)) != 0)
			end_failed(a, s, argv[0], d, rc);
	end(s, PROVE_OK, "%s", "");
}

static void
query_one(struct asking *a, struct prove_step *s, const struct prove_query *q)
{
	static const char *const argv[] = { "psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-f", "-", NULL };
	int in autoclose = memfd_create("pbkfs-sql", MFD_CLOEXEC), rc;

	if (in < 0 || (rc = io_write(in, q->text, q->len)) != 0 || lseek(in, 0, SEEK_SET) != 0) {
		end(s, PROVE_UNKNOWN, "%s: could not be handed to psql", q->file);
		return;
	}
	if ((rc = ask(a, argv, "postgres", in, true)) != 0)
		end_failed(a, s, argv[0], q->file, rc);
	else if (a->is_false || a->may_be_false)
		end(s, PROVE_FAILED, "%s: a query gave false", q->file);
}

static void
query_all(struct asking *a, struct prove_step *s)
{
	unsigned i;

	for (i = 0; i < a->task->options->sql.n; i++)
		query_one(a, s, &a->task->query[i]);
	end(s, PROVE_OK, "%s", "");
}

static void
take_step(struct asking *a, enum prove_step_name name)
{
	struct prove_step *s = &a->task->proof->step[name];
	uint64_t timeout = a->task->options->timeout;
	int64_t began = clock_monotonic_ms();

	if (s->result != PROVE_NOT_RUN)
		return;
	s->result = PROVE_RUNNING;
	a->until = timeout != 0 ? began + (int64_t)timeout * 1000 : INT64_MAX;
	switch (name) {
	case PROVE_CONNECT:
		connect_all(a, s);
		break;
	case PROVE_AMCHECK:
		check_relations(a, s);
		break;
	case PROVE_SQL:
		query_all(a, s);
		break;
	default:
		dump_all(a, s, name == PROVE_DUMP);
		break;
	}
	s->ms = clock_monotonic_ms() - began;
	cli_note("%s: %s (%lld.%lld s)", prove_step_names[name], prove_result_word(s->result),
	    (long long)(s->ms / 1000), (long long)(s->ms % 1000 / 100));
}

int
prove_steps(const struct run_server *server, void *arg)
{
	const struct prove_task *task = arg;
	struct asking a = { .task = task, .server = server, .out = malloc(OUTPUT_MAX) };
	struct prove_step *s = &task->proof->step[PROVE_SERVER];
	unsigned name;

	clean_environment(&a);
	task->proof->server_version = server->version;
	s->ms = clock_monotonic_ms() - task->proof->began;
	s->result = PROVE_OK;
	snprintf(s->remark, sizeof(s->remark), "version %u", server->version);
	if (a.out == NULL)
		return cli_error("out of memory");
	for (name = PROVE_CONNECT; name < PROVE_STEPS; name++)
		take_step(&a, (enum prove_step_name)name);
	free(a.databases);
	free(a.out);
	return 0;
}
