/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "pg/pgconf.h"
#include "worker/cloneconf.h"
#include "worker/report.h"

/*
 * The files that a server cannot do without: Debian keeps them outside of the
 * data directory, so they are in no backup.  Names of hba_file and ident_file count
 * from where the server was started, not from the data directory; but by the
 * time it reads them it stands there, so SETTINGS_CWD leads to the mount, in
 * every container and at every mountpoint.
 */

#define RULES_MAX	1024	/* bytes of a file that is made */

static const char conf_text[] =
    "# Made by pbkfs mount: the backup has no postgresql.conf.  What production's says is\n"
    "# not known here.  postgresql.auto.conf wins over this file.\n"
    "shared_buffers = 128MB\n";

/* Sizes that initdb writes into a postgresql.conf, in files of WAL; the server's own defaults are for files of 16 MB. */
#define MIN_WAL_FILES	5
#define MAX_WAL_FILES	64

/* md5 takes passwords that are stored as SCRAM, too. */
static const char hba_text[] =
    "# Made by pbkfs mount: production's is not in the backup.  Who runs the server is\n"
    "# any user of the same name, and postgres; others prove who they are.\n"
    "local	all		all				peer	map=pbkfs\n"
    "local	replication	all				peer	map=pbkfs\n"
    "host	all		all		127.0.0.1/32	md5\n"
    "host	all		all		::1/128		md5\n";

struct rules {
	const char *setting, *name;
	const char *strange;	/* made instead of name, if that may not be production's */
};
static const struct rules hba = { "hba_file", "pg_hba.conf", "pg_hba.pbkfs.conf" };
static const struct rules ident = { "ident_file", "pg_ident.conf", "pg_ident.pbkfs.conf" };

static bool
is_there(const struct cloneconf *c, const char *path)
{
	struct cow_attr attr;

	return settings_find(c->cow, path, &attr) == 0;
}

/* Returns the file that production used, if the mount has it; else NULL. */
static const char *
find_kept(const struct cloneconf *c, const struct rules *f)
{
	const char *value = settings_get(c->settings, f->setting);
	size_t mnt = strlen(c->p->mnt);

	if (!settings_has_conf(c->settings))
		return NULL;
	if (value == NULL || value[0] == '\0')
		return is_there(c, f->name) ? f->name : NULL;
	if (!settings_is_inside(value, c->p->mnt))
		return NULL;
	if (strncmp(value, SETTINGS_CWD, strlen(SETTINGS_CWD)) == 0)
		value += strlen(SETTINGS_CWD);
	else if (value[0] == '/')
		value += mnt + (value[mnt] == '/');
	return is_there(c, value) ? value : NULL;
}

/*
 * Appends the setting; makes the file, unless production's own is there.  A file under the
 * usual name that production may not have used is left alone: it may let anybody in.
 */
static int
make_rules(const struct cloneconf *c, const struct rules *f, const char *kept, const char *text,
    struct pgautoconf *a)
{
	const char *name = kept != NULL ? kept : is_there(c, f->name) ? f->strange : f->name;
	char path[PATH_MAX];
	int rc;

	if (kept == NULL && (rc = cloneconf_make_file(c, name, text, strlen(text))) < 0)
		return rc;
	if (snprintf(path, sizeof(path), SETTINGS_CWD "%s", name) >= PATH_MAX)
		return -ENAMETOOLONG;
	pgautoconf_set(a, f->setting, path);
	if (kept == NULL && f == &hba)
		report_warn("production's %s is not in the backup: \"%s\" was made, and lets in only"
		    " users of the system with the same name, and passwords from this machine",
		    f->setting, name);
	return 0;
}

/* A pg_hba.conf that is made asks for the map of a pg_ident.conf that is made. */
static int
make_ident(const struct cloneconf *c, bool hba_kept, struct pgautoconf *a)
{
	const char *kept = hba_kept ? find_kept(c, &ident) : NULL;
	const char *owner = c->job->owner_name;
	char text[RULES_MAX];
	int n = snprintf(text, sizeof(text), "# Made by pbkfs mount, for pg_hba.conf.\n"
	    "pbkfs	/^(.*)$		\\1\n");

	if (owner[0] != '\0' && strcmp(owner, "postgres") != 0 && strchr(owner, '"') == NULL)
		snprintf(text + n, sizeof(text) - (size_t)n, "pbkfs	\"%s\"	postgres\n", owner);
	return make_rules(c, &ident, kept, text, a);
}

/*
 * The server believes data_directory of a configuration file in the directory that it was
 * given, and would run on production's: such a line becomes a comment.
 */
static int
drop_data_directory(const struct cloneconf *c, const char *path)
{
	struct pgconf_setting *set autofree = malloc(sizeof(*set));
	char *text autofree = NULL, *out autofree = NULL;
	struct pgconf scan = { 0 };
	struct cow_attr attr;
	size_t len = 0, kept = 0;
	int rc;

	if ((rc = settings_read(c->cow, path, c->rd, &text, &scan.len)) < 0 ||
	    (rc = settings_find(c->cow, path, &attr)) < 0)
		return rc;
	if (set == NULL || (out = malloc(2 * scan.len + 1)) == NULL)
		return -ENOMEM;
	for (scan.text = text; pgconf_next(&scan, set) == 1; ) {
		if (strcmp(set->name, "data_directory") != 0)
			continue;
		memcpy(out + len, text + kept, scan.line_start - kept);
		len += scan.line_start - kept;
		kept = scan.line_start;
		out[len++] = '#';
	}
	memcpy(out + len, text + kept, scan.len - kept);
	len += scan.len - kept;
	return cow_write(c->cow, attr.nodeid, 0, len, out, c->rd);
}

/* Without sizes for its files of WAL a server refuses to start, if those are large. */
static int
make_conf(const struct cloneconf *c)
{
	unsigned segment = cow_index(c->cow)->xlog_seg_size / MiB;
	char text[RULES_MAX];
	int n = snprintf(text, sizeof(text), "%s", conf_text);

	if (segment > 0)
		n += snprintf(text + n, sizeof(text) - (size_t)n, "min_wal_size = %uMB\nmax_wal_size = %uMB\n",
		    MIN_WAL_FILES * segment, MAX_WAL_FILES * segment);
	return cloneconf_make_file(c, "postgresql.conf", text, (size_t)n);
}

int
rules_make(const struct cloneconf *c, struct pgautoconf *a)
{
	const char *path, *kept = find_kept(c, &hba);
	unsigned i;
	int rc;

	for (i = 0; (path = settings_place(c->settings, i)) != NULL; i++)
		if ((rc = drop_data_directory(c, path)) < 0)
			return rc;
	if (!settings_has_conf(c->settings) && (rc = make_conf(c)) < 0)
		return rc;
	rc = make_rules(c, &hba, kept, hba_text, a);
	return rc < 0 ? rc : make_ident(c, kept != NULL, a);
}
