/*
 * A child enters the namespace and unmounts there, so an unmount is as orderly as
 * one here.  In a namespace of another user namespace the kernel lets nobody unmount what
 * came from outside; and an ordinary user may enter nothing else.
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

#include "base/util.h"
#include "cli/cli.h"
#include "cli/cut.h"
#include "cli/elsewhere.h"
#include "cli/limited.h"
#include "supervisor/holders.h"
#include "supervisor/walk.h"

#define ENTER_SECONDS	10	/* for an unmount in another namespace */
#define FLUSH_SECONDS	120	/* for a worker to write out what it holds */
#define BUSY_SECONDS	10	/* for those who have files open in a mount that was detached */

int
elsewhere_tell(const struct target *t)
{
	char who[512] = "", processes[TARGET_WHO_MAX];

	if (t->has_device)
		holders_of_mount(t->major, t->minor, who, sizeof(who));
	if (who[0] == '\0')
		return cli_error("\"%s\" is unmounted, but its processes run on (%s): they still"
		    " write, or a process that cannot be seen from here has files open or holds the"
		    " mount in another mount namespace; pbkfs unmount --force -d \"%s\" ends them",
		    t->mnt, target_who(t, processes), t->diff);
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
	/* Who is not root may be it in there. */
	if (setns(mnt, CLONE_NEWNS) != 0 &&
	    (setns(user, CLONE_NEWUSER) != 0 || setns(mnt, CLONE_NEWNS) != 0))
		return -errno;
	return fchdir(root) == 0 && chroot(".") == 0 ? 0 : -errno;
}

/* Returns 0, -EBUSY if it had to be detached, or negative errno. */
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
	/* Those in there may put links in our way. */
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

/* Anybody may name any source, so there may be a false one beside the true one. */
#define DEVICES_MAX	8

struct device {
	unsigned major, minor;
};

struct attempt {
	struct target *t;
	bool	refused;		/* somewhere it could not even be detached */
	struct device left[DEVICES_MAX];	/* what could not be unmounted in order */
	unsigned n_left;
	unsigned n;			/* where it was in use, or that: */
	struct user users[USERS_NAMED];
};

static void
note_left(struct attempt *a, struct device d)
{
	unsigned i;

	for (i = 0; i < a->n_left; i++)
		if (a->left[i].major == d.major && a->left[i].minor == d.minor)
			return;
	if (a->n_left < DEVICES_MAX)
		a->left[a->n_left++] = d;
}

static bool
unmount_one(void *arg, const struct holder *h)
{
	struct attempt *a = arg;
	struct user *u;
	int rc;

	if (strcmp(h->mount->source, a->t->diff) != 0)
		return true;
	if ((rc = limited_run(unmount_there, h, ENTER_SECONDS)) == 0)
		return true;
	a->refused |= rc != -EBUSY;
	note_left(a, (struct device){ h->mount->major, h->mount->minor });
	if (a->n++ < USERS_NAMED) {
		u = &a->users[a->n - 1];
		u->pid = h->pid;
		users_name(h->proc_fd, u->name, sizeof(u->name));
	}
	return true;
}

static int
stop_and_wait(struct target *t)
{
	char who[TARGET_WHO_MAX];

	target_stop(t);
	return target_wait(t, BUSY_SECONDS) == 0 ? 0 :
	    cli_error("the processes of \"%s\" do not end (%s)", t->mnt, target_who(t, who));
}

static int
cut(const struct attempt *a)
{
	struct target *t = a->t;
	int flushed = 0, rc = 0;
	char who[400];
	unsigned i;

	for (i = 0; i < a->n_left; i++)
		flushed |= cut_flush(a->left[i].major, a->left[i].minor);
	users_print(a->users, MIN(a->n, (unsigned)USERS_NAMED), a->n, who, sizeof(who));
	cli_warn("\"%s\" is cut off from who %s it in another mount namespace (%s): %s", t->mnt,
	    a->refused ? "holds" : "still uses", who, flushed == 0 ?
	    "what was written before is kept, what is written there from now on is lost" :
	    "what was written there and not synced may be lost");
	for (i = 0; i < a->n_left && (rc == 0 || rc == -ENOENT); i++)
		rc = cut_abort(a->left[i].minor);	/* -ENOENT: it has ended meanwhile */
	if (rc != 0 && rc != -ENOENT) {
		cli_warn("its connection could not be ended (%s): its processes are ended",
		    strerror(-rc));
		return stop_and_wait(t);
	}
	return target_wait(t, FLUSH_SECONDS) == 0 ? 0 : stop_and_wait(t);
}

int
elsewhere_end(struct target *t)
{
	struct attempt a = { .t = t };

	if (t->contact.sock < 0 && !t->has_device)
		return cli_error("could not end \"%s\", which is not mounted here: %s", t->diff,
		    t->contact.doubt);
	if (!t->has_device) {
		cli_warn("nobody who can be seen holds the mount: its processes are ended");
		return stop_and_wait(t);
	}
	holders_each(unmount_one, &a);
	if (!a.refused && target_wait(t, a.n > 0 ? BUSY_SECONDS : FLUSH_SECONDS) == 0)
		return 0;
	if (a.n_left == 0)
		note_left(&a, (struct device){ t->major, t->minor });
	return cut(&a);
}
