/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The records of a segment of the archive, window by window.
 */
#ifndef PROBACKUP_SEGSCAN_H
#define PROBACKUP_SEGSCAN_H

#include "pg/walrecord.h"
#include "probackup/archive.h"

#define SEGSCAN_BYTES	(1024u * 1024 + 65536)	/* of the buffer of a scan */

/* Looks at the records of one window; those near its end come again in the next one. */
typedef void (*segscan_look)(const struct walrecord_window *w, void *arg);

/*
 * Reads what archive_find() found into bytes (SEGSCAN_BYTES), and calls look for each window, as far as
 * the segment can be read: one that is damaged has fewer.
 */
void	segscan(const struct archive *a, struct archive_file *f, unsigned char *bytes, segscan_look look,
	    void *arg);

#endif
