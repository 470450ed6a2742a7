/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A store of one backup with one data file, made of nothing but memory and one
 * directory, for the targets that fuzz what lies in a backup.
 */
#ifndef FUZZ_STORE_H
#define FUZZ_STORE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "probackup/pagefile.h"
#include "probackup/records.h"
#include "support/tmpdir.h"

#define FUZZ_FILE	"database/f"
#define FUZZ_MAP	"page_header_map"

static char fuzz_dir[4096];
static int fuzz_dirfd = -1;
static struct store fuzz_store;
static struct iostats fuzz_stats;
static struct reader fuzz_reader;
static struct index_entry fuzz_entries[2] = {
	{ .mode = S_IFDIR | 0700, .first = 1, .count = 1, .flags = INDEX_DIR },
	{ .mode = S_IFREG | 0600, .name = 1, .name_len = 1, .count = 1, .flags = INDEX_DATAFILE },
};
static struct index_provider fuzz_provider;
static struct index_backup fuzz_backup = { .id = "FUZZ" };

static inline void
fuzz_clean_up(void)
{
	tmpdir_remove(fuzz_dir);
}

static inline void
fuzz_set_up(void)
{
	log_set_sink(swallow);
	tmpdir_new(fuzz_dir, sizeof(fuzz_dir));
	if ((fuzz_dirfd = open(fuzz_dir, O_RDONLY | O_DIRECTORY)) < 0 ||
	    mkdirat(fuzz_dirfd, "database", 0700) != 0 ||
	    reader_init(&fuzz_reader, &fuzz_stats) < 0)
		exit(1);
	fuzz_store.ix = (struct index){
		.entries = fuzz_entries, .providers = &fuzz_provider, .backups = &fuzz_backup,
		.strings = "\0f", .strings_len = 3, .n_entries = 2, .n_providers = 1, .n_backups = 1,
	};
	fuzz_store.store_fd = -1;
	fuzz_store.instance = "main";
	fuzz_store.backup_fd[0] = fuzz_dirfd;
	fuzz_store.fds = fdcache_new(16);
	atexit(fuzz_clean_up);
}

/* Makes name hold these bytes; the descriptor that the store has of it stays good. */
static inline int
fuzz_put(const char *name, const void *bytes, size_t len)
{
	int fd = openat(fuzz_dirfd, name, O_RDWR | O_CREAT | O_TRUNC, 0600), r;

	if (fd < 0)
		return -1;
	r = io_pwrite(fd, bytes, len, 0);
	close(fd);
	return r;
}

/* Builds the map and reads all blocks, alone and together: errors are fine, crashes are not. */
static inline void
fuzz_read(uint32_t n_blocks)
{
	static unsigned char pages[READER_BLOCKS * BLCKSZ];
	struct blockmap *m;
	uint32_t i, n;

	fuzz_entries[1].size = (uint64_t)n_blocks * BLCKSZ;
	if (blockmap_build(&fuzz_store, 1, &fuzz_reader, &m) < 0)
		return;
	for (i = 0; i < m->n; i++)
		if (blockmap_provider(m, i) != 0 && blockmap_provider(m, i) != BLOCKMAP_NOWHERE)
			abort();
	for (i = 0; i < m->n; i += n) {
		n = m->n - i < READER_BLOCKS ? m->n - i : READER_BLOCKS;
		if (pagefile_read(&fuzz_store, 1, m, i, n, &fuzz_reader, pages) < 0)
			pagefile_read(&fuzz_store, 1, m, i, 1, &fuzz_reader, pages);
	}
	blockmap_free(m);
}

#endif
