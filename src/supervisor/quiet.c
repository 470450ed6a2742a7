/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A server is found by the files that it uses; one in another pid namespace by its pid file and by other mount
 * namespaces that have the mount.  Where not all could be looked at, nobody is told that there is none.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "supervisor/ending.h"
#include "supervisor/holders.h"
#include "supervisor/identity.h"
#include "supervisor/paths.h"
#include "supervisor/quiet.h"
#include "supervisor/state.h"
#include "supervisor/users.h"

#define PID_FILE	"postmaster.pid"
#define STOP_IT		"stop it first (pg_ctl stop), for the kernel and it hold what is not written yet"
#define ALIGNMENT	4096	/* of what is read past the page cache */

static int complain(struct quiet_report *r, int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int
complain(struct quiet_report *r, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
	return r->rc = rc;
}

/* ---- servers ------------------------------------------------------------ */

static bool
is_server(const char *name)
{
	return strstr(name, "postgres") != NULL || strstr(name, "postmaster") != NULL;
}

struct finding {
	const char *mnt;
	struct user user;
	bool	found;
};

static bool
compare(void *arg, const struct process *p, const char *path)
{
	struct finding *k = arg;

	if (k->found || !paths_contains(k->mnt, path))
		return !k->found;
	users_take(p, &k->user);
	k->found = is_server(k->user.name);
	return false;
}

/* The pid that the file names; 0 if there is no file, or it says nothing. */
static pid_t
read_pid(int root_fd)
{
	int fd autoclose = openat(root_fd, PID_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[16];
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	long pid;

	text[MAX(n, (ssize_t)0)] = '\0';
	pid = strtol(text, NULL, 10);
	return pid > 1 && pid < INT32_MAX ? (pid_t)pid : 0;
}

/* The number may have become somebody else's; who cannot be looked at is taken at the file's word. */
static bool
lives(pid_t pid)
{
	char path[32], name[32];
	int fd autoclose = -1;

	if (kill(pid, 0) != 0 && errno != EPERM)
		return false;
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if ((fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return true;
	users_name(fd, name, sizeof(name));
	return name[0] == '\0' || is_server(name);
}

static int
refuse_server(const struct supervisor *s, const char *mnt, int root_fd, struct quiet_report *r)
{
	struct finding k = { .mnt = mnt };
	pid_t pid = read_pid(root_fd);
	struct users others;
	char text[300];
	bool whole;

	identity_raise();
	whole = users_each(clock_monotonic_ms() + USERS_MS, compare, &k);
	if (k.found)
		return complain(r, -EBUSY, "a server runs on it, %s (pid %d): " STOP_IT, k.user.name, (int)k.user.pid);
	if (pid != 0 && lives(pid))
		return complain(r, -EBUSY, "a server runs on it, the process %d that \"" PID_FILE "\" names: " STOP_IT,
		    (int)pid);
	if (!whole)
		return complain(r, -ETIMEDOUT, "there was no time to look whether one of all the processes is a server that"
		    " runs on it");
	if (pid == 0)
		return 0;
	holders_find(s->ending.major, s->ending.minor, &others);
	if (others.n == 0 && others.is_whole)
		return 0;
	users_tell(&others, text, sizeof(text));
	return complain(r, -EBUSY, "it has a \"" PID_FILE "\", and other mount namespaces have it, too (%s), where a server may"
	    " run: stop that first, or remove the file", text);
}

/* Their mount would stay, and go on. */
static int
refuse_holders(const struct supervisor *s, struct quiet_report *r)
{
	struct users others;
	char text[300];

	identity_raise();
	if (holders_find(s->ending.major, s->ending.minor, &others) == HOLDERS_ALL && others.n == 0)
		return 0;
	users_tell(&others, text, sizeof(text));
	return complain(r, -EBUSY, "other mount namespaces have it, too (%s): end these processes first", text);
}

/* ---- what the kernel holds ---------------------------------------------- */

/* Whatever others have put in its place is not ours. */
static int
open_root(const struct supervisor *s, const char *mnt)
{
	int path autoclose = open(mnt, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd;
	struct statx st;

	if (path < 0)
		return -errno;
	if (statx(path, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &st) != 0)
		return -errno;
	if (s->ending.table_fd < 0 || st.stx_dev_major != s->ending.major || st.stx_dev_minor != s->ending.minor)
		return -ESTALE;
	fd = openat(path, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Asks for bytes that have to come from the worker, behind all that it was sent before. */
static int
await_requests(int root_fd)
{
	char bytes[ALIGNMENT] __attribute__((aligned(ALIGNMENT)));
	int fd autoclose = openat(root_fd, ONDISK_INFODIR "/" ONDISK_STAT, O_RDONLY | O_DIRECT | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || pread(fd, bytes, sizeof(bytes), 0) < 0)
		return -errno;
	return 0;
}

static int
make_quiet(struct supervisor *s, enum quiet_look look, struct quiet_report *r)
{
	int fd autoclose = -1, rc;
	char mnt[PATH_MAX];

	if (!ending_find_mountpoint(s, mnt))
		return complain(r, -ENOENT, "it is not mounted any more, or another mount lies over it");
	if (look == QUIET_HOLDERS)
		return refuse_holders(s, r);
	if ((fd = open_root(s, mnt)) < 0)
		return complain(r, fd, "could not open its root: %s", strerror(-fd));
	if (refuse_server(s, mnt, fd, r) != 0)
		return r->rc;
	identity_drop();
	if (syncfs(fd) != 0)
		return complain(r, -errno, "could not write back what the kernel holds: %s", strerror(errno));
	if ((rc = await_requests(fd)) != 0)
		return complain(r, rc, "could not read \"" ONDISK_INFODIR "/" ONDISK_STAT "\" on it: %s", strerror(-rc));
	return 0;
}

void
quiet_child(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
{
	struct quiet_report r = { 0 };

	make_quiet(s, (enum quiet_look)o->look, &r);
	_exit(write(fd[0], &r, sizeof(r)) != sizeof(r));
}
