/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The supervisor waits for nobody here: each stage ends by an event of its loop, or by the clock.  It starts no worker
 * before the program of STEP is gone, for that writes where a worker would.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "ipc/command.h"
#include "supervisor/claim.h"
#include "supervisor/client.h"
#include "supervisor/freeze.h"
#include "supervisor/logfile.h"
#include "supervisor/mute.h"
#include "supervisor/order.h"
#include "supervisor/quiet.h"
#include "supervisor/signals.h"
#include "supervisor/spawn.h"
#include "supervisor/state.h"

#define QUIET_SECONDS	60	/* for the kernel to write back */
#define REST_SECONDS	60	/* for the worker to make all durable */
#define END_SECONDS	10	/* for it to exit */
#define STEP_SECONDS	60	/* to freeze: copying WAL is part of that */

void
freeze_init(struct freeze *f)
{
	*f = (struct freeze){ 0 };
	errand_init(&f->child);
}

void
freeze_stop(struct freeze *f)
{
	errand_stop(&f->child);
}

static void
enter(struct freeze *f, enum freeze_stage stage)
{
	f->stage = stage;
	f->since = clock_monotonic_ns();
	f->killed = false;
}

/* ---- who has asked ------------------------------------------------------ */

static int
fits(struct freeze *f, const char *text)
{
	size_t n = strcspn(text, "\n");
	const char *message = text[n] == '\n' ? text + n + 1 : "";

	if (n == 0 || n >= sizeof(f->name) || strlen(message) >= sizeof(f->message))
		return -ENAMETOOLONG;
	text_copy_printable(f->name, sizeof(f->name), text, n);
	text_copy_printable(f->message, sizeof(f->message), message, strlen(message));
	return 0;
}

/* Why it cannot be now; NULL if it can. */
static const char *
hindrance(const struct supervisor *s)
{
	if (s->freeze.stage != FREEZE_NONE)
		return "another snapshot of it is being made: try again";
	if (s->phase != PHASE_SERVING || s->worker.killed)
		return "its worker is being replaced: try again";
	if (s->leave.asked || !s->mnt.mounted)
		return "it is being unmounted";
	if (order_has_monitor(&s->monitor) && s->monitor.pid == 0)
		return "its monitor was ended, and no worker can be replaced: unmount it, then it can be frozen";
	if (s->config->discard || s->config->no_wal)
		return "its changes, or their WAL, go with the mount (--no-wal)";
	if (s->mapped.n > 0)
		return "-T or --external-mapping has put a part of it elsewhere, and no snapshot could have that";
	if (s->binding.found.hydrates && !s->binding.found.detached)
		return "it is being hydrated: pbkfs hydrate --stop first";
	return NULL;
}

int
freeze_ask(struct supervisor *s, const char *text, bool running, char why[FREEZE_WHY_MAX])
{
	struct errand_order o = { .kind = ERRAND_QUIET, .look = !running };
	struct freeze *f = &s->freeze;
	const char *not = hindrance(s);
	int rc;

	if (not != NULL) {
		snprintf(why, FREEZE_WHY_MAX, "%s", not);
		return -1;
	}
	freeze_init(f);
	if ((rc = fits(f, text)) != 0 || (rc = errand_start(s, &f->child, &o)) != 0) {
		snprintf(why, FREEZE_WHY_MAX, "%s", strerror(-rc));
		return -1;
	}
	enter(f, FREEZE_QUIET);
	return 0;
}

static void
answer(struct supervisor *s)
{
	const struct freeze *f = &s->freeze;
	struct command_frame a;

	command_init(&a, f->done ? COMMAND_FROZEN : COMMAND_REFUSED);
	if (f->done) {
		s->preparer.n_layers++;
		text_copy_printable(s->preparer.snapshot, sizeof(s->preparer.snapshot), f->name, strlen(f->name));
		a.arg[FROZEN_FLUSH_NS] = f->flushed_ns;
		a.arg[FROZEN_GAP_NS] = f->rested == 0 ? 0 : clock_monotonic_ns() - f->rested;
		a.arg[FROZEN_DISK_BYTES] = MIN(f->frozen.disk_bytes, (uint64_t)INT64_MAX);
		a.arg[FROZEN_WAL_BYTES] = MIN(f->frozen.wal_bytes, (uint64_t)INT64_MAX);
		a.arg[FROZEN_WAL_NS] = MIN(f->frozen.wal_ns, (uint64_t)INT64_MAX);
		log_info("snapshot \"%s\": the mount was not served for %.1f ms", f->name,
		    (double)a.arg[FROZEN_GAP_NS] / 1e6);
	} else {
		snprintf(a.text, sizeof(a.text), "%s", f->why[0] != '\0' ? f->why : "it failed");
		log_warn("no snapshot \"%s\" was made: %s", f->name, a.text);
	}
	client_frozen(s->attend.client, &a);
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
	f->done = false;
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

static void
begin_step(struct supervisor *s)
{
	struct errand_order o = { .kind = ERRAND_FREEZE, .look = s->freeze.is_again };
	struct freeze *f = &s->freeze;
	int rc;

	enter(f, FREEZE_STEP);
	f->due = 0;
	f->is_again = true;
	strlcpy(o.name, f->name, sizeof(o.name));
	strlcpy(o.message, f->message, sizeof(o.message));
	if ((rc = mute_is(s) ? -ETIMEDOUT : errand_start_with(s, &f->child, &o, s->claim.lock_fd)) == 0)
		return;
	if (rc == -ESRCH) {
		state_fail(s, "the monitor was ended while \"%s\" was not served: the mount is detached", s->config->mnt);
		return;
	}
	if (logfile_tells_event())
		log_error("could not start to freeze the changes: %s; trying again", strerror(-rc));
	f->due = f->since + STATE_SECOND;
}

bool
freeze_worker_gone(struct supervisor *s, bool in_order)
{
	struct freeze *f = &s->freeze;

	if (f->stage == FREEZE_END && in_order) {
		s->phase = PHASE_STARTING;
		begin_step(s);
		return true;
	}
	if (f->stage == FREEZE_REST || f->stage == FREEZE_END)
		give_up(s, "its worker died meanwhile: try again");
	return false;
}

/* Its words, in this order: lines for the log, and the outcome. */
static void
hear_step(struct supervisor *s)
{
	struct freeze *f = &s->freeze;
	const unsigned char *body;
	struct msg_reader in = { 0 };
	struct msg_header h;

	while (msg_fill(f->child.report_fd, &in) > 0)
		while (msg_next(&in, &h, &body) > 0) {
			if (h.type == MSG_LOG && h.len > 1 && body[0] <= LOGL_DEBUG)
				logfile_worker_line(body[0], (const char *)body + 1, h.len - 1, f->child.pid, 0);
			else if (h.type == MSG_FAILED)
				text_copy_printable(f->why, sizeof(f->why), (const char *)body, h.len);
			else if (h.type == MSG_FROZEN && h.len == sizeof(f->frozen)) {
				memcpy(&f->frozen, body, sizeof(f->frozen));
				f->step_over = true;
			}
		}
}

/* The descriptors of what is the worker's: ours, and those of who starts it. */
static int
renew(struct supervisor *s)
{
	int rc = mute_is(s) ? -ETIMEDOUT : claim_renew_changes(&s->claim, O_RDONLY);

	if (rc == 0 && order_has_monitor(&s->monitor))
		rc = order_renew_changes(s);
	return rc;
}

static void
step_done(struct supervisor *s)
{
	struct freeze *f = &s->freeze;

	hear_step(s);
	errand_end(&f->child, NULL, 0);
	f->done = f->step_over && f->frozen.done != 0;
	if (!f->step_over && f->why[0] == '\0')
		snprintf(f->why, sizeof(f->why), "the program that was to do it was ended");
	if (!f->step_over && logfile_tells_event())
		log_error("could not tell what the snapshot has come to: %s; trying again", f->why);
	f->due = clock_monotonic_ns() + (f->step_over ? 0 : STATE_SECOND);
}

void
freeze_child_done(struct supervisor *s)
{
	if (s->freeze.stage == FREEZE_QUIET)
		quiet_done(s);
	else if (s->freeze.stage == FREEZE_STEP)
		step_done(s);
	else
		errand_end(&s->freeze.child, NULL, 0);
}

/* Nothing of a worker's is touched before the program is gone: it may have got far, and has to find out how far. */
static bool
may_start(struct supervisor *s)
{
	struct freeze *f = &s->freeze;
	int rc;

	if (f->stage != FREEZE_STEP || f->child.pid != 0 || clock_monotonic_ns() < f->due)
		return false;
	if (!f->step_over) {
		begin_step(s);
		return false;
	}
	if ((rc = renew(s)) != 0) {
		if (logfile_tells_event())
			log_error("could not open the changes of the mount: %s; trying again", strerror(-rc));
		f->due = clock_monotonic_ns() + STATE_SECOND;
		return false;
	}
	enter(f, FREEZE_START);
	return true;
}

static bool
is_late(const struct freeze *f, uint64_t now, unsigned seconds)
{
	return now > f->since && now - f->since > seconds * STATE_SECOND;
}

static void
kill_child(struct freeze *f)
{
	if (f->child.pid == 0 || f->killed)
		return;
	f->killed = true;
	signals_kill(f->child.pidfd);
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
	} else if (f->stage == FREEZE_STEP && is_late(f, now, STEP_SECONDS)) {
		kill_child(f);
	}
	return !s->done && may_start(s);
}

void
freeze_serves(struct supervisor *s)
{
	if (s->freeze.stage != FREEZE_START)
		return;
	s->freeze.stage = FREEZE_NONE;
	answer(s);
}
