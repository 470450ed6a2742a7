/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Holders: mount namespaces other than ours that have a mount, each told by a
 * process that lives there.  A container or a service with PrivateMounts= has copies of
 * all mounts, and ours being unmounted does not end its.
 *
 * What cannot be seen: namespaces that no process lives in, but a file or a bind mount
 * keeps; and whatever /proc hides (hidepid=, another pid namespace).
 */
#ifndef SUPERVISOR_HOLDERS_H
#define SUPERVISOR_HOLDERS_H

#include <stdbool.h>

#include "supervisor/mountinfo.h"
#include "supervisor/users.h"

struct holder {
	pid_t	pid;
	int	proc_fd;		/* its directory of /proc */
	const struct mountinfo *mount;	/* as its namespace has it */
};

/*
 * Visits each mount of our type in other mount namespaces once, until visit() says
 * false.  Touches no mount.  Returns 0 or negative errno.
 */
int	holders_each(bool (*visit)(void *arg, const struct holder *h), void *arg);

/*
 * Finds the processes that hold the file system of this device elsewhere, one for each
 * namespace.  Fills users with the first max of them; returns how many there are.
 */
unsigned holders_find(unsigned major, unsigned minor, struct user *users, unsigned max);

/* The same as text: users_print(). */
unsigned holders_of_mount(unsigned major, unsigned minor, char *text, size_t size);

/*
 * Finds a mount whose source is a diff directory in another namespace.  Returns 0 with
 * *m, or -ENOENT.
 */
int	holders_find_source(const char *diff, struct mountinfo *m);

/*
 * Appends the file systems of our type that other namespaces have and ours has not, each
 * once, which are found within so many seconds.  Returns 0 or negative errno.
 */
int	holders_list(struct mountinfo_list *list, unsigned seconds);

#endif
