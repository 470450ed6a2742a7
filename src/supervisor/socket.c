/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An address and the check of who is behind it.  What is said there is in ipc/command.h, who answers it
 * in attend.c.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/ondisk.h"
#include "base/util.h"
#include "supervisor/diffdir.h"
#include "supervisor/identity.h"
#include "supervisor/socket.h"

#define BACKLOG	128
#define OWNERS	".owner"	/* added to a name in SOCKET_RUN */
#define DIFF	".diff"
#define MNT	".mnt"
#define LOCK	".lock"		/* in SOCKET_RUN */
#define LOCK_TRIES	100
#define LOCK_MS	10
#define SWEEP_MAX	4096	/* names that are looked at */

/* Of Linux 6.5; two architectures have numbers of their own. */
#ifndef SO_PEERPIDFD
#if defined(__sparc__)
#define SO_PEERPIDFD	0x0056
#elif defined(__hppa__)
#define SO_PEERPIDFD	0x404B
#else
#define SO_PEERPIDFD	77
#endif
#endif

/* Of Linux 6.16; one architecture has a number of its own. */
#ifndef SO_PASSRIGHTS
#if defined(__sparc__)
#define SO_PASSRIGHTS	0x005c
#else
#define SO_PASSRIGHTS	83
#endif
#endif

/* ---- places ------------------------------------------------------------- */

static bool
is_written_by_root_alone(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == 0 && (st.st_mode & 022) == 0;
}

int
socket_open_run(void)
{
	int parent autoclose = -1, fd autoclose = -1;

	parent = open("/run", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (parent < 0)
		return -errno;
	if (!is_written_by_root_alone(parent))
		return -EPERM;
	fd = openat(parent, strrchr(SOCKET_RUN, '/') + 1,
	    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return is_written_by_root_alone(fd) ? steal_fd(&fd) : -EPERM;
}

/* Others may look into it: the owner of a diff directory may connect. */
static int
make_run(void)
{
	mode_t mask = umask(022);
	int rc = mkdir(SOCKET_RUN, 0755) == 0 || errno == EEXIST ? 0 : -errno;

	umask(mask);
	return rc != 0 ? rc : socket_open_run();
}

void
socket_name(unsigned major, unsigned minor, uint64_t inode, char name[SOCKET_NAME_MAX])
{
	snprintf(name, SOCKET_NAME_MAX, "%u:%u-%" PRIu64, major, minor, inode);
}

static int
name_in_run(int diff_fd, char name[SOCKET_NAME_MAX])
{
	struct stat st;

	if (fstat(diff_fd, &st) != 0)
		return -errno;
	socket_name(major(st.st_dev), minor(st.st_dev), st.st_ino, name);
	return 0;
}

/* A path of at most 108 bytes to a name of any depth. */
static struct sockaddr_un
address_at(int dir_fd, const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d%s%s", dir_fd,
	    name[0] != '\0' ? "/" : "", name);
	return a;
}

/* ---- names that killed supervisors left ---------------------------------- */

/*
 * Who makes a name in SOCKET_RUN, or takes one away, has this lock: a name that is
 * dead for one of them does not come to life meanwhile.  Returns -1 if another has it for long.
 */
static int
lock_names(int run_fd)
{
	int fd autoclose = openat(run_fd, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600), i;

	for (i = 0; fd >= 0 && i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return steal_fd(&fd);
		poll(NULL, 0, LOCK_MS);
	}
	return -1;
}

/* Asked with a type that no supervisor's socket has: one that lives refuses that, and hears nothing. */
static bool
is_dead(int dir_fd, const char *name)
{
	int fd autoclose = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	int sock autoclose = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = address_at(fd, "");
	struct stat st;

	return fd >= 0 && sock >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    connect(sock, (struct sockaddr *)&a, sizeof(a)) != 0 && errno == ECONNREFUSED;
}

bool
socket_is_name(const char *name)
{
	unsigned major, minor;
	uint64_t inode;
	char again[SOCKET_NAME_MAX];

	if (sscanf(name, "%u:%u-%" SCNu64, &major, &minor, &inode) != 3)
		return false;
	socket_name(major, minor, inode, again);
	return strcmp(name, again) == 0;
}

static void
add(char to[SOCKET_NAME_MAX], const char *name, const char *end)
{
	snprintf(to, SOCKET_NAME_MAX, "%.*s%s", (int)(SOCKET_NAME_MAX - sizeof(OWNERS)), name, end);
}

/* The one that the others are found by goes last. */
static void
remove_names(int run_fd, const char *name)
{
	char other[SOCKET_NAME_MAX];

	add(other, name, OWNERS);
	unlinkat(run_fd, other, 0);
	add(other, name, DIFF);
	unlinkat(run_fd, other, 0);
	add(other, name, MNT);
	unlinkat(run_fd, other, 0);
	unlinkat(run_fd, name, 0);
}

static void
sweep_run(int run_fd)
{
	int fd = openat(run_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), i;
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (i = 0; i < SWEEP_MAX && (d = readdir(dir)) != NULL; i++)
		if (socket_is_name(d->d_name) && is_dead(run_fd, d->d_name))
			remove_names(run_fd, d->d_name);
	closedir(dir);
}

/* ---- descriptors that others send ---------------------------------------- */

void
socket_take_descriptors(int sock, bool takes)
{
	int value = takes;

	/* A kernel that does not know it takes them always. */
	setsockopt(sock, SOL_SOCKET, SO_PASSRIGHTS, &value, sizeof(value));
}

/* ---- listening ---------------------------------------------------------- */

static int
listen_at(int dir_fd, const char *name)
{
	struct sockaddr_un a = address_at(dir_fd, name);
	int fd autoclose = -1, rc;
	mode_t mask;

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	socket_take_descriptors(fd, false);	/* nor do the connections that it accepts */
	if (unlinkat(dir_fd, name, 0) != 0 && errno != ENOENT)
		return -errno;
	mask = umask(0177);
	rc = bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, BACKLOG) == 0 ?
	    0 : -errno;
	umask(mask);
	return rc != 0 ? rc : steal_fd(&fd);
}

/* One that only a user may connect to. */
static int
listen_for(int dir_fd, const char *name, uid_t uid)
{
	int fd autoclose = listen_at(dir_fd, name);

	if (fd >= 0 && uid != 0 && fchownat(dir_fd, name, uid, (gid_t)-1, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	return steal_fd(&fd);
}

static int
record(const struct socket_place *p, const char *end, const char *path)
{
	char name[SOCKET_NAME_MAX];

	add(name, p->name, end);
	if (unlinkat(p->dir_fd, name, 0) != 0 && errno != ENOENT)
		return -errno;
	return symlinkat(path, p->dir_fd, name) == 0 ? 0 : -errno;
}

static int
listen_in_run(const struct socket_diff *d, int fd[SOCKET_DOORS], struct socket_place *p)
{
	char owners[SOCKET_NAME_MAX];
	int lock autoclose = -1, rc;

	if ((rc = name_in_run(d->fd, p->name)) != 0)
		return rc;
	if ((p->dir_fd = make_run()) < 0)
		return p->dir_fd;
	if ((lock = lock_names(p->dir_fd)) >= 0)
		sweep_run(p->dir_fd);
	if ((fd[SOCKET_ROOT] = listen_for(p->dir_fd, p->name, 0)) < 0)
		return fd[SOCKET_ROOT];
	if ((rc = record(p, DIFF, d->path)) != 0 || (rc = record(p, MNT, d->mnt)) != 0 || d->uid == 0)
		return rc;
	add(owners, p->name, OWNERS);
	return MIN(fd[SOCKET_OWNER] = listen_for(p->dir_fd, owners, d->uid), 0);
}

static int
listen_in_diff(const struct socket_diff *d, int fd[SOCKET_DOORS], struct socket_place *p)
{
	strcpy(p->name, ONDISK_SOCKET);
	if ((p->dir_fd = fcntl(d->infodir_fd, F_DUPFD_CLOEXEC, 0)) < 0)
		return -errno;
	return MIN(fd[SOCKET_OWNER] = listen_at(p->dir_fd, p->name), 0);
}

static void
close_all(int fd[SOCKET_DOORS], struct socket_place *p)
{
	size_t i;

	for (i = 0; i < SOCKET_DOORS; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	fd[SOCKET_ROOT] = fd[SOCKET_OWNER] = -1;
	if (p->dir_fd >= 0)
		close(p->dir_fd);
	p->dir_fd = -1;
}

int
socket_listen(const struct socket_diff *diff, int fd[SOCKET_DOORS], struct socket_place *place)
{
	int rc;

	fd[SOCKET_ROOT] = fd[SOCKET_OWNER] = -1;
	if (identity_is_root()) {
		identity_raise();
		rc = listen_in_run(diff, fd, place);
		identity_drop();
	} else {
		rc = listen_in_diff(diff, fd, place);
	}
	if (rc != 0)
		close_all(fd, place);
	return rc;
}

void
socket_remove(struct socket_place *place)
{
	if (place->dir_fd < 0)
		return;
	identity_raise();
	if (socket_is_name(place->name))
		remove_names(place->dir_fd, place->name);
	else
		unlinkat(place->dir_fd, place->name, 0);
	identity_drop();
	close(place->dir_fd);
	place->dir_fd = -1;
}

/* ---- finding ------------------------------------------------------------ */

static int
read_record(int run_fd, const char *name, const char *end, char path[PATH_MAX])
{
	char link[SOCKET_NAME_MAX];
	ssize_t n;

	add(link, name, end);
	if ((n = readlinkat(run_fd, link, path, PATH_MAX)) < 0)
		return -errno;
	if (n == 0 || n == PATH_MAX)
		return -ENAMETOOLONG;
	path[n] = '\0';
	return 0;
}

bool
socket_may_ask(int run_fd, const char *name)
{
	char owners[SOCKET_NAME_MAX];
	struct stat st;

	if (geteuid() == 0)
		return true;
	add(owners, name, OWNERS);
	return fstatat(run_fd, owners, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_uid == geteuid();
}

int
socket_read_diff(int run_fd, const char *name, char path[PATH_MAX])
{
	return read_record(run_fd, name, DIFF, path);
}

int
socket_read_mnt(int run_fd, const char *name, char path[PATH_MAX])
{
	return read_record(run_fd, name, MNT, path);
}

int
socket_recorded_mnt(int diff_fd, char mnt[PATH_MAX])
{
	int run autoclose = socket_open_run(), rc;
	char name[SOCKET_NAME_MAX];

	if (run < 0)
		return run;
	return (rc = name_in_run(diff_fd, name)) != 0 ? rc : socket_read_mnt(run, name, mnt);
}

int
socket_find_name(const char *path, char name[SOCKET_NAME_MAX])
{
	int run autoclose = socket_open_run(), fd;
	char found[PATH_MAX];
	const struct dirent *d;
	int rc = -ENOENT;
	DIR *dir;

	if (run < 0)
		return run;
	if ((fd = openat(run, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -errno;
	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return -ENOMEM;
	}
	while (rc != 0 && (d = readdir(dir)) != NULL)
		if (socket_is_name(d->d_name) && socket_read_diff(run, d->d_name, found) == 0 &&
		    strcmp(found, path) == 0) {
			strlcpy(name, d->d_name, SOCKET_NAME_MAX);
			rc = 0;
		}
	closedir(dir);
	return rc;
}

/* ---- connecting --------------------------------------------------------- */

int
socket_ask_peer(int sock, struct socket_peer *peer)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0)
		return -errno;
	*peer = (struct socket_peer){ .pid = cred.pid, .uid = cred.uid, .pidfd = -1 };
	return 0;
}

int
socket_peer_pidfd(int sock)
{
	socklen_t size = sizeof(int);
	int fd = -1;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERPIDFD, &fd, &size) != 0)
		return -errno;
	return fd;
}

/* Through its descriptor: what the name leads to by now is of no concern. */
static int
connect_to(int socket_fd)
{
	struct sockaddr_un a = address_at(socket_fd, "");
	const struct timeval limit = { .tv_sec = SOCKET_SECONDS };
	int fd autoclose = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		socket_take_descriptors(fd, false);
	/* The queue of who does not take connections may be full: the kernel waits in line. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0 ||
	    connect(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		return -errno;
	return steal_fd(&fd);
}

/*
 * Whom one believes: the inode's owner and the listener.  A second name counts where others
 * make names; in root's directory its owner could make one elsewhere to keep us away.
 */
static int
connect_at(int dir_fd, const char *name, uid_t owner, uid_t listener, struct socket_peer *peer)
{
	int fd autoclose = -1, sock autoclose = -1, rc;
	struct stat st;

	fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode) || (st.st_nlink != 1 && listener != 0) ||
	    (st.st_uid != owner && st.st_uid != listener))
		return -EPERM;
	if ((sock = connect_to(fd)) < 0)
		return sock;
	if ((rc = socket_ask_peer(sock, peer)) != 0)
		return rc;
	if (peer->uid != listener)
		return -EPERM;
	peer->pidfd = socket_peer_pidfd(sock);
	return steal_fd(&sock);
}

static int
connect_in_run(int diff_fd, uid_t owner, struct socket_peer *peer)
{
	int dir autoclose = socket_open_run(), rc;
	char name[SOCKET_NAME_MAX], owners[SOCKET_NAME_MAX];

	if (dir < 0)
		return dir;
	if ((rc = name_in_run(diff_fd, name)) != 0)
		return rc;
	add(owners, name, OWNERS);
	return connect_at(dir, geteuid() == 0 ? name : owners, owner, 0, peer);
}

int
socket_connect_in_run(const char *name, struct socket_peer *peer)
{
	int dir autoclose = socket_open_run();
	struct stat st;

	if (dir < 0)
		return dir;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	return connect_at(dir, name, st.st_uid, 0, peer);
}

/*
 * A daemon of root's may have been moved here, or a link made to it, so that is not
 * believed: root's mounts have no socket in the diff directory.
 */
static int
connect_in_diff(int diff_fd, uid_t owner, struct socket_peer *peer)
{
	int dir autoclose = openat(diff_fd, ONDISK_INFODIR,
	    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (dir < 0)
		return -errno;
	if (owner == 0)
		return -ENOENT;
	return connect_at(dir, ONDISK_SOCKET, owner, owner, peer);
}

int
socket_connect(int diff_fd, struct socket_peer *peer)
{
	struct stat st;
	int sock;

	if (fstat(diff_fd, &st) != 0)
		return -errno;
	sock = connect_in_run(diff_fd, st.st_uid, peer);
	/* A name that root's mount left behind says nothing of a later mount by its owner. */
	if (sock == -ENOENT || sock == -ECONNREFUSED || sock == -EPERM)
		sock = connect_in_diff(diff_fd, st.st_uid, peer);
	return sock;
}
