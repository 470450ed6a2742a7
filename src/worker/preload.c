/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "pg/library.h"
#include "pg/pgconf.h"
#include "worker/cloneconf.h"
#include "worker/report.h"

/*
 * A library of shared_preload_libraries runs as soon as the server starts, and
 * a server does not start if one of them is missing.  So a library that starts
 * with the server stays only if it is known not to act by itself.  In sessions,
 * where nothing runs unless somebody asks, an unknown one stays: it may guard
 * rights.
 *
 * Whether a library is installed is asked by stat(2), which the sandbox leaves,
 * and only where the server's own directory is found: it may run in a
 * container.
 */

struct list {
	const char *setting;
	bool	starts;		/* with the server, not with a session */
	const char *subdir;	/* of plain names */
};
static const struct list lists[] = {
	{ "shared_preload_libraries", true, "" },
	{ "session_preload_libraries", false, "" },
	{ "local_preload_libraries", false, "plugins/" },
};

/*
 * The places where packages put the libraries of one major version; then where
 * there is only one.
 */
static const char *const versioned[] = {
	"/usr/lib/postgresql/%u/lib", "/usr/pgsql-%u/lib", "/usr/lib/postgresql%u/lib64",
	"/usr/lib64/postgresql-%u/lib64", "/usr/lib/postgresql%u", "/usr/local/pgsql-%u/lib",
};
static const char *const single[] = {
	"/usr/lib64/pgsql", "/usr/local/lib/postgresql", "/usr/lib/postgresql", "/usr/local/pgsql/lib",
};

/* The names of one list, sorted by what becomes of them. */
struct verdict {
	char	kept[PGCONF_VALUE_MAX], acts[PGCONF_VALUE_MAX];
	char	unknown[PGCONF_VALUE_MAX], unknown_too[PGCONF_VALUE_MAX];	/* too: with those kept */
	char	unmissed[PGCONF_VALUE_MAX], missing[PGCONF_VALUE_MAX];
	char	without[PGCONF_VALUE_MAX];	/* kept, but for those missing */
};

static bool
is_file(const char *path)
{
	struct stat st;

	return fstatat(AT_FDCWD, path, &st, 0) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static bool
is_libdir(const char *dir)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/plpgsql.so", dir) < PATH_MAX && is_file(path);
}

/* Fills dir, "" if no installation is found. */
static void
find_libdir(unsigned version, char dir[PATH_MAX])
{
	size_t i;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	for (i = 0; i < ARRAY_SIZE(versioned); i++) {
		snprintf(dir, PATH_MAX, versioned[i], version);
		if (is_libdir(dir))
			return;
	}
#pragma GCC diagnostic pop
	for (i = 0; i < ARRAY_SIZE(single); i++) {
		snprintf(dir, PATH_MAX, "%s", single[i]);
		if (is_libdir(dir))
			return;
	}
	dir[0] = '\0';
}

static bool
is_library(const char *dir, size_t len, const char *libdir, const char *subdir, const char *name)
{
	static const char macro[] = "$libdir";
	size_t m = sizeof(macro) - 1;
	char path[PATH_MAX];
	int n;

	if (len >= m && strncmp(dir, macro, m) == 0 && (len == m || dir[m] == '/'))
		n = snprintf(path, sizeof(path) - 4, "%s%.*s/%s%s", libdir, (int)(len - m), dir + m,
		    subdir, name);
	else
		n = snprintf(path, sizeof(path) - 4, "%.*s/%s%s", (int)len, dir, subdir, name);
	if (n < 0 || (size_t)n >= sizeof(path) - 4)
		return false;
	if (is_file(path))
		return true;
	memcpy(path + n, ".so", 4);
	return is_file(path);
}

/* Whether the server will find a library, as far as one can tell from here. */
static bool
is_installed(const struct cloneconf *c, const char *libdir, const struct list *l, const char *name)
{
	const char *path = cloneconf_value(c, "dynamic_library_path"), *slash = strrchr(name, '/');
	size_t len;

	if (libdir[0] == '\0')
		return true;
	if (slash != NULL)
		return is_library(name, (size_t)(slash - name), libdir, "", slash + 1);
	if (l->subdir[0] != '\0')
		return is_library("$libdir", strlen("$libdir"), libdir, l->subdir, name);
	if (path == NULL || path[0] == '\0')
		path = "$libdir";
	for (;; path += len + 1) {
		len = strcspn(path, ":");
		if (is_library(path, len, libdir, "", name))
			return true;
		if (path[len] == '\0')
			return false;
	}
}

/* All buffers hold any value that a file can set; quotes may be more than they were. */
#define ADD(buf, name)	((void)library_append(buf, sizeof(buf), name))

static void
judge(const struct list *l, const char *name, bool installed, struct verdict *v)
{
	enum library_kind kind = library_kind(name);

	if (kind == LIBRARY_ACTS)
		ADD(v->acts, name);
	else if (kind == LIBRARY_UNKNOWN && l->starts) {
		ADD(v->unknown, name);
		ADD(v->unknown_too, name);
	} else if (kind == LIBRARY_WATCHES && !installed)
		ADD(v->unmissed, name);
	else {
		ADD(v->kept, name);
		ADD(v->unknown_too, name);
		if (installed)
			ADD(v->without, name);
		else
			ADD(v->missing, name);
	}
}

/* With --keep-settings nothing is left out. */
static void
judge_kept(const char *name, bool installed, struct verdict *v)
{
	if (installed)
		ADD(v->without, name);
	else
		ADD(v->missing, name);
}

static void
warn_of(const struct list *l, const struct verdict *v, const char *libdir)
{
	if (v->acts[0] != '\0')
		report_warn("%s is left out of %s: what it does by itself is production's to do",
		    v->acts, l->setting);
	if (v->unknown[0] != '\0')
		report_warn("%s is left out of %s: pbkfs does not know whether it acts by itself;"
		    " if the data needs it: --set %s='%s'", v->unknown, l->setting, l->setting,
		    v->unknown_too);
	if (v->unmissed[0] != '\0')
		report_warn("%s is left out of %s: it is not installed in \"%s\"", v->unmissed,
		    l->setting, libdir);
	if (v->missing[0] != '\0')
		report_warn("%s of %s is not installed in \"%s\": %s before it is, or without it:"
		    " --set %s='%s'", v->missing, l->setting, libdir,
		    l->starts ? "the server will not start" : "nobody can connect", l->setting,
		    v->without);
}

static bool
choose(const struct cloneconf *c, const struct list *l, const char *libdir, struct pgautoconf *a)
{
	const char *rest = settings_get(c->settings, l->setting);
	char name[LIBRARY_NAME_MAX];
	struct verdict v = { 0 };
	bool installed;
	int rc = 0;

	if (settings_chosen(c->p, l->setting) != NULL)
		return true;
	while (rest != NULL && (rc = library_next(&rest, name)) == 1) {
		installed = is_installed(c, libdir, l, name);
		if (a != NULL)
			judge(l, name, installed, &v);
		else
			judge_kept(name, installed, &v);
	}
	if (rc < 0)
		memset(&v, 0, sizeof(v));	/* the server ignores such a list */
	warn_of(l, &v, libdir);
	if (a != NULL)
		pgautoconf_set(a, l->setting, v.kept);
	return v.missing[0] == '\0';
}

bool
preload_choose(const struct cloneconf *c, struct pgautoconf *a)
{
	char libdir[PATH_MAX];
	bool all = true;
	size_t i;

	find_libdir(c->version, libdir);
	for (i = 0; i < ARRAY_SIZE(lists); i++)
		all = choose(c, &lists[i], libdir, a) && all;
	return all;
}
