/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The name of the bootstrap superuser is in pg_authid only, which a server shows to
 * those who are connected.  Any role that may log in can be told who it is, and names of roles
 * are on the pages of that table, those of dropped and renamed ones among them; so names from there are
 * tried until one is let in.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "cli/bootuser.h"
#include "cli/cli.h"

#define PAGES_MAX	1024	/* of pg_authid */
#define ROLES_MAX	8192	/* of which the best are kept */
#define ANSWER_MAX	(256 * KiB)
#define ERROR_MAX	4096

/* ---- the pages --------------------------------------------------------------- */

struct reading {
	char	global[PATH_MAX];
	size_t	n;
	struct authid_role role[BOOTUSER_ROLES_MAX];
};

static int
read_map(int dir, uint32_t *filenode)
{
	int fd autoclose = openat(dir, "pg_filenode.map", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	unsigned char map[AUTHID_MAP_SIZE];
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = io_pread(fd, map, sizeof(map), 0);
	return n < 0 ? (int)n : authid_filenode(map, (size_t)n, filenode);
}

static int
rank(const struct authid_role *r)
{
	return (r->dead ? 0 : 8) + (r->oid == AUTHID_BOOTSTRAP ? 4 : 0) + (r->can_login ? 2 : 0) + (r->superuser ? 1 : 0);
}

static int
compare_roles(const void *a, const void *b)
{
	return rank(b) - rank(a);
}

static int
read_roles(void *arg, int *passed)
{
	struct reading *r = arg;
	int dir autoclose = open(r->global, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd autoclose = -1;
	struct authid_role *all autofree = calloc(ROLES_MAX, sizeof(*all));
	unsigned char page[BLCKSZ];
	uint32_t filenode;
	size_t n = 0;
	char name[16];
	int rc, i;

	(void)passed;
	if (dir < 0 || all == NULL)
		return dir < 0 ? -errno : -ENOMEM;
	if ((rc = read_map(dir, &filenode)) != 0)
		return rc;
	snprintf(name, sizeof(name), "%u", (unsigned)filenode);
	if ((fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		return -errno;
	for (i = 0; i < PAGES_MAX && io_pread(fd, page, BLCKSZ, (off_t)i * BLCKSZ) == BLCKSZ; i++)
		authid_roles(page, all, &n, ROLES_MAX);
	qsort(all, n, sizeof(*all), compare_roles);
	r->n = MIN(n, (size_t)BOOTUSER_ROLES_MAX);
	memcpy(r->role, all, r->n * sizeof(*all));
	return 0;
}

int
bootuser_read(struct bootuser *b, const struct workdir *w, const struct become *user)
{
	struct reading *r autofree = calloc(1, sizeof(*r));
	struct become_work work = { .act = read_roles, .arg = r, .size = sizeof(*r) };
	int rc;

	b->n_roles = 0;
	if (r == NULL)
		return -ENOMEM;
	snprintf(r->global, sizeof(r->global), "%.*s/global", PATH_MAX - 8, w->mnt);
	if ((rc = become_run(user, &work, NULL)) != 0)
		return rc;
	b->n_roles = MIN(r->n, (size_t)BOOTUSER_ROLES_MAX);
	memcpy(b->role, r->role, b->n_roles * sizeof(*b->role));
	return 0;
}

/* ---- the server ---------------------------------------------------------------- */

/* Fields and lines end with NUL: names may hold anything else. */
static const char question[] =
    "SELECT 'role', rolname, '', '' FROM (SELECT rolname FROM pg_catalog.pg_roles"
    " WHERE rolsuper AND rolcanlogin ORDER BY oid <> 10, oid LIMIT 1) AS r"
    " UNION ALL SELECT 'database', datname, datcollate, datctype FROM pg_catalog.pg_database WHERE datallowconn";

/* Runs psql for one question.  With zero, fields and lines end with NUL. */
static int
run_psql(const char *role, const char *sql, bool zero, const struct guest *g, const struct workdir *w,
    const char *bindir, const struct become *user, char *answer, size_t size, char error[ERROR_MAX])
{
	/* Options of a connection count more than what production has set for its roles and databases. */
	static const char database[] = "dbname=template1 options='-c statement_timeout=0 -c lock_timeout=0'";
	char psql[PATH_MAX], port[16];
	const char *const argv[] = {
		psql, "-X", "-A", "-t", "-q", "-w", "-h", w->sock, "-p", port,
		"-U", role, "-d", database, "-c", sql, zero ? "-z" : NULL, "-0", NULL
	};

	snprintf(psql, sizeof(psql), "%.*s/psql", PATH_MAX - 8, bindir);
	if (access(psql, X_OK) != 0)
		strlcpy(psql, "/usr/bin/psql", sizeof(psql));
	snprintf(port, sizeof(port), "%u", g->port);
	memset(answer, 0, size);
	return pgserver_ask(argv, user, answer, size, error, ERROR_MAX);
}

int
bootuser_ask(const char *role, const char *sql, const struct guest *g, const struct workdir *w,
    const char *bindir, const struct become *user, char *answer, size_t size)
{
	char error[ERROR_MAX];

	return run_psql(role, sql, false, g, w, bindir, user, answer, size, error);
}

static bool
has_locale(const char *name)
{
	locale_t l;

	if (name[0] == '\0' || (l = newlocale(LC_ALL_MASK, name, (locale_t)0)) == (locale_t)0)
		return name[0] == '\0';
	freelocale(l);
	return true;
}

/* Once for each locale. */
static void
warn_of_locale(const char *database, const char *locale)
{
	static char told[16][64];
	static unsigned n_told;
	unsigned i;

	if (has_locale(locale))
		return;
	for (i = 0; i < n_told; i++)
		if (strcmp(told[i], locale) == 0)
			return;
	if (n_told < ARRAY_SIZE(told))
		strlcpy(told[n_told++], locale, sizeof(told[0]));
	cli_warn("database \"%s\" cannot be connected to: this machine lacks its locale \"%s\";"
	    " locale-gen \"%s\", or localedef, makes it", database, locale, locale);
}

static bool
take_answer(struct bootuser *b, const char *answer)
{
	const char *field[4], *p = answer, *end = answer + ANSWER_MAX;
	bool found = false;
	size_t i;

	while (*p != '\0') {
		for (i = 0; i < ARRAY_SIZE(field); i++, p += strlen(p) + 1) {
			if (p >= end - 1)
				return found;
			field[i] = p;
		}
		if (strcmp(field[0], "role") == 0) {
			strlcpy(b->name, field[1], sizeof(b->name));
			found = true;
		} else if (strcmp(field[0], "database") == 0) {
			warn_of_locale(field[1], field[2]);
			if (strcmp(field[2], field[3]) != 0)
				warn_of_locale(field[1], field[3]);
		}
	}
	return found;
}

/* The first line of what psql said, without its end. */
static int
refused(char error[ERROR_MAX])
{
	char *locale = strstr(error, "was initialized with LC_");

	if (locale != NULL && (locale = strchr(locale, '"')) != NULL) {
		locale++;
		locale[strcspn(locale, "\"")] = '\0';
		return cli_error("this machine lacks the locale \"%s\" of the cluster: locale-gen \"%s\", or"
		    " localedef, makes it", locale, locale);
	}
	error[strcspn(error, "\n")] = '\0';
	return cli_error("no role of the cluster could connect%s%s", error[0] != '\0' ? ": " : "", error);
}

int
bootuser_find(struct bootuser *b, const struct guest *g, const struct workdir *w, const char *bindir,
    const struct become *user)
{
	char *answer autofree = malloc(ANSWER_MAX), error[ERROR_MAX] = "";
	size_t i;

	if (answer == NULL)
		return cli_error("out of memory");
	for (i = 0; i < b->n_roles; i++) {
		if (run_psql(b->role[i].name, question, true, g, w, bindir, user, answer, ANSWER_MAX, error) == 0 &&
		    take_answer(b, answer))
			return 0;
		if (strstr(error, "locale") != NULL)
			break;
	}
	return refused(error);
}
