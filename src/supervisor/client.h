/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client: a command that is connected to the supervisor's socket.  It waits for a report, or
 * for the end of the connection, which is that of the process.
 */
#ifndef SUPERVISOR_CLIENT_H
#define SUPERVISOR_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CLIENT_MAX	16	/* half of them root's, half the owner's */

struct client {
	int	fd;		/* -1 = none */
	uid_t	uid;
	uint64_t since;		/* CLOCK_MONOTONIC ns */
	bool	has_asked;	/* who has may stay, to see the supervisor's end */
	bool	wants_report;
	bool	awaits;		/* that hydration is in another state than known, or this time: */
	uint32_t known;
	uint64_t until;		/* CLOCK_MONOTONIC ns */
	bool	wants_step;	/* waits for what freeze.h has come to */
};

/* Closes the connection, if there is one, and marks the place as free. */
void	client_close(struct client *c);

/* Sends COMMAND_REFUSED with why, which is one line.  Never waits; what fails is not reported. */
void	client_refuse(int fd, const char *why);

struct command_frame;

/* The same with COMMAND_REFUSED, and why. */
void	client_refuse_step(struct client client[CLIENT_MAX], const char *why);

/* Sends an answer to all that wait for a step.  Never waits; closes those that it does not reach. */
void	client_stepped(struct client client[CLIENT_MAX], const struct command_frame *answer);

/*
 * Sends a report of len bytes to all that wait for one, as a sealed memfd.  Never waits; closes
 * those that it does not reach.
 */
void	client_report(struct client client[CLIENT_MAX], const char *text, size_t len);

#endif
