/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds a mount by its mountpoint or diff directory, decides whom to believe
 * that serves it, and ends that.  It unmounts nothing.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/limited.h"
#include "cli/mountref.h"
#include "cli/unmounted.h"
#include "supervisor/become.h"
#include "supervisor/fusectl.h"
#include "supervisor/holders.h"
#include "supervisor/paths.h"
#include "supervisor/walk.h"

#define MUTE_SECONDS	1	/* for one that was killed while its diff directory does not answer */
#define STOP_SECONDS	10	/* for a supervisor to end its worker, its mount and itself */

void
mountref_init(struct mountref *t)
{
	memset(t, 0, sizeof(*t));
	t->parent_fd = -1;
	contact_init(&t->contact);
}

void
mountref_close(struct mountref *t)
{
	if (t->parent_fd >= 0)
		close(t->parent_fd);
	t->parent_fd = -1;
	children_close(&t->children);
	children_close(&t->servers);
	contact_close(&t->contact);
}

/* ---- finding ------------------------------------------------------------ */

struct resolving {
	char	path[PATH_MAX], out[PATH_MAX];
	bool	last;
};

static int
resolve_in_child(void *arg, int *passed)
{
	struct resolving *r = arg;

	(void)passed;
	return r->last ? paths_resolve(r->path, r->out) : paths_resolve_parent(r->path, r->out);
}

/* Resolves a name in a child, and its last component if last: its file system may never answer. */
static int
resolve(const char *name, bool last, char out[PATH_MAX])
{
	static struct resolving r;
	const struct become_work w = {
		.act = resolve_in_child, .arg = &r, .size = sizeof(r), .seconds = CONTACT_SECONDS
	};
	int rc;

	r.last = last;
	if (strlcpy(r.path, name, sizeof(r.path)) >= sizeof(r.path))
		return -ENAMETOOLONG;
	if ((rc = become_run(NULL, &w, NULL)) == 0)
		strlcpy(out, r.out, PATH_MAX);
	return rc;
}

/*
 * Finds the mount at dir.  It follows a link to a mountpoint only once it is
 * clear that the name itself is no mount: reading a link of a mount that hangs
 * would hang.
 */
static int
find_mount(struct mountref *t, const char *dir, struct mountinfo *m)
{
	int rc;

	if ((rc = resolve(dir, false, t->mnt)) != 0)
		return rc;
	if ((rc = mountinfo_find(t->mnt, m)) != -ENOENT)
		return rc;
	if ((rc = resolve(dir, true, t->mnt)) != 0)
		return rc;
	return mountinfo_find(t->mnt, m);
}

static int
walk_in_child(void *arg, int *passed)
{
	struct resolving *r = arg;

	*passed = walk_parent(r->path, NULL, r->out);
	return MIN(*passed, 0);
}

static int
does_not_answer(const char *mnt)
{
	return limited_tell("mountpoint", mnt, CONTACT_SECONDS, "nothing was done");
}

/* In a child, too: the mountpoint may lie in a file system that never answers. */
static int
open_parent(struct mountref *t)
{
	static struct resolving r;
	const struct become_work w = {
		.act = walk_in_child, .arg = &r, .size = sizeof(r), .seconds = CONTACT_SECONDS
	};
	int rc;

	t->base = strrchr(t->mnt, '/') + 1;
	strlcpy(r.path, t->mnt, sizeof(r.path));
	r.out[0] = '\0';
	if ((rc = become_run(NULL, &w, &t->parent_fd)) == 0 && t->parent_fd >= 0)
		return 0;
	if (rc == -ETIMEDOUT)
		return does_not_answer(t->mnt);
	return cli_error("could not use \"%s\": %s", t->mnt, r.out[0] != '\0' ? r.out : strerror(-rc));
}

static int
check_diff(const struct mountref *t, const char *diff)
{
	char given[PATH_MAX];

	if (diff == NULL || strcmp(diff, t->diff) == 0)
		return 0;
	if (resolve(diff, false, given) != 0 || strcmp(given, t->diff) != 0)
		return cli_error("the diff directory of \"%s\" is \"%s\", not \"%s\"",
		    t->mnt, t->diff, diff);
	return 0;
}

static int
take_mount(struct mountref *t, const struct mountinfo *m, const char *diff)
{
	if (strcmp(m->fstype, MOUNT_FSTYPE) != 0)
		return cli_error("\"%s\" is a mount, but not of pbkfs (%s)", t->mnt, m->fstype);
	strlcpy(t->diff, m->source, sizeof(t->diff));
	t->mount_id = m->id;
	t->uid = m->uid;
	t->has_device = true;
	t->major = m->major;
	t->minor = m->minor;
	if (open_parent(t) != 0)
		return 1;
	return check_diff(t, diff);
}

/* Gets in touch with a mount that need not be visible: t->mnt becomes where it was made. */
static int
contact_unmounted(struct mountref *t)
{
	strlcpy(t->contact.diff, t->diff, sizeof(t->contact.diff));
	if (contact_make(&t->contact) != 0)
		return -1;
	strlcpy(t->mnt, t->contact.mnt, sizeof(t->mnt));
	return 0;
}

/*
 * Whether who listens may say which device it serves: the word of root's supervisor counts;
 * that of others, as far as the connection is theirs, or they would name a stranger's mount.
 */
static bool
may_name(const struct mountref *t, const struct command_frame *a)
{
	return t->contact.peer.uid == 0 || geteuid() != 0 ||
	    fusectl_is_of((unsigned)a->arg[IDENTITY_MINOR], t->contact.peer.uid);
}

/* Takes a mount that is not where its lock file says. */
static int
take_elsewhere(struct mountref *t, struct mountinfo *m)
{
	static struct command_frame a;

	if (t->contact.sock < 0 && !contact_is_held(&t->contact))
		return cli_error("\"%s\" is not mounted", t->diff);
	t->elsewhere = true;
	if (t->contact.sock >= 0 && contact_identify(&t->contact, &a) == 0) {
		t->major = (unsigned)a.arg[IDENTITY_MAJOR];
		t->minor = (unsigned)a.arg[IDENTITY_MINOR];
		t->has_device = t->minor != 0 && may_name(t, &a);
	} else if (holders_find_source(t->diff, t->contact.uid, m) == 0) {
		t->has_device = true;
		t->major = m->major;
		t->minor = m->minor;
	}
	return 0;
}

struct by_device {
	const struct command_frame *a;
	struct mountinfo *m;
	int	rc;
};

static bool
compare_device(void *arg, const struct mountinfo *m)
{
	struct by_device *k = arg;
	bool is_there = strcmp(m->mountpoint, k->a->text) == 0;

	if (m->major != k->a->arg[IDENTITY_MAJOR] || m->minor != k->a->arg[IDENTITY_MINOR] ||
	    (k->rc == 0 && !is_there))
		return true;
	*k->m = *m;
	k->rc = 0;
	return !is_there;
}

/*
 * The mount that who listens has, and where it is now: at its mountpoint, or where a directory
 * on the way to that was moved to.
 */
static int
find_served(struct mountref *t, struct mountinfo *m)
{
	static struct command_frame a;
	struct by_device k = { &a, m, -ENOENT };
	int rc;

	if (t->contact.sock < 0 || contact_identify(&t->contact, &a) != 0)
		return -ENOTCONN;
	strlcpy(t->mnt, a.text, sizeof(t->mnt));
	if (a.arg[IDENTITY_MINOR] == 0 || !may_name(t, &a))
		return -ENOENT;
	rc = mountinfo_each(MOUNTINFO_SELF, MOUNT_FSTYPE, compare_device, &k);
	return rc != 0 ? rc : k.rc;
}

static int
take_source(struct mountref *t, const struct mountinfo *m)
{
	strlcpy(t->mnt, m->mountpoint, sizeof(t->mnt));
	return take_mount(t, m, NULL);
}

/* Where the lock file says is another mount, or none that is known: it is his who can write it. */
static int
tell_misled(const struct mountref *t)
{
	return cli_error("could not find out where \"%s\" is mounted: its lock file names \"%s\","
	    " where another file system is mounted", t->diff, t->mnt);
}

/*
 * Finds a mount that nobody says he serves.  The lock file, which the owner can write, is a
 * hint; that a mount names the directory as its source, and is its owner's, has to agree.
 */
static int
find_unserved(struct mountref *t, struct mountinfo *m)
{
	const struct contact *c = &t->contact;
	int rc;

	if ((c->has_lock || c->is_named) && mountinfo_find(c->mnt, m) == 0 && strcmp(m->source, t->diff) == 0)
		return take_source(t, m);
	rc = mountinfo_find_source(t->diff, c->uid, m);
	if (rc == 0)
		return take_source(t, m);
	if (rc == -EEXIST)
		return cli_error("several mounts name \"%s\" as their diff directory: name the one"
		    " that is meant with --mnt-path", t->diff);
	if (c->lacks_lock && c->sock < 0)
		return cli_error("\"%s\" is not mounted: it has no \"%s\", so it is no diff directory,"
		    " or was never mounted", t->diff, ONDISK_LOCK);
	if (!c->has_lock && c->sock < 0)
		return cli_error("could not find out where \"%s\" is mounted: %s", t->diff, c->doubt);
	if (c->sock < 0 && mountinfo_find(c->mnt, m) == 0)
		return tell_misled(t);
	return take_elsewhere(t, m);
}

static int
find_by_diff(struct mountref *t, const char *diff, struct mountinfo *m)
{
	int rc;

	if ((rc = resolve(diff, false, t->diff)) != 0 && rc != -ETIMEDOUT)
		return cli_error("could not find out where \"%s\" is mounted: %s", diff,
		    paths_strerror(rc));
	if (rc != 0)
		strlcpy(t->diff, diff, sizeof(t->diff));
	contact_unmounted(t);
	if ((rc = find_served(t, m)) == 0)
		return take_source(t, m);
	return rc == -ENOENT ? take_elsewhere(t, m) : find_unserved(t, m);
}

struct by_mountpoint {
	struct mountref *t;
	const char *mnt;
	bool	found;
};

/*
 * Whether t->diff was mounted there.  Whoever may mount can claim any
 * mountpoint and source, so the lock has to agree.
 */
static bool
was_mounted_at(struct mountref *t, const char *mnt)
{
	return contact_unmounted(t) == 0 && strcmp(t->mnt, mnt) == 0 &&
	    (contact_is_held(&t->contact) || t->contact.sock >= 0);
}

static bool
compare_mountpoint(void *arg, const struct holder *h)
{
	struct by_mountpoint *k = arg;

	if (strcmp(h->mount->mountpoint, k->mnt) != 0 || h->mount->source[0] != '/')
		return true;
	mountref_close(k->t);
	mountref_init(k->t);
	strlcpy(k->t->diff, h->mount->source, sizeof(k->t->diff));
	k->found = was_mounted_at(k->t, k->mnt);
	return !k->found;
}

/* Looks for a supervisor that had, or will have, its mount there. */
static void
find_supervisor_at(struct by_mountpoint *k)
{
	int64_t until = clock_monotonic_ms() + USERS_MS;
	struct mountinfo_list list = { 0 };
	char diff[PATH_MAX], mnt[PATH_MAX];
	size_t i;

	if (unmounted_list(&list, until) != 0)
		list.n = 0;
	for (i = 0; i < list.n && !k->found && clock_monotonic_ms() < until; i++) {
		if (unmounted_names(&list.mount[i], diff, mnt) != 0 || strcmp(mnt, k->mnt) != 0)
			continue;
		mountref_close(k->t);
		mountref_init(k->t);
		strlcpy(k->t->diff, diff, sizeof(k->t->diff));
		k->found = was_mounted_at(k->t, k->mnt);
	}
	mountinfo_free(&list);
}

/* Finds the mount that was at t->mnt, where nothing is mounted any more. */
static int
find_gone(struct mountref *t, const char *dir, const char *diff, struct mountinfo *m)
{
	char mnt[PATH_MAX];
	struct by_mountpoint k = { t, mnt, false };

	memcpy(mnt, t->mnt, sizeof(mnt));
	if (diff != NULL)
		k.found = resolve(diff, false, t->diff) == 0 && was_mounted_at(t, mnt);
	else
		find_supervisor_at(&k);
	if (diff == NULL && !k.found)
		holders_each(clock_monotonic_ms() + USERS_MS, compare_mountpoint, &k);
	if (!k.found)
		return cli_error("nothing is mounted at \"%s\"", dir);
	return take_elsewhere(t, m);
}

int
mountref_find(struct mountref *t, const char *dir, const char *diff)
{
	struct mountinfo *m autofree = malloc(sizeof(*m));
	int rc;

	mountref_init(t);
	if (m == NULL)
		return cli_error("out of memory");
	if (dir == NULL)
		return find_by_diff(t, diff, m);
	if ((rc = find_mount(t, dir, m)) == -ENOENT)
		return find_gone(t, dir, diff, m);
	if (rc == -ETIMEDOUT)
		return does_not_answer(dir);
	if (rc != 0)
		return cli_error("could not use \"%s\": %s", dir, paths_strerror(rc));
	return take_mount(t, m, diff);
}

bool
mountref_is_served(const char *diff)
{
	static struct command_frame a;
	struct mountref *t autofree = calloc(1, sizeof(*t));
	bool served;

	if (t == NULL)
		return false;
	mountref_init(t);
	served = resolve(diff, false, t->diff) == 0 && contact_unmounted(t) == 0 && t->contact.sock >= 0 &&
	    contact_identify(&t->contact, &a) == 0 && !contact_is_beginning(&a);
	mountref_close(t);
	return served;
}

/* ---- who serves it ------------------------------------------------------ */

static void
disbelieve(struct contact *c, const char *why)
{
	contact_close(c);
	strlcpy(c->doubt, why, sizeof(c->doubt));
}

/* The directory is that mount's, and so are those who hold its locks. */
static void
leave_to_other(struct contact *c)
{
	disbelieve(c, "who listens at its socket serves another mount");
	memset(c->owner, 0, sizeof(c->owner));
	c->is_others = true;
}

/* Asks whether who listens serves this mount.  Returns 1, 0, or negative errno. */
static int
serves_this(struct mountref *t, int ms)
{
	static struct command_frame a;
	struct contact *c = &t->contact;
	int rc;

	if ((rc = contact_identify_within(c, &a, ms)) != 0)
		return rc;
	c->owner[ONDISK_LOCK_WORKER] = (pid_t)a.arg[IDENTITY_WORKER];
	t->state = (enum command_state)a.arg[IDENTITY_STATE];
	t->served_major = (unsigned)a.arg[IDENTITY_MAJOR];
	t->served_minor = (unsigned)a.arg[IDENTITY_MINOR];
	if (!t->has_device)
		return 1;
	if (a.arg[IDENTITY_MAJOR] == 0 && a.arg[IDENTITY_MINOR] == 0)
		return strcmp(a.text, t->mnt) == 0;
	return a.arg[IDENTITY_MAJOR] == t->major && a.arg[IDENTITY_MINOR] == t->minor;
}

/* Decides whether to believe who listens.  If it does not answer, the lock file has to name it. */
static void
judge_listener(struct mountref *t, bool is_named)
{
	int rc;

	t->asked_at = clock_monotonic_ms();
	rc = serves_this(t, CONTACT_ASK_MS);
	t->is_silent = rc < 0;
	if (rc == 0)
		leave_to_other(&t->contact);
	else if (rc == -EPROTONOSUPPORT)
		disbelieve(&t->contact, "its supervisor is of a version with other requests");
	else if (rc < 0 && !is_named)
		disbelieve(&t->contact, "its supervisor does not answer, and its lock file does not"
		    " name this mountpoint");
	else
		children_find(&t->children, t->contact.peer.pid, t->contact.peer.pidfd);
}

void
mountref_contact(struct mountref *t)
{
	struct contact *c = &t->contact;
	bool is_named;

	/* The search may have made it. */
	strlcpy(c->diff, t->diff, sizeof(c->diff));
	if (!c->has_lock && c->sock < 0 && !c->is_mute)
		contact_make(c);
	is_named = c->is_named && strcmp(c->mnt, t->mnt) == 0;
	if (c->sock >= 0)
		judge_listener(t, is_named);
	else if (c->has_lock && !is_named)
		disbelieve(c, "its lock file does not name this mountpoint");
	else if (c->has_lock && !contact_is_held(c))
		disbelieve(c, "its supervisor is gone: pbkfs unmount it, and mount it again");
}

const char *
mountref_who(const struct mountref *t, char text[MOUNTREF_WHO_MAX])
{
	const struct contact *c = &t->contact;
	pid_t supervisor = c->sock >= 0 ? c->peer.pid : c->owner[ONDISK_LOCK_SUPERVISOR];

	snprintf(text, MOUNTREF_WHO_MAX, "supervisor %d, worker %d", (int)MAX(supervisor, 0),
	    (int)MAX(c->owner[ONDISK_LOCK_WORKER], 0));
	return text;
}

/* Who was found to serve the mount is ended all the same, by mountref_end(). */
static int
nobody_ended(const struct mountref *t, const char *why)
{
	if (t->servers.n == 0)
		cli_warn("the mount is detached, but its processes are left to end by themselves: %s", why);
	return 1;
}

static int
kill_listener(struct mountref *t)
{
	char why[128];
	int rc;

	children_find(&t->children, t->contact.peer.pid, t->contact.peer.pidfd);
	rc = contact_kill(&t->contact);
	/* Where it calls into a file system that does not answer, no signal reaches it. */
	if (t->contact.is_mute)
		return contact_wait_for_listener(&t->contact, MUTE_SECONDS) != 0;
	if (rc == -ENOPROTOOPT)
		return nobody_ended(t, "its supervisor does not answer, and before Linux 6.5 the kernel"
		    " does not say which process that is");
	if (rc == 0 && contact_wait_for_listener(&t->contact, STOP_SECONDS) == 0)
		return 0;
	snprintf(why, sizeof(why), "its supervisor (process %d) does not end%s%s",
	    (int)t->contact.peer.pid, rc != 0 ? ": " : "", rc != 0 ? strerror(-rc) : "");
	return nobody_ended(t, why);
}

int
mountref_stop(struct mountref *t)
{
	static struct command_frame q, a;
	struct contact *c = &t->contact;

	/* The owner may have exchanged the lock file: where somebody listens it proves nothing. */
	if (c->sock < 0 && c->has_lock && strcmp(c->mnt, t->mnt) == 0 && !contact_is_held(c))
		return 1;	/* nobody serves it, so there is nobody to end */
	if (c->sock < 0)
		return nobody_ended(t, c->doubt);
	command_init(&q, COMMAND_STOP);
	if (!t->is_silent && contact_ask(c, &q, &a, NULL) == 0) {
		if (a.type == COMMAND_REFUSED)
			return nobody_ended(t, a.text);
		if (contact_wait_for_listener(c, STOP_SECONDS) == 0)
			return 0;
	}
	return kill_listener(t);
}

int
mountref_leave(struct mountref *t)
{
	static struct command_frame q, a;
	int rc;

	command_init(&q, COMMAND_LEAVE);
	if ((rc = contact_ask(&t->contact, &q, &a, NULL)) == 0 && a.type == COMMAND_DONE)
		rc = mountref_wait(t, STOP_SECONDS);
	if (rc != 0)
		return cli_error("the supervisor of \"%s\" (pid %d) does not give up: %s", t->mnt,
		    (int)t->contact.peer.pid, strerror(-rc));
	return a.type == COMMAND_DONE ? 0 : cli_error("could not end \"%s\": %s", t->mnt, a.text);
}

void
mountref_hurry(const struct mountref *t)
{
	static struct command_frame q, a;

	command_init(&q, COMMAND_LEAVE);
	if (t->contact.sock >= 0 && !t->is_silent)
		contact_ask(&t->contact, &q, &a, NULL);
}

bool
mountref_is_silent(struct mountref *t, int ms)
{
	int rc = t->contact.sock >= 0 ? serves_this(t, ms) : 0;

	t->is_silent = rc == -ETIMEDOUT || rc == -EAGAIN;
	return t->is_silent;
}

void
mountref_find_servers(struct mountref *t)
{
	if (t->contact.sock < 0 || t->is_silent)
		children_find_servers(&t->servers, t->minor, t->uid);
}

int
mountref_wait(struct mountref *t, int seconds)
{
	int64_t until = clock_monotonic_ms() + (int64_t)seconds * 1000;
	struct contact *c = &t->contact;
	int rc;

	/* A worker may have been replaced. */
	if (c->peer.pidfd >= 0 && contact_wait_for_listener(c, 0) != 0)
		children_find(&t->children, c->peer.pid, c->peer.pidfd);
	if ((rc = contact_wait_for_listener(c, seconds)) != 0 ||
	    (rc = children_wait_until(&t->children, until)) != 0 ||
	    (rc = children_wait_until(&t->servers, until)) != 0)
		return rc;
	/* Who listened, and its children, are all that there are: the directory need not be asked. */
	return t->children.n > 0 ? 0 : contact_wait(c, seconds);
}

int
mountref_end(struct mountref *t, int seconds)
{
	int rc = mountref_wait(t, seconds);

	/* A worker that was taken over may have let go of the lock, and go on all the same. */
	if (rc == 0 || children_kill(&t->children) + children_kill(&t->servers) == 0)
		return rc;
	return mountref_wait(t, seconds);
}
