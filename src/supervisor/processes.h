/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The processes of this host, in the order in which it is fair to look at them: anybody may
 * have very many, and it costs to look at one.
 */
#ifndef SUPERVISOR_PROCESSES_H
#define SUPERVISOR_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct processes_entry {
	pid_t	pid;
	uid_t	uid;	/* whose it is; only for turns */
};

struct processes {
	struct processes_entry *at;
	size_t	n;
	bool	is_whole;	/* there was time for all, and memory */
};

/*
 * Lists them, by turns_order(), as far as clock_monotonic_ms() has not come to until.  The
 * caller frees p->at.  Returns 0 or negative errno.
 */
int	processes_list(int64_t until, struct processes *p);

#endif
