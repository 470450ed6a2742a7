/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sparsecat: a catalog with one FULL backup of very large relations, of which it
 * has only some pages.
 *
 *	sparsecat CATALOG N
 *
 * N segments of 1 GiB in base/1.  Every 1024th block is stored, the others are
 * nowhere: pages of zeros.  Prints the id of the backup.
 */
#include "config.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "support/catwriter.h"

#define SEGMENT_BLOCKS	131072u
#define STEP		1024u
#define PAGES		(SEGMENT_BLOCKS / STEP)

static void
store_segment(struct catbackup *b, unsigned i)
{
	static unsigned char bytes[BLCKSZ];
	struct catpage pages[PAGES] = { 0 };
	char path[64];
	const struct catfile f = {
		.path = path, .n_blocks = SEGMENT_BLOCKS, .pages = pages, .n_pages = PAGES
	};

	snprintf(path, sizeof(path), i == 0 ? "base/1/90000" : "base/1/90000.%u", i);
	catwriter_make_page(bytes, 0x1000000, i);
	for (unsigned k = 0; k < PAGES; k++)
		pages[k] = (struct catpage){ .block = k * STEP, .bytes = bytes };
	catbackup_data(b, &f);
}

int
main(int argc, char **argv)
{
	const struct catbackup_options full = { .alg = CATALG_LZ4, .level = 1, .stream = true };
	struct catwriter *w;
	struct catbackup *b;
	unsigned i, n;
	char id[64];

	if (argc != 3 || (n = (unsigned)strtoul(argv[2], NULL, 10)) == 0)
		errx(2, "usage: sparsecat CATALOG N");
	if (catwriter_open(argv[1], "s", NULL, &w) < 0 || catbackup_begin(w, &full, &b) < 0)
		err(1, "could not begin");
	catbackup_dir(b, "base", 0700);
	catbackup_dir(b, "base/1", 0700);
	catbackup_dir(b, "global", 0700);
	catbackup_dir(b, "pg_wal", 0700);
	catbackup_plain(b, "PG_VERSION", 0600, "15\n", 3);
	for (i = 0; i < n; i++)
		store_segment(b, i);
	snprintf(id, sizeof(id), "%s", catbackup_id(b));
	if (catbackup_finish(b) < 0)
		errx(1, "could not write the backup");
	catwriter_close(w);
	puts(id);
	return 0;
}
