/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Ends a mount that other mount namespaces hold.  A child enters each namespace
 * and unmounts there, in as good an order as here.  The kernel lets nobody
 * unmount a mount that a namespace of another user namespace got from outside;
 * and an ordinary user may enter no others.  Such a mount is cut off (cut.c).
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/cut.h"
#include "cli/elsewhere.h"
#include "cli/limited.h"
#include "cli/openers.h"
#include "supervisor/fusectl.h"
#include "supervisor/holders.h"
#include "supervisor/walk.h"

#define FIND_MS		2000	/* for its mounts in all namespaces */
#define UNMOUNT_MS	5000	/* to unmount it in these */
#define ENTER_SECONDS	10	/* for an unmount in another namespace */
#define ENDING_SECONDS	2	/* for processes of a mount that was unmounted just now */
#define FLUSH_SECONDS	120	/* for a worker to write out what it holds */
#define BUSY_SECONDS	10	/* for processes with open files in a detached mount */

/* Tells of a mount that no other namespace has: an open file keeps it, or it just ends. */
static int
tell_unmounted(const struct mountref *t)
{
	char who[512], processes[MOUNTREF_WHO_MAX];
	struct users users = { 0 };

	if (t->is_silent)
		return cli_error("\"%s\" is unmounted, but its supervisor (pid %d) does not answer:"
		    " pbkfs unmount --force -d \"%s\" ends it", t->mnt, (int)t->contact.peer.pid,
		    t->diff);
	if (t->served_minor != 0)
		openers_find_within(t->served_major, t->served_minor, CONTACT_SECONDS, &users);
	users_tell(&users, who, sizeof(who));
	if (users.n > 0)
		return cli_error("\"%s\" is unmounted, but still in use by %s: stop them, or pbkfs"
		    " unmount --force -d \"%s\"", t->mnt, who, t->diff);
	return cli_error("\"%s\" is unmounted, but its processes run on (%s): they still"
	    " write, or a process that cannot be seen from here has files open or holds the"
	    " mount in another mount namespace; pbkfs unmount --force -d \"%s\" ends them",
	    t->mnt, mountref_who(t, processes), t->diff);
}

bool
elsewhere_is_held(const struct mountref *t)
{
	struct users users = { 0 };

	if (t->has_device)
		holders_find(t->major, t->minor, &users);
	return users.n > 0;
}

int
elsewhere_tell(const struct mountref *t)
{
	struct users users = { 0 };
	char who[512];

	if (t->has_device)
		holders_find(t->major, t->minor, &users);
	if (users.n == 0)
		return tell_unmounted(t);
	users_tell(&users, who, sizeof(who));
	return cli_error("\"%s\" is unmounted here, but other mount namespaces hold the mount: %s;"
	    " end these processes, or pbkfs unmount --force -d \"%s\"", t->mnt, who, t->diff);
}

static int
enter(const struct holder *h)
{
	int mnt = openat(h->proc_fd, "ns/mnt", O_RDONLY | O_CLOEXEC);
	int root = openat(h->proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int user = openat(h->proc_fd, "ns/user", O_RDONLY | O_CLOEXEC);

	if (mnt < 0 || root < 0 || user < 0)
		return -errno;
	/* An ordinary user may be root in there. */
	if (setns(mnt, CLONE_NEWNS) != 0 &&
	    (setns(user, CLONE_NEWUSER) != 0 || setns(mnt, CLONE_NEWNS) != 0))
		return -errno;
	return fchdir(root) == 0 && chroot(".") == 0 ? 0 : -errno;
}

/* Runs in a child.  Returns 0, -EBUSY if it had to detach the mount, or negative errno. */
static int
unmount_there(const void *arg)
{
	const struct holder *h = arg;
	const char *base = strrchr(h->mount->mountpoint, '/') + 1;
	char error[WALK_ERROR_MAX];
	struct statx sx;
	int parent, rc;

	if ((rc = enter(h)) != 0)
		return rc;
	/* Processes in there may put links in our way. */
	if ((parent = walk_parent(h->mount->mountpoint, NULL, error)) < 0)
		return parent;
	/* Something else may be mounted over it. */
	if (statx(parent, base, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0,
	    &sx) != 0 || fchdir(parent) != 0)
		return -errno;
	if (sx.stx_dev_major != h->mount->major || sx.stx_dev_minor != h->mount->minor)
		return -ENOENT;
	if (umount2(base, UMOUNT_NOFOLLOW) == 0)
		return 0;
	if (errno != EBUSY)
		return -errno;
	return umount2(base, UMOUNT_NOFOLLOW | MNT_DETACH) == 0 ? -EBUSY : -errno;
}

struct attempt {
	struct mountref *t;
	int	control;		/* of its connection, or negative errno */
	bool	seen;			/* another namespace has the mount: the control is of it */
	bool	refused;		/* somewhere it could not even be detached */
	bool	left;			/* it could not be unmounted in order */
	struct users users;	/* holders that kept it */
};

/* The device counts and no name: anybody may name any source. */
static bool
is_it(const struct attempt *a, const struct holder *h)
{
	return h->mount->major == a->t->major && h->mount->minor == a->t->minor;
}

/* A mount that is still there had the number of its device all the time. */
static bool
see_one(void *arg, const struct holder *h)
{
	struct attempt *a = arg;

	a->seen = is_it(a, h);
	return !a->seen;
}

static bool
unmount_one(void *arg, const struct holder *h)
{
	const struct process p = { h->pid, h->proc_fd };
	struct attempt *a = arg;
	int rc;

	if (!is_it(a, h))
		return true;
	if ((rc = limited_run(unmount_there, h, ENTER_SECONDS)) == 0)
		return true;
	a->refused |= rc != -EBUSY;
	a->left = true;
	users_add(&a->users, &p);
	return true;
}

static int
stop_and_wait(struct mountref *t)
{
	char who[MOUNTREF_WHO_MAX];

	mountref_stop(t);
	return mountref_end(t, BUSY_SECONDS) == 0 ? 0 :
	    cli_error("the processes of \"%s\" do not end (%s)", t->mnt, mountref_who(t, who));
}

static int
stop_unseen(struct mountref *t)
{
	/* Nobody holds what just ends. */
	if (!t->is_silent && mountref_wait(t, ENDING_SECONDS) == 0)
		return 0;
	cli_warn("nobody who can be seen holds the mount: its processes are ended");
	return stop_and_wait(t);
}

static int
cut(const struct attempt *a)
{
	struct mountref *t = a->t;
	int flushed = cut_flush(t->major, t->minor, a->control), rc;
	char who[400];

	users_tell(&a->users, who, sizeof(who));
	cli_warn("\"%s\" is cut off from who %s it in another mount namespace (%s): %s", t->mnt,
	    a->refused ? "holds" : "still uses", who, flushed == 0 ?
	    "what was written before is kept, what is written there from now on is lost" :
	    "what was written there and not synced may be lost");
	rc = cut_abort(a->control);	/* -ENOENT: it has ended meanwhile */
	if (rc != 0 && rc != -ENOENT) {
		cli_warn("could not end its connection (%s): its processes are ended",
		    strerror(-rc));
		return stop_and_wait(t);
	}
	return mountref_wait(t, FLUSH_SECONDS) == 0 ? 0 : stop_and_wait(t);
}

static int
unmount_all(struct attempt *a)
{
	int64_t until = clock_monotonic_ms() + UNMOUNT_MS;
	struct mountref *t = a->t;

	a->users.is_whole = holders_each(until, unmount_one, a) == HOLDERS_ALL;
	mountref_hurry(t);
	if (!a->refused && mountref_wait(t, a->users.n > 0 ? BUSY_SECONDS : FLUSH_SECONDS) == 0)
		return 0;
	return cut(a);
}

int
elsewhere_end(struct mountref *t)
{
	struct attempt a = { .t = t, .control = -ENOENT };
	int rc;

	if (t->contact.sock < 0 && !t->has_device)
		return cli_error("could not end \"%s\", which is not mounted here: %s", t->diff,
		    t->contact.doubt);
	if (!t->has_device)
		return stop_unseen(t);
	/*
	 * The device may end meanwhile, and a stranger get its number: so this looks for the
	 * mount after it opened the control.
	 */
	a.control = fusectl_open(t->minor);
	holders_each(clock_monotonic_ms() + FIND_MS, see_one, &a);
	rc = a.seen ? unmount_all(&a) : stop_unseen(t);
	if (a.control >= 0)
		close(a.control);
	return rc;
}
