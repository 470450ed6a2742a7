/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Judging by the slots in shared memory and by the clock.  It starts and kills nobody: supervisor.c does.
 */
#include "config.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "supervisor/failover.h"
#include "supervisor/logfile.h"

/* FUSE_UNIQUE_RESEND: older kernel headers do not name it. */
#define RESEND_BIT	(1ULL << 63)

int
failover_stuck_slot(const struct shared *shared, uint64_t now, uint64_t limit_ns)
{
	const struct shared_slot *slot;
	uint64_t since;
	int i;

	/* While one waits for storage, the others may only wait for its locks. */
	for (i = 0; i < SHARED_SLOTS; i++)
		if (atomic_load(&shared->slot[i].state) == SLOT_IN_IO)
			return -1;
	for (i = 0; i < SHARED_SLOTS; i++) {
		slot = &shared->slot[i];
		since = atomic_load(&slot->since);
		if (atomic_load(&slot->state) == SLOT_COMPUTING && since != 0 &&
		    since < now && now - since > limit_ns)
			return i;
	}
	return -1;
}

unsigned
failover_outstays(uint64_t now, uint64_t gone_at, uint64_t flushed_at, uint64_t second_ns)
{
	if (now > MAX(gone_at, flushed_at) + FAILOVER_FLUSH_SECONDS * second_ns)
		return FAILOVER_FLUSH_SECONDS;
	return now > gone_at + FAILOVER_END_SECONDS * second_ns ? FAILOVER_END_SECONDS : 0;
}

/* The request that slot i holds unanswered, 0 if there is none. */
static uint64_t
request_in_flight(const struct shared *shared, int i)
{
	struct fuse_in_header in;

	memcpy(&in, shared->buffer[i], sizeof(in));
	if (in.len == 0 || atomic_load(&shared->slot[i].reply_len) != 0)
		return 0;
	return in.unique & ~RESEND_BIT;
}

static unsigned
blame_so_far(const struct failover *f, uint64_t unique)
{
	int i;

	for (i = 0; i < SHARED_SLOTS; i++)
		if (f->suspect[i].unique == unique)
			return f->suspect[i].blame;
	return 0;
}

static void
answer_poison(struct shared *shared, int i, uint64_t unique, int fuse_fd)
{
	struct fuse_out_header out = { .len = sizeof(out), .error = -EIO, .unique = unique };
	struct fuse_in_header in;

	memcpy(&in, shared->buffer[i], sizeof(in));
	if (logfile_tells_event())
		log_error("request %llu (operation %u on node %llu) ended %d workers in a row:"
	    " it is answered with an I/O error", (unsigned long long)unique, in.opcode,
	    (unsigned long long)in.nodeid, FAILOVER_POISON);
	/* ENOENT: the kernel forgot it meanwhile, as it does when its caller was killed. */
	if (write(fuse_fd, &out, sizeof(out)) < 0 && errno != ENOENT && logfile_tells_event())
		log_warn("could not answer request %llu: %s", (unsigned long long)unique,
		    strerror(errno));
	memset(shared->buffer[i], 0, sizeof(in.len));
	atomic_store(&shared->slot[i].reply_len, 0);
	atomic_store(&shared->slot[i].unique, 0);
}

/* The dead compute no more: the next worker must not be killed for it. */
static void
calm_slots(struct shared *shared)
{
	int i;

	for (i = 0; i < SHARED_SLOTS; i++) {
		atomic_store(&shared->slot[i].state, SLOT_IDLE);
		atomic_store(&shared->slot[i].since, 0);
	}
}

/* A request that waited for its turn has done nothing. */
static bool
was_running(const struct shared_slot *slot)
{
	return atomic_load(&slot->state) != SLOT_IDLE;
}

bool
failover_is_careful(const struct failover *f)
{
	int i;

	for (i = 0; i < SHARED_SLOTS; i++)
		if (f->suspect[i].blame >= FAILOVER_KILLED)
			return true;
	return false;
}

int
failover_blame(struct failover *f, struct shared *shared, int fuse_fd, int stuck,
    bool outside)
{
	struct suspect now[SHARED_SLOTS] = { 0 };
	int i, poisoned = 0;

	for (i = 0; i < SHARED_SLOTS; i++) {
		if ((now[i].unique = request_in_flight(shared, i)) == 0)
			continue;
		now[i].blame = blame_so_far(f, now[i].unique);
		if (stuck == i || (stuck == -1 && was_running(&shared->slot[i])))
			now[i].blame += outside ? 1 : FAILOVER_KILLED;
		if (now[i].blame < FAILOVER_POISON * FAILOVER_KILLED)
			continue;
		answer_poison(shared, i, now[i].unique, fuse_fd);
		now[i] = (struct suspect){ 0 };
		poisoned++;
	}
	memcpy(f->suspect, now, sizeof(now));
	calm_slots(shared);
	return poisoned;
}

void
failover_note(struct failover *f, unsigned generation, const char *reason)
{
	struct replacement *r = &f->kept[f->deaths % FAILOVER_KEPT];

	*r = (struct replacement){ .generation = generation, .at = time(NULL) };
	snprintf(r->reason, sizeof(r->reason), "%s", reason);
	f->deaths++;
}

/* How many requests all workers have answered so far, by their own account. */
static uint64_t
answered(const struct shared *shared)
{
	uint64_t sum = 0;
	int i, op;

	for (i = 0; i < SHARED_SLOTS; i++)
		for (op = 0; op < OP_COUNT; op++)
			sum += atomic_load(&shared->counters[i].op[op].count);
	return sum;
}

bool
failover_nobody_served(const struct shared *shared)
{
	return answered(shared) == 0;
}

bool
failover_was_futile(const struct failover *f, const struct shared *shared, uint64_t now)
{
	return answered(shared) == f->answered_then &&
	    (f->ready_at == 0 || now - f->ready_at < FAILOVER_BRIEF_MS * 1000000ULL);
}

/* A worker that lies about its answers could otherwise keep us busy for ever. */
static bool
spins(struct failover *f, uint64_t now)
{
	uint64_t window = now / (FAILOVER_WINDOW * 1000000000ULL);

	if (window != f->window)
		f->in_window = 0;
	f->window = window;
	return ++f->in_window >= FAILOVER_DEATHS_ANY;
}

bool
failover_too_many(struct failover *f, const struct shared *shared, uint64_t now, int poisoned)
{
	bool futile = failover_was_futile(f, shared, now);

	f->ready_at = 0;
	if (spins(f, now))
		return true;
	/* With the poison gone the next one may well live. */
	if (!futile || poisoned > 0) {
		f->n_futile = 0;
		return false;
	}
	f->futile[f->n_futile++ % FAILOVER_DEATHS] = now;
	return f->n_futile >= FAILOVER_DEATHS &&
	    now - f->futile[f->n_futile % FAILOVER_DEATHS] <= FAILOVER_WINDOW * 1000000000ULL;
}

void
failover_started(struct failover *f, const struct shared *shared)
{
	f->ready_at = 0;
	f->answered_then = answered(shared);
}

void
failover_ready(struct failover *f, uint64_t now, uint64_t gap_ns)
{
	f->ready_at = now;
	if (f->deaths > 0 && gap_ns > 0)
		f->kept[(f->deaths - 1) % FAILOVER_KEPT].gap_ns = gap_ns;
}
