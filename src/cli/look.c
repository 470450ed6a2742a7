/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks at one mount from outside: at its diff directory, its lock, its
 * snapshot, and at who listens.  It runs in a child of listing.c, since each
 * step may hang.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "cli/contact.h"
#include "cli/look.h"
#include "cli/openers.h"
#include "cli/snapshot.h"
#include "cli/treesize.h"
#include "supervisor/holders.h"

static bool
same_mount(const struct mountinfo *a, const struct mountinfo *b)
{
	return a->major == b->major && a->minor == b->minor && strcmp(a->source, b->source) == 0;
}

/* A diff directory, and who serves it. */
struct view {
	int	diff_fd;
	struct contact contact;
};

static void
close_view(struct view *v)
{
	contact_close(&v->contact);
	if (v->diff_fd >= 0)
		close(v->diff_fd);
	v->diff_fd = -1;
}

static void
doubt(struct view *v, const char *why)
{
	strlcpy(v->contact.doubt, why, sizeof(v->contact.doubt));
}

/* Opens it.  This process may wait: it is one of its own.  Returns 0, or -1 with a doubt. */
static int
open_view(struct view *v, const char *diff)
{
	char text[128];

	contact_init(&v->contact);
	strlcpy(v->contact.diff, diff, sizeof(v->contact.diff));
	if ((v->diff_fd = contact_open_diff(diff)) >= 0)
		return contact_make_at(v->diff_fd, &v->contact);
	snprintf(text, sizeof(text), "could not open its diff directory: %s",
	    strerror(-v->diff_fd));
	doubt(v, text);
	return -1;
}

/*
 * Opens the diff directory of a mount.  Anybody who may mount can name any
 * directory as the source, so the lock file there has to name the mountpoint,
 * or another one of the same mount.
 */
static int
open_diff(struct view *v, const struct mountinfo *mounts, size_t n, const struct mountinfo *m)
{
	size_t i;

	contact_init(&v->contact);
	v->diff_fd = -1;
	if (m->source[0] != '/') {
		doubt(v, "its source is no diff directory");
		return -1;
	}
	if (open_view(v, m->source) != 0)
		return -1;
	for (i = 0; i < n; i++)
		if (same_mount(&mounts[i], m) && strcmp(mounts[i].mountpoint, v->contact.mnt) == 0)
			return 0;
	doubt(v, "its lock file does not name this mountpoint");
	return -1;
}

/*
 * Finds the state.  Who listens is the supervisor; if nobody does, this shows
 * what the file system says, for what it is worth.  A holder in another pid
 * namespace, whom we cannot name, counts as well.
 */
static void
find_state(const struct contact *c, struct look *l)
{
	pid_t supervisor = c->sock >= 0 ? c->peer.pid : c->owner[ONDISK_LOCK_SUPERVISOR];
	pid_t worker = c->owner[ONDISK_LOCK_WORKER];

	l->supervisor = MAX(supervisor, 0);
	l->worker = MAX(worker, 0);
	if (c->sock >= 0 || supervisor > 0 || supervisor == -ESRCH)
		l->state = LOOK_MOUNTED;
	else if (supervisor == 0 && (worker > 0 || worker == -ESRCH))
		l->state = LOOK_ALONE;
	else if (supervisor == 0 && worker == 0)
		l->state = LOOK_DEAD;
	else
		snprintf(l->remark, sizeof(l->remark), "could not use its lock file: %s",
		    strerror(supervisor < 0 ? -supervisor : -worker));
}

static void
take_text(const struct json_node *nodes, const char *key, char *out, size_t size)
{
	const char *text = json_string(json_get(nodes, nodes, key));

	if (text != NULL)
		strlcpy(out, text, size);
}

/* Whether the snapshot is of this mount, and not left behind by an earlier one. */
static bool
is_of_this_mount(const struct json_node *nodes, const struct look *l)
{
	uint64_t pid;

	return json_u64(json_get(nodes, nodes, "supervisor_pid"), &pid) == 0 &&
	    (l->supervisor == 0 || pid == (uint64_t)l->supervisor);
}

/* Finds out whether the mount was told to go; if so, it does not come back. */
static void
take_leaving(const struct json_node *nodes, struct look *l)
{
	const struct json_node *leaving = json_get(nodes, nodes, "leaving");

	if (l->state == LOOK_MOUNTED && leaving != NULL && leaving->type == JSON_TRUE)
		l->state = LOOK_LEAVING;
}

/* Computes the uptime: the snapshot says how old the mount was when it was written. */
static void
take_uptime(const struct json_node *nodes, struct look *l)
{
	const char *text = json_string(json_get(nodes, nodes, "time"));
	const struct json_node *uptime = json_get(nodes, nodes, "uptime_seconds");
	struct tm tm = { 0 };
	double age;

	if ((l->state != LOOK_MOUNTED && l->state != LOOK_ELSEWHERE && l->state != LOOK_UNMOUNTED) || text == NULL || uptime == NULL ||
	    uptime->type != JSON_NUMBER || strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL)
		return;
	age = difftime(time(NULL), timegm(&tm)) + strtod(uptime->text, NULL);
	if (!(age < 1e12))
		return;
	l->uptime = age > 0 ? (uint64_t)age : 0;
	l->has_uptime = true;
}

static void
read_snapshot(const struct view *v, struct look *l)
{
	struct json_node *nodes autofree = calloc(SNAPSHOT_NODES, sizeof(*nodes));
	char *text autofree = NULL;
	size_t len;

	if (nodes == NULL || snapshot_read(v->diff_fd, &text, &len) != 0 ||
	    json_parse(text, len, nodes, SNAPSHOT_NODES) < 0)
		return;
	take_text(nodes, "instance", l->instance, sizeof(l->instance));
	take_text(nodes, "backup_id", l->backup_id, sizeof(l->backup_id));
	if (!is_of_this_mount(nodes, l))
		return;
	take_uptime(nodes, l);
	take_leaving(nodes, l);
}

static void
look_size(const struct view *v, struct look *l, void (*report)(const struct look *l))
{
	report(l);
	if (l->state != LOOK_UNKNOWN && treesize(v->diff_fd, &l->size) == 0) {
		l->has_size = true;
		report(l);
	}
}

void
look_at(const struct mountinfo *mounts, size_t n, const struct mountinfo *m,
    void (*report)(const struct look *l))
{
	static struct view v;
	static struct look l;

	if (open_diff(&v, mounts, n, m) == 0) {
		find_state(&v.contact, &l);
		read_snapshot(&v, &l);
	} else
		strlcpy(l.remark, v.contact.doubt, sizeof(l.remark));
	look_size(&v, &l, report);
	close_view(&v);
}

/* Whether its processes run, while it is not mounted where its lock file says. */
static bool
was_here(const struct contact *c, const struct mountinfo *m, struct look *l)
{
	struct mountinfo *here autofree = malloc(sizeof(*here));

	find_state(c, l);
	if (here == NULL || (l->state != LOOK_MOUNTED && l->state != LOOK_ALONE))
		return false;
	return mountinfo_find(c->mnt, here) != 0 || strcmp(here->source, m->source) != 0;
}

/* Returns whether it is gone from here, as far as that is known without asking who serves it. */
static bool
begin_gone(struct view *v, const struct mountinfo *m, enum look_state state, struct look *l)
{
	if (open_view(v, m->source) != 0 || !was_here(&v->contact, m, l))
		return false;
	l->state = state;
	if (strlcpy(l->mountpoint, v->contact.mnt, sizeof(l->mountpoint)) >= sizeof(l->mountpoint))
		l->mountpoint[0] = '\0';
	read_snapshot(v, l);
	return true;
}

void
look_elsewhere(const struct mountinfo *m, void (*report)(const struct look *l))
{
	static struct view v;
	static struct look l;

	if (begin_gone(&v, m, LOOK_ELSEWHERE, &l)) {
		holders_find(m->major, m->minor, &l.holders);
		look_size(&v, &l, report);
	}
	close_view(&v);
}

/* Asks who serves it.  Returns false if that has no mount yet. */
static bool
take_answer(const struct contact *c, struct look *l)
{
	static struct command_frame a;
	int rc = c->sock >= 0 ? contact_identify(c, &a) : -ENOTCONN;

	l->is_silent = rc == -ETIMEDOUT || rc == -EAGAIN;
	if (rc != 0)
		return true;
	if (contact_is_beginning(&a))
		return false;
	openers_find((unsigned)a.arg[IDENTITY_MAJOR], (unsigned)a.arg[IDENTITY_MINOR],
	    &l->holders);
	return true;
}

void
look_unmounted(const struct mountinfo *m, void (*report)(const struct look *l))
{
	static struct view v;
	static struct look l;

	if (begin_gone(&v, m, LOOK_UNMOUNTED, &l) && take_answer(&v.contact, &l))
		look_size(&v, &l, report);
	close_view(&v);
}
