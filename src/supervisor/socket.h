/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where commands find the supervisor of a diff directory, and who it is.
 *
 * The kernel's word about locks is that of the file system, which may be anybody's.  A
 * socket is the kernel's own: it tells who called listen(2).  What root listens at lies
 * where only root writes, under names made of the device and inode of the diff directory:
 *
 *	254:1-12		root's own: the kernel lets nobody else connect, and so keep root away
 *	254:1-12.owner		for the owner of the diff directory, with a queue of its own
 *	254:1-12.diff		a link that is only read: the path of the diff directory
 *	254:1-12.mnt		the same: the mountpoint
 *
 * What an ordinary user listens at lies in the diff directory.
 */
#ifndef SUPERVISOR_SOCKET_H
#define SUPERVISOR_SOCKET_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SOCKET_RUN	"/run/pbkfs"
#define SOCKET_NAME_MAX	64

/* Opens SOCKET_RUN, O_PATH.  Returns it, -EPERM if others may write there, or negative errno. */
int	socket_open_run(void);

/* The name there of the socket for a diff directory, by its device and inode. */
void	socket_name(unsigned major, unsigned minor, uint64_t inode, char name[SOCKET_NAME_MAX]);

/* For whom one listens. */
enum socket_door {
	SOCKET_ROOT,		/* nobody else can connect */
	SOCKET_OWNER,		/* of the diff directory; root, too, where it is the only one */
	SOCKET_DOORS
};

/* Where one listens. */
struct socket_place {
	int	dir_fd;		/* O_PATH; -1 */
	char	name[SOCKET_NAME_MAX];	/* without what is added to it in SOCKET_RUN */
};

/* The other end of a connection. */
struct socket_peer {
	pid_t	pid;		/* when it called listen() or connect(): to be shown only */
	uid_t	uid;
	int	pidfd;		/* of just that process; -1 if the kernel has none: Linux 6.5 */
};

/* A diff directory to listen for. */
struct socket_diff {
	const char *path, *mnt;	/* canonical; mnt: of its mount */
	int	fd, infodir_fd;	/* it, and .pbkfs/ in it */
	uid_t	uid;		/* its owner */
};

/*
 * Listens for a diff directory: as root in SOCKET_RUN, at one socket for root and one for
 * the owner unless that is root; else at one for both in the directory.  The caller holds
 * the lock, so what is there is nobody's.  Names in SOCKET_RUN that nobody has a socket at
 * any more are removed.  Returns 0 with descriptors that do not block, -1 for the door that
 * there is not, and *place, which the caller closes; or negative errno.
 */
int	socket_listen(const struct socket_diff *diff, int fd[SOCKET_DOORS], struct socket_place *place);

/* Removes the names of the sockets that we listen at, and closes the place. */
void	socket_remove(struct socket_place *place);

/*
 * Connects to who listens for the diff directory, and sees that it is root, in
 * SOCKET_RUN, or else the directory's owner.  Returns a socket that does not block,
 * with *peer, whose pidfd the caller owns; -ENOENT if there is no socket,
 * -ECONNREFUSED if nobody listens at it any more; -EPERM if it is somebody else's; -EAGAIN
 * if who listens took no connection for SOCKET_SECONDS; or negative errno.  May wait for
 * the file system of the diff directory.
 */
#define SOCKET_SECONDS	2
int	socket_connect(int diff_fd, struct socket_peer *peer);

/* The same, by root, for a name of SOCKET_RUN, whoever owns the diff directory. */
int	socket_connect_in_run(const char *name, struct socket_peer *peer);

/* Whether it is one of socket_name(). */
bool	socket_is_name(const char *name);

/* Whether the caller may connect at that name, as root or as the owner of the diff directory. */
bool	socket_may_ask(int run_fd, const char *name);

/*
 * Reads which diff directory, or mountpoint, a name of SOCKET_RUN is for, as root's supervisor
 * has recorded it.  Asks no other file system.  Returns 0, or negative errno.
 */
int	socket_read_diff(int run_fd, const char *name, char path[PATH_MAX]);
int	socket_read_mnt(int run_fd, const char *name, char path[PATH_MAX]);

/* The mountpoint that is recorded for the directory diff_fd.  Returns 0 or negative errno. */
int	socket_recorded_mnt(int diff_fd, char mnt[PATH_MAX]);

/*
 * Finds the name in SOCKET_RUN for the diff directory of that canonical path, without a look
 * at it.  Returns 0, -ENOENT, or negative errno.
 */
int	socket_find_name(const char *path, char name[SOCKET_NAME_MAX]);

/*
 * Whether the kernel lets others send descriptors to this end: not to a socket that listens, nor
 * to a connection, until this says so.  The last close of one can take as long as who made it
 * likes (a FUSE file system of his, a TCP connection that lingers), wherever it happens: a
 * message that nobody read is enough.  Before Linux 6.16 they always can.
 */
void	socket_take_descriptors(int sock, bool takes);

/* Who is at the other end of a connected socket, but for pidfd.  Returns 0 or negative errno. */
int	socket_ask_peer(int sock, struct socket_peer *peer);

/* The pidfd of who is there, or negative errno; -ENOPROTOOPT before Linux 6.5. */
int	socket_peer_pidfd(int sock);

#endif
