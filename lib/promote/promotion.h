/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The steps of a promotion, and the file in the diff directory that says which is reached.  As long as that file is
 * there, nobody mounts the diff directory: its name is none that a mount knows.
 *
 *	BUILDING	temporary directories beside those that are to be; to be begun again, or taken back
 *	SWITCHING	they are whole and durable, and some may have their names; only forwards
 *	EMPTYING	all have their names; what is in the diff directory goes
 *
 * A process that is killed leaves one of these, and the same calls go on from there.  After
 * PROMOTION_BUILDING nothing of the diff directory is needed, so before it nothing of that is lost.
 *
 * Format: doc/format.md.  All functions act with the rights of the diff directory's owner, who can change
 * the file: paths in it are input.  They return 0 or negative errno unless said otherwise.
 */
#ifndef PROMOTE_PROMOTION_H
#define PROMOTE_PROMOTION_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "promote/promote.h"

enum promotion_step { PROMOTION_BUILDING, PROMOTION_SWITCHING, PROMOTION_EMPTYING };

struct promotion {
	enum promotion_step step;
	unsigned n;
	struct promotion_place {
		char	shown[PROMOTE_SHOWN_MAX];	/* as in promote.h */
		char	path[PATH_MAX];			/* absolute */
		ino_t	inode;				/* of the directory, from SWITCHING on */
	} place[PROMOTE_PLACES_MAX];			/* the data directory first */
};

/*
 * For a process that acts as another user: called around each change of a directory that a place is in, if that user
 * may not make it.  NULL, the default: there are no other rights.
 */
void	promotion_use_rights(void (*bracket)(bool on));

/* Reads the file.  -ENOENT: there is no promotion; -EUCLEAN: it is not what promotion_store() writes. */
int	promotion_load(int diff_fd, struct promotion *p);

/* Writes it, durably.  -EINVAL for a path with a line feed. */
int	promotion_store(int diff_fd, const struct promotion *p);

/* Removes it, durably: the end of a promotion, or of one that was taken back. */
int	promotion_forget(int diff_fd);

#define PROMOTION_NAME_MAX	224	/* bytes of a name that promotion_temporary() takes, of whatever diff directory */

/*
 * The name of the temporary directory beside path: no other diff directory of this file system has the
 * same one.  NAME_MAX + 1 bytes.  -ENAMETOOLONG.
 */
int	promotion_temporary(int diff_fd, const char *path, char *name);

/*
 * Makes that directory; keep: with what an earlier try left in it, if it is uid's, else empty.  It is uid's, as whom
 * the caller acts.  Returns a descriptor or negative errno.
 */
int	promotion_make(int parent_fd, const char *name, uid_t uid, gid_t gid, bool keep);

/*
 * After promote_build(), with fd[] of promotion_make(): notes what was built, and that it is whole.
 * There is no way back then.
 */
int	promotion_ready(int diff_fd, struct promotion *p, const int *fd);

/*
 * Gives the directories their names, the data directory last; parent_fd[] are what they are in.  A name that an
 * empty directory has is taken from it.  Negative errno with one line in error (CHAIN_ERROR_MAX
 * bytes): to be called again.
 */
int	promotion_switch(int diff_fd, struct promotion *p, const int *parent_fd, char *error);

/* Removes what the diff directory has in ONDISK_CHANGES: no file is in both any more. */
int	promotion_empty(int diff_fd);

/*
 * Takes a promotion back: temporary directories go, content files are as a mount makes them.
 * -EBUSY behind BUILDING.
 */
int	promotion_take_back(int diff_fd, const struct promotion *p, const int *parent_fd);

#endif
