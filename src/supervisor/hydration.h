/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The supervisor's part in hydration: it keeps the wish, in the binding, passes it on to each worker, and
 * notes there that nothing needs the store any more.
 */
#ifndef SUPERVISOR_HYDRATION_H
#define SUPERVISOR_HYDRATION_H

#include <stdbool.h>
#include <stdint.h>

struct json_out;
struct supervisor;

#define HYDRATION_WHY_MAX	256

/*
 * A command asks to begin, to go on otherwise, or to stop (on false).  Returns 0 once the wish is durable, or -1
 * with one line in why.
 */
int	hydration_ask(struct supervisor *s, bool on, uint64_t rate, uint32_t jobs,
	    char why[HYDRATION_WHY_MAX]);

/* Passes the wish on to a worker that has begun to serve. */
void	hydration_tell(struct supervisor *s);

/*
 * MSG_DETACHED: the binding is to say so, and the store's locks are given back.  Returns 0, also if the wish was taken
 * back meanwhile; or -EPROTO if this worker was not told to copy, or has said so before.
 */
int	hydration_detached(struct supervisor *s);

/* To be called once a second: tries again to write what could not be written. */
void	hydration_tick(struct supervisor *s);

/* The state that is told: the worker's, but what the binding has to say. */
uint32_t hydration_state(const struct supervisor *s);

/* Whether the diff directory needs no store. */
bool	hydration_is_detached(const struct supervisor *s);

/* Writes how far it is to the object that is open in *o. */
void	hydration_put(struct json_out *o, const struct supervisor *s);

#endif
