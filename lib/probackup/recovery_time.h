/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Times as people write them for PostgreSQL, and as backup.control has them.
 *
 * A server reads a time without an offset in its own time zone, which need not be
 * that of whoever typed it: so what is handed to it is written by
 * recovery_time_format().
 */
#ifndef PROBACKUP_RECOVERY_TIME_H
#define PROBACKUP_RECOVERY_TIME_H

#include <stdint.h>

#include "pg/recovery_target.h"

/*
 * Reads "YYYY-MM-DD HH:MM[:SS[.ffffff]]" ('T' may stand for the space) and a zone: an offset
 * (+|-)HH[[:]MM[:SS]], "Z", "UTC" or "GMT", or the name of one, "Europe/Berlin";
 * without any, the time zone of the process.  Abbreviations such as CET are not
 * known: the server has its own list of them.  Returns 0 and microseconds since the
 * epoch, or -EINVAL with one line in error (CHAIN_ERROR_MAX bytes): no such time, one
 * before 1970, an unknown zone, or one that comes twice or never in its zone, when
 * clocks are changed.
 *
 * A name changes TZ for a moment and reads the system's files: for a process of one thread,
 * outside of a sandbox.
 */
int	recovery_time_read(const char *text, int64_t *us, char *error);

/* The same for a control file: no names, and no word of what is wrong.  Safe in a sandbox. */
int	recovery_time_parse(const char *text, int64_t *us);

/*
 * Writes a time with its offset, as the server reads it in whatever zone,
 * "2026-11-24 11:59:00.5+01".  zone is a name, or NULL for that of the process.  Returns 0,
 * or -EINVAL if this host does not know the zone.  As recovery_time_read(), unless zone is NULL.
 */
int	recovery_time_format(int64_t us, const char *zone, char buf[RECOVERY_TIME_MAX]);

#endif
