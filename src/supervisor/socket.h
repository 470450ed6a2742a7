/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where commands find the supervisor of a diff directory, and who it is.
 *
 * The kernel's word about locks is that of the file system, which may be anybody's.  A
 * socket is the kernel's own: it tells who called listen(2).  What root listens at lies
 * where only root writes, under a name made of the device and inode of the diff directory;
 * what an ordinary user listens at lies in the diff directory.
 */
#ifndef SUPERVISOR_SOCKET_H
#define SUPERVISOR_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SOCKET_RUN	"/run/pbkfs"
#define SOCKET_NAME_MAX	64

/* Opens SOCKET_RUN, O_PATH.  Returns it, -EPERM if others may write there, or negative errno. */
int	socket_open_run(void);

/* The name there of the socket for a diff directory, by its device and inode. */
void	socket_name(unsigned major, unsigned minor, uint64_t inode, char name[SOCKET_NAME_MAX]);

/* Where one listens. */
struct socket_place {
	int	dir_fd;		/* O_PATH; -1 */
	char	name[SOCKET_NAME_MAX];
};

/* The other end of a connection. */
struct socket_peer {
	pid_t	pid;		/* when it called listen() or connect(): to be shown only */
	uid_t	uid;
	int	pidfd;		/* of just that process; -1 if the kernel has none: Linux 6.5 */
};

/*
 * Listens for the diff directory diff_fd, whose .pbkfs/ is infodir_fd: as root in
 * SOCKET_RUN, at a socket that uid may connect to as well, else in there.  The caller
 * holds the lock, so what is there is nobody's.  Names in SOCKET_RUN that nobody
 * has a socket at any more are removed.  Returns a descriptor that does
 * not block, with *place, which the caller closes; or negative errno.
 */
int	socket_listen(int diff_fd, int infodir_fd, uid_t uid, struct socket_place *place);

/* Removes the name of a socket that we listen at, and closes the place. */
void	socket_remove(struct socket_place *place);

/*
 * Connects to who listens for the diff directory, and sees that it is root, in
 * SOCKET_RUN, or else the directory's owner.  Returns a socket that does not block,
 * with *peer, whose pidfd the caller owns; -ENOENT if there is no socket,
 * -ECONNREFUSED if nobody listens at it any more; -EPERM if it is somebody else's; or
 * negative errno.  May wait for the file system of the diff directory.
 */
int	socket_connect(int diff_fd, struct socket_peer *peer);

/*
 * The same for a name of SOCKET_RUN, whoever owns the diff directory; only root can be
 * there.  May wait where who listens there does not take connections.
 */
int	socket_connect_in_run(const char *name, struct socket_peer *peer);

/* Who is at the other end of a connected socket, but for pidfd.  Returns 0 or negative errno. */
int	socket_ask_peer(int sock, struct socket_peer *peer);

/* The pidfd of who is there, or negative errno; -ENOPROTOOPT before Linux 6.5. */
int	socket_peer_pidfd(int sock);

#endif
