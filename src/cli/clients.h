/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The processes that use each of many mounts, found by one pass over /proc.
 */
#ifndef CLI_CLIENTS_H
#define CLI_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor/mountinfo.h"
#include "supervisor/users.h"

#define CLIENTS_NAMED	32	/* others are counted */

struct clients {
	bool	are_known;	/* all processes were looked at */
	unsigned n;		/* may be more than are named */
	struct user user[CLIENTS_NAMED + 2];	/* two that may be the mount's own */
};

/* Says that a process uses a mount; or, with CLIENTS_END, that this was all. */
struct clients_record {
	uint32_t mount;		/* its number in the list */
	struct user user;
};
#define CLIENTS_END	UINT32_MAX

/*
 * Writes a record to fd for each process that uses one of the first n mounts.  Children of
 * parent are left out.  May wait for ever.  Returns 0, -ETIMEDOUT without CLIENTS_END if
 * clock_monotonic_ms() comes to until, or negative errno.
 */
int	clients_find(const struct mountinfo *mounts, size_t n, pid_t parent, int64_t until, int fd);

/* Adds a client; it is only counted if the array is full. */
void	clients_add(struct clients *c, const struct user *u);

/* Removes a process of the mount itself, which is no client. */
void	clients_remove(struct clients *c, pid_t pid);

#endif
