/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A mount without FUSE: a catalog and a diff directory in a temporary
 * directory, and the copy-on-write file system over them.
 *
 *	rig_new(&rig);
 *	catwriter_open(rig.store, "main", NULL, &w); ...
 *	rig_index(&rig, "T00003");
 *	rig_open(&rig, true);
 *	cow_lookup(rig.cow, ...);
 *	rig_close(&rig);
 *	rig_free(&rig);
 *
 * Whatever goes wrong here is the test's fault or leaves nothing to test, and
 * ends the program.
 */
#ifndef SUPPORT_RIG_H
#define SUPPORT_RIG_H

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "cow/cow.h"
#include "pg/pg_types.h"
#include "probackup/blockmap.h"
#include "probackup/chain.h"
#include "probackup/index.h"
#include "support/catwriter.h"
#include "support/tmpdir.h"

struct rig {
	char	dir[PATH_MAX / 2];
	char	store[PATH_MAX / 2 + 8], diff[PATH_MAX / 2 + 8];
	int	store_fd, diff_fd, index_fd;
	struct pending *pending;
	struct iostats stats;
	struct reader reader;
	struct cow_config config;	/* what rig_open() passes on; the test may change it */
	struct cow *cow;		/* NULL when closed */
};

static inline int
rig_open_directory(const char *path)
{
	int fd;

	if (mkdir(path, 0700) != 0 || (fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		err(1, "%s", path);
	return fd;
}

static inline void
rig_new(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	tmpdir_new(r->dir, sizeof(r->dir));
	snprintf(r->store, sizeof(r->store), "%s/store", r->dir);
	snprintf(r->diff, sizeof(r->diff), "%s/" ONDISK_CHANGES, r->dir);
	r->store_fd = rig_open_directory(r->store);
	r->diff_fd = rig_open_directory(r->diff);
	r->index_fd = memfd_create("index", MFD_CLOEXEC);
	r->pending = calloc(1, sizeof(*r->pending));
	if (r->index_fd < 0 || r->pending == NULL || reader_init(&r->reader, &r->stats) < 0)
		err(1, "rig");
	r->config = (struct cow_config){
		.store_fd = r->store_fd, .diff_fd = r->diff_fd, .index_fd = r->index_fd,
		.instance = "main", .uid = getuid(), .gid = getgid(), .pending = r->pending,
		.mount_id = 1, .cache_size = MiB, .max_fds = 256,
	};
}

/* Lengths that an old list does not tell: as the worker that prepares a mount finds them. */
static inline int
rig_find_sizes(struct rig *r)
{
	struct fdcache *fds = fdcache_new(16);
	struct store s;
	uint32_t e, blocks;
	int rc;

	if ((rc = store_open(&s, r->store_fd, "main", r->index_fd, fds)) < 0)
		errx(1, "store_open: %s", strerror(-rc));
	for (e = 0; e < s.ix.n_entries && rc == 0; e++) {
		if (s.ix.entries[e].size != INDEX_SIZE_UNKNOWN)
			continue;
		if ((rc = blockmap_length(&s, e, &r->reader, &blocks)) == 0)
			rc = index_set_size(r->index_fd, e, (uint64_t)blocks * BLCKSZ);
	}
	store_close(&s);
	fdcache_free(fds);
	return rc;
}

/* Writes backup T1: a data file of two blocks, a plain file "f", an empty "e" and a directory "d". */
static inline void
rig_small_catalog(const struct rig *rig)
{
	static const unsigned char page[BLCKSZ];
	struct catbackup_options o = { .id = "T1" };
	struct catpage pages[] = { { .block = 0, .bytes = page }, { .block = 1, .bytes = page } };
	struct catfile f = { .path = "base/5/16384", .n_blocks = 2, .pages = pages, .n_pages = 2 };
	struct catwriter *w;
	struct catbackup *b;

	if (catwriter_open(rig->store, "main", NULL, &w) < 0 || catbackup_begin(w, &o, &b) < 0)
		errx(1, "could not begin a backup");
	catbackup_dir(b, "d", 0700);
	catbackup_data(b, &f);
	catbackup_plain(b, "f", 0600, "content", 7);
	catbackup_plain(b, "e", 0600, "", 0);
	if (catbackup_finish(b) < 0)
		errx(1, "could not finish a backup");
	catwriter_close(w);
}

/* Builds the index of backup id.  Returns 0 or negative errno of finding the sizes. */
static inline int
rig_index(struct rig *r, const char *id)
{
	char error[CHAIN_ERROR_MAX] = "";
	struct chain *c;

	if (chain_open(r->store_fd, r->store, "main", id, false, &c, error) < 0 ||
	    index_build(c, r->index_fd, 64 * MiB, 1, error) < 0)
		errx(1, "%s", error);
	chain_free(c);
	return rig_find_sizes(r);
}

/* Opens the file system as the first worker of a new mount, or as the next of this one. */
static inline int
rig_open(struct rig *r, bool first)
{
	r->config.first = first;
	if (first) {
		r->config.mount_id++;
		pending_reset(r->pending);
	}
	return cow_open(&r->config, &r->cow);
}

/* The worker is gone, as by SIGKILL: nothing more is written. */
static inline void
rig_kill(struct rig *r)
{
	cow_close(r->cow);
	r->cow = NULL;
}

/* An orderly end.  Returns what cow_flush() says. */
static inline int
rig_close(struct rig *r)
{
	int rc;

	cow_save_times(r->cow);
	rc = cow_flush(r->cow);
	rig_kill(r);
	return rc;
}

static inline void
rig_free(struct rig *r)
{
	if (r->cow != NULL)
		rig_kill(r);
	reader_fini(&r->reader);
	free(r->pending);
	close(r->store_fd);
	close(r->diff_fd);
	close(r->index_fd);
	tmpdir_remove(r->dir);
}

#endif
