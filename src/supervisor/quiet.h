/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Quiet before a freeze: no server runs on the mount, and the worker has what the kernel held.
 *
 * syncfs(2) of a FUSE mount sends all dirty pages as requests and does not wait for the answers.  They stand in a
 * queue of the kernel's for what nobody waits for, first in, first out; and a read past the page cache stands in the same
 * queue: once that is answered, the worker has received everything before it.
 */
#ifndef SUPERVISOR_QUIET_H
#define SUPERVISOR_QUIET_H

#include "supervisor/errand.h"

#define QUIET_WHY_MAX	512

enum quiet_look {
	QUIET_SERVERS,		/* looks for a server, and writes back */
	QUIET_HOLDERS,		/* looks for other mount namespaces that have the mount, and writes nothing back */
};

/* From the child. */
struct quiet_report {
	int	rc;			/* 0, or negative errno: */
	char	why[QUIET_WHY_MAX];	/* one line */
};

/*
 * ERRAND_QUIET: looks for who is in the way, as o->look says, writes back, and reports.  It uses the mount, which the supervisor must
 * not, and so may wait for as long as the worker wants.
 */
void	quiet_child(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
	    __attribute__((noreturn));

#endif
