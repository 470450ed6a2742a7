/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads a segment in pieces, each with the last page of the one before: a record is whole in one of them
 * unless it is longer.
 */
#include "config.h"

#include <string.h>

#include "base/util.h"
#include "probackup/segread.h"
#include "probackup/segscan.h"

#define CHUNK		(1 * MiB)	/* no segment is shorter, and a page of WAL is a part of it */
#define PAGE_MAX	65536u
_Static_assert(CHUNK + PAGE_MAX <= SEGSCAN_BYTES, "a piece and a page have room");

void
segscan(const struct archive *a, struct archive_file *f, unsigned char *bytes, segscan_look look, void *arg)
{
	struct walrecord_window w = { .bytes = bytes, .seg_size = a->seg_size };
	struct segread from;
	size_t keep = 0;
	uint64_t off;

	if (segread_open(a, f, &from) == 0)
		for (off = 0; off < a->seg_size && segread_next(&from, bytes + keep, CHUNK); off += CHUNK) {
			if (off == 0 && (w.page_size = walpage_size(bytes)) == 0)
				break;
			w.lsn = f->wal.segno * a->seg_size + off - keep;
			w.len = keep + CHUNK;
			look(&w, arg);
			/* A record at the end is looked at again, with what follows. */
			keep = w.page_size;
			memmove(bytes, bytes + w.len - keep, keep);
		}
	segread_close(&from);
}
