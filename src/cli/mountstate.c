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
#include "cli/mountstate.h"
#include "cli/openers.h"
#include "cli/snapshot.h"
#include "cli/treesize.h"
#include "cli/unmounted.h"
#include "supervisor/fusectl.h"
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
find_state(const struct contact *c, struct mountstate *l)
{
	pid_t supervisor = c->sock >= 0 ? c->peer.pid : c->owner[ONDISK_LOCK_SUPERVISOR];
	pid_t worker = c->owner[ONDISK_LOCK_WORKER];

	l->supervisor = MAX(supervisor, 0);
	l->worker = MAX(worker, 0);
	if (c->sock >= 0 || supervisor > 0 || supervisor == -ESRCH)
		l->state = MOUNTSTATE_MOUNTED;
	else if (supervisor == 0 && (worker > 0 || worker == -ESRCH))
		l->state = MOUNTSTATE_ALONE;
	else if (supervisor == 0 && worker == 0)
		l->state = MOUNTSTATE_DEAD;
	else
		snprintf(l->remark, sizeof(l->remark), "could not use its lock file: %s",
		    strerror(supervisor < 0 ? -supervisor : -worker));
}

static void
take_name(char *to, size_t size, const char *name)
{
	if (strlcpy(to, name, size) >= size)
		to[0] = '\0';
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
is_of_this_mount(const struct json_node *nodes, const struct mountstate *l)
{
	uint64_t pid;

	return json_u64(json_get(nodes, nodes, "supervisor_pid"), &pid) == 0 &&
	    (l->supervisor == 0 || pid == (uint64_t)l->supervisor);
}

/* Finds out whether the mount was told to go; if so, it does not come back. */
static void
take_leaving(const struct json_node *nodes, struct mountstate *l)
{
	const struct json_node *leaving = json_get(nodes, nodes, "leaving");

	if (l->state == MOUNTSTATE_MOUNTED && leaving != NULL && leaving->type == JSON_TRUE)
		l->state = MOUNTSTATE_LEAVING;
}

/* Computes the uptime: the snapshot says how old the mount was when it was written. */
static void
take_uptime(const struct json_node *nodes, struct mountstate *l)
{
	const char *text = json_string(json_get(nodes, nodes, "time"));
	const struct json_node *uptime = json_get(nodes, nodes, "uptime_seconds");
	struct tm tm = { 0 };
	double age;

	if ((l->state != MOUNTSTATE_MOUNTED && l->state != MOUNTSTATE_ELSEWHERE &&
	    l->state != MOUNTSTATE_UNMOUNTED) || text == NULL || uptime == NULL ||
	    uptime->type != JSON_NUMBER || strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) == NULL)
		return;
	age = difftime(time(NULL), timegm(&tm)) + strtod(uptime->text, NULL);
	if (!(age < 1e12))
		return;
	l->uptime = age > 0 ? (uint64_t)age : 0;
	l->has_uptime = true;
}

static void
read_snapshot(const struct view *v, struct mountstate *l)
{
	struct json_node *nodes autofree = calloc(SNAPSHOT_NODES, sizeof(*nodes));
	char *text autofree = NULL;
	size_t len;

	if (nodes == NULL || snapshot_read(v->diff_fd, &text, &len) != 0 ||
	    json_parse(text, len, nodes, SNAPSHOT_NODES) < 0)
		return;
	take_text(nodes, "instance", l->instance, sizeof(l->instance));
	take_text(nodes, "backup_id", l->backup_id, sizeof(l->backup_id));
	take_text(nodes, "branch", l->branch, sizeof(l->branch));
	take_text(nodes, "snapshot", l->snapshot, sizeof(l->snapshot));
	if (!is_of_this_mount(nodes, l))
		return;
	take_uptime(nodes, l);
	take_leaving(nodes, l);
	json_bool(json_get(nodes, nodes, "detached"), &l->detached);
}

static void
mountstate_size(const struct view *v, struct mountstate *l, void (*report)(const struct mountstate *l))
{
	report(l);
	if (l->state != MOUNTSTATE_UNKNOWN && treesize(v->diff_fd, &l->size) == 0) {
		l->has_size = true;
		report(l);
	}
}

void
mountstate_at(const struct mountinfo *mounts, size_t n, const struct mountinfo *m,
    void (*report)(const struct mountstate *l))
{
	static struct view v;
	static struct mountstate l;

	if (open_diff(&v, mounts, n, m) == 0) {
		find_state(&v.contact, &l);
		read_snapshot(&v, &l);
	} else
		strlcpy(l.remark, v.contact.doubt, sizeof(l.remark));
	mountstate_size(&v, &l, report);
	close_view(&v);
}

/*
 * Whether a mount that other namespaces have is the one that is served: any can name any
 * source.  Who serves it tells; of others than root, as far as the connection is theirs.
 */
static bool
is_served(const struct contact *c, const struct mountinfo *m, struct mountstate *l)
{
	static struct command_frame a;
	uid_t owner = c->sock >= 0 ? c->peer.uid : c->uid;

	if (c->sock >= 0 && contact_identify(c, &a) == 0) {
		take_name(l->mountpoint, sizeof(l->mountpoint), a.text);
		return a.arg[IDENTITY_MAJOR] == m->major && a.arg[IDENTITY_MINOR] == m->minor &&
		    (owner == 0 || geteuid() != 0 || fusectl_is_of(m->minor, owner));
	}
	take_name(l->mountpoint, sizeof(l->mountpoint), c->mnt);
	return fusectl_is_of(m->minor, c->uid);
}

void
mountstate_elsewhere(const struct mountinfo *m, void (*report)(const struct mountstate *l))
{
	static struct view v;
	static struct mountstate l;

	if (open_view(&v, m->source) == 0)
		find_state(&v.contact, &l);
	if ((l.state == MOUNTSTATE_MOUNTED || l.state == MOUNTSTATE_ALONE) && is_served(&v.contact, m, &l)) {
		l.state = MOUNTSTATE_ELSEWHERE;
		read_snapshot(&v, &l);
		holders_find(m->major, m->minor, &l.holders);
		mountstate_size(&v, &l, report);
	}
	close_view(&v);
}

/* ---- supervisors -------------------------------------------------------- */

static const char mute[] = "its diff directory did not answer";

/* An ordinary user connects by way of the diff directory, which may never answer. */
static int
connect_to(struct view *v, const struct mountinfo *m, const char *diff)
{
	struct contact *c = &v->contact;

	if (unmounted_pid(m) == 0 && geteuid() == 0)
		return c->sock = socket_connect_in_run(m->source, &c->peer);
	open_view(v, diff);
	if (c->sock < 0)
		return -ENOTCONN;
	return unmounted_pid(m) == 0 || c->peer.pid == unmounted_pid(m) ? 0 : -ENOTCONN;
}

/* Finds the supervisor of a row, if there is one, and reports what is known without it. */
static bool
find_supervisor(struct view *v, const struct mountinfo *m, struct mountstate *l,
    void (*report)(const struct mountstate *l))
{
	char diff[PATH_MAX], mnt[PATH_MAX];
	int rc;

	contact_init(&v->contact);
	v->diff_fd = -1;
	if (unmounted_names(m, diff, mnt) != 0)
		return false;
	take_name(l->diff, sizeof(l->diff), diff);
	take_name(l->mountpoint, sizeof(l->mountpoint), mnt);
	l->supervisor = unmounted_pid(m);
	strlcpy(l->remark, mute, sizeof(l->remark));
	report(l);
	if ((rc = connect_to(v, m, diff)) >= 0) {
		l->supervisor = MAX(v->contact.peer.pid, 0);
		return true;
	}
	if (rc == -EAGAIN) {
		l->is_silent = true;
		l->state = MOUNTSTATE_UNMOUNTED;
	} else {
		l->diff[0] = l->mountpoint[0] = '\0';
		l->supervisor = 0;
	}
	report(l);
	return false;
}

static bool
is_in(const struct mountinfo *m, size_t n, unsigned major, unsigned minor)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!unmounted_is(&m[i]) && m[i].major == major && m[i].minor == minor)
			return true;
	return false;
}

static bool
compare_device(void *arg, const struct mountinfo *m)
{
	struct mountstate *l = arg;

	if (m->major == l->major && m->minor == l->minor)
		l->state = MOUNTSTATE_MOUNTED;
	return l->state != MOUNTSTATE_MOUNTED;
}

/* Where its mount is, which may have been made since the list was. */
static void
find_mount(const struct mountinfo *mounts, size_t n, struct mountstate *l)
{
	l->state = MOUNTSTATE_UNMOUNTED;
	if (mountinfo_each(MOUNTINFO_SELF, MOUNT_FSTYPE, compare_device, l) == 0 &&
	    l->state == MOUNTSTATE_UNMOUNTED && is_in(mounts, n, l->major, l->minor))
		l->state = MOUNTSTATE_ELSEWHERE;
}

/* Asks it.  Whether there is a mount is known without it only as far as the list has its source. */
static void
take_answer(const struct contact *c, const struct mountinfo *mounts, size_t n, struct mountstate *l)
{
	static struct command_frame a;
	int rc = contact_identify(c, &a);

	l->is_silent = rc == -ETIMEDOUT || rc == -EAGAIN;
	if (rc != 0) {
		l->state = l->is_silent ? MOUNTSTATE_UNMOUNTED : MOUNTSTATE_UNKNOWN;
		return;
	}
	l->major = (unsigned)a.arg[IDENTITY_MAJOR];
	l->minor = (unsigned)a.arg[IDENTITY_MINOR];
	l->worker = (pid_t)a.arg[IDENTITY_WORKER];
	take_name(l->mountpoint, sizeof(l->mountpoint), a.text);
	if (contact_is_beginning(&a))
		l->state = MOUNTSTATE_STARTING;
	else
		find_mount(mounts, n, l);
	if (l->state == MOUNTSTATE_MOUNTED && a.arg[IDENTITY_STATE] == STATE_LEAVING)
		l->state = MOUNTSTATE_LEAVING;
}

/* Opens the directory of one that is found by its name in SOCKET_RUN.  Returns whether it is that. */
static bool
open_served(struct view *v, const struct mountinfo *m, const struct mountstate *l)
{
	if (v->diff_fd < 0 && l->diff[0] != '\0')
		v->diff_fd = contact_open_diff(l->diff);
	return v->diff_fd >= 0 && (unmounted_pid(m) != 0 || unmounted_is_diff(m, v->diff_fd));
}

void
mountstate_supervisor(const struct mountinfo *mounts, size_t n, const struct mountinfo *m,
    void (*report)(const struct mountstate *l))
{
	static struct view v;
	static struct mountstate l;

	if (!find_supervisor(&v, m, &l, report))
		return;
	take_answer(&v.contact, mounts, n, &l);
	report(&l);
	if (l.state == MOUNTSTATE_ELSEWHERE)
		holders_find(l.major, l.minor, &l.holders);
	else if (l.state == MOUNTSTATE_UNMOUNTED && !l.is_silent)
		openers_find(l.major, l.minor, &l.holders);
	report(&l);
	if (open_served(&v, m, &l)) {
		l.remark[0] = '\0';
		read_snapshot(&v, &l);
		mountstate_size(&v, &l, report);
	} else {
		strlcpy(l.remark, v.diff_fd < 0 && l.diff[0] != '\0' ?
		    "could not open its diff directory" : "", sizeof(l.remark));
		report(&l);
	}
	close_view(&v);
}
