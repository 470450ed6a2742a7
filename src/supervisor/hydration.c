/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The wish is in the binding, so that the next mount goes on.  How far hydration is the worker says in shared
 * memory, and nothing is decided by that.
 */
#include "config.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "ipc/command.h"
#include "ipc/msg.h"
#include "supervisor/hydration.h"
#include "supervisor/logfile.h"
#include "supervisor/mute.h"
#include "supervisor/order.h"
#include "supervisor/spawn.h"
#include "supervisor/state.h"

#define BLOCK	8192	/* bytes: doc/format.md */

bool
hydration_is_detached(const struct supervisor *s)
{
	return s->binding.saved.detached || s->binding.found.detached;
}

static int
store(struct supervisor *s)
{
	return mute_is(s) ? -ETIMEDOUT : binding_store(s->claim.dir.fd, &s->binding.found);
}

void
hydration_tell(struct supervisor *s)
{
	const struct binding *b = &s->binding.found;
	const struct msg_hydrate m = {
		.on = b->hydrates, .rate = b->hydrate_rate, .jobs = MIN(b->hydrate_jobs, (uint32_t)COMMAND_JOBS_MAX),
	};

	if (hydration_is_detached(s))
		atomic_store(&s->kit.shared->hydrate.state, HYDRATION_DETACHED);
	else if (spawn_tell_more(&s->worker, MSG_HYDRATE, &m, sizeof(m)) != 0)
		log_debug("could not tell the worker to hydrate");
	else
		s->worker.told_to_copy |= b->hydrates;
}

int
hydration_ask(struct supervisor *s, bool on, uint64_t rate, uint32_t jobs,
    char why[HYDRATION_WHY_MAX])
{
	struct binding *b = &s->binding.found, before = *b;
	int rc;

	if (hydration_is_detached(s))
		return 0;
	if (on && s->claim.has_layers) {
		snprintf(why, HYDRATION_WHY_MAX, "it has snapshots below it, out of which pbkfs does not copy yet");
		return -1;
	}
	if (on && s->config->no_wal) {
		snprintf(why, HYDRATION_WHY_MAX, "the mount has --no-wal, and its changes go with it");
		return -1;
	}
	b->hydrates = on;
	b->hydrate_rate = rate;
	b->hydrate_jobs = jobs;
	if ((rc = store(s)) != 0) {
		b->hydrates = before.hydrates;
		b->hydrate_rate = before.hydrate_rate;
		b->hydrate_jobs = before.hydrate_jobs;
		snprintf(why, HYDRATION_WHY_MAX, "could not write \"%s\" in the diff directory: %s", ONDISK_BINDING,
		    strerror(-rc));
		return -1;
	}
	log_info("hydration was %s", on ? "asked for" : "told to stop");
	if (s->phase == PHASE_SERVING)
		hydration_tell(s);
	return 0;
}

/* The binding first: whoever finds the backups gone has to find that nothing needs them. */
static void
detach(struct supervisor *s)
{
	int rc;

	s->binding.found.detached = true;
	if ((rc = store(s)) != 0) {
		s->binding.found.detached = false;
		if (s->hydration_rc != rc && logfile_tells_event())
			log_error("could not write \"%s\": %s; trying again", ONDISK_BINDING, strerror(-rc));
		s->hydration_rc = rc;
		return;
	}
	s->hydration_rc = 0;
	log_info("the diff directory is detached: a mount of it needs no store");
	if (s->hold.lock.state != STORELOCK_OFF && (rc = order_release_store(s)) != 0)
		log_warn("could not give back the locks in the store: %s", strerror(-rc));
	s->hold.lock.state = STORELOCK_OFF;
	lockholder_end(&s->hold.holder);
	s->stats.to_file = true;	/* list reads it there */
	s->stats.due = clock_monotonic_ns();
}

int
hydration_detached(struct supervisor *s)
{
	if (!s->worker.told_to_copy)
		return -EPROTO;
	s->worker.told_to_copy = false;
	if (!hydration_is_detached(s))
		detach(s);
	return 0;
}

void
hydration_tick(struct supervisor *s)
{
	if (s->hydration_rc != 0 && !s->done)
		detach(s);
}

/* ---- stat --------------------------------------------------------------- */

static const char *
state_name(uint32_t state)
{
	static const char *const names[HYDRATION_STATES] = {
		[HYDRATION_OFF] = "off", [HYDRATION_COUNTING] = "counting", [HYDRATION_COPYING] = "copying",
		[HYDRATION_FULL] = "waiting for room", [HYDRATION_RECOVERY] = "waiting for recovery",
		[HYDRATION_FAILED] = "waiting for the store", [HYDRATION_STALLED] = "waiting for the diff directory",
		[HYDRATION_DETACHED] = "detached",
	};

	return state < HYDRATION_STATES ? names[state] : "?";
}

uint32_t
hydration_state(const struct supervisor *s)
{
	uint32_t state = atomic_load(&s->kit.shared->hydrate.state);

	/* The worker may say so; the binding has to. */
	if (hydration_is_detached(s))
		return HYDRATION_DETACHED;
	return state >= HYDRATION_DETACHED ? (uint32_t)HYDRATION_COPYING : state;
}

void
hydration_put(struct json_out *o, const struct supervisor *s)
{
	const struct shared_hydrate *h = &s->kit.shared->hydrate;
	const struct binding *b = &s->binding.found;
	uint64_t blocks = atomic_load(&h->blocks), left = MIN(atomic_load(&h->blocks_left), blocks);
	uint64_t files = atomic_load(&h->files), files_left = MIN(atomic_load(&h->files_left), files);
	uint64_t speed = atomic_load(&h->speed);

	json_put_bool(o, "detached", hydration_is_detached(s));
	json_open(o, "hydrate", '{');
	json_put_bool(o, "wanted", b->hydrates);
	json_put_string(o, "state", state_name(hydration_state(s)));
	json_put_u64(o, "blocks", blocks);
	json_put_u64(o, "blocks_done", blocks - left);
	json_put_u64(o, "files", files);
	json_put_u64(o, "files_done", files - files_left);
	json_put_u64(o, "files_failed", atomic_load(&h->files_failed));
	json_put_u64(o, "bytes_left", left * BLOCK);
	json_put_u64(o, "bytes_free", atomic_load(&h->room));
	json_put_u64(o, "bytes_per_second", speed);
	json_put_u64(o, "seconds_left", speed > 0 ? left * BLOCK / speed : 0);
	json_put_u64(o, "rate", b->hydrate_rate);
	json_put_u64(o, "jobs", b->hydrate_jobs);
	json_close(o, '}');
}
