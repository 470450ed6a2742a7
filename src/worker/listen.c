/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "worker/cloneconf.h"
#include "worker/report.h"
#include "worker/role.h"

/*
 * Where production listens, applications, poolers and standbys look for production: a clone
 * there is taken for it as soon as production is stopped, and keeps it from starting again.
 * So the server has a socket in its own data directory, where nobody looks but who was told, and
 * where its user may write, unless --set gives other directories.  With a port that --set
 * gives it is at localhost, too.
 *
 * LISTEN_PRIVATE is in every data directory, and what is in there is left out by every copy
 * of one (pg_basebackup, pg_rewind, pg_probackup): a copy of the lock file, which holds
 * the pid of the running clone, would keep a server on the copy from starting.
 */
#define LISTEN_PRIVATE	"pg_stat_tmp"
#define DIRECTORIES	"unix_socket_directories"
#define ADDRESSES	"listen_addresses"
#define FALLBACK_PORT	"5432"

static int
make_private(const struct cloneconf *c)
{
	struct cow_attr attr;
	int rc = settings_find(c->cow, LISTEN_PRIVATE, &attr);

	if (rc != -ENOENT)
		return rc;
	return cow_create(c->cow, 0, COW_ROOT, LISTEN_PRIVATE, S_IFDIR | 0700, c->job->uid,
	    c->job->gid, NULL, &attr);
}

int
listen_choose(const struct cloneconf *c, struct pgautoconf *a)
{
	pgautoconf_set(a, ADDRESSES, settings_chosen(c->p, "port") != NULL ? "localhost" : "");
	if (settings_chosen(c->p, DIRECTORIES) != NULL)
		return 0;
	pgautoconf_set(a, DIRECTORIES, LISTEN_PRIVATE);
	return make_private(c);
}

/* The database that psql takes without a name, as that role. */
#define PSQL_DATABASE	"postgres"
#define ALWAYS_THERE	"template1"

/*
 * Returns a database to name for psql, or NULL where the one that it takes is
 * not left out.
 */
static const char *
database_to_name(const struct clone_databases *d)
{
	bool named = false;
	unsigned i;

	if (d == NULL || d->n == 0)
		return NULL;
	for (i = 0; i < d->n; i++)
		named |= strcmp(d->name[i], PSQL_DATABASE) == 0;
	if (named == d->include)
		return NULL;
	return d->include ? d->name[0] : ALWAYS_THERE;
}

void
listen_advise(const struct cloneconf *c)
{
	const char *where = cloneconf_value(c, DIRECTORIES), *port = cloneconf_value(c, "port");
	const char *addresses = cloneconf_value(c, ADDRESSES), *database = database_to_name(c->job->databases);
	char dir[PATH_MAX], host[2 * PATH_MAX], name[2 * CLONE_DATABASE_NAME_MAX] = "";
	char role[ROLE_NAME_MAX], user[4 * ROLE_NAME_MAX];
	bool is_local = addresses != NULL && addresses[0] != '\0';

	if (where == NULL || strcmp(where, LISTEN_PRIVATE) != 0)
		return;
	snprintf(dir, sizeof(dir), "%s/" LISTEN_PRIVATE, c->p->mnt);
	text_quote_shell(dir, host, sizeof(host));
	text_quote_word(role_find(c->cow, c->rd, role), user, sizeof(user));
	/* psql takes the database of the role's name, which this one need not have. */
	if (database == NULL && strcmp(user, PSQL_DATABASE) != 0)
		database = PSQL_DATABASE;
	if (database != NULL)
		text_quote_shell(database, name, sizeof(name));
	report_advice("the server will listen %s%s%sin its own directory%s: psql -h %s -p %s -U %s%s%s",
	    is_local ? "at \"" : "", is_local ? addresses : "", is_local ? "\" and " : "",
	    is_local ? "" : " only", host, port != NULL ? port : FALLBACK_PORT, user,
	    name[0] != '\0' ? " -d " : "", name);
}
