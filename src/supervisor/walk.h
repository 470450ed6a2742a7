/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the root directory to a name, one directory after the other: no link is
 * followed that others could have put there, and who can change the way is known.
 */
#ifndef SUPERVISOR_WALK_H
#define SUPERVISOR_WALK_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#define WALK_ERROR_MAX	512

struct walk {
	uid_t	uid;		/* who besides root can change what is on the way; 0 = nobody */
	bool	is_of_fs;	/* by a file system of that user's: see fsuser.h */
	bool	shared;		/* the last directory is sticky: others make entries in it */
};

/* Writes the directory that holds a canonical path into parent; returns the last component. */
const char *walk_split(const char *path, char parent[PATH_MAX]);

/*
 * Opens, O_PATH, the directory that holds the last component of a canonical
 * path.  With *w, as root, every directory on the way has to be writable by root
 * and by no more than one other user, whom the caller has to like: as in sshd(8),
 * a sticky directory of root's is excepted.  A directory in a file system that a user has
 * mounted (FUSE) counts as that user's, whatever it says.  Returns the descriptor, or negative
 * errno with one line in error.
 */
int	walk_parent(const char *path, struct walk *w, char *error);

/*
 * Adds the last component to *w, as root, once it is open as fd: whose file system it is, which
 * may begin there.  Returns 0, or -EPERM with one line in error.
 */
int	walk_enter(struct walk *w, const char *path, int fd, char *error);

/*
 * Whether it is allowed that walked.uid can change the way to path: root, and the
 * user uid.  Returns 0, or -EPERM with one line in error.
 */
int	walk_check(const struct walk *w, const char *path, uid_t uid, char *error);

/*
 * The canonical form of path; its last component is left alone unless last is
 * set.  Links have to be root's and in directories that only root can change; in a
 * file system of another user's none is.
 * Returns 0, -ELOOP for other links, or negative errno.
 */
int	walk_resolve(const char *path, bool last, char out[PATH_MAX]);

#endif
