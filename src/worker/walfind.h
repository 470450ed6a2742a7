/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which tablespace the WAL archive makes at a location.
 */
#ifndef WORKER_WALFIND_H
#define WORKER_WALFIND_H

#include <stdint.h>

#include "probackup/archive.h"

/*
 * Looks through the segments of the archive from segment first on, of whatever
 * timeline, for a CREATE TABLESPACE at location.  Returns 0 and *oid, -ENOENT, or -ENOMEM;
 * a segment that cannot be read is left out, the server will say so.  Memory is bounded.
 */
int	walfind(const struct archive *a, uint64_t first, const char *location, uint32_t *oid);

#endif
