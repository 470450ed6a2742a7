/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Holders: mount namespaces other than ours that have a mount, each found by a
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

/* How much was looked at. */
enum holders_seen {
	HOLDERS_ALL,		/* as far as we may see it */
	HOLDERS_HOST,		/* all that is in our user namespace; not all of others' */
	HOLDERS_PART,
};

/*
 * Visits each mount of our type in other mount namespaces once, until visit() says
 * false or clock_monotonic_ms() comes to until: first those of our user namespace, which
 * only root has made; of the others' by turns_order().  Touches no mount.  Returns enum
 * holders_seen or negative errno.
 */
int	holders_each(int64_t until, bool (*visit)(void *arg, const struct holder *h), void *arg);

/*
 * Finds the processes that hold the file system of this device elsewhere, one for each
 * namespace, within USERS_MS.  Returns enum holders_seen.
 */
enum holders_seen holders_find(unsigned major, unsigned minor, struct users *users);

/*
 * Finds the mount of a diff directory in another namespace: of those that name it as their
 * source, as anybody's may, the one that was made for its owner.  Returns 0 with *m, or
 * -ENOENT.
 */
int	holders_find_source(const char *diff, uid_t owner, struct mountinfo *m);

/*
 * Appends the file systems of our type that other namespaces have and ours has not, each
 * once, which are found until clock_monotonic_ms() comes to until.  Returns 0 or negative
 * errno.
 */
int	holders_list(int64_t until, struct mountinfo_list *list);

#endif
