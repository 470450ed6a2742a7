/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mkcatalog scale: makes a cluster up that has very many files, and --big ones of 1 GiB.
 */
#include "config.h"

#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "mkcatalog.h"

#define FIRST_OID		16384u
#define FILES_PER_DATABASE	10000u
#define CHANGED_PERCENT		1	/* of the files, in each increment */
#define PAGES_MAX		2	/* of a file */
#define LSN_PER_BACKUP		0x1000000
#define SEGMENT_BLOCKS		131072u	/* of a big file */
#define BIG_STEP		64u	/* of which each so many is stored */
#define BIG_OID			90000u

struct scale {
	const struct options *options;
	uint64_t lsn;
	uint32_t random;
	uint8_t	*n_blocks;	/* of each file */
	unsigned n_data_files;
};

static uint32_t
scale_random(struct scale *s)
{
	s->random = s->random * 1664525u + 1013904223u;
	return s->random >> 8;
}

/* Stores the blocks [first, end) of file i in backup b, and lists the file. */
static void
scale_file(struct scale *s, struct catbackup *b, unsigned i, uint32_t first, uint32_t end)
{
	static unsigned char bytes[PAGES_MAX][BLCKSZ];
	struct catpage pages[PAGES_MAX] = { 0 };
	char path[64];
	struct catfile f = {
		.path = path, .mode = 0600, .n_blocks = s->n_blocks[i], .pages = pages
	};

	snprintf(path, sizeof(path), "base/%u/%u", FIRST_OID + i / FILES_PER_DATABASE,
	    FIRST_OID + i);
	for (uint32_t block = first; block < end; block++, f.n_pages++) {
		catwriter_make_page(bytes[f.n_pages], s->lsn, scale_random(s));
		pages[f.n_pages].block = block;
		pages[f.n_pages].bytes = bytes[f.n_pages];
	}
	if (s->options->mixed && f.n_pages > 0)
		catbackup_set_alg(b, s->n_data_files++ % CATALG_COUNT, s->options->backup.level);
	check(catbackup_data(b, &f), path);
}

/* A segment of 1 GiB, each backup has other blocks of: what none has is a hole. */
static void
scale_big_file(struct scale *s, struct catbackup *b, unsigned i, unsigned k)
{
	static unsigned char bytes[BLCKSZ];
	static struct catpage pages[SEGMENT_BLOCKS / BIG_STEP];
	struct catfile f = { .mode = 0600, .n_blocks = SEGMENT_BLOCKS, .pages = pages };
	char path[64];

	f.path = path;
	snprintf(path, sizeof(path), i == 0 ? "base/%u/%u" : "base/%u/%u.%u", FIRST_OID, BIG_OID, i);
	catwriter_make_page(bytes, s->lsn, scale_random(s));
	for (; f.n_pages < SEGMENT_BLOCKS / BIG_STEP; f.n_pages++)
		pages[f.n_pages] = (struct catpage){ .block = f.n_pages * BIG_STEP + k % BIG_STEP, .bytes = bytes };
	if (s->options->mixed)
		catbackup_set_alg(b, i % CATALG_COUNT, s->options->backup.level);
	check(catbackup_data(b, &f), path);
}

static void
scale_full_file(struct scale *s, struct catbackup *b, unsigned i)
{
	if (scale_random(s) % 100 < s->options->stored_percent)
		s->n_blocks[i] = (uint8_t)(1 + scale_random(s) % PAGES_MAX);
	scale_file(s, b, i, 0, s->n_blocks[i]);
}

/* One page of a changed file is stored: its first one if it was empty. */
static void
scale_increment_file(struct scale *s, struct catbackup *b, unsigned i)
{
	uint32_t block;

	if (scale_random(s) % 100 >= CHANGED_PERCENT) {
		scale_file(s, b, i, 0, 0);
		return;
	}
	s->n_blocks[i] = MAX(s->n_blocks[i], (uint8_t)1);
	block = scale_random(s) % s->n_blocks[i];
	scale_file(s, b, i, block, block + 1);
}

/* Puts the directories of a cluster, and the files that say what it is. */
static void
scale_skeleton(const struct options *o, struct catbackup *b, bool full)
{
	static const char *const dirs[] = {
		"base", "global", "pg_commit_ts", "pg_dynshmem", "pg_logical",
		"pg_logical/mappings", "pg_logical/snapshots", "pg_multixact",
		"pg_multixact/members", "pg_multixact/offsets", "pg_notify", "pg_replslot",
		"pg_serial", "pg_snapshots", "pg_stat", "pg_stat_tmp", "pg_subtrans", "pg_tblspc",
		"pg_twophase", "pg_wal", "pg_xact",
	};
	char path[64] = "";

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		check(catbackup_dir(b, dirs[i], 0700), dirs[i]);
	for (unsigned i = 0; i < o->n_files; i += FILES_PER_DATABASE) {
		snprintf(path, sizeof(path), "base/%u", FIRST_OID + i / FILES_PER_DATABASE);
		check(catbackup_dir(b, path, 0700), path);
	}
	if (o->n_big > 0)	/* it is to be restored */
		check(catbackup_plain(b, "global/pg_control", 0600, path, sizeof(path)), "global/pg_control");
	if (full)
		check(catbackup_plain(b, "PG_VERSION", 0600, "15\n", 3), "PG_VERSION");
	else
		check(catbackup_plain_unchanged(b, "PG_VERSION", 0600, "15\n", 3), "PG_VERSION");
}

/* Makes backup k, the FULL being 0, and leaves its id in id. */
static void
scale_backup(struct scale *s, struct catwriter *w, unsigned k, char *id, size_t size)
{
	struct catbackup_options options = s->options->backup;
	struct catbackup *b;

	s->lsn += LSN_PER_BACKUP;
	options.mode = k == 0 ? "FULL" : "DELTA";
	options.parent = k == 0 ? NULL : id;
	options.start_lsn = options.stop_lsn = s->lsn;
	check(catbackup_begin(w, &options, &b), "the backup");
	scale_skeleton(s->options, b, k == 0);
	for (unsigned i = 0; i < s->options->n_files; i++) {
		if (k == 0)
			scale_full_file(s, b, i);
		else
			scale_increment_file(s, b, i);
	}
	for (unsigned i = 0; i < s->options->n_big; i++)
		scale_big_file(s, b, i, k);
	snprintf(id, size, "%s", catbackup_id(b));
	check(catbackup_finish(b), "the backup");
	printf("%s\n", id);
}

void
command_scale(struct options *o)
{
	struct scale s = { .options = o, .random = o->seed };
	uint8_t *n_blocks autofree = calloc(o->n_files + 1u, 1);
	struct catwriter *w;
	char id[64] = "";

	if (o->n_files == 0 || o->backup.id != NULL)
		usage(stderr, 2);
	if (n_blocks == NULL)
		err(1, "could not start");
	s.n_blocks = n_blocks;
	check(catwriter_open(o->catalog, o->instance, NULL, &w), "the catalog");
	for (unsigned k = 0; k <= o->n_increments; k++)
		scale_backup(&s, w, k, id, sizeof(id));
	catwriter_close(w);
}
