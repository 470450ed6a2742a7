#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/cli.h"
#include "cli/target.h"
#include "supervisor/holders.h"
#include "supervisor/lock.h"
#include "supervisor/paths.h"
#include "supervisor/walk.h"

void
target_init(struct target *t)
{
	memset(t, 0, sizeof(*t));
	t->parent_fd = t->diff_fd = t->lock_fd = t->supervisor_fd = t->worker_fd = -1;
}

void
target_close(struct target *t)
{
	int *fds[] = { &t->parent_fd, &t->diff_fd, &t->lock_fd, &t->supervisor_fd, &t->worker_fd };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

/*
 * A link that leads to a mountpoint is followed only once it is clear that the
 * name itself is no mount: reading a link of a mount that hangs would hang.
 */
static int
find_mount(struct target *t, const char *dir, struct mountinfo *m)
{
	int rc;

	if ((rc = paths_resolve_parent(dir, t->mnt)) != 0)
		return rc;
	if ((rc = mountinfo_find(t->mnt, m)) != -ENOENT)
		return rc;
	if ((rc = paths_resolve(dir, t->mnt)) != 0)
		return rc;
	return mountinfo_find(t->mnt, m);
}

static int
open_parent(struct target *t)
{
	char error[WALK_ERROR_MAX];

	t->base = strrchr(t->mnt, '/') + 1;
	t->parent_fd = walk_parent(t->mnt, NULL, error);
	return t->parent_fd < 0 ? cli_error("could not use \"%s\": %s", t->mnt, error) : 0;
}

static int
check_diff(const struct target *t, const char *diff)
{
	char given[PATH_MAX];

	if (diff == NULL)
		return 0;
	if (paths_resolve_parent(diff, given) != 0 || strcmp(given, t->diff) != 0)
		return cli_error("the diff directory of \"%s\" is \"%s\", not \"%s\"",
		    t->mnt, t->diff, diff);
	return 0;
}

static int
doubt(struct target *t, const char *what, int error)
{
	snprintf(t->doubt, sizeof(t->doubt), "%s%s%s", what, error != 0 ? ": " : "",
	    error != 0 ? strerror(-error) : "");
	return -1;
}

/* Anybody who may mount can name any directory as the source: no link is followed. */
static int
open_source(const char *path)
{
	char error[WALK_ERROR_MAX];
	int parent autoclose = -1;

	if (path[0] != '/' || (parent = walk_parent(path, NULL, error)) < 0)
		return -1;
	return openat(parent, strrchr(path, '/') + 1,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static int
open_lock(struct target *t)
{
	struct stat st;

	t->diff_fd = open_source(t->diff);
	if (t->diff_fd < 0 || fstat(t->diff_fd, &st) != 0)
		return doubt(t, "its diff directory cannot be opened", -errno);
	if ((t->lock_fd = lock_open(t->diff_fd, st.st_uid, O_RDONLY)) < 0)
		return doubt(t, "its lock file cannot be used", t->lock_fd);
	return 0;
}

int
target_open_lock(struct target *t)
{
	char mnt[PATH_MAX];

	/* It may be open from the search. */
	if (t->lock_fd < 0 && open_lock(t) != 0)
		return -1;
	if (lock_read_mountpoint(t->lock_fd, mnt) != 0 || strcmp(mnt, t->mnt) != 0)
		return doubt(t, "its lock file does not name this mountpoint", 0);
	return 0;
}

static int
take_mount(struct target *t, const struct mountinfo *m, const char *diff)
{
	if (strcmp(m->fstype, MOUNT_FSTYPE) != 0)
		return cli_error("\"%s\" is a mount, but not of pbkfs (%s)", t->mnt, m->fstype);
	strlcpy(t->diff, m->source, sizeof(t->diff));
	t->mount_id = m->id;
	t->has_device = true;
	t->major = m->major;
	t->minor = m->minor;
	if (open_parent(t) != 0)
		return 1;
	return check_diff(t, diff);
}

int
target_open_unmounted(struct target *t, const char *diff)
{
	int rc;

	target_init(t);
	if ((rc = paths_resolve_parent(diff, t->diff)) != 0)
		return rc;
	if (open_lock(t) != 0)
		return -EINVAL;
	return lock_read_mountpoint(t->lock_fd, t->mnt);
}

static bool
is_held(const struct target *t)
{
	return lock_owner(t->lock_fd, LOCK_SUPERVISOR) != 0 ||
	    lock_owner(t->lock_fd, LOCK_WORKER) != 0;
}

/* The lock is open and names a mountpoint where the mount is not. */
static int
take_elsewhere(struct target *t, struct mountinfo *m)
{
	if (!is_held(t))
		return cli_error("\"%s\" is not mounted", t->diff);
	t->elsewhere = true;
	if (holders_find_source(t->diff, m) != 0)
		return 0;
	t->has_device = true;
	t->major = m->major;
	t->minor = m->minor;
	return 0;
}

static int
find_by_diff(struct target *t, const char *diff, struct mountinfo *m)
{
	int rc;

	if ((rc = target_open_unmounted(t, diff)) != 0)
		return cli_error("could not find out where \"%s\" is mounted: %s", diff,
		    t->doubt[0] != '\0' ? t->doubt : paths_strerror(rc));
	if (mountinfo_find(t->mnt, m) == 0 && strcmp(m->source, t->diff) == 0)
		return take_mount(t, m, diff);
	return take_elsewhere(t, m);
}

struct by_mountpoint {
	struct target *t;
	const char *mnt;
	bool	found;
};

/* Whoever may mount can claim any mountpoint and source: the lock has to agree. */
static bool
compare_mountpoint(void *arg, const struct holder *h)
{
	struct by_mountpoint *k = arg;

	if (strcmp(h->mount->mountpoint, k->mnt) != 0 || h->mount->source[0] != '/')
		return true;
	target_close(k->t);
	k->found = target_open_unmounted(k->t, h->mount->source) == 0 && strcmp(k->t->mnt, k->mnt) == 0 &&
	    is_held(k->t);
	return !k->found;
}

/* Nothing is mounted at t->mnt any more. */
static int
find_gone(struct target *t, const char *dir, const char *diff, struct mountinfo *m)
{
	char mnt[PATH_MAX];
	struct by_mountpoint k = { t, mnt, false };

	memcpy(mnt, t->mnt, sizeof(mnt));
	if (diff != NULL)
		k.found = target_open_unmounted(t, diff) == 0 && strcmp(t->mnt, mnt) == 0 && is_held(t);
	else
		holders_each(compare_mountpoint, &k);
	if (!k.found)
		return cli_error("nothing is mounted at \"%s\"", dir);
	return take_elsewhere(t, m);
}

int
target_find(struct target *t, const char *dir, const char *diff)
{
	struct mountinfo *m autofree = malloc(sizeof(*m));
	int rc;

	target_init(t);
	if (m == NULL)
		return cli_error("out of memory");
	if (dir == NULL)
		return find_by_diff(t, diff, m);
	if ((rc = find_mount(t, dir, m)) == -ENOENT)
		return find_gone(t, dir, diff, m);
	if (rc != 0)
		return cli_error("could not use \"%s\": %s", dir, paths_strerror(rc));
	return take_mount(t, m, diff);
}

void
target_prove_lock(struct target *t)
{
	int fd;

	if ((fd = lock_owner_pidfd(t->lock_fd, LOCK_SUPERVISOR, &t->supervisor)) >= 0)
		t->supervisor_fd = fd;
	else if (fd != -ENOENT)
		doubt(t, "the supervisor cannot be named", fd);
	if ((fd = lock_owner_pidfd(t->lock_fd, LOCK_WORKER, &t->worker)) >= 0)
		t->worker_fd = fd;
	else if (fd != -ENOENT)
		doubt(t, "the worker cannot be named", fd);
	if (t->supervisor == 0 && t->worker == 0 && t->doubt[0] == '\0')
		doubt(t, "its supervisor is gone; pbkfs unmount it, and mount it again", 0);
}

void
target_prove(struct target *t)
{
	if (target_open_lock(t) == 0)
		target_prove_lock(t);
}

static int
kill_one(int pidfd, pid_t pid)
{
	if (pidfd < 0 || syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0 ||
	    errno == ESRCH)
		return 0;
	return cli_error("could not end process %d: %s", (int)pid, strerror(errno));
}

int
target_kill(const struct target *t)
{
	/* The supervisor first, or it would replace the worker. */
	if (kill_one(t->supervisor_fd, t->supervisor) != 0)
		return 1;
	return kill_one(t->worker_fd, t->worker);
}

static int
wait_one(int pidfd, int seconds)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int rc;

	if (pidfd < 0)
		return 0;
	do
		rc = poll(&p, 1, seconds * 1000);
	while (rc < 0 && errno == EINTR);
	return rc > 0 ? 0 : -ETIMEDOUT;
}

int
target_wait(const struct target *t, int seconds)
{
	int rc = wait_one(t->worker_fd, seconds);

	return rc != 0 ? rc : wait_one(t->supervisor_fd, seconds);
}
