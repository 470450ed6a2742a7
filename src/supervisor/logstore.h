/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file that a log is appended to: bounded, and where it was made, whatever
 * somebody else does with its name meanwhile.
 */
#ifndef SUPERVISOR_LOGSTORE_H
#define SUPERVISOR_LOGSTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOGSTORE_LIMIT	((uint64_t)16 << 20)	/* bytes, unless asked otherwise */
#define LOGSTORE_LIMIT_MIN ((uint64_t)64 << 10)	/* some lines always have room */
#define LOGSTORE_OLD	".1"			/* behind the name of what was full */

struct logstore {
	int	fd;		/* -1: none */
	int	dir_fd;		/* has it; -1: its name is not known, so that it is emptied when full */
	const char *name;	/* in there, without a slash; borrowed */
	int	(*renew)(void *arg, bool full);	/* who may do logstore_renew(); NULL: who appends */
	void	*renew_arg;
	bool	as_caller;	/* its directory is the caller's, not the owner's (identity.h) */
	uint64_t limit;		/* bytes of the file; what was full is kept once */
	unsigned lost;		/* lines that could not be written since one could be */
	int	why;		/* negative errno of the last of them */
};

/*
 * Opens name in dir_fd, for appending.  Returns a descriptor or negative errno; -EPERM for
 * anything but a plain file with this one name.
 */
int	logstore_open(int dir_fd, const char *name);

/*
 * Puts aside the file that stands under the name, if it is full, and makes a new one.
 * Returns its descriptor or negative errno; then nothing is open that was not before.
 */
int	logstore_renew(struct logstore *l, bool full);

/*
 * Appends one whole line, or nothing.  A file that would exceed the limit is renamed first,
 * and one that somebody took away is made again; no link is followed, and nothing else
 * that stands under the name is touched: then what is open is written on, and emptied
 * when it is full.  Never waits but for the file system.  Returns 0 or negative errno, also
 * counted in l->lost.
 */
int	logstore_append(struct logstore *l, const char *line, size_t len);

void	logstore_close(struct logstore *l);

#endif
