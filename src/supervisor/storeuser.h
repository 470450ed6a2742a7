/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose a store is that root cannot read, and what can be done about that.
 */
#ifndef SUPERVISOR_STOREUSER_H
#define SUPERVISOR_STOREUSER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct storeuser {
	uid_t	uid;
	gid_t	gid;
	bool	is_private;	/* FUSE without allow_other, which he has mounted */
	char	fstype[64];	/* of the file system; "" if that is not known */
};

/*
 * Finds who that is: who mounted a FUSE file system, if that was not root, else
 * the owner of the deepest directory of path that stat(2) reaches.  Follows
 * links like the caller.  Returns 0 or negative errno.
 */
int	storeuser_find(const char *path, struct storeuser *u);

/*
 * As paths_resolve(), for a store: where root is refused, as its user, whose links are not
 * followed for root any more than elsewhere.  Returns 0
 * or negative errno.
 */
int	storeuser_realpath(const char *path, char out[PATH_MAX]);

/*
 * Tells what to do about -EACCES, as the rest of a sentence, empty if nobody knows:
 * ": it is ...".  For root, with an option --owner that can be given or without; for others,
 * only what others can do.
 */
#define STOREUSER_WAYS_MAX	384
void	storeuser_ways(const char *path, bool has_owner, char ways[STOREUSER_WAYS_MAX]);

#endif
