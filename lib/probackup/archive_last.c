/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks for the end of an archive by names, and for its time in records.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "pg/waltime.h"
#include "probackup/archive_last.h"
#include "probackup/segscan.h"

static void
look_for_time(const struct walrecord_window *w, void *arg)
{
	int64_t *latest = arg;

	*latest = MAX(*latest, waltime_latest(w));
}

static int
find_newest(const struct archive *a, struct walname *newest)
{
	struct archive_entry e;
	struct archive_list l;
	int rc;

	*newest = (struct walname){ .kind = WAL_NONE };
	if ((rc = archive_list_begin(a, 0, &l)) < 0)
		return rc;
	l.twice = true;
	while ((rc = archive_list_next(&l, &e)) == 1)
		if (e.wal.kind == WAL_SEGMENT && (newest->kind == WAL_NONE || e.wal.timeline > newest->timeline ||
		    (e.wal.timeline == newest->timeline && e.wal.segno > newest->segno)))
			*newest = e.wal;
	archive_list_end(&l);
	return rc;
}

int
archive_last_find(const struct archive *a, struct archive_last *last)
{
	unsigned char *bytes autofree = NULL;
	struct archive_file f;
	struct walname w;
	unsigned i;
	int rc;

	*last = (struct archive_last){ .time = 0 };
	if ((rc = find_newest(a, &w)) < 0 || w.kind == WAL_NONE)
		return rc;
	if ((bytes = malloc(SEGSCAN_BYTES)) == NULL)
		return -ENOMEM;
	if ((rc = archive_find(a, &w, &f)) < 0)
		return rc;
	last->time = f.st.st_mtim.tv_sec;
	last->wal = w;
	walname_format(&w, a->seg_size, last->name);
	for (i = 0; !last->by_record && i < ARCHIVE_LAST_SEGMENTS && archive_find(a, &w, &f) == 0; i++, w.segno--) {
		int64_t t = 0;

		segscan(a, &f, bytes, look_for_time, &t);
		if (t != 0) {
			last->time = t;
			last->by_record = true;
		}
		if (w.segno == 0)
			break;
	}
	return 0;
}
