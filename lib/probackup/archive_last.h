/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The last WAL of an archive, and up to when it has what a server did.
 */
#ifndef PROBACKUP_ARCHIVE_LAST_H
#define PROBACKUP_ARCHIVE_LAST_H

#include "probackup/archive.h"

struct archive_last {
	struct walname wal;	/* the newest complete segment of the newest timeline; WAL_NONE: there is none */
	char	name[WALNAME_MAX];
	int64_t	time;		/* seconds since the epoch */
	bool	by_record;	/* a record says so; else it is when the file was written */
};

/*
 * Finds it.  The time is the latest that a record of it has, or of the few segments before; without any, as
 * in a damaged file, the file's own.  Reads ARCHIVE_LAST_SEGMENTS segments at most, in bounded memory.
 * Returns 0 or negative errno.
 */
#define ARCHIVE_LAST_SEGMENTS	4
int	archive_last_find(const struct archive *a, struct archive_last *last);

#endif
