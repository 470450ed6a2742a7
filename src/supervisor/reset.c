/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From END on there is no way back: what fails then ends the mount, and says whether it was reset.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/util.h"
#include "ipc/command.h"
#include "supervisor/client.h"
#include "supervisor/fuseinit.h"
#include "supervisor/fusemount.h"
#include "supervisor/kit.h"
#include "supervisor/leave.h"
#include "supervisor/mute.h"
#include "supervisor/order.h"
#include "supervisor/quiet.h"
#include "supervisor/reset.h"
#include "supervisor/state.h"

#define LOOK_SECONDS	30	/* for CHECK, and for LOOK */

void
reset_init(struct reset *r)
{
	*r = (struct reset){ 0 };
	errand_init(&r->child);
	errand_init(&r->sweep);
	step_init(&r->step);
}

void
reset_stop(struct reset *r)
{
	errand_stop(&r->child);
	errand_stop(&r->sweep);
	step_stop(&r->step);
}

static void
enter(struct reset *r, enum reset_stage stage)
{
	r->stage = stage;
	r->since = clock_monotonic_ns();
}

int
reset_ask(struct supervisor *s, const char *text, char why[STEP_WHY_MAX])
{
	struct reset *r = &s->reset;
	const char *not = !s->claim.has_layers ? "it has no snapshots: pbkfs snapshot makes one" : step_hindrance(s);
	int rc;

	if (not != NULL) {
		snprintf(why, STEP_WHY_MAX, "%s", not);
		return -1;
	}
	step_init(&r->step);
	if ((rc = step_name(&r->step, text)) != 0 || (rc = step_check(s, &r->child, JOB_STEP_CHECK_RESET, &r->step)) != 0) {
		snprintf(why, STEP_WHY_MAX, "%s", strerror(-rc));
		return -1;
	}
	r->step.deed = JOB_STEP_RESET;
	enter(r, RESET_CHECK);
	return 0;
}

/* All is as it was. */
static void
give_up(struct supervisor *s, const char *why)
{
	s->reset.stage = RESET_NONE;
	log_warn("\"%s\" was not reset: %s", s->config->mnt, why);
	client_refuse_step(s->attend.client, why);
}

static void
checked(struct supervisor *s)
{
	struct errand_order o = { .kind = ERRAND_QUIET, .look = QUIET_HOLDERS };
	struct reset *r = &s->reset;
	int rc;

	if (!step_checked(&r->step, &r->child))
		give_up(s, r->step.why);
	else if ((rc = errand_start(s, &r->child, &o)) != 0)
		give_up(s, strerror(-rc));
	else
		enter(r, RESET_LOOK);
}

static void
looked(struct supervisor *s)
{
	struct errand_order o = { .kind = ERRAND_UNMOUNT, .look = 1 };
	struct quiet_report q = { 0 };
	struct reset *r = &s->reset;
	int rc = errand_end(&r->child, &q, sizeof(q));

	q.why[sizeof(q.why) - 1] = '\0';
	if (rc != 0 || q.rc != 0)
		give_up(s, q.why[0] != '\0' ? q.why : "the process that was to look for its users was ended");
	else if ((rc = errand_start(s, &r->child, &o)) != 0)
		give_up(s, strerror(-rc));
	else
		r->stage = RESET_LEAVE;
}

static void
left(struct supervisor *s)
{
	char why[LEAVE_WHY_MAX];
	struct reset *r = &s->reset;

	if (leave_outcome(&r->child, why) != 0) {
		give_up(s, why);
		return;
	}
	r->left = clock_monotonic_ns();
	r->stage = RESET_END;
}

void
reset_child_done(struct supervisor *s)
{
	if (s->reset.stage == RESET_CHECK)
		checked(s);
	else if (s->reset.stage == RESET_LOOK)
		looked(s);
	else if (s->reset.stage == RESET_LEAVE)
		left(s);
	else
		errand_end(&s->reset.child, NULL, 0);
}

bool
reset_goes_on(struct supervisor *s)
{
	struct reset *r = &s->reset;

	/* The kernel may have told us before the child did. */
	if (r->stage == RESET_LEAVE)
		left(s);
	if (r->stage != RESET_END)
		return false;
	r->stage = RESET_STEP;
	s->phase = PHASE_STARTING;
	step_begin(s, &r->step);
	return true;
}

/* A branch says in its binding on which snapshot it stands; for people, since its journal has to say so, too. */
static void
note_base(struct supervisor *s, const struct msg_stepped *out)
{
	struct binding *b = &s->binding.found;
	int rc;

	s->preparer.n_layers = out->layers;
	text_copy_printable(s->preparer.snapshot, sizeof(s->preparer.snapshot), out->snapshot,
	    strnlen(out->snapshot, sizeof(out->snapshot)));
	_Static_assert(sizeof(out->snapshot_id) * 2 == BINDING_SNAPSHOT_ID, "two digits for each byte");
	if (b->branch == NULL || s->preparer.snapshot[0] == '\0')
		return;
	if ((rc = binding_set_snapshot(b, s->preparer.snapshot, out->snapshot_id)) != 0 ||
	    (rc = mute_is(s) ? -ETIMEDOUT : binding_store(s->claim.dir.fd, b)) != 0)
		log_warn("could not note in the binding on which snapshot the branch stands: %s", strerror(-rc));
}

static int
ask_monitor(struct supervisor *s, char error[FUSEMOUNT_ERROR_MAX])
{
	struct ending *e = &s->ending;
	int table_fd = e->table_fd, rc;
	struct order_reply r;

	if ((rc = order_mount(s, &r, &s->mnt.fuse_fd)) != 0 || s->mnt.fuse_fd < 0) {
		snprintf(error, FUSEMOUNT_ERROR_MAX, "%s", r.error[0] != '\0' ? r.error : "the monitor does not answer");
		return rc != 0 ? rc : -EBADF;
	}
	e->table_fd = -1;
	ending_forget(e);
	ending_init(e);
	e->table_fd = r.id == 0 ? -1 : table_fd;
	e->id = r.id;
	e->major = r.major;
	e->minor = r.minor;
	e->sysfs = (ino_t)r.sysfs;
	s->mnt.mounted = true;
	return 0;
}

static void
settle(struct supervisor *s)
{
	struct pin *p = &s->ending.pin;

	if (order_settle(s, 0, &p->sock[0]) != 0 || p->sock[0] < 0 || order_settle(s, 1, &p->sock[1]) != 0 || p->sock[1] < 0)
		pin_forget(p);
}

/* Nothing of the old connection is known to the next one. */
static int
mount_again(struct supervisor *s, char error[FUSEMOUNT_ERROR_MAX])
{
	int rc;

	if (s->mnt.fuse_fd >= 0)
		close(s->mnt.fuse_fd);
	s->mnt.fuse_fd = -1;
	snprintf(error, FUSEMOUNT_ERROR_MAX, "no identity could be chosen for it");
	if ((rc = ask_monitor(s, error)) != 0 || (rc = kit_renew(&s->kit)) != 0 ||
	    (rc = fuseinit_answer(s->mnt.fuse_fd, s->config->cache, s->kit.shared, error)) != 0)
		return rc;
	settle(s);
	memset(s->failover.suspect, 0, sizeof(s->failover.suspect));
	s->death_at = 0;
	s->flushes = 0;
	s->mnt.mounted_at = clock_monotonic_ns();
	if (s->claim.dirty && !mute_is(s) && diffdir_set_dirty(&s->claim.dir, false) == 0)
		s->claim.dirty = false;
	ending_presume_cut(s);
	return 0;
}

/* Nothing was done yet, and who looks may wait for a file system. */
static void
limit_time(struct supervisor *s)
{
	struct reset *r = &s->reset;

	if ((r->stage != RESET_CHECK && r->stage != RESET_LOOK) ||
	    clock_monotonic_ns() < r->since + LOOK_SECONDS * STATE_SECOND)
		return;
	errand_stop(&r->child);
	give_up(s, "there was no time to find out whether it can be done: try again");
}

bool
reset_tick(struct supervisor *s)
{
	char error[FUSEMOUNT_ERROR_MAX], why[FUSEMOUNT_ERROR_MAX + 128];
	struct reset *r = &s->reset;

	limit_time(s);
	if (r->stage != RESET_STEP || !step_tick(s, &r->step))
		return false;
	if (step_is_done(&r->step))
		note_base(s, &r->step.out);
	r->stage = RESET_START;
	if (mount_again(s, error) == 0)
		return true;
	snprintf(why, sizeof(why), "it was %s, but could not mount it again: %.*s", step_is_done(&r->step) ? "reset" :
	    "not reset", FUSEMOUNT_ERROR_MAX - 1, error);
	client_refuse_step(s->attend.client, why);
	state_fail(s, "could not mount \"%s\" again: %s", s->config->mnt, error);
	return false;
}

void
reset_serves(struct supervisor *s)
{
	struct reset *r = &s->reset;
	struct command_frame a;

	if (r->stage != RESET_START)
		return;
	r->stage = RESET_NONE;
	if (!step_is_done(&r->step)) {
		give_up(s, r->step.why);
		return;
	}
	command_init(&a, COMMAND_STEPPED);
	a.arg[STEPPED_GAP_NS] = clock_monotonic_ns() - r->left;
	log_info("\"%s\" is as snapshot \"%s\" again, and was not mounted for %.1f ms", s->config->mnt, s->preparer.snapshot,
	    (double)a.arg[STEPPED_GAP_NS] / 1e6);
	client_stepped(s->attend.client, &a);
	step_sweep(s, &r->sweep);
}
