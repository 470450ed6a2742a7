/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The supervisor waits for nobody here: each stage ends by an event of its loop, or by the clock.  It starts no worker
 * before the program of STEP is gone, for that writes where a worker would.
 */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "ipc/command.h"
#include "supervisor/client.h"
#include "supervisor/freeze.h"
#include "supervisor/logfile.h"
#include "supervisor/order.h"
#include "supervisor/quiet.h"
#include "supervisor/spawn.h"
#include "supervisor/state.h"
#include "supervisor/step.h"

#define QUIET_SECONDS	60	/* for the kernel to write back */
#define REST_SECONDS	60	/* for the worker to make all durable */
#define END_SECONDS	10	/* for it to exit */

void
freeze_init(struct freeze *f)
{
	*f = (struct freeze){ 0 };
	errand_init(&f->child);
	step_init(&f->step);
}

void
freeze_stop(struct freeze *f)
{
	errand_stop(&f->child);
	step_stop(&f->step);
}

static void
enter(struct freeze *f, enum freeze_stage stage)
{
	f->stage = stage;
	f->since = clock_monotonic_ns();
}

/* ---- who has asked ------------------------------------------------------ */

int
freeze_ask(struct supervisor *s, const char *text, char why[STEP_WHY_MAX])
{
	struct errand_order o = { .kind = ERRAND_QUIET, .look = QUIET_SERVERS };
	struct freeze *f = &s->freeze;
	const char *not = step_hindrance(s);
	int rc;

	if (not != NULL) {
		snprintf(why, STEP_WHY_MAX, "%s", not);
		return -1;
	}
	freeze_init(f);
	if ((rc = step_name(&f->step, text)) != 0 || (rc = errand_start(s, &f->child, &o)) != 0) {
		snprintf(why, STEP_WHY_MAX, "%s", strerror(-rc));
		return -1;
	}
	f->step.deed = JOB_STEP_FREEZE;
	enter(f, FREEZE_QUIET);
	return 0;
}

static void
answer(struct supervisor *s)
{
	const struct freeze *f = &s->freeze;
	const struct msg_stepped *out = &f->step.out;
	struct command_frame a;

	if (!step_is_done(&f->step)) {
		client_refuse_step(s->attend.client, f->why[0] != '\0' ? f->why : "it failed");
		log_warn("no snapshot \"%s\" was made: %s", f->step.name, f->why);
		return;
	}
	s->preparer.n_layers++;
	text_copy_printable(s->preparer.snapshot, sizeof(s->preparer.snapshot), f->step.name, strlen(f->step.name));
	command_init(&a, COMMAND_STEPPED);
	a.arg[STEPPED_FLUSH_NS] = f->flushed_ns;
	a.arg[STEPPED_GAP_NS] = clock_monotonic_ns() - f->rested;
	a.arg[STEPPED_DISK_BYTES] = MIN(out->disk_bytes, (uint64_t)INT64_MAX);
	a.arg[STEPPED_WAL_BYTES] = MIN(out->wal_bytes, (uint64_t)INT64_MAX);
	a.arg[STEPPED_WAL_NS] = MIN(out->wal_ns, (uint64_t)INT64_MAX);
	log_info("snapshot \"%s\": the mount was not served for %.1f ms", f->step.name,
	    (double)a.arg[STEPPED_GAP_NS] / 1e6);
	client_stepped(s->attend.client, &a);
}

static void give_up(struct supervisor *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* All is as it was, and a worker serves or is about to. */
static void
give_up(struct supervisor *s, const char *fmt, ...)
{
	struct freeze *f = &s->freeze;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->why, sizeof(f->why), fmt, ap);
	va_end(ap);
	f->stage = FREEZE_NONE;
	answer(s);
}

/* ---- the stages --------------------------------------------------------- */

static void
quiet_done(struct supervisor *s)
{
	struct quiet_report r = { 0 };
	struct freeze *f = &s->freeze;
	int rc = errand_end(&f->child, &r, sizeof(r));

	r.why[sizeof(r.why) - 1] = '\0';
	if (rc != 0 || r.rc != 0)
		give_up(s, "%s", r.why[0] != '\0' ? r.why :
		    "the process that was to write back what the kernel holds was ended");
	else if (s->phase != PHASE_SERVING || s->worker.killed)
		give_up(s, "its worker was replaced meanwhile: try again");
	else if ((rc = spawn_tell(&s->worker, MSG_REST)) != 0)
		give_up(s, "could not tell the worker: %s", strerror(-rc));
	else
		enter(f, FREEZE_REST);
}

bool
freeze_comes_to_rest(const struct supervisor *s)
{
	return s->freeze.stage == FREEZE_REST;
}

int
freeze_rested(struct supervisor *s, uint32_t error, uint64_t since)
{
	struct freeze *f = &s->freeze;
	int rc;

	if (f->stage != FREEZE_REST || error > INT32_MAX)
		return -EPROTO;
	if (error == ETIMEDOUT)
		give_up(s, "requests on the mount were not answered within the time that there is for it: is the store slow?"
		    " Try again");
	else if (error != 0)
		give_up(s, "could not make all changes durable: %s", strerror((int)error));
	else if ((rc = spawn_tell(&s->worker, MSG_END)) != 0)
		spawn_kill(&s->worker, "it could not be told to end: %s", strerror(-rc));
	else {
		f->rested = MIN(MAX(since, f->since), clock_monotonic_ns());
		f->flushed_ns = f->rested - f->since;
		enter(f, FREEZE_END);
	}
	return 0;
}

bool
freeze_worker_gone(struct supervisor *s, bool in_order)
{
	struct freeze *f = &s->freeze;

	if (f->stage == FREEZE_END && in_order) {
		s->phase = PHASE_STARTING;
		enter(f, FREEZE_STEP);
		step_begin(s, &f->step);
		return true;
	}
	if (f->stage == FREEZE_REST || f->stage == FREEZE_END)
		give_up(s, "its worker died meanwhile: try again");
	return false;
}

void
freeze_child_done(struct supervisor *s)
{
	if (s->freeze.stage == FREEZE_QUIET)
		quiet_done(s);
	else
		errand_end(&s->freeze.child, NULL, 0);
}

static bool
is_late(const struct freeze *f, uint64_t now, unsigned seconds)
{
	return now > f->since && now - f->since > seconds * STATE_SECOND;
}

bool
freeze_tick(struct supervisor *s)
{
	struct freeze *f = &s->freeze;
	uint64_t now = clock_monotonic_ns();

	if (f->stage == FREEZE_QUIET && is_late(f, now, QUIET_SECONDS)) {
		errand_stop(&f->child);
		give_up(s, "the kernel did not write back what it holds within %d seconds", QUIET_SECONDS);
	} else if ((f->stage == FREEZE_REST && is_late(f, now, REST_SECONDS)) ||
	    (f->stage == FREEZE_END && is_late(f, now, END_SECONDS))) {
		s->worker.stuck = FAILOVER_NO_SLOT;
		spawn_kill(&s->worker, "it did not come to rest in time");
	}
	if (f->stage != FREEZE_STEP || !step_tick(s, &f->step))
		return false;
	strlcpy(f->why, f->step.why, sizeof(f->why));
	enter(f, FREEZE_START);
	return true;
}

void
freeze_serves(struct supervisor *s)
{
	if (s->freeze.stage != FREEZE_START)
		return;
	s->freeze.stage = FREEZE_NONE;
	answer(s);
}
