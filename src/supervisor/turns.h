/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The order in which things of many users are looked at, where there may be no time for all.
 */
#ifndef SUPERVISOR_TURNS_H
#define SUPERVISOR_TURNS_H

#include <stddef.h>
#include <sys/types.h>

#define TURNS_FIRST	((uid_t)-1)	/* whose things come before those of all users */

/*
 * Orders n things, of whom owner tells whose they are: the first of each user, then the
 * second of each, and so on, so that nobody's many keep others' from being looked at.
 * Fills order with their numbers.  Returns 0 or -ENOMEM.
 */
int	turns_order(const uid_t *owner, size_t n, size_t *order);

#endif
