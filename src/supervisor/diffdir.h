/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The diff directory: opening, checking, the files that the supervisor keeps
 * in it, the part that is the worker's, and removing what is ours.  All of it may have been prepared by a
 * hostile owner: every name is opened without following links.
 */
#ifndef SUPERVISOR_DIFFDIR_H
#define SUPERVISOR_DIFFDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "ipc/job.h"
#include "supervisor/walk.h"

#define DIFFDIR_CUT_MAX		256
#define DIFFDIR_ERROR_MAX	1024

struct diffdir {
	int	fd;		/* O_RDONLY | O_DIRECTORY */
	int	changes_fd;	/* of changes/; -1 before diffdir_open_changes() */
	int	infodir_fd;	/* of .pbkfs/; -1 before diffdir_make_infodir() */
	int	parent_fd;	/* O_PATH of what holds the directory; -1 */
	bool	made;		/* by us: to be removed again if all fails */
	bool	given;		/* to its owner, from root: to be taken back then */
	gid_t	old_gid;	/* what that was before */
	mode_t	old_mode;
	struct walk walk;	/* who can replace it */
	const char *path, *base;
	uid_t	uid;		/* owner */
	gid_t	gid;
};

enum diffdir_content {
	DIFFDIR_EMPTY, DIFFDIR_OURS, DIFFDIR_UNFINISHED, DIFFDIR_FOREIGN, DIFFDIR_PROMOTING,
	DIFFDIR_LEFT_OVER,	/* snapshots or branches without a binding: a cleanup did not come to its end */
};

/* Why one that is DIFFDIR_LEFT_OVER can be used by cleanup alone, as a format with its path, twice. */
#define DIFFDIR_LEFT_OVER_TEXT	"the cleanup of \"%s\" is unfinished: repeat the command pbkfs cleanup -d \"%s\""

/* Why one that is DIFFDIR_PROMOTING can be used by promote alone, as a format with its path, twice. */
#define DIFFDIR_PROMOTING_TEXT	"the promotion of \"%s\" is unfinished: repeat the command pbkfs promote, or take it" \
	" back with pbkfs promote -d \"%s\" --abort"

/*
 * Opens path, making it if create.  Returns 0, or negative errno with one
 * line in error.
 */
int	diffdir_open(struct diffdir *d, const char *path, bool create, char *error);
/*
 * Opens the branch name in *whole, which path is the path of: by descriptors alone, and nothing that is not the
 * owner's own.  Returns 0, -ENOENT, -EPERM for what is no directory of the owner's, or negative errno.
 */
int	diffdir_open_branch(struct diffdir *d, const struct diffdir *whole, const char *name, const char *path);

/* Closes its descriptors. */
void	diffdir_close(struct diffdir *d);

/*
 * Whether nobody but root and uid can put another directory in its place; for
 * root, who acts by name for others.  Returns 0 or -EPERM with one line in error.
 */
int	diffdir_check_way(const struct diffdir *d, uid_t uid, char *error);

/*
 * Gives an empty directory to uid:gid if it is not theirs yet, and checks that
 * owner and mode are as they have to be.  Returns 0, or negative errno with
 * one line in error.
 */
int	diffdir_set_owner(struct diffdir *d, uid_t uid, gid_t gid, bool empty, char *error);

/*
 * Looks what the directory holds, by its names alone: nothing; a diff directory with
 * a binding; ours, but from a first mount that never got as far as a binding; one whose promotion, or whose cleanup,
 * has begun;
 * or anything else, whose first such name is put in foreign (NAME_MAX + 1).
 * Returns an enum diffdir_content or negative errno.
 */
int	diffdir_content(const struct diffdir *d, char *foreign);

/*
 * Makes and opens changes/, of which nobody but the owner may change anything, and
 * moves there what older versions had beside it.  The caller holds the lock.  Returns
 * 0, or negative errno with one line in error.
 */
int	diffdir_open_changes(struct diffdir *d, char *error);

/* Whether a command that changes its layers did not come to its end: diff/layers.h tells to which. */
bool	diffdir_is_between(const struct diffdir *d);

/* Opens changes/ anew, for another directory has that name now; how: O_RDONLY or O_PATH.  Returns a descriptor, -EPERM, or negative errno. */
int	diffdir_reopen_changes(const struct diffdir *d, int how);

/* Whether there is a name layers/ in it, whatever that is. */
bool	diffdir_has_layers(const struct diffdir *d);

/*
 * Opens layers/ in it; of a branch, in the diff directory that holds branches/.  It has to be the owner's, on the same
 * file system, and writable by nobody else.  Returns a descriptor, -ENOENT, -EPERM if it is no such directory, or
 * negative errno.
 */
int	diffdir_open_layers(const struct diffdir *d, bool is_branch);

/* The same; makes it durably where it is missing in a directory that is no branch. */
int	diffdir_make_layers(const struct diffdir *d, bool is_branch);

/* Why it could not. */
const char *diffdir_layers_strerror(int rc);

/* Makes and opens .pbkfs/.  Returns 0 or negative errno. */
int	diffdir_make_infodir(struct diffdir *d);

/*
 * Replaces the file name of directory dir_fd with len bytes in one step; with
 * durable, it is so even after power loss.  Returns 0 or negative errno.
 */
int	diffdir_replace(int dir_fd, const char *name, const void *text, size_t len, bool durable);

/* Makes .pbkfs-dirty, or removes it, durably.  Returns 0 or negative errno. */
int	diffdir_set_dirty(const struct diffdir *d, bool dirty);
/* Whether .pbkfs-dirty is there. */
bool	diffdir_is_dirty(const struct diffdir *d);

/*
 * Notes durably what cut off the mount, for the next one; NULL removes the note.
 * Returns 0 or negative errno.
 */
int	diffdir_set_cut(const struct diffdir *d, const char *what);

/* Whether there is such a note; copies it as one printable line. */
bool	diffdir_get_cut(const struct diffdir *d, char what[DIFFDIR_CUT_MAX]);

/*
 * Removes everything of ours except the lock, and with lock_too that one last.  What says that a promotion
 * has begun stays.
 * Links are removed, never followed; another file system is not entered.
 * Returns 0, or negative errno with the name in the log.
 */
int	diffdir_wipe(const struct diffdir *d, bool lock_too);

/* Removes the directory itself again if diffdir_open() made it; one that was given away and is empty is root's again. */
void	diffdir_unmake(struct diffdir *d);

#endif
