/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Attending to commands: who connects to the supervisor's socket, asks and is answered.
 *
 * Nothing here waits for anybody: a client that does not ask, does not read, or asks what
 * it may not, is cut off.  Root and the owner of the mount have each a share: places, and
 * what is done for them in a second.  So nothing that the owner does takes any of root's.
 * Where both come to one socket, an ordinary user's, all that wait there are taken in at
 * once, and who is beyond his share is closed.
 */
#ifndef SUPERVISOR_ATTEND_H
#define SUPERVISOR_ATTEND_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/log.h"
#include "ipc/command.h"
#include "supervisor/client.h"
#include "supervisor/socket.h"

#define ATTEND_BUDGET	100	/* connections and requests in one second, of a share */
#define ATTEND_DESCRIPTORS	(SOCKET_DOORS + CLIENT_MAX)

struct supervisor;

/* A share: of root, or of the owner. */
struct attend_share {
	int	listen_fd;	/* -1 */
	uint64_t second;	/* for which the budget is used */
	unsigned used;
};

struct attend {
	struct attend_share share[SOCKET_DOORS];
	struct socket_place place;
	struct client client[CLIENT_MAX];	/* one share behind the other */
	struct log_budget refusals;
};

/* Before anything else. */
void	attend_init(struct attend *a);

/*
 * Listens.  No child that this process forks has the socket or a connection.  Returns 0 or
 * negative errno: then commands cannot ask.
 */
int	attend_open(struct supervisor *s);

/* Fills p with the descriptors to wait for: of a share that has used its budget there are none. */
void	attend_poll(const struct attend *a, struct pollfd p[ATTEND_DESCRIPTORS]);

/*
 * Serves those of them that poll(2) has found ready, and closes clients that have not asked
 * for 5 s.  Never waits.
 */
void	attend_look(struct supervisor *s, const struct pollfd p[ATTEND_DESCRIPTORS]);

/*
 * Serves one frame of a client.  Returns 0, or negative errno if the
 * connection is to be closed.
 */
int	attend_request(struct supervisor *s, struct client *c,
	    const struct command_frame *f);

/*
 * Nobody can connect any more; who has may wait for the end of the process.  The name of the
 * socket goes with what is given back (monitor.h).
 */
void	attend_close(struct attend *a);

#endif
