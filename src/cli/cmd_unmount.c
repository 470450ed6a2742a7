#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/cmd_unmount.h"
#include "cli/elsewhere.h"
#include "supervisor/fusemount.h"
#include "supervisor/holders.h"
#include "supervisor/users.h"

#define FLUSH_SECONDS	120	/* for a worker to write out what it holds */
#define HELD_SECONDS	2	/* that it is held elsewhere before that is told */
#define KILL_SECONDS	10
#define BUSY_MS		50	/* a mount in use is tried again after it ... */
#define BUSY_TRIES	41	/* ... so often: for two seconds */

static int
tell_busy(const struct target *t)
{
	char users[512];

	users_of_mount(t->mnt, users, sizeof(users));
	return cli_error("\"%s\" is in use by %s: stop them first, or use --force", t->mnt,
	    users[0] != '\0' ? users : "processes that cannot be seen from here");
}

/*
 * pg_ctl returns when the server has removed its pid file, just before it ends: who
 * stops it and unmounts must not be told that it is in use.
 */
static int
unmount_patiently(const struct target *t, char *error)
{
	int i, rc = -EBUSY;

	for (i = 0; i < BUSY_TRIES && rc == -EBUSY; i++) {
		if (i > 0)
			poll(NULL, 0, BUSY_MS);
		rc = fusemount_unmount(t->parent_fd, t->base, t->mnt, t->mount_id, false, error);
	}
	return rc;
}

/*
 * The namespaces that others just leave, or that a service begins with, hold it for a moment.
 * To look at them costs, and most mounts are gone at once.
 */
static int
wait_for_end(const struct target *t)
{
	unsigned seen = 0;
	int i;

	for (i = 0; i < FLUSH_SECONDS; i++) {
		if (target_wait(t, 1) == 0)
			return 0;
		seen = holders_find(t->major, t->minor, NULL, 0) > 0 ? seen + 1 : 0;
		if (seen >= HELD_SECONDS)
			break;
	}
	return elsewhere_tell(t);
}

static int
unmount_orderly(struct target *t)
{
	char error[FUSEMOUNT_ERROR_MAX];
	int rc;

	rc = unmount_patiently(t, error);
	if (rc == -EBUSY)
		return tell_busy(t);
	if (rc != 0)
		return cli_error("%s", error);
	return wait_for_end(t);
}

int
unmount_forcibly(struct target *t)
{
	char error[FUSEMOUNT_ERROR_MAX];

	if (t->doubt[0] != '\0')
		cli_warn("no process was ended, only the mount is detached: %s", t->doubt);
	else if (target_kill(t) != 0)
		return 1;
	if (fusemount_unmount(t->parent_fd, t->base, t->mnt, t->mount_id, true, error) != 0)
		return cli_error("%s", error);
	if (target_wait(t, KILL_SECONDS) != 0)
		return cli_error("the processes of \"%s\" do not end (supervisor %d, worker %d)",
		    t->mnt, (int)t->supervisor, (int)t->worker);
	return 0;
}

int
cmd_unmount(const struct options *o)
{
	static struct target t;
	int rc;

	if (o->mnt == NULL && o->diff == NULL)
		return cli_error("--mnt-path or --diff-dir is required: see pbkfs unmount --help");
	if (target_find(&t, o->mnt, o->diff) != 0)
		return 1;
	target_prove(&t);
	if (t.elsewhere)
		rc = o->force ? elsewhere_end(&t) : elsewhere_tell(&t);
	else
		rc = o->force ? unmount_forcibly(&t) : unmount_orderly(&t);
	target_close(&t);
	return rc;
}
