/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Starts, hears and, where it takes too long, ends the program.  Which step is due when is the business of freeze.c and
 * reset.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "supervisor/claim.h"
#include "supervisor/client.h"
#include "supervisor/logfile.h"
#include "supervisor/mute.h"
#include "supervisor/order.h"
#include "supervisor/signals.h"
#include "supervisor/state.h"
#include "supervisor/step.h"

#define STEP_SECONDS	60	/* copying WAL is part of it */
#define STEP_TRIES	5	/* programs that were ended without a word, */
#define STEP_GIVE_UP	120	/* or seconds: then the mount has waited long enough */

void
step_init(struct step *st)
{
	*st = (struct step){ 0 };
	errand_init(&st->child);
}

void
step_stop(struct step *st)
{
	errand_stop(&st->child);
}

int
step_name(struct step *st, const char *text)
{
	size_t n = strcspn(text, "\n");
	const char *message = text[n] == '\n' ? text + n + 1 : "";

	if (n == 0 || n >= sizeof(st->name) || strlen(message) >= sizeof(st->message))
		return -ENAMETOOLONG;
	text_copy_printable(st->name, sizeof(st->name), text, n);
	text_copy_printable(st->message, sizeof(st->message), message, strlen(message));
	return 0;
}

const char *
step_hindrance(const struct supervisor *s)
{
	if (s->freeze.stage != FREEZE_NONE || s->reset.stage != RESET_NONE)
		return "another snapshot or a reset of it is being made: try again";
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

static int
start(struct supervisor *s, struct errand *child, uint32_t deed, struct step *st)
{
	struct errand_order o = { .kind = ERRAND_STEP, .deed = deed };
	int rc;

	if (st != NULL) {
		o.look = st->is_again;
		strlcpy(o.name, st->name, sizeof(o.name));
		strlcpy(o.message, st->message, sizeof(o.message));
	}
	if ((rc = mute_is(s) ? -ETIMEDOUT : errand_start_with(s, child, &o, s->claim.lock_fd)) != 0 || st == NULL)
		return rc;
	st->in = (struct msg_reader){ 0 };
	fcntl(child->report_fd, F_SETFL, O_RDONLY | O_NONBLOCK);
	return 0;
}

void
step_begin(struct supervisor *s, struct step *st)
{
	int rc;

	st->since = clock_monotonic_ns();
	if (st->began == 0)
		st->began = st->looked = st->since;
	st->due = 0;
	st->killed = false;
	st->under_way = true;
	rc = start(s, &st->child, st->deed, st);
	if (rc == 0) {
		st->is_again = true;
		st->tries++;
		return;
	}
	if (rc == -ESRCH) {
		state_fail(s, "the monitor was ended while \"%s\" was not served: the mount is detached", s->config->mnt);
		return;
	}
	if (logfile_tells_event())
		log_error("could not start the program that changes the diff directory: %s; trying again", strerror(-rc));
	st->due = st->since + STATE_SECOND;
}

/* In this order: lines for the log, and the outcome. */
static void
take(struct step *st, pid_t pid, const struct msg_header *h, const unsigned char *body)
{
	if (h->type == MSG_LOG && h->len > 1 && body[0] <= LOGL_DEBUG)
		logfile_worker_line(body[0], (const char *)body + 1, h->len - 1, pid, 0);
	else if (h->type == MSG_FAILED)
		text_copy_printable(st->why, sizeof(st->why), (const char *)body, h->len);
	else if (h->type == MSG_STEPPED && h->len == sizeof(st->out)) {
		memcpy(&st->out, body, sizeof(st->out));
		st->over = true;
	}
}

/* Returns whether there may be more now. */
static bool
hear(struct step *st, struct errand *child)
{
	const unsigned char *body;
	struct msg_header h;
	int n, rc;

	if (child->report_fd < 0 || (n = msg_fill(child->report_fd, &st->in)) == -EAGAIN)
		return false;
	while ((rc = msg_next(&st->in, &h, &body)) > 0)
		take(st, child->pid, &h, body);
	if (n > 0 && rc == 0)
		return true;
	/* It has nothing more to say, or nothing that anybody understands. */
	close(child->report_fd);
	child->report_fd = -1;
	return false;
}

void
step_heard(struct step *st, struct errand *child)
{
	hear(st, child);
}

void
step_child_done(struct step *st)
{
	while (hear(st, &st->child))
		;
	errand_end(&st->child, NULL, 0);
	if (!st->over && st->why[0] == '\0')
		snprintf(st->why, sizeof(st->why), "the program that was to do it was ended");
	if (!st->over && logfile_tells_event())
		log_error("could not tell what has become of the diff directory: %s; trying again", st->why);
	st->due = st->over ? 0 : clock_monotonic_ns() + STATE_SECOND;
}

int
step_check(struct supervisor *s, struct errand *child, uint32_t deed, struct step *st)
{
	return start(s, child, deed, st);
}

bool
step_checked(struct step *st, struct errand *child)
{
	bool can;

	while (hear(st, child))
		;
	errand_end(child, NULL, 0);
	can = step_is_done(st);
	if (can)
		st->why[0] = '\0';
	else if (st->why[0] == '\0')
		snprintf(st->why, sizeof(st->why), "the program that was to look whether it can be done was ended");
	st->over = false;
	return can;
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
limit_time(struct step *st, uint64_t now)
{
	if (st->child.pid == 0 || st->killed || now < st->since + STEP_SECONDS * STATE_SECOND)
		return;
	st->killed = true;
	signals_kill(st->child.pidfd);
}

/* Whether the mount has waited long enough. */
static bool
is_futile(const struct step *st, uint64_t now)
{
	return (st->tries >= STEP_TRIES && st->child.pid == 0 && !st->over) || now - st->began > STEP_GIVE_UP * STATE_SECOND;
}

static void
give_up(struct supervisor *s, const struct step *st)
{
	char why[STEP_WHY_MAX + 128];

	snprintf(why, sizeof(why), "could not tell what has become of the diff directory: %s: the mount is given up, and the next one"
	    " finds it out", st->over ? "its changes could not be opened again" : st->why[0] != '\0' ? st->why :
	    "the program that was to do it did not come to its end");
	client_refuse_step(s->attend.client, why);
	state_fail(s, "%s", why);
}

bool
step_tick(struct supervisor *s, struct step *st)
{
	uint64_t now = clock_monotonic_ns();
	int rc;

	if (!st->under_way || s->done)
		return false;
	limit_time(st, now);
	if (mute_is(s))
		st->began += now - st->looked;
	st->looked = now;
	if (is_futile(st, now)) {
		give_up(s, st);
		return false;
	}
	if (st->child.pid != 0 || now < st->due)
		return false;
	if (!st->over) {
		step_begin(s, st);
		return false;
	}
	if ((rc = renew(s)) != 0) {
		if (logfile_tells_event())
			log_error("could not open the changes of the mount: %s; trying again", strerror(-rc));
		st->due = now + STATE_SECOND;
		return false;
	}
	st->under_way = false;
	return true;
}

bool
step_is_done(const struct step *st)
{
	return st->over && st->out.done != 0;
}

void
step_sweep(struct supervisor *s, struct errand *child)
{
	int rc;

	if (child->pid == 0 && (rc = start(s, child, JOB_STEP_SWEEP, NULL)) != 0)
		log_warn("could not start to remove what was thrown away: %s", strerror(-rc));
}
