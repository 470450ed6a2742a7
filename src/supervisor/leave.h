/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Leaving: a mount that was asked to go is unmounted as soon as nobody uses it.
 */
#ifndef SUPERVISOR_LEAVE_H
#define SUPERVISOR_LEAVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "supervisor/errand.h"
#include "supervisor/users.h"

struct supervisor;

struct leave {
	bool	asked;		/* by leave_ask() */
	time_t	since;		/* the first leave_ask() */
	uint64_t asked_at;	/* CLOCK_MONOTONIC ns, of the last leave_ask() */
	uint64_t due;		/* the next attempt */
	uint64_t look_due;	/* when its users are looked for again */
	struct errand child;	/* that unmounts */
	struct users users;	/* who was found to use it */
	char	logged[512];	/* the last line in the log */
};

/* Before anything else. */
void	leave_init(struct leave *l);

/*
 * Asks the mount to go: starts a child that unmounts; leave_tick() starts others until one succeeds.
 * Never waits.
 */
void	leave_ask(struct supervisor *s);

/* Starts the next attempt when s->leave.due has come.  Never waits. */
void	leave_tick(struct supervisor *s);

/* The work of ERRAND_UNMOUNT: unmounts, or reports why it could not. */
void	leave_child(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
	    __attribute__((noreturn));

/*
 * For the child of another errand of that kind, when it has ended: reaps it.  Returns 0 if the mount is gone, or -1 with the
 * reason in why.
 */
#define LEAVE_WHY_MAX	2048
int	leave_outcome(struct errand *child, char why[LEAVE_WHY_MAX]);

/* To be called when the child of s->leave.child has ended: reaps it and logs its report. */
void	leave_done(struct supervisor *s);

/*
 * Takes the mount away whatever its users do; what they had not synced is lost.
 * Waits up to 4 s, and cuts the connection where the unmount takes more than 2 s or
 * another one is under way.
 */
void	leave_detach(struct supervisor *s);

/* Waits for a child that is under way, up to 1 s; then leaves it to init. */
void	leave_end(struct leave *l);

#endif
