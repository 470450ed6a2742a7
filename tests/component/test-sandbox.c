/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A worker that has turned hostile: tries, from its main thread and from a
 * thread started inside, whatever might lead out of the sandbox.  Each attempt
 * runs in a child of its own that enters the worker's own sandbox first, as
 * several identities.  Prints TAP with the answers as comments; with --table
 * the same as a table for the manual.
 *
 * An attempt that would fail anyway shows nothing, so each is also made
 * without the sandbox, and the table has that answer next to the others.
 */
#include "config.h"

#ifdef ENABLE_SANDBOX

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox-try.h"
#include "sandbox/layers.h"

/* ---- the runs ---- */

#define ATTEMPTS_MAX	256

/* All attempts of a worker, in the order of the manual. */
static struct attempt attempts[ATTEMPTS_MAX];
static size_t n_attempts;
static struct outcome answers[IDENTITIES][ATTEMPTS_MAX][3];

static void
add_attempts(const struct attempt *a)
{
	for (; a->what != NULL; a++) {
		if (n_attempts == ATTEMPTS_MAX)
			bail("ATTEMPTS_MAX");
		attempts[n_attempts++] = *a;
	}
}

static bool
can_be(const struct identity *id)
{
	return as_root || !id->needs_root;
}

/* A supervisor has one thread, and cannot start another. */
static void
try_all_ways(const struct identity *id, const struct attempt *a, struct outcome o[3])
{
	o[FREE] = run(id, FREE, a->try);
	o[MAIN_THREAD] = run(id, MAIN_THREAD, a->try);
	o[SECOND_THREAD] = id->supervisor ? o[MAIN_THREAD] : run(id, SECOND_THREAD, a->try);
}

static void
run_supervisor(const struct identity *id)
{
	struct outcome o[3];
	size_t i;

	for (i = 0; supervisor_attempts[i].what != NULL; i++) {
		try_all_ways(id, &supervisor_attempts[i], o);
		report(is_refused(id, &o[MAIN_THREAD], &supervisor_attempts[i]),
		    "%s: %s: %s (without the sandbox: %s)", id->name, supervisor_attempts[i].what,
		    outcome_name(&o[MAIN_THREAD]), outcome_name(&o[FREE]));
	}
	for (i = 0; supervisor_controls[i].what != NULL; i++) {
		o[0] = run(id, MAIN_THREAD, supervisor_controls[i].try);
		report(o->answer == 0 && o->signal == 0, "%s: may %s: %s", id->name,
		    supervisor_controls[i].what, outcome_name(o));
	}
}

static void
run_attempts(size_t n)
{
	const struct identity *id = &identities[n];
	struct outcome *o;
	size_t i;

	for (i = 0; i < n_attempts; i++) {
		o = answers[n][i];
		try_all_ways(id, &attempts[i], o);
		report(is_refused(id, &o[MAIN_THREAD], &attempts[i]) &&
		    is_refused(id, &o[SECOND_THREAD], &attempts[i]),
		    "%s: %s: %s, second thread %s", id->name, attempts[i].what,
		    outcome_name(&o[MAIN_THREAD]), outcome_name(&o[SECOND_THREAD]));
	}
}

/* Before ABI 2 Landlock refuses every rename between directories. */
static bool
control_holds(const struct identity *id, const struct attempt *a, const struct outcome *o)
{
	if (id->abi == 1 && a->try == can_move_diff)
		return o->answer == -EXDEV;
	return o->answer == 0 && o->signal == 0;
}

static void
run_controls(const struct identity *id)
{
	size_t i, w, last = id->namespaces != 0 ? SECOND_THREAD : DEBUGGED_THREAD;
	struct outcome o;

	for (i = 0; worker_controls[i].what != NULL; i++)
		for (w = MAIN_THREAD; w <= last; w++) {
			o = run(id, (enum where)w, worker_controls[i].try);
			report(control_holds(id, &worker_controls[i], &o), "%s: may %s%s%s: %s",
			    id->name, worker_controls[i].what,
			    w == SECOND_THREAD || w == DEBUGGED_THREAD ? " (second thread)" : "",
			    w >= DEBUGGED ? " (debug)" : "", outcome_name(&o));
		}
}

static void
print_table(void)
{
	struct outcome *o;
	size_t i, n;

	printf("| attempt | without the sandbox");
	for (n = 0; n < IDENTITIES; n++)
		if (can_be(&identities[n]))
			printf(" | %s", identities[n].name);
	printf(" |\n|---|---");
	for (n = 0; n < IDENTITIES; n++)
		if (can_be(&identities[n]))
			printf("|---");
	puts("|");
	for (i = 0; i < n_attempts; i++) {
		printf("| %s | %s", attempts[i].what, outcome_name(&answers[AS_USER][i][FREE]));
		if (as_root)
			printf(" / %s", outcome_name(&answers[AS_ROOT][i][FREE]));
		for (n = 0; n < IDENTITIES; n++) {
			if (!can_be(&identities[n]))
				continue;
			o = answers[n][i];
			printf(" | %s", outcome_name(&o[MAIN_THREAD]));
			if (o[MAIN_THREAD].answer != o[SECOND_THREAD].answer ||
			    o[MAIN_THREAD].signal != o[SECOND_THREAD].signal)
				printf(" / %s", outcome_name(&o[SECOND_THREAD]));
		}
		puts(" |");
	}
}

/* ---- the table in the manual ---- */

#define TABLE_HEAD	"| attempt | without | Landlock | second wall | supervisor |\n"

/* In a store of root's EACCES is as good an answer as EROFS. */
static bool
is_roots(const struct identity *id, const struct outcome *o, const struct outcome *usual)
{
	return id->store_is_roots && o->answer == -EACCES && usual->answer == -EROFS;
}

/*
 * Returns whether all from one to before another got the same answer, as the manual
 * says.
 */
static bool
agree(size_t i, size_t from, size_t to)
{
	const struct outcome *first = &answers[from][i][MAIN_THREAD];
	size_t n, k;

	for (n = from; n < to; n++)
		for (k = MAIN_THREAD; k <= SECOND_THREAD; k++)
			if ((answers[n][i][k].answer != first->answer ||
			    answers[n][i][k].signal != first->signal) &&
			    !is_roots(&identities[n], &answers[n][i][k], first))
				return false;
	return true;
}

/*
 * The answers to processes without a sandbox depend on the kernel, so a difference
 * is only told.  A kernel without 32-bit programs has nothing to refuse to anybody.
 */
static void
compare_row(size_t i, const char *line)
{
	bool lacking = answers[AS_USER][i][FREE].signal != 0;
	char begin[256], free_ones[64], end[128], row[sizeof(begin) + sizeof(free_ones) + sizeof(end)];
	size_t len = strlen(line);

	snprintf(begin, sizeof(begin), "| %s | ", attempts[i].what);
	snprintf(free_ones, sizeof(free_ones), "%s / ", outcome_name(&answers[AS_USER][i][FREE]));
	strncat(free_ones, outcome_name(&answers[AS_ROOT][i][FREE]), sizeof(free_ones) - strlen(free_ones) - 1);
	snprintf(end, sizeof(end), " | %s | %s | %s |\n", outcome_name(&answers[AS_USER][i][MAIN_THREAD]),
	    outcome_name(&answers[SECOND_WALL][i][MAIN_THREAD]),
	    outcome_name(&answers[SUPERVISORS][i][MAIN_THREAD]));
	report(agree(i, 0, SECOND_WALL) && agree(i, SECOND_WALL, BOTH_WALLS) &&
	    agree(i, SUPERVISORS, IDENTITIES) &&
	    strncmp(line, begin, strlen(begin)) == 0 && len > strlen(end) &&
	    (lacking || strcmp(line + len - strlen(end), end) == 0),
	    "doc/security.md has \"%s\": %.*s", attempts[i].what, (int)strcspn(end, "\n"), end);
	snprintf(row, sizeof(row), "%s%s%s", begin, free_ones, end);
	if (strcmp(line, row) != 0)
		printf("# the manual has %s", line);
}

/* The manual's rows are exactly these attempts, in this order. */
static void
test_manual(void)
{
	const char *srcdir = getenv("srcdir");
	char path[PATH_MAX], line[512] = "";
	FILE *fp;
	size_t i;

	if (!as_root || srcdir == NULL)
		return;		/* some identities are missing then */
	snprintf(path, sizeof(path), "%s/doc/security.md", srcdir);
	if ((fp = fopen(path, "r")) == NULL)
		bail(path);
	while (strcmp(line, TABLE_HEAD) != 0 && fgets(line, sizeof(line), fp) != NULL)
		;
	report(fgets(line, sizeof(line), fp) != NULL && line[0] == '|',
	    "doc/security.md has the table of attempts");
	for (i = 0; i < n_attempts; i++)
		compare_row(i, fgets(line, sizeof(line), fp) != NULL ? line : "");
	report(fgets(line, sizeof(line), fp) == NULL || line[0] != '|', "and no more of them");
	fclose(fp);
}

/* ---- main ---- */

static void
find_user(void)
{
	struct passwd *pw;

	as_root = geteuid() == 0;
	user_uid = geteuid();
	user_gid = getegid();
	if (!as_root)
		return;
	if ((pw = getpwnam("postgres")) == NULL && (pw = getpwnam("nobody")) == NULL) {
		errno = ENOENT;
		bail("neither postgres nor nobody is known here");
	}
	user_uid = pw->pw_uid;
	user_gid = pw->pw_gid;
}

static void
make_root(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(root, sizeof(root), "%s/pbkfs-sandbox.XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(root) == NULL)
		bail(root);
	must(chmod(root, 0755), root);
}

int
main(int argc, char **argv)
{
	struct rlimit no_core;
	size_t n;

	table_only = argc > 1 && strcmp(argv[1], "--table") == 0;
	parent = getpid();
	add_attempts(file_attempts);
	add_attempts(system_attempts);
	find_user();
	if ((have.fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC)) < 0)
		have.fuse = must(open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null");
	if (sandbox_landlock_abi() == 0) {
		if (getenv("CI") != NULL) {
			errno = EOPNOTSUPP;
			bail("Landlock");
		}
		puts("1..0 # SKIP this kernel has no Landlock");
		return 0;
	}
	make_root();
	getrlimit(RLIMIT_CORE, &no_core);
	no_core.rlim_cur = 0;	/* an attempt changes the hard limit */
	setrlimit(RLIMIT_CORE, &no_core);
	for (n = 0; n < IDENTITIES; n++)
		if (can_be(&identities[n])) {
			run_attempts(n);
			if (identities[n].supervisor)
				run_supervisor(&identities[n]);
			else
				run_controls(&identities[n]);
		}
	test_debug();
	test_levels();
	test_programs();
	test_missing();
	test_manual();
	if (table_only)
		print_table();
	else
		printf("1..%d\n", tap_count);
	remove_root();
	return table_only && tap_failed > 0;
}

#else	/* --disable-sandbox */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"
#include "sandbox/sandbox.h"

static void *
end_at_once(void *arg)
{
	return arg;
}

/* A build without the sandbox confines nothing, whatever was asked for, and says so. */
int
main(void)
{
	struct sandbox s = { .level = SANDBOX_FULL };
	char error[SANDBOX_ERROR_MAX];
	struct msg_confined got;
	pthread_t thread;
	const struct { const char *what; bool holds; } cases[] = {
		{ "no level is more than none", sandbox_level(SANDBOX_FULL) == SANDBOX_NONE &&
		    sandbox_level(SANDBOX_SECCOMP_ONLY) == SANDBOX_NONE },
		{ "full can be entered", sandbox_enter(&s, &got, error) == 0 },
		{ "and has no wall", got.landlock == 0 && got.namespaces == 0 },
		{ "files are open", open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 },
		{ "sockets, too", socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) >= 0 },
		{ "and threads", sandbox_end_threads(&s) == 0 &&
		    pthread_create(&thread, NULL, end_at_once, NULL) == 0 &&
		    pthread_join(thread, NULL) == 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		printf("%sok %zu - %s\n", cases[i].holds ? "" : "not ", i + 1, cases[i].what);
	printf("1..%zu\n", ARRAY_SIZE(cases));
	return 0;
}

#endif
