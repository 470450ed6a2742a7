/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Attending to commands: who connects to the supervisor's socket, asks and is answered.
 *
 * Nothing here waits for anybody: a client that does not ask, does not read, or asks what
 * it may not, is cut off; there are never more than CLIENT_MAX, and where one has to go
 * it is none of root's; and in a second no more is done for all of them than ATTEND_BUDGET says.
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

#define ATTEND_BUDGET	100	/* connections and requests in one second */
#define ATTEND_DESCRIPTORS	(1 + CLIENT_MAX)

struct supervisor;

struct attend {
	int	listen_fd;	/* -1 */
	struct socket_place place;
	struct client client[CLIENT_MAX];
	uint64_t second;	/* for which the budget is used */
	unsigned used;
	struct log_budget refusals;
};

/* Before anything else. */
void	attend_init(struct attend *a);

/*
 * Listens.  No child that this process forks has the socket or a connection.  Returns 0 or
 * negative errno: then commands cannot ask.
 */
int	attend_open(struct supervisor *s);

/* Fills p with the descriptors to wait for; serves those that poll(2) has found.  Closes who was silent. */
void	attend_poll(struct supervisor *s, struct pollfd p[ATTEND_DESCRIPTORS]);
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
