/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The backup that the workload of test-crash begins with: a FULL and an increment.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/util.h"
#include "crash.h"
#include "probackup/chain.h"
#include "probackup/index.h"
#include "support/catwriter.h"

char root[256];		/* a directory of our own */
int store_fd, index_fd;
static struct iostats stats;
struct reader reader;

static unsigned char *
make_pages(unsigned n, uint32_t seed, struct catpage *pages)
{
	unsigned char *bytes = more(NULL, (size_t)n * BLCKSZ);
	unsigned i;

	for (i = 0; i < n; i++) {
		catwriter_make_page(bytes + (size_t)i * BLCKSZ, 0x1000000 + seed, seed * 100 + i);
		pages[i] = (struct catpage){ .block = i, .bytes = bytes + (size_t)i * BLCKSZ };
	}
	return bytes;
}

/* Stores a relation of n blocks, of which the backup has every step-th. */
static void
add_relation(struct catbackup *b, const char *path, unsigned n, unsigned step, uint32_t seed)
{
	struct catpage pages[MAX_BLOCKS], some[MAX_BLOCKS];
	unsigned char *bytes = make_pages(n, seed, pages);
	struct catfile f = { .path = path, .n_blocks = n, .pages = some };
	unsigned i;

	for (i = 0; i < n; i += step)
		some[f.n_pages++] = pages[i];
	catbackup_data(b, &f);
	free(bytes);
}

static void
add_plain(struct catbackup *b, const char *path, size_t len, uint32_t seed)
{
	unsigned char bytes[MAX_SIZE];
	unsigned i;

	for (i = 0; i < MAX_BLOCKS; i++)
		catwriter_make_page(bytes + i * BLCKSZ, 1, seed + i);
	catbackup_plain(b, path, 0600, bytes, len);
}

static int
add_backup(struct catwriter *w, const char *id, const char *parent, unsigned step)
{
	struct catbackup_options o = {
		.id = id, .parent = parent, .mode = parent != NULL ? "DELTA" : "FULL",
		.alg = parent != NULL ? CATALG_LZ4 : CATALG_NONE, .stream = true,
	};
	uint32_t seed = step * 1000;
	struct catbackup *b;
	int r;

	if ((r = catbackup_begin(w, &o, &b)) < 0)
		return r;
	catbackup_dir(b, "base", 0700);
	catbackup_dir(b, "base/5", 0700);
	catbackup_dir(b, "global", 0700);
	catbackup_dir(b, "pg_xact", 0700);
	catbackup_dir(b, "pg_wal", 0700);
	add_plain(b, "PG_VERSION", 3, seed + 1);
	add_plain(b, "global/pg_control", BLCKSZ, seed + 2);
	add_plain(b, "pg_xact/0000", 2 * BLCKSZ, seed + 4);
	add_plain(b, "global/odd", 10000, seed + 6);
	add_plain(b, "pg_wal/1", 9 * BLCKSZ, seed + 7);
	add_plain(b, "pg_wal/2", 2 * BLCKSZ + 100, seed + 8);
	add_plain(b, "nothing", 0, 0);
	add_relation(b, "base/5/16384", 12, step, seed + 11);
	add_relation(b, "base/5/16385", 5, step, seed + 12);
	add_relation(b, "base/5/16386", 1, 1, seed + 13);
	add_relation(b, "base/5/16387", 0, 1, seed + 14);
	return catbackup_finish(b);
}

static int
build_index(char *error)
{
	struct chain *c;
	int r;

	r = chain_open(store_fd, "store", "main", "T00002", false, &c, error);
	if (r < 0)
		return r;
	r = index_build(c, index_fd, MiB, 1, error);
	chain_free(c);
	return r;
}

int
make_store(char *error)
{
	struct catwriter *w;
	char path[300];
	int r;

	snprintf(path, sizeof(path), "%s/store", root);
	if (mkdir(path, 0700) != 0 || (r = catwriter_open(path, "main", NULL, &w)) < 0)
		return -EIO;
	if ((r = add_backup(w, "T00001", NULL, 1)) == 0)
		r = add_backup(w, "T00002", "T00001", 3);
	catwriter_close(w);
	store_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	index_fd = memfd_create("index", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (r < 0 || store_fd < 0 || index_fd < 0 || reader_init(&reader, &stats) < 0)
		return -EIO;
	return build_index(error);
}
