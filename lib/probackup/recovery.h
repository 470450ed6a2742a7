/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How far a server is to recover, and whether the WAL archive lets it.  A
 * target that cannot be reached is refused before anything is mounted.
 */
#ifndef PROBACKUP_RECOVERY_H
#define PROBACKUP_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "pg/recovery_target.h"
#include "probackup/archive.h"
#include "probackup/chain.h"
#include "probackup/recovery_time.h"

#define RECOVERY_NAME_MAX	63	/* bytes that PostgreSQL takes of a restore point's name */

/*
 * Checks how value and timeline are written, and sets what follows from them: the timeline of
 * RECOVERY_LATEST is "latest" unless one is given.
 * A time is what recovery_time_read() takes, without a zone in the caller's own (so
 * call it outside the sandbox); an xid is decimal and 3 or
 * more, an LSN X/X, a timeline decimal, or hexadecimal behind "0x".  Returns 0, or -EINVAL with
 * one line in error (CHAIN_ERROR_MAX bytes).
 */
int	recovery_parse(struct recovery_target *t, char *error);

/* Facts of an archive that recovery_fits() finds, for the next backup; zero it first. */
struct recovery_known {
	uint32_t from, newest;	/* the archive has the history of each timeline between */
};

enum recovery_fit {
	RECOVERY_FITS,
	RECOVERY_ENDS_LATER,	/* the backup ends behind the target */
	RECOVERY_LEADS_ELSEWHERE,	/* its timeline does not lead to the target's, or is not known */
};

/*
 * The part of recovery_check() that does not ask for segments: whether backup
 * lies on the way to *t.  Returns an enum recovery_fit, with one line in error
 * (CHAIN_ERROR_MAX bytes) unless it fits, or negative errno with the same.
 */
int	recovery_fits(const struct control *backup, const struct archive *a,
	    const struct recovery_target *t, struct recovery_known *known, char *error);

/*
 * Whether a server that starts from backup can reach *t (after
 * recovery_parse()) with archive a.  Returns 0, or -EUCLEAN (or another
 * negative errno) with one line in error: a target before the end of the
 * backup; a segment that is missing, by name; a timeline that is unknown, is no
 * descendant of the backup's, or leaves it before the backup's end.  Recovery to a
 * time, an xid or a name ends at the first gap: a gap is one line in warning then.  Of an xid the end of the
 * archive is asked: one that was not given away by then is refused.  A time behind the last one there, and
 * an archive that has nothing behind the backup, are a warning.  Both have CHAIN_ERROR_MAX bytes; warning is "" if
 * there is none.  Bounded whatever the archive holds: one pass over the
 * directory, 8 bytes in memory for each segment that can matter.
 *
 * A backup with its own WAL (stream) needs nothing without a target and a timeline.
 */
int	recovery_check(const struct control *backup, const struct archive *a,
	    const struct recovery_target *t, char *error, char *warning);

/* Segments that follow one another, and which of them are missing. */
#define RECOVERY_GAPS_MAX	8	/* that are kept; missing counts those of all */
struct recovery_gap {
	char	first[WALNAME_MAX];
	uint64_t n;
};
struct recovery_range {
	char	first[WALNAME_MAX], last[WALNAME_MAX];
	uint64_t n, missing;		/* segments; n 0 = none is needed */
	bool	last_is_missing, more_gaps;	/* for recovery_append(); more than were kept */
	unsigned n_gaps;
	struct recovery_gap gap[RECOVERY_GAPS_MAX];
};

/* WAL that a recovery takes from the archive. */
struct recovery_need {
	uint32_t timeline;		/* that it ends in; 0 = not known */
	struct recovery_range own;	/* from start-lsn to stop-lsn; n 0 if the backup has it */
	struct recovery_range rest;	/* behind that, up to the target or the end of the archive */
};

/*
 * The same as recovery_check(), and says in *need what that looked at, also if it fails: as much as was
 * found out until then.  What recovery to a time, an xid or a name takes of the archive is not
 * known: all of it may be needed.
 */
int	recovery_survey(const struct control *backup, const struct archive *a,
	    const struct recovery_target *t, struct recovery_need *need, char *error, char *warning);

/* Appends n segments from *first on to a range; missing: they are not there. */
void	recovery_append(struct recovery_range *r, const struct walname *first, uint64_t n, uint32_t seg_size,
	    bool missing);

#endif
