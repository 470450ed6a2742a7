/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two files in a backup's directory are its lock.  backup.pid holds the pid of
 * the one process that may change the backup; backup_ro.pid holds a line for
 * each process that reads it.  Who wants to change creates the first with
 * O_EXCL and then waits until nobody of the second lives.  Who wants to read
 * holds the first for a moment, so that the second has one writer at a time,
 * replaces that by a rename and removes the first again.
 *
 * A pid whose process is gone counts for nothing, so a crash at any point
 * leaves nothing that has to be repaired.  It also means that the pid must be
 * one that lives exactly as long as the mount: the supervisor's, or the
 * lock holder's where the backups are another user's (lockholder.h).
 *
 * Giving back is different: who waits for readers holds backup.pid all that
 * time, and waiting for him would make both wait.  He only looks at the list,
 * so after a moment it is rewritten without backup.pid.
 *
 * The files belong to whom the backup belongs, as if his pg_probackup had made
 * them, and what lies in the store is followed nowhere: as root, everything
 * here happens as the owner of the backup's directory, beneath its descriptor.
 * Where root cannot even open that, a child that is the mount's owner does it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/backupid.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "supervisor/identity.h"
#include "supervisor/storelock.h"

#define EXCLUSIVE_NAME	"backup.pid"
#define SHARED_NAME	"backup_ro.pid"
#define SHARED_NEW	"backup_ro.pidtmp"
#define PID_FILE_MAX	(64 * KiB)
#define PID_TEXT_MAX	16	/* a pid, its line feed and NUL */
#define STALE_MAX	16	/* lock files of the dead that are removed in one go */
#define RELEASE_MS	200	/* patience of a release, for all backups together */
#define RELEASE_STEP_MS	10
#define SECOND		1000000000ULL

/* ---- as whom ------------------------------------------------------------ */

struct fs_user {
	uid_t	uid;
	gid_t	gid;
};

/* Returns who it was before.  Only root can be somebody else. */
static struct fs_user
act_as(uid_t uid, gid_t gid)
{
	struct fs_user before = { 0, 0 };

	if (!identity_is_root())
		return before;
	before.gid = (gid_t)setfsgid(gid);
	before.uid = (uid_t)setfsuid(uid);
	return before;
}

/* setfsuid(2) tells no errors; asking again with -1 tells the value. */
static bool
acts_as(uid_t uid)
{
	return !identity_is_root() || (uid_t)setfsuid((uid_t)-1) == uid;
}

static int
open_member(const struct storelock *l, const char *id)
{
	char path[PATH_MAX];
	struct fs_user before;
	int fd;

	if (snprintf(path, sizeof(path), "backups/%s/%s", l->instance, id) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	before = act_as(0, 0);
	fd = io_open_beneath(l->store_fd, path, O_PATH | O_DIRECTORY, 0);
	act_as(before.uid, before.gid);
	return fd;
}

typedef int (*member_act)(struct storelock *l, struct storelock_member *m, int dir_fd);

/* Runs act as the owner of the directory of member m.  Returns what that returns. */
static int
act_on_member(struct storelock *l, struct storelock_member *m, member_act act)
{
	int dir_fd autoclose = open_member(l, m->id), rc;
	struct fs_user before;
	struct stat st;

	if (dir_fd < 0)
		return dir_fd;
	if (fstat(dir_fd, &st) != 0)
		return -errno;
	before = act_as(st.st_uid, st.st_gid);
	rc = acts_as(st.st_uid) ? act(l, m, dir_fd) : -EPERM;
	act_as(before.uid, before.gid);
	return rc;
}

struct call {
	struct storelock l;
	size_t i;		/* member */
	member_act act;
};

/* In a child that is l->as, and so nobody else. */
static int
call_inside(void *arg, int *passed)
{
	struct call *c = arg;

	(void)passed;
	return act_on_member(&c->l, &c->l.member[c->i], c->act);
}

/* The same, by whoever can open the store. */
static int
with_member(struct storelock *l, struct storelock_member *m, member_act act)
{
	struct call c = { .i = (size_t)(m - l->member), .act = act };
	const struct become_work w = {
		.act = call_inside, .arg = &c, .size = sizeof(c), .keep = { l->store_fd }, .n_keep = 1,
	};
	int rc;

	if (l->as == NULL)
		return act_on_member(l, m, act);
	c.l = *l;
	rc = become_run(l->as, &w, NULL);
	*l = c.l;
	return rc;
}

/* ---- pid files ---------------------------------------------------------- */

/* The pid that a line begins with; 0 for garbage. */
static pid_t
parse_pid(const char *line)
{
	char *end;
	long pid = strtol(line, &end, 10);

	return end == line || pid <= 0 || pid > INT_MAX ? 0 : (pid_t)pid;
}

/*
 * Whether somebody else has that pid.  Where our own stands in a file that we
 * did not write, a dead process had it before us.
 */
static bool
is_alive(const struct storelock *l, pid_t pid)
{
	return pid > 0 && pid != l->pid && (kill(pid, 0) == 0 || errno != ESRCH);
}

static int
open_pid_file(int dir_fd, const char *name)
{
	return io_open_beneath(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
}

/* Creates name, which must not be there, as a whole or not at all. */
static int
create_pid_file(int dir_fd, const char *name, const char *text, size_t len)
{
	int fd autoclose = io_open_beneath(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600), rc;

	if (fd < 0)
		return fd;
	if ((rc = io_write(fd, text, len)) != 0)
		unlinkat(dir_fd, name, 0);
	return rc;
}

static int
remove_file(int dir_fd, const char *name)
{
	return unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
}

/* ---- backup.pid --------------------------------------------------------- */

/* Its maker has not written it yet, or never will. */
static int
wait_for_text(struct storelock *l)
{
	uint64_t now = clock_monotonic_ns();

	l->blocker = 0;
	if (l->empty_since == 0)
		l->empty_since = now;
	return now - l->empty_since < STORELOCK_EMPTY_SECONDS * SECOND ? -EAGAIN : 0;
}

/*
 * Removes the file that fd shows, if it still has its name: another process may
 * have found the same dead pid and be ahead of us.  What is left of that race,
 * between the look and the removal, is pg_probackup's own.
 */
static int
remove_stale(int dir_fd, int fd)
{
	struct stat ours, named;

	if (fstat(fd, &ours) != 0)
		return -errno;
	if (fstatat(dir_fd, EXCLUSIVE_NAME, &named, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (named.st_dev != ours.st_dev || named.st_ino != ours.st_ino ||
	    named.st_size != ours.st_size)
		return 0;
	return remove_file(dir_fd, EXCLUSIVE_NAME);
}

/* Returns 0 if backup.pid is out of the way now, -EAGAIN if its owner lives. */
static int
clear_exclusive(struct storelock *l, int dir_fd)
{
	int fd autoclose = open_pid_file(dir_fd, EXCLUSIVE_NAME), rc;
	char *text autofree = NULL;
	size_t len;
	pid_t pid;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if ((rc = io_read_file(fd, PID_FILE_MAX, &text, &len)) != 0)
		return rc;
	if (len == 0 && (rc = wait_for_text(l)) != 0)
		return rc;
	l->empty_since = 0;
	if (is_alive(l, pid = parse_pid(text))) {
		l->blocker = pid;
		return -EAGAIN;
	}
	return remove_stale(dir_fd, fd);
}

static int
take_exclusive(struct storelock *l, int dir_fd)
{
	char text[PID_TEXT_MAX];
	int len = snprintf(text, sizeof(text), "%d\n", (int)l->pid), rc, i;

	for (i = 0; i < STALE_MAX; i++) {
		rc = create_pid_file(dir_fd, EXCLUSIVE_NAME, text, (size_t)len);
		if (rc != -EEXIST)
			return rc;
		if ((rc = clear_exclusive(l, dir_fd)) != 0)
			return rc;
	}
	return -EAGAIN;
}

/* ---- backup_ro.pid ------------------------------------------------------ */

/* Copies the lines of text whose processes live, each written anew.  Returns the length. */
static size_t
copy_living(const struct storelock *l, char *to, char *text, size_t len)
{
	char *line, *end;
	size_t n = 0;
	pid_t pid;

	for (line = text; line < text + len; line = end + 1) {
		if ((end = memchr(line, '\n', (size_t)(text + len - line))) == NULL)
			end = text + len;
		*end = '\0';
		if (is_alive(l, pid = parse_pid(line)))
			n += (size_t)snprintf(to + n, PID_TEXT_MAX, "%d\n", (int)pid);
	}
	return n;
}

static int
replace_shared(int dir_fd, const char *text, size_t len)
{
	int rc;

	if ((rc = remove_file(dir_fd, SHARED_NEW)) != 0 ||
	    (rc = create_pid_file(dir_fd, SHARED_NEW, text, len)) != 0)
		return rc;
	if (renameat(dir_fd, SHARED_NEW, dir_fd, SHARED_NAME) == 0)
		return 0;
	rc = -errno;
	unlinkat(dir_fd, SHARED_NEW, 0);
	return rc;
}

/* Writes the list anew: of those who live, and of ourselves if with_us. */
static int
rewrite_shared(const struct storelock *l, int dir_fd, bool with_us)
{
	int fd autoclose = open_pid_file(dir_fd, SHARED_NAME), rc;
	char *old autofree = NULL, *new autofree = NULL;
	size_t len = 0, n;

	if (fd < 0 && fd != -ENOENT)
		return fd;
	if (fd >= 0 && (rc = io_read_file(fd, PID_FILE_MAX, &old, &len)) != 0)
		return rc;
	/* No line gets longer, but the last one may lack its line feed. */
	if ((new = malloc(len + 2 * PID_TEXT_MAX)) == NULL)
		return -ENOMEM;
	n = old != NULL ? copy_living(l, new, old, len) : 0;
	if (with_us)
		n += (size_t)snprintf(new + n, PID_TEXT_MAX, "%d\n", (int)l->pid);
	return n == 0 ? remove_file(dir_fd, SHARED_NAME) : replace_shared(dir_fd, new, n);
}

/* ---- one backup --------------------------------------------------------- */

static bool
is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/*
 * Before it was locked, a merge or delete may have come and gone.  Both rewrite
 * or remove one of these.  A time in the future is another clock's and says
 * nothing.
 */
static int
check_unchanged(const struct storelock *l, int dir_fd)
{
	static const char *const names[] = { "backup.control", "backup_content.control" };
	struct timespec now;
	struct stat st;
	size_t i;

	clock_gettime(CLOCK_REALTIME, &now);
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (fstatat(dir_fd, names[i], &st, AT_SYMLINK_NOFOLLOW) != 0) {
			if (errno == ENOENT)
				return -ESTALE;
			continue;
		}
		if (is_later(&st.st_ctim, &l->since) && !is_later(&st.st_ctim, &now))
			return -ESTALE;
	}
	return 0;
}

static int
enter_list(struct storelock *l, struct storelock_member *m, int dir_fd)
{
	int rc, undone;

	if ((rc = take_exclusive(l, dir_fd)) != 0)
		return rc;
	rc = rewrite_shared(l, dir_fd, true);
	m->held = rc == 0;
	undone = remove_file(dir_fd, EXCLUSIVE_NAME);
	return rc != 0 ? rc : undone;
}

/* Weighs an error: it means nothing for the whole, less protection, or the end. */
static int
weigh(struct storelock *l, int rc)
{
	enum storelock_state state = STORELOCK_HELD;

	if (rc == -EROFS)
		state = STORELOCK_READ_ONLY;
	else if (rc == -EACCES || rc == -EPERM || rc == -ENOSPC || rc == -EDQUOT)
		state = STORELOCK_NOT_WRITABLE;
	else if (rc != 0)
		return rc;
	if (state == STORELOCK_NOT_WRITABLE && l->insist)
		return rc;
	if (state == STORELOCK_NOT_WRITABLE)
		l->why = rc;
	l->state = MAX(l->state, state);
	return 0;
}

static int
take_member(struct storelock *l, struct storelock_member *m, int dir_fd)
{
	int rc = weigh(l, enter_list(l, m, dir_fd));

	return rc != 0 ? rc : check_unchanged(l, dir_fd);
}

/* Takes our pid out again, with backup.pid in hand if that can be had soon. */
static int
leave_list(struct storelock *l, struct storelock_member *m, int dir_fd)
{
	static const struct timespec step = { 0, RELEASE_STEP_MS * 1000000L };
	int taken, rc;

	m->held = false;
	while ((taken = take_exclusive(l, dir_fd)) == -EAGAIN && clock_monotonic_ns() < l->patient_until)
		nanosleep(&step, NULL);
	rc = rewrite_shared(l, dir_fd, false);
	if (taken == 0)
		remove_file(dir_fd, EXCLUSIVE_NAME);
	return rc;
}

/* ---- all of them -------------------------------------------------------- */

int
storelock_init(struct storelock *l, int store_fd, const char *instance)
{
	if (instance[0] == '\0' || instance[0] == '.' || strchr(instance, '/') != NULL)
		return -EINVAL;
	*l = (struct storelock){
		.insist = l->insist, .since = l->since, .as = l->as, .store_fd = store_fd,
		.instance = instance, .pid = l->pid != 0 ? l->pid : getpid(),
	};
	return 0;
}

int
storelock_add(struct storelock *l, const char *id)
{
	struct storelock_member *m;

	if (!backup_id_is_valid(id))
		return -EINVAL;
	if (l->n_members == ARRAY_SIZE(l->member))
		return -E2BIG;
	m = &l->member[l->n_members++];
	strlcpy(m->id, id, sizeof(m->id));
	l->n_left = l->n_members;
	return 0;
}

int
storelock_try(struct storelock *l)
{
	int rc;

	while (l->n_left > 0) {
		rc = with_member(l, &l->member[l->n_left - 1], take_member);
		if (rc == -ENOENT)
			return -ESTALE;
		/* The directory itself may be out of reach. */
		if (rc != 0 && (rc = weigh(l, rc)) != 0)
			return rc;
		l->n_left--;
		l->empty_since = 0;
	}
	return 0;
}

const char *
storelock_id(const struct storelock *l)
{
	return l->member[l->n_left > 0 ? l->n_left - 1 : 0].id;
}

void
storelock_release(struct storelock *l)
{
	size_t i;
	int rc;

	l->empty_since = 0;
	l->patient_until = clock_monotonic_ns() + RELEASE_MS * 1000000ULL;
	for (i = 0; i < l->n_members; i++) {
		if (!l->member[i].held)
			continue;
		rc = with_member(l, &l->member[i], leave_list);
		if (rc != 0 && rc != -ENOENT)
			log_warn("could not give back the lock of backup %s: %s",
			    l->member[i].id, strerror(-rc));
		if (rc == -ETIMEDOUT)
			break;	/* the others lie on the same file system */
	}
}

const char *
storelock_state_name(enum storelock_state state)
{
	static const char *const names[] = {
		[STORELOCK_OFF] = "off", [STORELOCK_HELD] = "held",
		[STORELOCK_READ_ONLY] = "read-only", [STORELOCK_NOT_WRITABLE] = "not writable",
	};

	return names[state];
}
