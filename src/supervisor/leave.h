/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Leaving: a mount that was told to go goes as soon as nobody uses it.
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
	bool	asked;		/* it is to go */
	time_t	since;
	uint64_t asked_at;	/* CLOCK_MONOTONIC ns, of the last time that it was told */
	uint64_t due;		/* the next attempt */
	uint64_t look_due;	/* when its users are looked for again */
	struct errand child;	/* that unmounts */
	struct users users;	/* who was found to use it */
	char	told[512];	/* the last line in the log */
};

/* Before anything else. */
void	leave_init(struct leave *l);

/* Somebody wants the mount to go: it is tried at once, and again until it has gone. */
void	leave_ask(struct supervisor *s);

/* Tries again when that is due.  Never waits. */
void	leave_tick(struct supervisor *s);

/* ERRAND_UNMOUNT. */
void	leave_child(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
	    __attribute__((noreturn));

/* The child that unmounts has ended. */
void	leave_done(struct supervisor *s);

/*
 * Takes the mount away whatever its users do, with what they had not synced.
 * Waits for a moment.
 */
void	leave_detach(struct supervisor *s);

/* Waits for a child that is under way. */
void	leave_end(struct supervisor *s);

#endif
