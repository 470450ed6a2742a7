/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The part of supervisor/storehold.c for processes that may wait.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/keeping.h"
#include "supervisor/identity.h"
#include "supervisor/storeaccess.h"
#include "supervisor/walk.h"

#define PAUSE_NS	100000000

static int
open_store(struct keeping *k, const char *path)
{
	char error[WALK_ERROR_MAX];
	struct stat st;

	identity_raise();
	k->store_fd = storeaccess_open(path, identity_is_root(), &st, error);
	identity_drop();
	return MIN(k->store_fd, 0);
}

static int
start_holder(struct keeping *k, const struct keeping_chain *c, const char *what)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int rc = lockholder_find_user(k->store_fd, c->instance, &uid, &gid);

	if (rc != 0 || (rc = lockholder_start(&k->holder, uid, gid, what)) != 0)
		return rc;
	k->begun = true;
	k->lock.pid = k->holder.pid;
	return 0;
}

static int
name_members(struct keeping *k, const struct keeping_chain *c)
{
	unsigned i;
	int rc = storelock_init(&k->lock, k->store_fd, c->instance);

	for (i = 0; i < c->n && rc == 0; i++)
		rc = storelock_add(&k->lock, c->id[i]);
	return rc;
}

/* Tries until it is done, or whoever is in the way has been for too long. */
static int
take(struct keeping *k)
{
	int64_t until = clock_monotonic_ms() + STORELOCK_WAIT_SECONDS * 1000;
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	bool told = false;
	int rc;

	while ((rc = storelock_try(&k->lock)) == -EAGAIN && clock_monotonic_ms() < until) {
		if (!told)
			cli_note("backup %s is locked by process %d: waiting for up to %d seconds",
			    storelock_id(&k->lock), (int)k->lock.blocker, STORELOCK_WAIT_SECONDS);
		told = true;
		nanosleep(&pause, NULL);
	}
	return rc;
}

static int
fail(const struct keeping *k, int rc)
{
	if (rc == -EAGAIN)
		return cli_error("backup %s is locked by process %d, which may be merging or deleting it: try again"
		    " when that has ended", storelock_id(&k->lock), (int)k->lock.blocker);
	if (rc == -ESTALE)
		return cli_error("backup %s was changed or removed while it was being read: run the command again",
		    storelock_id(&k->lock));
	return cli_error("could not lock the backups in the store: %s", strerror(-rc));
}

static void
tell(const struct keeping *k, int rc)
{
	if (rc != 0 || k->lock.state == STORELOCK_NOT_WRITABLE)
		cli_warn("could not lock the backups in the store (%s): merge and delete of pg_probackup do not know"
		    " that they are read", strerror(rc != 0 ? -rc : -k->lock.why));
}

int
keeping_begin(struct keeping *k, const struct keeping_chain *c, bool insist, const char *what)
{
	int rc;

	*k = (struct keeping){ .store_fd = -1, .holder = { .pidfd = -1, .fd = -1 } };
	k->lock.insist = insist;
	k->lock.since = c->since;
	if ((rc = open_store(k, c->store)) != 0 && !insist) {
		tell(k, rc);
		return 0;
	}
	if (rc != 0 || (rc = start_holder(k, c, what)) != 0 || (rc = name_members(k, c)) != 0 ||
	    (rc = take(k)) != 0)
		return fail(k, rc);
	tell(k, 0);
	return 0;
}

void
keeping_end(struct keeping *k)
{
	if (k->begun) {
		storelock_release(&k->lock);
		lockholder_end(&k->holder);
	}
	if (k->store_fd >= 0)
		close(k->store_fd);
}
