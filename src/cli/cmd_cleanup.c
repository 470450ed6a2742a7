#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/cli.h"
#include "cli/cmd_unmount.h"
#include "cli/target.h"
#include "supervisor/binding.h"
#include "supervisor/diffdir.h"
#include "supervisor/identity.h"
#include "supervisor/lock.h"
#include "supervisor/paths.h"
#include "supervisor/record.h"

#define LOCK_TRIES	50	/* of 100 ms, after a forced unmount */

static int
not_ours(const char *path, const char *foreign)
{
	return cli_error("\"%s\" is not a pbkfs diff directory%s%s%s: nothing was removed", path,
	    foreign[0] != '\0' ? ", it holds \"" : "", foreign, foreign[0] != '\0' ? "\"" : "");
}

/* Names alone prove nothing: a lock file or a binding of ours has to be there. */
static int
check_ours(const struct diffdir *d, int lock_fd, char mnt[PATH_MAX])
{
	static struct binding b;
	char foreign[NAME_MAX + 1];
	int content, bound;

	mnt[0] = '\0';
	content = diffdir_content(d, foreign);
	if (content == DIFFDIR_FOREIGN || content == DIFFDIR_EMPTY || content < 0)
		return not_ours(d->path, content == DIFFDIR_FOREIGN ? foreign : "");
	bound = binding_load(d->fd, &b);
	binding_fini(&b);
	if ((lock_fd < 0 || lock_read_mountpoint(lock_fd, mnt) != 0) &&
	    bound != 0 && bound != -ENOTSUP)
		return not_ours(d->path, "");
	return 0;
}

/* What was copied elsewhere stays: servers may have put there what is nowhere else. */
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

/* Somebody holds the lock: ends him if that was asked for. */
static int
end_mount(const struct diffdir *d, int lock_fd, const char *mnt, bool force)
{
	static struct target t;
	struct mountinfo *m autofree = malloc(sizeof(*m));
	bool mounted;
	int rc;

	if (m == NULL)
		return cli_error("out of memory");
	mounted = mnt[0] != '\0' && mountinfo_find(mnt, m) == 0 &&
	    strcmp(m->fstype, MOUNT_FSTYPE) == 0 && strcmp(m->source, d->path) == 0;
	if (!force)
		return mounted ?
		    cli_error("\"%s\" is mounted at \"%s\": unmount it first, or use --force",
		    d->path, mnt) :
		    cli_error("\"%s\" is in use: use --force to end who uses it", d->path);
	if (mounted && target_find(&t, mnt, NULL) != 0)
		return 1;
	if (!mounted)
		target_init(&t);
	t.lock_fd = dup(lock_fd);
	target_prove_lock(&t);
	rc = mounted ? unmount_forcibly(&t) : target_kill(&t);
	target_close(&t);
	return rc;
}

/* The kernel may need a moment to end a process that was killed. */
static int
take_freed_lock(const struct diffdir *d, int lock_fd)
{
	int i, rc = 0;

	for (i = 0; i < LOCK_TRIES; i++) {
		if ((rc = lock_take_idle(d->fd, lock_fd)) != -EWOULDBLOCK)
			break;
		poll(NULL, 0, 100);
	}
	return rc;
}

static int
empty(const struct diffdir *d, bool force)
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
	if (lock_fd < 0 && lock_fd != -ENOENT)
		return cli_error("could not use \"%s/%s\": %s", d->path, LOCK_NAME,
		    lock_fd == -EPERM ? "it is not a plain file of the owner's" :
		    strerror(-lock_fd));
	if (lock_fd >= 0 && (rc = lock_take_idle(d->fd, lock_fd)) == -EWOULDBLOCK) {
		if (end_mount(d, lock_fd, mnt, force) != 0)
			return 1;
		rc = take_freed_lock(d, lock_fd);
	}
	if (rc != 0)
		return cli_error("could not lock \"%s\": %s", d->path, strerror(-rc));
	name_mapped(d);
	if ((rc = diffdir_wipe(d, true)) != 0)
		return cli_error("could not empty \"%s\": %s", d->path, strerror(-rc));
	return 0;
}

/* What root has decided about it: the next mount is a first one. */
static int
forget(const char *path)
{
	int rc = identity_is_root() ? record_remove(path) : 0;

	return rc == 0 ? 0 : cli_error("could not remove what \"%s\" has about \"%s\": %s",
	    RECORD_DIRECTORY, path, strerror(-rc));
}

int
cmd_cleanup(const struct options *o)
{
	char error[DIFFDIR_ERROR_MAX], path[PATH_MAX];
	struct diffdir d;
	int rc;

	if (o->diff == NULL)
		return cli_error("--diff-dir is required: see pbkfs cleanup --help");
	if ((rc = paths_resolve_parent(o->diff, path)) != 0)
		return cli_error("could not use \"%s\": %s", o->diff, paths_strerror(rc));
	if ((rc = diffdir_open(&d, path, false, error)) != 0) {
		if (rc == -ENOENT)
			forget(path);
		return cli_error("%s", error);
	}
	if (geteuid() != 0 && d.uid != geteuid())
		rc = cli_error("diff directory \"%s\" belongs to another user", path);
	else if (diffdir_check_way(&d, d.uid, error) != 0)
		rc = cli_error("%s", error);
	else if (identity_assume(d.uid, d.gid) != 0)
		rc = cli_error("could not act as user %u", (unsigned)d.uid);
	else
		rc = empty(&d, o->force) != 0 ? 1 : forget(path);
	diffdir_close(&d);
	return rc;
}
