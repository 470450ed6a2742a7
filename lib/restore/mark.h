/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The mark of a data directory that is not whole yet: a directory in it, ONDISK_RESTORE, which goes last.
 *
 * As long as it has no global/pg_control, no server starts on a data directory.  That file waits in
 * the mark, and is moved to its place when everything else is durable.  Between that and the end of the mark a
 * file says that all is done, so that whoever finds the mark then touches nothing that a server may
 * have written.
 */
#ifndef RESTORE_MARK_H
#define RESTORE_MARK_H

#include <stdbool.h>
#include <stddef.h>

/* In ONDISK_RESTORE. */
#define MARK_STATE	"state"		/* what is made, as text: MARK_STATE_MAX bytes at most */
#define MARK_BOOT	"boot"		/* of which run of the kernel MARK_DONE is */
#define MARK_DONE	"done"		/* a byte for each entry of the index: 1 = copied */
#define MARK_CONTROL	"pg_control"	/* becomes CONTROL_FILE */
#define MARK_OLD	"pg_control.old"	/* of what was there before */
#define MARK_COMPLETE	"complete"	/* MARK_STATE, once nothing but the last move is left */

#define MARK_CONTROL_FILE	"global/pg_control"
#define MARK_STATE_MAX		(512 * 1024)

enum mark_found { MARK_NONE, MARK_UNFINISHED, MARK_DONE_ALL };

/*
 * Finds the mark of pgdata_fd; one that says nothing is removed.  Returns an enum mark_found, or negative
 * errno: -ENOTDIR for a name that is no mark.
 */
int	mark_find(int pgdata_fd);

/* The text of a mark that is MARK_DONE_ALL, freed by the caller.  Returns 0 or negative errno. */
int	mark_read_complete(int pgdata_fd, char **state);

/*
 * Makes the mark with this text, durably, or opens the one that is there.  Returns its descriptor, or
 * negative errno: -EEXIST if one with another text is there, which is then in *other (freed by the
 * caller).
 */
int	mark_make(int pgdata_fd, const char *state, char **other);

/* Replaces the text of the mark, and forgets what was copied.  Returns its descriptor or negative errno. */
int	mark_replace(int pgdata_fd, const char *state);

/* Whether MARK_DONE was written under the kernel that runs; notes that it is from now on. */
bool	mark_is_of_this_boot(int mark_fd);

/* Puts the control file of what was there into the mark, so that no server starts.  Returns 0 or negative errno. */
int	mark_disarm(int pgdata_fd, int mark_fd);

/*
 * The last step, once all else is durable: the control file goes to its place, then the mark
 * goes.  To be done again where it was stopped.  Returns 0 or negative errno.
 */
int	mark_finish(int pgdata_fd);

#endif
