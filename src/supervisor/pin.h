/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pin: a copy of the mount that nobody sees, so that the file system is not
 * ended by the kernel before the supervisor has seen its last mount go.
 */
#ifndef SUPERVISOR_PIN_H
#define SUPERVISOR_PIN_H

#include <stdbool.h>

#include "supervisor/errand.h"

struct pin {
	int	sock[2];	/* the copy's descriptor is on its way from 1 to 0; -1 */
};

/* Before anything else. */
void	pin_init(struct pin *p);

/*
 * Which mount: by its path, and for root by the id that is seen at base in parent_fd.  A copy
 * has another id, but the same device.
 */
struct pin_mount {
	const char *path, *base;
	int	parent_fd, id;
	unsigned major, minor;
};

/*
 * Pins a mount.  Returns 0, -ESTALE for another one in its place, or negative
 * errno where the caller is not allowed to: an ordinary user needs a user namespace.
 */
int	pin_take(struct pin *p, const struct pin_mount *m);
bool	pin_is_taken(const struct pin *p);

/*
 * Lets go.  The last one to do so ends the file system, which may take a while:
 * so a child does it, which init reaps or the caller's end.
 */
void	pin_release(struct supervisor *s, struct pin *p);

/* ERRAND_UNPIN. */
void	pin_child(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
	    __attribute__((noreturn));

/* For children: closes their copy, as the parent has its own. */
void	pin_forget(struct pin *p);

#endif
