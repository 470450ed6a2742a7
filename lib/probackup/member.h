/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One member of a chain: reads its control file, and judges whether a chain may
 * have it.  Mounts and listings both ask here, so that they refuse in the same words.
 *
 * All return 0, or negative errno with one line in error (CHAIN_ERROR_MAX
 * bytes) that names the backup and the way out.
 */
#ifndef PROBACKUP_MEMBER_H
#define PROBACKUP_MEMBER_H

#include "probackup/chain.h"

/*
 * Reads backup.control beneath dirfd, the directory of backup id, and notes
 * which version of it that was.
 */
int	member_read(int dirfd, const char *id, struct control *c, char *error);

/*
 * Whether its server, block size and compress-alg are known and its version is
 * not too old, whatever its status is.
 */
int	member_check_format(const char *id, const struct control *c, char *error);

/* Whether its status says that it is complete: OK or DONE. */
bool	member_is_complete(const struct control *c);

/* A doubt about a backup, which --force lets pass. */
struct member_doubt {
	char	what[256];	/* names the backup */
	const char *refusal;	/* what a refusal says behind that, the way out too */
};
#define MEMBER_DOUBTS	3	/* at most, of one backup */

/*
 * Whether its status is another than OK and DONE, its program-version newer
 * than those that are known, or its list one that may have lost lines.  dirfd
 * is its directory.  Returns how many doubts there are, and fills d.
 */
unsigned member_doubts(int dirfd, const char *id, const struct control *c,
	    struct member_doubt d[MEMBER_DOUBTS]);

/* Whether its list is one that has lost lines, by version and length. */
bool	member_lost_lines(int dirfd, const struct control *c);

/* Returns what a user has to know of a backup that can be mounted, or NULL. */
const char *member_warning(const struct control *c);

/* The refusal of a backup that is in doubt. */
int	member_refuse(const struct member_doubt *d, char *error);

/* Whether its list can be opened and is not too long; *len is its length. */
int	member_check_list(int dirfd, const char *id, uint64_t *len, char *error);

/*
 * Whether id may follow child in the chain of first, which has n members so
 * far.  in_chain: it is one of them.  child is NULL for the first one itself.
 */
int	member_check_place(const char *first, unsigned n, const char *child, const char *id,
	    bool in_chain, char *error);

/*
 * The refusal of a chain whose next member after child is not there.  full: the
 * one that merge_find_full() found for one of the two, or NULL.
 */
int	member_missing(const char *instance, const char *id, const char *child, const char *full,
	    char *error);

#endif
