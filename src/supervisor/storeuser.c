/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For messages, and for resolving the name of a store as its user.  Who may read a store is found out by
 * readsearch.c.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "supervisor/become.h"
#include "supervisor/identity.h"
#include "supervisor/mountinfo.h"
#include "supervisor/paths.h"
#include "supervisor/storeuser.h"
#include "supervisor/username.h"
#include "supervisor/walk.h"

/* Cuts the last component off.  Returns false at the root directory. */
static bool
cut_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash == NULL || path[1] == '\0')
		return false;
	slash[slash == path] = '\0';
	return true;
}

/*
 * The deepest part of path that can be resolved.  After EACCES glibc's
 * realpath(3) has left the name it was refused at, with all links before it
 * followed; elsewhere path itself has to do.
 */
static int
resolve_deepest(const char *path, char out[PATH_MAX])
{
	char at[PATH_MAX] = "";

	if (realpath(path, out) != NULL)
		return 0;
	if (errno != EACCES)
		return -errno;
	if (out[0] != '/' && (path[0] != '/' || strlcpy(out, path, PATH_MAX) >= PATH_MAX))
		return -EACCES;
	do
		if (realpath(out, at) != NULL) {
			strcpy(out, at);
			return 0;
		}
	while (cut_last(out));
	return -EACCES;
}

int
storeuser_find(const char *path, struct storeuser *u)
{
	struct mountinfo *m autofree = calloc(1, sizeof(*m));
	char at[PATH_MAX] = "";
	struct stat st;
	int rc;

	if (m == NULL)
		return -ENOMEM;
	if ((rc = resolve_deepest(path, at)) != 0 || (rc = mountinfo_of(at, m)) != 0)
		return rc;
	*u = (struct storeuser){ .is_private = m->is_private, .uid = m->uid, .gid = m->gid };
	strcpy(u->fstype, m->fstype);
	if (m->has_user && m->uid != 0)	/* his own process says whatever it likes of owners */
		return 0;
	while (stat(at, &st) != 0)
		if (!cut_last(at))
			return -EACCES;
	u->uid = st.st_uid;
	u->gid = st.st_gid;
	return 0;
}

struct resolve {
	const char *path;
	bool	for_root;	/* who is asked for root's sake may not lead root by links of his own */
	char	out[PATH_MAX];
};

static int
resolve_inside(void *arg, int *passed)
{
	struct resolve *r = arg;

	(void)passed;
	return r->for_root ? walk_resolve(r->path, true, r->out) : paths_resolve(r->path, r->out);
}

int
storeuser_realpath(const char *path, char out[PATH_MAX])
{
	struct resolve r = { .path = path, .for_root = identity_is_root() };
	const struct become_work w = { .act = resolve_inside, .arg = &r, .size = sizeof(r) };
	struct storeuser u;
	struct become him;
	int rc = resolve_inside(&r, NULL);

	if (rc == -EACCES && r.for_root && storeuser_find(path, &u) == 0 && u.uid != 0) {
		become_init(&him, u.uid, u.gid, true);
		rc = become_run(&him, &w, NULL);
	}
	if (rc == 0)
		strcpy(out, r.out);
	return rc;
}

/* An ordinary user cannot be somebody else, and is not asked to change the server. */
static void
tell_user(const struct storeuser *u, const char *name, char ways[STOREUSER_WAYS_MAX])
{
	if (u->is_private)
		snprintf(ways, STOREUSER_WAYS_MAX, ": user %s has mounted it there (%s) for himself"
		    " alone: he has to mount it with allow_other, or to run pbkfs", name, u->fstype);
	else
		snprintf(ways, STOREUSER_WAYS_MAX, ": it is user %s's (%s), who has to let you read it,"
		    " by its group for instance, or to run pbkfs", name, u->fstype);
}

void
storeuser_ways(const char *path, bool has_owner, char ways[STOREUSER_WAYS_MAX])
{
	char name[USERNAME_MAX], owner[sizeof(name) + 32] = "";
	struct storeuser u;

	ways[0] = '\0';
	if (storeuser_find(path, &u) != 0)
		return;
	username_of(u.uid, name);
	if (has_owner && u.uid != 0)
		snprintf(owner, sizeof(owner), "mount with --owner %s, ", name);
	if (!identity_is_root())
		tell_user(&u, name, ways);
	else if (u.is_private)
		snprintf(ways, STOREUSER_WAYS_MAX, ": user %s has mounted it there (%s) for himself"
		    " alone: %srun pbkfs as that user, or mount it with allow_other", name, u.fstype,
		    owner);
	else if (u.uid == 0)
		snprintf(ways, STOREUSER_WAYS_MAX, ": it is root's (%s): let root of this machine"
		    " be root there (no_root_squash), or let its group read it", u.fstype);
	else
		snprintf(ways, STOREUSER_WAYS_MAX, ": it is user %s's (%s): %srun pbkfs as that user,"
		    " let its group read it, or let root be root there (no_root_squash)", name,
		    u.fstype, owner);
}
