/*
 * One member of a chain: reading what describes it, and whether a chain may
 * have it.  A mount and a listing ask the same questions here, and get the
 * same answers in the same words.
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
 * Whether its version, server, block size and compress-alg are known, whatever
 * its status is.
 */
int	member_check_format(const char *id, const struct control *c, char *error);

/* Whether its status says that it is complete: OK or DONE. */
bool	member_is_complete(const struct control *c);
int	member_check_status(const char *id, const struct control *c, char *error);

/* Whether its list can be opened and is not too long; *len is its length. */
int	member_check_list(int dirfd, const char *id, uint64_t *len, char *error);

/*
 * Whether id may follow child in the chain of first, which has n members so
 * far.  in_chain: it is one of them.  child is NULL for the first one itself.
 */
int	member_check_place(const char *first, unsigned n, const char *child, const char *id,
	    bool in_chain, char *error);

/* The refusal of a chain whose next member after child is not there. */
int	member_missing(const char *instance, const char *id, const char *child, char *error);

#endif
