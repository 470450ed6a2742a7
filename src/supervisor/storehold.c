/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The supervisor locks the chain after the preparer has read it, for only then it knows the chain.  It
 * refuses a backup that has changed in between.  storelock.c writes the lock files, lockholder.c
 * starts the process whose pid stands in them.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "supervisor/state.h"
#include "supervisor/storehold.h"

#define HOLD_RETRY_NS	(STATE_SECOND / 10)

int
storehold_begin(struct supervisor *s)
{
	clock_gettime(CLOCK_REALTIME, &s->hold.lock.since);
	return 0;
}

static int
name_members(struct supervisor *s)
{
	size_t i;

	if (storelock_init(&s->hold.lock, s->source.fd, s->source.instance) != 0)
		return state_fail(s, "\"%s\" cannot be the name of an instance", s->source.instance);
	for (i = 0; i < s->binding.found.n_members; i++)
		if (storelock_add(&s->hold.lock, s->binding.found.member[i].id) != 0)
			return state_fail(s, "\"%s\" cannot be the id of a backup",
			    s->binding.found.member[i].id);
	return 0;
}

static void
tell_wait(const struct supervisor *s)
{
	const struct storelock *l = &s->hold.lock;
	char who[32] = "somebody";

	if (l->blocker != 0)
		snprintf(who, sizeof(who), "process %d", (int)l->blocker);
	state_warn(s, "backup %s is locked by %s: waiting for up to %d seconds", storelock_id(l), who,
	    STORELOCK_WAIT_SECONDS);
}

/* Somebody has a backup for himself.  Says so once, and gives up in the end. */
static int
wait_for_blocker(struct supervisor *s)
{
	const struct storelock *l = &s->hold.lock;
	uint64_t now = clock_monotonic_ns();

	if (s->hold.until == 0) {
		s->hold.until = now + STORELOCK_WAIT_SECONDS * STATE_SECOND;
		tell_wait(s);
	} else if (now >= s->hold.until) {
		return state_fail(s, "backup %s is locked by process %d, which may be merging or deleting"
		    " it: try again when that has ended", storelock_id(l), (int)l->blocker);
	}
	s->hold.due = now + HOLD_RETRY_NS;
	return 1;
}

static int
hold_failed(struct supervisor *s, int rc)
{
	const char *id = storelock_id(&s->hold.lock);

	if (rc == -ESTALE)
		return state_fail(s, "backup %s was changed or removed while it was being prepared:"
		    " mount it again", id);
	return state_fail(s, "could not lock backup %s in the store: %s", id,
	    rc == -EINVAL ? "a lock file there is not a plain file" :
	    rc == -EFBIG ? "a lock file there is too large" : strerror(-rc));
}

static void
tell_hold(const struct supervisor *s)
{
	const struct storelock *l = &s->hold.lock;

	if (l->state == STORELOCK_READ_ONLY)
		log_info("the store is on a read-only file system: no lock is needed there");
	else if (l->state == STORELOCK_NOT_WRITABLE)
		state_warn(s, "could not lock the backups in the store (%s):"
		    " merge and delete of pg_probackup do not know of this mount",
		    strerror(-l->why));
}

static int
start_holder(struct supervisor *s)
{
	uid_t uid = s->owner.uid;
	gid_t gid = s->owner.gid;
	int rc = 0;

	if (!s->source.is_closed)
		rc = lockholder_find_user(s->source.fd, s->source.instance, &uid, &gid);
	if (rc == 0)
		rc = lockholder_start(&s->hold.holder, uid, gid, s->config->mnt);
	if (rc != 0)
		return state_fail(s, "could not start the holder of the store's lock: %s", strerror(-rc));
	s->hold.lock.pid = s->hold.holder.pid;
	return 0;
}

int
storehold_take(struct supervisor *s)
{
	struct storelock *l = &s->hold.lock;
	int rc;

	s->hold.due = 0;
	if (s->config->store_lock == STORE_LOCK_NO || s->binding.saved.detached)
		return 0;
	l->insist = s->config->store_lock == STORE_LOCK_YES;
	l->as = s->source.is_closed ? &s->owner.become : NULL;
	if (s->hold.until == 0 && (start_holder(s) != 0 || name_members(s) != 0))
		return -1;
	if ((rc = storelock_try(l)) == -EAGAIN)
		return wait_for_blocker(s);
	if (rc != 0)
		return hold_failed(s, rc);
	tell_hold(s);
	return 0;
}

void
storehold_release(struct supervisor *s)
{
	storelock_release(&s->hold.lock);
	lockholder_kill(&s->hold.holder);
}
