/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a mount ends: in order, or cut off while its users may have had changes
 * that the kernel had not written back.
 */
#ifndef SUPERVISOR_ENDING_H
#define SUPERVISOR_ENDING_H

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
	bool	over;		/* the connection has ended */
	const char *cut;	/* what cut it off, NULL = in order */
};

/* Before anything else. */
void	ending_init(struct ending *e);

/* The mount was just made. */
void	ending_watch(struct supervisor *s);

/*
 * The mount serves: whatever kills its processes from now on leaves a note for the next
 * mount, which only an end in order takes away.
 */
void	ending_presume_cut(struct supervisor *s);

/* Fills p with what is to be waited for. */
void	ending_poll(const struct supervisor *s, struct pollfd p[ENDING_DESCRIPTORS]);

/*
 * To be called when one of these has an event, at each tick, and when the
 * worker ended.  Afterwards s->mnt.mounted says whether the mount stands in our
 * table, and s->ending.over and .cut how it ended, if it has.
 */
void	ending_look(struct supervisor *s, const struct pollfd p[ENDING_DESCRIPTORS]);

/* Whether it is our file system that is seen at the mountpoint. */
bool	ending_is_at_mountpoint(const struct supervisor *s);

/* ERRAND_HOLDERS. */
void	ending_child(struct supervisor *s, const struct errand_order *o, const int fd[ERRAND_FDS])
	    __attribute__((noreturn));

/* Closes all of it. */
void	ending_forget(struct ending *e);

#endif
