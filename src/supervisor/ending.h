/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a mount ends: in order, or cut off while its users may have had changes
 * that the kernel had not written back.
 */
#ifndef SUPERVISOR_ENDING_H
#define SUPERVISOR_ENDING_H

#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor/errand.h"
#include "supervisor/pin.h"
#include "supervisor/users.h"

#define ENDING_DESCRIPTORS	3	/* for poll(2) */

struct supervisor;

struct ending {
	int	id;		/* of the mount; 0 = not known */
	unsigned major, minor;	/* the file system's device */
	int	table_fd;	/* the table of mounts tells that it changed; -1 = there is none */
	struct pin pin;
	ino_t	sysfs;		/* the device there, seen as long as it lives; 0 = it is not */
	bool	left;		/* nobody's table has it any more: it ends in order, or by an abort */
	struct users holders;	/* it left our table of mounts and stands in those of these */
	struct errand search;	/* who finds them */
	uint64_t began;		/* CLOCK_MONOTONIC ns: that search */
	uint64_t due;		/* the next one; 0 = none */
	bool	hurry;		/* who asked it to go wants the next one at once */
	bool	over;		/* the connection has ended */
	const char *cut;	/* what cut it off, NULL = in order */
};

/* Before anything else. */
void	ending_init(struct ending *e);

/*
 * To be called when the mount has been made: finds it in the table of mounts and pins it.  What
 * fails is logged, and the mount then counts as there until its connection ends.
 */
void	ending_watch(struct supervisor *s);

/*
 * To be called when the mount serves: leaves a note in the diff directory that it was cut off, for
 * the next mount.  Only an end in order removes it.  What fails is logged.
 */
void	ending_presume_cut(struct supervisor *s);

/* Fills p with the descriptors to wait for; -1 where there is none. */
void	ending_poll(const struct supervisor *s, struct pollfd p[ENDING_DESCRIPTORS]);

/*
 * To be called when one of these has an event, and with p NULL at each tick and when the
 * worker has ended.  Waits up to 2 s for the kernel where the connection has just ended.
 * Afterwards s->mnt.mounted says whether the mount stands in our table, and s->ending.over
 * and .cut how it ended, if it has.
 */
void	ending_look(struct supervisor *s, const struct pollfd p[ENDING_DESCRIPTORS]);

/* Who else holds it may just have let go of it: the next search for these begins at once. */
void	ending_hurry(struct ending *e);

/*
 * Whether it is our file system that is seen at the mountpoint; true where that is not known.  mnt gets its name of
 * now, which is another one where a directory on the way to it was moved.
 */
bool	ending_find_mountpoint(const struct supervisor *s, char mnt[PATH_MAX]);

/* The work of ERRAND_HOLDERS: reports who holds the mount in other mount namespaces. */
void	ending_child(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
	    __attribute__((noreturn));

/* Ends the search and closes its descriptors. */
void	ending_forget(struct ending *e);

#endif
