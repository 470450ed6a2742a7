/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks for blocks that no backup of the chain stores.  It reads no page:
 * verify_file.c has done that.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/util.h"
#include "probackup/blockmap.h"
#include "probackup/verify_impl.h"

/* Tells each run of blocks that no backup has. */
static void
tell_holes(struct verify *v, const char *path, const struct blockmap *m)
{
	const char *id = v->chain->member[0].id;
	uint32_t b, end, told = 0;

	for (b = 0; b < m->n; b = end) {
		for (end = b + 1; end < m->n && (blockmap_provider(m, end) == BLOCKMAP_NOWHERE) ==
		    (blockmap_provider(m, b) == BLOCKMAP_NOWHERE); end++)
			;
		if (blockmap_provider(m, b) != BLOCKMAP_NOWHERE)
			continue;
		if (told++ == VERIFY_SHOWN) {
			verify_fault(v, id, path, "more blocks are in no backup of the chain");
			return;
		}
		if (end == b + 1)
			verify_fault(v, id, path, "block %u is in no backup of the chain", b);
		else
			verify_fault(v, id, path, "blocks %u to %u are in no backup of the chain",
			    b, end - 1);
	}
}

void
verify_blocks(struct verify_thread *t, uint32_t e)
{
	struct verify *v = t->v;
	const struct index_entry *f = &v->store.ix.entries[e];
	char path[PATH_MAX];
	struct blockmap *m;

	if ((f->flags & INDEX_DATAFILE) == 0 || f->size == 0 || f->size == INDEX_SIZE_UNKNOWN)
		return;
	if (index_path(&v->store.ix, e, path, sizeof(path)) < 0)
		strcpy(path, "?");
	if (f->size / BLCKSZ > BLOCKMAP_MAX_BLOCKS) {
		verify_fault(v, v->chain->member[0].id, path,
		    "%" PRIu64 " blocks are more than a file can have", f->size / BLCKSZ);
		return;
	}
	if (v->holes_are_normal)
		return;
	/* Faults of the stored files were told when these were checked. */
	if (blockmap_build(&v->store, e, &t->reader, &m) < 0) {
		atomic_fetch_add(&v->unmapped, 1);
		return;
	}
	tell_holes(v, path, m);
	blockmap_free(m);
}
