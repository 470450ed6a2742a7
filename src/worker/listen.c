#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "worker/clone.h"
#include "worker/provision.h"
#include "worker/report.h"

/*
 * Where production listens, applications, poolers and standbys look for production: a clone
 * there is taken for it as soon as production is stopped, and keeps it from starting again.
 * A port that --set gives is the caller's choice of another place.  Without one the server
 * has a socket in its own data directory only, where nobody looks but who was told.
 *
 * LISTEN_PRIVATE is in every data directory, and what is in there is left out by every copy
 * of one (pg_basebackup, pg_rewind, pg_probackup): a copy of the lock file, which holds
 * the pid of the running clone, would keep a server on the copy from starting.
 */
#define LISTEN_PRIVATE	"pg_stat_tmp"
#define DIRECTORIES	"unix_socket_directories"
#define FALLBACK_PORT	"5432"

static int
make_private(const struct clone *c)
{
	struct cow_attr attr;
	int r = settings_find(c->cow, LISTEN_PRIVATE, &attr);

	if (r != -ENOENT)
		return r;
	return cow_create(c->cow, 0, COW_ROOT, LISTEN_PRIVATE, S_IFDIR | 0700, c->job->uid,
	    c->job->gid, NULL, &attr);
}

int
listen_choose(const struct clone *c, struct autoconf *a)
{
	if (provision_chosen(c->p, "port") != NULL) {
		autoconf_set(a, "listen_addresses", "localhost");
		return 0;
	}
	autoconf_set(a, "listen_addresses", "");
	autoconf_set(a, DIRECTORIES, LISTEN_PRIVATE);
	return make_private(c);
}

void
listen_tell(const struct clone *c)
{
	const char *where = clone_value(c, DIRECTORIES), *port = clone_value(c, "port");

	if (where != NULL && strcmp(where, LISTEN_PRIVATE) == 0)
		report_note("the server will listen in its own directory only: psql -h '%s/"
		    LISTEN_PRIVATE "' -p %s", c->p->mnt, port != NULL ? port : FALLBACK_PORT);
}
