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
#include "probackup/segread.h"

#define CHUNK		(1 * MiB)	/* no segment is shorter, and a page of WAL is a part of it */
#define PAGE_MAX	65536u

/* The latest time in a segment, as far as that can be read; 0 = none. */
static int64_t
time_in(const struct archive *a, struct archive_file *f, unsigned char *bytes)
{
	struct walrecord_window w = { .bytes = bytes, .seg_size = a->seg_size };
	int64_t latest = 0;
	struct segread from;
	size_t keep = 0;
	uint64_t off;

	if (segread_open(a, f, &from) == 0)
		for (off = 0; off < a->seg_size && segread_next(&from, bytes + keep, CHUNK); off += CHUNK) {
			if (off == 0 && (w.page_size = walpage_size(bytes)) == 0)
				break;
			w.lsn = f->wal.segno * a->seg_size + off - keep;
			w.len = keep + CHUNK;
			latest = MAX(latest, waltime_latest(&w));
			/* A record at the end is looked at again, with what follows. */
			keep = w.page_size;
			memmove(bytes, bytes + w.len - keep, keep);
		}
	segread_close(&from);
	return latest;
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
	if ((bytes = malloc(CHUNK + PAGE_MAX)) == NULL)
		return -ENOMEM;
	if ((rc = archive_find(a, &w, &f)) < 0)
		return rc;
	last->time = f.st.st_mtim.tv_sec;
	last->wal = w;
	walname_format(&w, a->seg_size, last->name);
	for (i = 0; !last->by_record && i < ARCHIVE_LAST_SEGMENTS && archive_find(a, &w, &f) == 0; i++, w.segno--) {
		int64_t t = time_in(a, &f, bytes);

		if (t != 0) {
			last->time = t;
			last->by_record = true;
		}
		if (w.segno == 0)
			break;
	}
	return 0;
}
