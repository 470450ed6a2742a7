/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Searches WAL of the archive for the tablespace that was made at a location.
 * It reads all of it, once for each mapping that the backup does not know.
 */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "pg/walpage.h"
#include "pg/waltblspc.h"
#include "probackup/segread.h"
#include "worker/walfind.h"

#define CHUNK	(1 * MiB)
#define PAGE_MAX	65536u		/* of WAL */

struct search {
	const struct archive *a;
	const char *location;
	struct waltblspc_record rec;
	struct walrecord_window w;
	unsigned char bytes[CHUNK + 2 * PAGE_MAX];
};

static bool
look(struct search *s)
{
	struct waltblspc next = { .scan.w = &s->w };

	while (waltblspc_next(&next, &s->rec) == 1)
		if (strcmp(s->rec.location, s->location) == 0)
			return true;
	return false;
}

/* Appends the first page of the segment that follows, for a record that goes on there. */
static void
append_next(struct search *s, const struct walname *segment)
{
	struct walname w = *segment;
	struct archive_file f;
	struct segread next;

	w.kind = WAL_SEGMENT;
	w.segno++;
	if (archive_find(s->a, &w, &f) < 0)
		return;
	if (segread_open(s->a, &f, &next) == 0 &&
	    segread_next(&next, s->bytes + s->w.len, s->w.page_size))
		s->w.len += s->w.page_size;
	segread_close(&next);
}

static bool
look_through(struct search *s, const struct walname *segment, struct segread *from)
{
	uint64_t off, begin = segment->segno * s->a->seg_size;
	size_t keep = 0;
	bool found = false;

	s->w = (struct walrecord_window){ .bytes = s->bytes, .seg_size = s->a->seg_size };
	for (off = 0; !found && off < s->a->seg_size; off += CHUNK) {
		if (!segread_next(from, s->bytes + keep, CHUNK))
			return false;
		if (off == 0 && (s->w.page_size = walpage_size(s->bytes)) == 0)
			return false;
		s->w.lsn = begin + off - keep;
		s->w.len = keep + CHUNK;
		if (off + CHUNK == s->a->seg_size)
			append_next(s, segment);
		found = look(s);
		/* A record at the end is looked at again, with what follows. */
		keep = s->w.page_size;
		memmove(s->bytes, s->bytes + s->w.len - keep, keep);
	}
	return found;
}

int
walfind(const struct archive *a, uint64_t first, const char *location, uint32_t *oid)
{
	struct search *s autofree = malloc(sizeof(*s));
	struct archive_entry e;
	struct archive_file f;
	struct archive_list l;
	struct segread from;
	bool found = false;

	if (s == NULL)
		return -ENOMEM;
	s->a = a;
	s->location = location;
	if (archive_list_begin(a, 0, &l) < 0)
		return -ENOENT;
	while (!found && archive_list_next(&l, &e) == 1) {
		if ((e.wal.kind != WAL_SEGMENT && e.wal.kind != WAL_PARTIAL) ||
		    e.wal.segno < first || archive_find(a, &e.wal, &f) < 0)
			continue;
		if (segread_open(a, &f, &from) == 0)
			found = look_through(s, &f.wal, &from);
		segread_close(&from);
	}
	archive_list_end(&l);
	if (found)
		*oid = s->rec.oid;
	return found ? 0 : -ENOENT;
}
