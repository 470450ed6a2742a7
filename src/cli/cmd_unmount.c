/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command unmount, in order or by force.  mountref.c finds the mount and its
 * processes; elsewhere.c ends what other mount namespaces hold.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"
#include "cli/branchname.h"
#include "cli/cli.h"
#include "cli/cmd_unmount.h"
#include "cli/cut.h"
#include "cli/elsewhere.h"
#include "cli/limited.h"
#include "supervisor/fusectl.h"
#include "supervisor/fusemount.h"
#include "supervisor/holders.h"
#include "supervisor/username.h"
#include "supervisor/users.h"

#define FLUSH_SECONDS	120	/* for a worker to write out what it holds */
#define HELD_SECONDS	2	/* of being held elsewhere before it says so */
#define TELL_SECONDS	3	/* of waiting before it says for whom */
#define SILENT_SECONDS	10	/* for a silent supervisor to give an answer */
#define ASK_MS		500	/* of these, for one more question */
#define DETACH_SECONDS	10	/* for the kernel to take a mount out of the table */
#define ANSWER_SECONDS	2	/* for a mount to say whether it is dead */
#define LEFT_SECONDS	2	/* for processes to end of themselves */
#define KILL_SECONDS	10	/* for processes to end without their connection */
#define BUSY_MS		50	/* between two tries, if a mount is in use */
#define BUSY_TRIES	41	/* tries: for two seconds */

static int
tell_busy(const struct mountref *t)
{
	char text[512];
	struct users users;

	users_find(t->mnt, &users);
	users_tell(&users, text, sizeof(text));
	return cli_error("\"%s\" is in use by %s: stop them first, or pbkfs unmount --force", t->mnt, text);
}

/*
 * Unmounts, and tries again while the mount is in use.  pg_ctl returns when the
 * server has removed its pid file, just before it ends; a user who stops it and
 * then unmounts must not hear that it is in use.
 */
static int
unmount_patiently(const void *arg)
{
	const struct mountref *t = arg;
	char error[FUSEMOUNT_ERROR_MAX];
	int i, rc = -EBUSY;

	for (i = 0; i < BUSY_TRIES && rc == -EBUSY; i++) {
		if (i > 0)
			poll(NULL, 0, BUSY_MS);
		rc = fusemount_unmount(t->parent_fd, t->base, t->mnt, t->mount_id, false, error);
	}
	if (rc != 0 && rc != -EBUSY)
		cli_error("%s", error);
	return rc;
}

/* Where nobody listens, only the locks of the diff directory tell whether its processes have ended. */
static int
tell_unknown(const struct mountref *t, int error)
{
	return cli_error("\"%s\" is unmounted, but its processes may run on: could not open its diff directory"
	    " \"%s\": %s", t->mnt, t->diff, strerror(-error));
}

static int
tell_mute(const struct mountref *t)
{
	return cli_error("\"%s\" is unmounted, but its diff directory \"%s\" does not answer: its"
	    " processes may go on until it does", t->mnt, t->diff);
}

struct wait {
	int64_t	began, heard;	/* clock_monotonic_ms(), also of the last answer */
	unsigned held;		/* how often in a row it was seen held elsewhere */
	bool	noted;		/* for whom it waits */
};

static void
tell_waiting(const struct mountref *t)
{
	char who[MOUNTREF_WHO_MAX];

	if (t->is_silent)
		cli_note("\"%s\" is unmounted; waiting for its supervisor (pid %d), which does not"
		    " answer: pbkfs unmount --force -d \"%s\" ends it", t->mnt,
		    (int)t->contact.peer.pid, t->diff);
	else
		cli_note("\"%s\" is unmounted; waiting for its processes to write what they hold"
		    " and end (%s)", t->mnt, mountref_who(t, who));
}

/*
 * Whether nothing is left to wait for: others hold the mount, or time is up, or
 * the supervisor goes on giving no answer.  A namespace that is just left, or
 * that a service begins with, holds the mount for a moment, so one look proves
 * nothing.  A look costs, and most mounts are gone at once, so wait_for_end()
 * waits first.
 */
static bool
is_hopeless(struct wait *w, struct mountref *t)
{
	int64_t now = clock_monotonic_ms();
	struct users holders;

	holders_find(t->major, t->minor, &holders);
	w->held = holders.n > 0 ? w->held + 1 : 0;
	if (t->contact.is_mute && now - w->began >= SILENT_SECONDS * 1000)
		return true;
	if (w->held >= HELD_SECONDS || now - w->began >= FLUSH_SECONDS * 1000)
		return true;
	if (!w->noted && now - MIN(w->began, w->heard) >= TELL_SECONDS * 1000) {
		mountref_is_silent(t, ASK_MS);
		tell_waiting(t);
		w->noted = true;
	}
	if (now - w->heard >= SILENT_SECONDS * 1000 - ASK_MS)
		return mountref_is_silent(t, ASK_MS);
	if (!t->is_silent || !mountref_is_silent(t, ASK_MS))
		w->heard = now;
	return false;
}

/* A supervisor that did not answer when it was first asked has been silent since then. */
static int
wait_for_end(struct mountref *t)
{
	int64_t now = clock_monotonic_ms();
	char who[MOUNTREF_WHO_MAX];
	struct wait w = { .began = now, .heard = t->is_silent ? t->asked_at : now };
	int rc;

	if (t->contact.is_mute && t->contact.sock < 0)
		return tell_mute(t);
	cli_if_interrupted("interrupted; \"%s\" is unmounted, its processes (%s) write what they hold"
	    " and end without being waited for", t->mnt, mountref_who(t, who));
	while ((rc = mountref_wait(t, 1)) == -ETIMEDOUT)
		if (is_hopeless(&w, t))
			return t->contact.is_mute ? tell_mute(t) : elsewhere_tell(t);
	return rc == 0 ? 0 : tell_unknown(t, rc);
}

static int
unmount_orderly(struct mountref *t)
{
	/* The kernel writes back first, and waits for the worker. */
	int rc = limited_run(unmount_patiently, t, FLUSH_SECONDS);

	if (rc == -EBUSY)
		return tell_busy(t);
	if (rc == -ETIMEDOUT)
		return cli_error("the worker of \"%s\" does not take what the kernel has to write:"
		    " wait, or use --force", t->mnt);
	return rc != 0 ? 1 : wait_for_end(t);
}

/* ---- by force ----------------------------------------------------------- */

static bool
is_still_mounted(const struct mountref *t)
{
	struct mountinfo *m autofree = malloc(sizeof(*m));

	return m == NULL || mountinfo_find_id(t->mount_id, m) == 0;
}

/* Detaches the mount, unless the supervisor has done so meanwhile. */
static int
detach_in_child(const void *arg)
{
	const struct mountref *t = arg;
	char error[FUSEMOUNT_ERROR_MAX];

	if (fusemount_unmount(t->parent_fd, t->base, t->mnt, t->mount_id, true, error) == 0 ||
	    !is_still_mounted(t))
		return 0;
	cli_error("%s", error);
	return -EBUSY;
}

/*
 * Detaches the mount.  The kernel may write back first, and wait for a worker
 * that does not take it: then this aborts the connection, which nobody can
 * refuse.
 */
static int
detach(const struct mountref *t, int control)
{
	int rc = limited_run(detach_in_child, t, DETACH_SECONDS);

	if (rc != -ETIMEDOUT)
		return rc != 0;
	cut_abort(control);
	return !is_still_mounted(t) ? 0 : cli_error("could not detach \"%s\": its worker does not take"
	    " what the kernel has to write", t->mnt);
}

/*
 * Ends what is left.  Nobody may kill a worker by its number, be it alone or
 * taken over; but without its connection it serves nothing, and the kernel
 * knows the children of a supervisor, and who has the connection open.
 */
static int
end_connection(struct mountref *t, int control)
{
	char who[MOUNTREF_WHO_MAX];
	int rc;

	if (mountref_wait(t, LEFT_SECONDS) != 0)
		cut_abort(control);
	if ((rc = mountref_end(t, t->contact.is_mute ? LEFT_SECONDS : KILL_SECONDS)) == 0)
		return 0;
	if (rc != -ETIMEDOUT)
		return tell_unknown(t, rc);
	return t->contact.is_mute ? tell_mute(t) :
	    cli_error("\"%s\" is unmounted, but its processes do not end (%s)", t->mnt,
	    mountref_who(t, who));
}

/*
 * Opens the control of the connection while the mount is there: later its
 * number may be that of a stranger.
 */
static int
open_connection(const struct mountref *t)
{
	struct mountinfo *m autofree = malloc(sizeof(*m));
	int control autoclose = fusectl_open(t->minor);

	if (m == NULL || mountinfo_find_id(t->mount_id, m) != 0 || m->minor != t->minor ||
	    strcmp(m->source, t->diff) != 0)
		return -ENOENT;
	return control < 0 ? control : steal_fd(&control);
}

int
unmount_forcibly(struct mountref *t)
{
	int control autoclose = open_connection(t);

	if (t->servers.n == 0)
		mountref_find_servers(t);
	mountref_stop(t);
	if (detach(t, control) != 0)
		return 1;
	return end_connection(t, control);
}

/* ---- the command -------------------------------------------------------- */

/* Ends processes without a mount here: they have yet to make it, or others hold it. */
static int
unmount_elsewhere(struct mountref *t, bool force)
{
	if (t->contact.sock >= 0 && !t->is_silent && t->state == STATE_PREPARING)
		return mountref_leave(t);
	return force ? elsewhere_end(t) : elsewhere_tell(t);
}

/* Whether anybody serves the mount: one that is dead says so. */
static int
ask_mount(const void *arg)
{
	struct statx sx;

	/* The kernel remembers attributes of a mount that is dead, too: so it has to ask. */
	return statx(AT_FDCWD, arg, AT_STATX_FORCE_SYNC, STATX_MTIME, &sx) == 0 ? 0 : -errno;
}

bool
unmount_is_dead(const char *mnt)
{
	int rc = limited_run(ask_mount, mnt, ANSWER_SECONDS);

	return rc != 0 && rc != -ETIMEDOUT;
}

/*
 * Whether those who serve it can neither be asked nor are the ones that the diff directory
 * knows: its owner may have put another one into its place.
 */
static bool
is_of_strangers(const struct mountref *t)
{
	const struct contact *c = &t->contact;

	/* Who is not root may not see all of them. */
	bool are_known = t->servers.n > 0 && geteuid() == 0;

	return c->sock < 0 && !c->is_mute && !c->locks_are_ours && !are_known &&
	    !contact_is_held(c) && !contact_is_locked(c) &&
	    !unmount_is_dead(t->mnt);
}

static int
unmount_here(struct mountref *t, bool force)
{
	char name[USERNAME_MAX];
	bool strangers;
	int rc;

	if (geteuid() != 0 && geteuid() != t->uid)
		return cli_error("\"%s\" is a mount of user %s: only that user and root can unmount it",
		    t->mnt, username_of(t->uid, name));
	mountref_find_servers(t);
	strangers = is_of_strangers(t);
	rc = force ? unmount_forcibly(t) : unmount_orderly(t);
	return rc != 0 || !strangers ? rc :
	    cli_error("\"%s\" is unmounted, but its processes may run on: nobody holds its diff directory"
	    " \"%s\", which may have been exchanged", t->mnt, t->diff);
}

int
cmd_unmount(const struct options *o)
{
	static struct mountref t;
	char branch[PATH_MAX];
	const char *diff = o->diff;
	int rc;

	if (o->mnt == NULL && o->diff == NULL)
		return cli_usage("--mnt-path or --diff-dir is required");
	if (o->branch != NULL && o->diff == NULL)
		return cli_usage("--branch needs --diff-dir");
	if ((rc = branchname_check("--branch", o->branch)) != 0 ||
	    (o->branch != NULL && (rc = branchname_path(o->diff, o->branch, branch)) != 0))
		return rc;
	if (o->branch != NULL)
		diff = branch;
	cli_if_interrupted("interrupted; nothing was unmounted");
	if (mountref_find(&t, o->mnt, diff) != 0)
		return 1;
	/* Who calls from inside of the mount hears of the shell alone: no name is relative any more. */
	if (chdir("/") != 0)
		return cli_error("could not leave the working directory: %s", strerror(errno));
	cli_if_interrupted("interrupted; \"%s\" may still be unmounted: pbkfs list shows whether it is",
	    t.mnt);
	mountref_contact(&t);
	if (t.elsewhere)
		rc = unmount_elsewhere(&t, o->force);
	else
		rc = unmount_here(&t, o->force);
	mountref_close(&t);
	return rc;
}
