/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command cleanup: empties a diff directory; with --force it ends the mount
 * first.  It removes nothing before the content is proven to be ours, and acts
 * as the owner of the directory.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ondisk.h"
#include "base/util.h"
#include "cli/branchname.h"
#include "cli/cli.h"
#include "cli/cmd_unmount.h"
#include "cli/contact.h"
#include "cli/diffhold.h"
#include "cli/headway.h"
#include "cli/limited.h"
#include "cli/mountref.h"
#include "supervisor/binding.h"
#include "supervisor/diffdir.h"
#include "supervisor/identity.h"
#include "supervisor/lock.h"
#include "supervisor/paths.h"
#include "supervisor/record.h"
#include "supervisor/username.h"

#define END_SECONDS	2	/* for processes that the supervisor left, before it kills them */
#define SILENT_SECONDS	10	/* for the file system of the directory to do anything */
#define LOCK_MS		5000	/* after a forced unmount */

/* The work of the child, which says in it how far it is. */
struct work {
	const char *diff;
	bool	force, wipes;	/* wipes: from then on something may be gone */
};

static int
not_ours(const char *path, const char *foreign)
{
	return cli_error("\"%s\" is not a pbkfs diff directory%s%s%s: nothing was removed", path,
	    foreign[0] != '\0' ? ", it holds \"" : "", foreign, foreign[0] != '\0' ? "\"" : "");
}

/* Whether it is a branch, where that was made: the whole knows what stands on what. */
static bool
is_of_whole(const struct diffdir *d, const struct binding *b)
{
	int layers autoclose = b->branch != NULL ? diffdir_open_layers(d, true) : -1;

	return layers >= 0;
}

/*
 * Checks that the directory is ours.  Names alone prove nothing: it has to hold
 * a lock file or a binding.
 */
static int
check_ours(const struct diffdir *d, int lock_fd, char mnt[PATH_MAX])
{
	static struct binding b;
	char foreign[NAME_MAX + 1];
	int content, bound;

	mnt[0] = '\0';
	content = diffdir_content(d, foreign);
	if (content == DIFFDIR_PROMOTING)
		return cli_error(DIFFDIR_PROMOTING_TEXT "; nothing was removed", d->path, d->path);
	if (content == DIFFDIR_FOREIGN || content == DIFFDIR_EMPTY || content < 0)
		return not_ours(d->path, content == DIFFDIR_FOREIGN ? foreign : "");
	bound = binding_load(d->fd, &b);
	if (is_of_whole(d, &b))
		return cli_error("\"%s\" is branch \"%s\" of a diff directory: pbkfs delete -d that --branch deletes it, pbkfs reset"
		    " empties it", d->path, d->base);
	binding_fini(&b);
	if ((lock_fd < 0 || lock_read_mountpoint(lock_fd, mnt) != 0) &&
	    bound != 0 && bound != -ENOTSUP)
		return not_ours(d->path, "");
	return 0;
}

/*
 * Names the copies of directories elsewhere, which stay: servers may have put
 * there what is nowhere else.
 */
static void
name_mapped(const struct diffdir *d)
{
	static struct binding b;
	size_t i;

	if (binding_load(d->fd, &b) == 0)
		for (i = 0; i < b.n_mapped; i++)
			cli_say("\"%s\" is left alone: it has the copy of \"%s\"", b.mapped[i].to,
			    b.mapped[i].from);
	binding_fini(&b);
}

/* Ends the processes of a directory that is not mounted, or not here. */
static int
end_processes(struct mountref *t)
{
	char who[MOUNTREF_WHO_MAX];

	if (t->contact.sock < 0)
		return cli_error("could not end the processes that use \"%s\" (%s): %s", t->diff,
		    mountref_who(t, who), t->contact.doubt);
	if (mountref_stop(t) != 0)
		return 1;
	mountref_end(t, END_SECONDS);	/* a process that does not end keeps the lock */
	return 0;
}

/* Whether it is mounted where its lock file says. */
static bool
is_mounted(const struct diffdir *d, const char *mnt)
{
	struct mountinfo *m autofree = malloc(sizeof(*m));

	return m != NULL && mnt[0] != '\0' && mountinfo_find(mnt, m) == 0 &&
	    strcmp(m->fstype, MOUNT_FSTYPE) == 0 && strcmp(m->source, d->path) == 0;
}

/* The lock file names a mountpoint, but its owner can write it: the list of mounts says where it is. */
static void
correct_mountpoint(const struct diffdir *d, char mnt[PATH_MAX])
{
	struct mountinfo *m autofree = malloc(sizeof(*m));

	if (m != NULL && !is_mounted(d, mnt) && mountinfo_find_source(d->path, d->uid, m) == 0)
		strlcpy(mnt, m->mountpoint, PATH_MAX);
}

static int
tell_in_use(const struct diffdir *d, const char *mnt, int lock_fd)
{
	pid_t pid = lock_user(lock_fd);

	if (is_mounted(d, mnt))
		return cli_error("\"%s\" is mounted at \"%s\": unmount it first, or use --force",
		    d->path, mnt);
	if (pid > 0)
		return cli_error("\"%s\" is in use by process %d: use --force to end it", d->path, (int)pid);
	return cli_error("\"%s\" is in use by a process that its lock file does not name: use --force to"
	    " end it", d->path);
}

static int
end_mount(const struct diffdir *d, const char *mnt, bool mounted, bool locked)
{
	static struct mountref t;
	int rc;

	mountref_init(&t);
	strlcpy(t.diff, d->path, sizeof(t.diff));
	strlcpy(t.mnt, mnt, sizeof(t.mnt));
	/*
	 * As root, like unmount: it only connects to the socket of the owner
	 * and looks at a lock.
	 */
	identity_raise();
	limited_rest(true);	/* for processes, which have limits of time of their own */
	rc = mounted ? mountref_find(&t, mnt, NULL) : 0;
	if (rc == 0) {
		t.contact.locks_are_ours = locked;
		mountref_contact(&t);
		/* Its owner may have put a free directory into its place. */
		if (locked && (t.contact.sock >= 0 || !unmount_is_dead(mnt)))
			rc = tell_in_use(d, mnt, -1);
		else
			rc = mounted ? unmount_forcibly(&t) : end_processes(&t);
	}
	limited_rest(false);
	identity_drop();
	mountref_close(&t);
	return rc;
}

/* Unmounts what nobody serves any more. */
static int
detach_dead(const struct diffdir *d, const char *mnt)
{
	if (end_mount(d, mnt, true, true) != 0)
		return 1;
	cli_say("\"%s\" was a dead mount of \"%s\": it is unmounted", mnt, d->path);
	return 0;
}

/* Removes what root has decided about a directory: its next mount is a first one. */
static int
forget(const char *path)
{
	int rc = identity_is_root() ? record_remove(path) : 0;

	return rc == 0 ? 0 : cli_error("could not remove the record of \"%s\" in \"%s\": %s",
	    path, RECORD_DIRECTORY, strerror(-rc));
}

static int
forget_branches(const struct diffdir *d, const struct diffhold_branches *b)
{
	char path[PATH_MAX];
	size_t i;
	int rc = 0;

	for (i = 0; i < b->n && rc == 0; i++)
		if ((rc = branchname_path(d->path, b->branch[i].name, path)) == 0)
			rc = forget(path);
	return rc;
}

/* With all snapshots and branches in it, of which none may be mounted, and while no other command changes them. */
static int
wipe(const struct diffdir *d, struct work *w)
{
	struct diffhold_branches branches = { 0 };
	int layers autoclose = -1, rc;

	headway_raise_limits();	/* each branch takes two descriptors */
	if ((rc = diffhold_take_turn(d, &layers)) == 0 && (rc = diffhold_lock_branches(d, &branches)) == 0 && !w->force)
		rc = diffhold_check_protected(d);
	if (rc == 0) {
		name_mapped(d);
		w->wipes = true;
		if ((rc = diffdir_wipe(d, true)) != 0)
			rc = cli_error("could not empty \"%s\": %s", d->path, strerror(-rc));
		else
			rc = forget_branches(d, &branches);
	}
	diffhold_unlock_branches(&branches);
	return rc;
}

static int
empty(const struct diffdir *d, struct work *w)
{
	int lock_fd autoclose = -1, rc = 0;
	char foreign[NAME_MAX + 1], mnt[PATH_MAX];

	if (diffdir_content(d, foreign) == DIFFDIR_EMPTY) {
		cli_say("\"%s\" is empty", d->path);
		return 0;
	}
	lock_fd = lock_open(d->fd, d->uid, O_RDWR);
	if (check_ours(d, lock_fd, mnt) != 0)
		return 1;
	correct_mountpoint(d, mnt);
	if (lock_fd < 0 && lock_fd != -ENOENT)
		return cli_error("could not use \"%s/%s\": %s", d->path, ONDISK_LOCK,
		    lock_fd == -EPERM ? "it is not a plain file of the owner's" :
		    strerror(-lock_fd));
	/*
	 * The owner may have removed the lock file under a mount; the lock of
	 * the directory still shows it.
	 */
	if (lock_fd == -ENOENT)
		lock_fd = lock_open(d->fd, d->uid, O_RDWR | O_CREAT);
	if ((rc = lock_fd < 0 ? lock_fd : lock_take_idle(d->fd, lock_fd)) == -EWOULDBLOCK) {
		if (!w->force)
			return tell_in_use(d, mnt, lock_fd);
		if (end_mount(d, mnt, is_mounted(d, mnt), false) != 0)
			return 1;
		rc = lock_await_idle(d->fd, lock_fd, LOCK_MS);
	}
	if (rc != 0)
		return cli_error("could not lock \"%s\": %s", d->path, strerror(-rc));
	if (is_mounted(d, mnt) && detach_dead(d, mnt) != 0)
		return 1;
	return wipe(d, w);
}

/* ---- the command -------------------------------------------------------- */

/* Runs in a child: the directory may not answer, from the beginning or later. */
static int
clean_up(void *arg)
{
	struct work *w = arg;
	char error[DIFFDIR_ERROR_MAX], path[PATH_MAX], name[USERNAME_MAX];
	struct diffdir d;
	int rc;

	if ((rc = paths_resolve_parent(w->diff, path)) != 0)
		return cli_error("could not use \"%s\": %s", w->diff, paths_strerror(rc));
	if ((rc = diffdir_open(&d, path, false, error)) != 0) {
		if (rc == -ENOENT)
			forget(path);
		return cli_error("%s", error);
	}
	if (geteuid() != 0 && d.uid != geteuid())
		rc = cli_error("diff directory \"%s\" belongs to another user", path);
	else if (diffdir_check_way(&d, d.uid, error) != 0)
		rc = cli_error("%s", error);
	else if ((rc = identity_assume(d.uid, d.gid)) != 0)
		rc = cli_error("could not act as user %s: %s", username_of(d.uid, name), strerror(-rc));
	else
		rc = empty(&d, w) != 0 ? 1 : forget(path);
	diffdir_close(&d);
	return rc;
}

struct by_source {
	const char *diff;
	bool	found;
};

static bool
compare_source(void *arg, const struct mountinfo *m)
{
	struct by_source *k = arg;

	k->found = strcmp(m->source, k->diff) == 0;
	return !k->found;
}

/* Whether something of ours is mounted with this diff directory, by name alone. */
static bool
is_source(const char *diff)
{
	struct by_source k = { diff, false };

	mountinfo_each(MOUNTINFO_SELF, MOUNT_FSTYPE, compare_source, &k);
	return k.found;
}

/*
 * Takes away the mount of a directory that does not answer, if forced: the
 * kernel knows it by the name that was given.
 */
static int
leave_mute(const struct work *w)
{
	static struct mountref t;

	if (w->force && !w->wipes && is_source(w->diff) && mountref_find(&t, NULL, w->diff) == 0 && !t.elsewhere) {
		mountref_contact(&t);
		unmount_forcibly(&t);
		mountref_close(&t);
	}
	return limited_tell("diff directory", w->diff, SILENT_SECONDS, w->wipes ?
	    "it is not yet empty, run pbkfs cleanup again" : "nothing was removed");
}

int
cmd_cleanup(const struct options *o)
{
	struct work *w;
	int rc;

	if (o->diff == NULL)
		return cli_usage("--diff-dir is required");
	if ((w = limited_share(sizeof(*w))) == NULL)
		return cli_error("out of memory");
	*w = (struct work){ .diff = o->diff, .force = o->force };
	if ((rc = limited_program(clean_up, w, SILENT_SECONDS, NULL)) == -ETIMEDOUT)
		return leave_mute(w);
	return rc >= 0 ? rc : cli_error("could not empty \"%s\": %s", o->diff, strerror(-rc));
}
