/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens a diff directory, reads its lock, and talks to the supervisor that
 * listens.  Whatever may not answer happens in a child with a limit.  Whether
 * the supervisor serves the right mount is for mountref.c to judge.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "cli/contact.h"
#include "cli/limited.h"
#include "supervisor/become.h"
#include "supervisor/waiting.h"
#include "supervisor/walk.h"

#define LOCK_MS	20	/* between two tries to get a lock */
#define MESSAGES_MAX	65536	/* more than a socket holds */

void
contact_init(struct contact *c)
{
	memset(c, 0, sizeof(*c));
	c->sock = c->peer.pidfd = -1;
	c->uid = (uid_t)-1;
}

void
contact_close(struct contact *c)
{
	if (c->sock >= 0)
		close(c->sock);
	if (c->peer.pidfd >= 0)
		close(c->peer.pidfd);
	c->sock = c->peer.pidfd = -1;
}

static int
doubt(struct contact *c, const char *what, int error)
{
	snprintf(c->doubt, sizeof(c->doubt), "%s%s%s", what, error != 0 ? ": " : "",
	    error != 0 ? strerror(-error) : "");
	return -1;
}

/* ---- the directory ------------------------------------------------------ */

int
contact_open_diff(const char *path)
{
	char error[WALK_ERROR_MAX];
	int parent autoclose = -1, fd;

	if (path[0] != '/')
		return -EINVAL;
	if ((parent = walk_parent(path, NULL, error)) < 0)
		return parent;
	fd = openat(parent, strrchr(path, '/') + 1,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int
open_lock(int diff_fd, struct contact *c)
{
	struct stat st;
	int fd;

	if (fstat(diff_fd, &st) != 0)
		return doubt(c, "could not open its diff directory", -errno);
	c->uid = st.st_uid;
	fd = lock_open(diff_fd, st.st_uid, O_RDONLY);
	c->lacks_lock = fd == -ENOENT;
	if (fd < 0)
		return doubt(c, "could not use its lock file", fd);
	return fd;
}

static int
read_lock(int diff_fd, struct contact *c)
{
	int fd autoclose = open_lock(diff_fd, c), rc;

	if (fd < 0)
		return -1;
	if ((rc = lock_read_mountpoint(fd, c->mnt)) != 0) {
		c->mnt[0] = '\0';
		return doubt(c, "could not use its lock file", rc);
	}
	c->is_named = true;
	c->owner[ONDISK_LOCK_SUPERVISOR] = lock_owner(fd, ONDISK_LOCK_SUPERVISOR);
	c->owner[ONDISK_LOCK_WORKER] = lock_owner(fd, ONDISK_LOCK_WORKER);
	c->has_lock = true;
	return 0;
}

static void
explain_silence(struct contact *c)
{
	if (c->sock == -ENOENT || c->sock == -ECONNREFUSED)
		doubt(c, c->owner[ONDISK_LOCK_SUPERVISOR] != 0 ?
		    "nobody listens at its socket: an older pbkfs may have mounted it" :
		    "its supervisor is gone", 0);
	else if (c->sock == -EPERM)
		doubt(c, "its socket does not belong to its owner", 0);
	else if (c->sock == -EAGAIN)
		doubt(c, "its supervisor takes no connections", 0);
	else
		doubt(c, "could not use its socket", c->sock);
	c->sock = -1;
}

/* Who listens and is not on record says itself which mountpoint it serves. */
static void
ask_mountpoint(struct contact *c)
{
	static struct command_frame a;

	if (contact_identify(c, &a) == 0)
		strlcpy(c->mnt, a.text, sizeof(c->mnt));
}

int
contact_make_at(int diff_fd, struct contact *c)
{
	int rc = read_lock(diff_fd, c);

	/* The owner can take the lock file away, but neither socket nor record of a mount of root. */
	if ((c->sock = socket_connect(diff_fd, &c->peer)) >= 0) {
		if (c->peer.uid == 0 && socket_recorded_mnt(diff_fd, c->mnt) == 0)
			c->is_named = true;
		else if (!c->is_named)
			ask_mountpoint(c);
		return 0;
	}
	if (rc == 0 || c->sock == -EAGAIN)
		explain_silence(c);
	c->sock = -1;
	return rc;
}

/*
 * Where the directory does not answer, is not there, or is another one by now: what root's
 * supervisors have recorded.
 */
static int
connect_by_record(struct contact *c)
{
	int run autoclose = geteuid() == 0 ? socket_open_run() : -1, sock;
	char name[SOCKET_NAME_MAX], mnt[PATH_MAX];

	if (run < 0 || socket_find_name(c->diff, name) != 0 ||
	    socket_read_mnt(run, name, mnt) != 0 ||
	    (sock = socket_connect_in_run(name, &c->peer)) < 0)
		return -1;
	strlcpy(c->mnt, mnt, sizeof(c->mnt));
	c->sock = sock;
	c->is_named = true;
	return 0;
}

/* Runs in the child, which passes the connection on; the parent asks for the pidfd anew. */
static int
make_in_child(void *arg, int *passed)
{
	struct contact *c = arg;
	int fd = contact_open_diff(c->diff), rc;

	if (fd < 0)
		return doubt(c, "could not open its diff directory", fd);
	rc = contact_make_at(fd, c);
	*passed = c->sock;
	return rc;
}

int
contact_make(struct contact *c)
{
	const struct become_work w = {
		.act = make_in_child, .arg = c, .size = sizeof(*c), .seconds = CONTACT_SECONDS
	};
	int sock = -1, rc = become_run(NULL, &w, &sock);

	c->sock = sock >= 0 ? sock : -1;
	c->peer.pidfd = sock >= 0 ? socket_peer_pidfd(sock) : -1;
	c->is_mute = rc == -ETIMEDOUT;
	if (c->is_mute)
		doubt(c, "its diff directory does not answer", 0);
	if (rc == 0 && sock < 0)
		connect_by_record(c);
	if (rc == 0)
		return 0;
	if (c->doubt[0] == '\0')
		doubt(c, "could not look at its diff directory", rc);
	return connect_by_record(c);
}

bool
contact_is_held(const struct contact *c)
{
	return c->owner[ONDISK_LOCK_SUPERVISOR] != 0 || c->owner[ONDISK_LOCK_WORKER] != 0;
}

static int
try_locks(const void *arg)
{
	const struct contact *c = arg;
	int diff = contact_open_diff(c->diff);
	int changes = openat(diff, ONDISK_CHANGES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return (diff >= 0 && flock(diff, LOCK_SH | LOCK_NB) != 0) ||
	    (changes >= 0 && flock(changes, LOCK_SH | LOCK_NB) != 0) ? -EBUSY : 0;
}

bool
contact_is_locked(const struct contact *c)
{
	return limited_run(try_locks, c, CONTACT_SECONDS) == -EBUSY;
}

/* ---- who listens -------------------------------------------------------- */

static int
ask(int sock, const struct command_frame *request, struct command_frame *answer, int *fd, int ms)
{
	int rc;

	if ((rc = command_send(sock, request, -1)) != 0 ||
	    (rc = waiting_until(sock, POLLIN, clock_monotonic_ms() + ms)) != 0)
		return rc;
	return command_receive(sock, answer, true, fd);
}

struct asking {
	char	diff[PATH_MAX];
	pid_t	pid;		/* who has to listen there */
	struct command_frame request, answer;
	int	ms;
};

/* Reads whatever else came, empty messages too: to close what is in it may take for ever. */
static void
drain(int sock)
{
	char byte;
	int i;

	socket_take_descriptors(sock, false);
	for (i = 0; i < MESSAGES_MAX && recv(sock, &byte, 1, MSG_DONTWAIT) >= 0; i++)
		;
}

/* Only a file in memory is passed on. */
static int
ask_in_child(void *arg, int *passed)
{
	struct asking *k = arg;
	struct socket_peer peer;
	int diff = contact_open_diff(k->diff), sock, fd = -1, rc;

	if (diff < 0 || (sock = socket_connect(diff, &peer)) < 0)
		return diff < 0 ? diff : sock;
	if (peer.pid != k->pid)
		return -ESTALE;
	socket_take_descriptors(sock, true);
	rc = ask(sock, &k->request, &k->answer, &fd, k->ms);
	drain(sock);
	if (fd >= 0 && fcntl(fd, F_GET_SEALS) < 0) {
		close(fd);
		return -EPROTO;
	}
	*passed = fd;
	return rc;
}

/* Asks a user who may send anything, by a connection of a child's. */
static int
ask_apart(const struct contact *c, const struct command_frame *request,
    struct command_frame *answer, int *fd, int ms)
{
	static struct asking k;
	const struct become_work w = {
		.act = ask_in_child, .arg = &k, .size = sizeof(k), .seconds = CONTACT_SECONDS
	};
	int rc;

	strlcpy(k.diff, c->diff, sizeof(k.diff));
	k.pid = c->peer.pid;
	k.request = *request;
	k.ms = ms;
	if ((rc = become_run(NULL, &w, fd)) == 0)
		*answer = k.answer;
	return rc;
}

int
contact_ask_within(const struct contact *c, const struct command_frame *request,
    struct command_frame *answer, int *fd, int ms)
{
	int rc;

	if (fd == NULL)
		return ask(c->sock, request, answer, NULL, ms);
	if (c->peer.uid != 0 && c->peer.uid != geteuid())
		return ask_apart(c, request, answer, fd, ms);
	socket_take_descriptors(c->sock, true);
	rc = ask(c->sock, request, answer, fd, ms);
	socket_take_descriptors(c->sock, false);
	return rc;
}

int
contact_ask(const struct contact *c, const struct command_frame *request,
    struct command_frame *answer, int *fd)
{
	return contact_ask_within(c, request, answer, fd, CONTACT_ASK_MS);
}

int
contact_identify_within(const struct contact *c, struct command_frame *answer, int ms)
{
	static struct command_frame q;
	int rc;

	command_init(&q, COMMAND_IDENTIFY);
	if ((rc = contact_ask_within(c, &q, answer, NULL, ms)) != 0)
		return rc;
	return answer->type == COMMAND_IDENTITY ? 0 : -EPROTO;
}

int
contact_identify(const struct contact *c, struct command_frame *answer)
{
	return contact_identify_within(c, answer, CONTACT_ASK_MS);
}

bool
contact_is_beginning(const struct command_frame *identity)
{
	return identity->arg[IDENTITY_STATE] == STATE_PREPARING ||
	    identity->arg[IDENTITY_STATE] == STATE_STARTING;
}

int
contact_kill(const struct contact *c)
{
	if (c->peer.pidfd < 0)
		return c->peer.pidfd == -1 ? -ENOPROTOOPT : c->peer.pidfd;
	return syscall(SYS_pidfd_send_signal, c->peer.pidfd, SIGKILL, NULL, 0) == 0 ||
	    errno == ESRCH ? 0 : -errno;
}

/* ---- waiting ------------------------------------------------------------ */

int
contact_wait_for_listener(const struct contact *c, int seconds)
{
	int64_t until = clock_monotonic_ms() + (int64_t)seconds * 1000;

	if (c->peer.pidfd >= 0)
		return waiting_until(c->peer.pidfd, POLLIN, until);
	return c->sock >= 0 ? waiting_until(c->sock, 0, until) : 0;
}

/* Waits for a process that holds the lock.  It only waits, so it may be the wrong one. */
static void
wait_for_owner(int lock_fd, enum ondisk_lock_byte byte, const struct contact *c)
{
	int fd autoclose = -1;
	pid_t pid;

	fd = lock_owner_pidfd(lock_fd, byte, &pid);
	if (fd >= 0 && pid == c->owner[byte])	/* not of a mount that was made since */
		waiting_until(fd, POLLIN, clock_monotonic_ms() + INT_MAX);
}

/* The kernel tells nobody that a lock is free, but by giving it. */
static void
wait_for_lock(int dir_fd)
{
	while (flock(dir_fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		poll(NULL, 0, LOCK_MS);
	flock(dir_fd, LOCK_UN);
}

/* Runs in a child. */
static int
wait_for_owners(void *arg, int *passed)
{
	struct contact *c = arg;
	int diff autoclose = contact_open_diff(c->diff), lock autoclose = -1, changes autoclose = -1;

	(void)passed;
	if (diff < 0)
		return diff;
	if ((lock = open_lock(diff, c)) >= 0) {
		wait_for_owner(lock, ONDISK_LOCK_WORKER, c);
		if (c->sock < 0)
			wait_for_owner(lock, ONDISK_LOCK_SUPERVISOR, c);
	}
	if (c->locks_are_ours)
		return 0;
	wait_for_lock(diff);
	changes = openat(diff, ONDISK_CHANGES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (changes >= 0)
		wait_for_lock(changes);
	return 0;
}

int
contact_wait(const struct contact *c, int seconds)
{
	static struct contact copy;
	const struct become_work w = {
		.act = wait_for_owners, .arg = &copy, .size = sizeof(copy), .seconds = (unsigned)seconds
	};
	int rc = contact_wait_for_listener(c, seconds);

	if (c->is_others)
		return 0;
	copy = *c;
	if (rc == 0)
		rc = c->is_mute ? -ETIMEDOUT : become_run(NULL, &w, NULL);
	return rc;
}
