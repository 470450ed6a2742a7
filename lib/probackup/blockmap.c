/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Builds and frees block maps.  It reads record headers through records.c and
 * no page; lib/cow decides how long a map is kept.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/util.h"
#include "probackup/blockmap.h"
#include "probackup/pagecheck.h"
#include "probackup/records.h"

#define MAPPED_MIN	(2 * MiB)	/* more than the map of a segment has */

/* Bytes of memory that one block takes. */
static size_t
block_bytes(bool with_marks)
{
	const struct blockmap *m = NULL;

	return sizeof(*m->pos) + sizeof(*m->provider) + (with_marks ? sizeof(*m->mark) : 0);
}

size_t
blockmap_bytes(const struct blockmap *m)
{
	return sizeof(*m) + (size_t)m->n * block_bytes(m->mark != NULL);
}

/*
 * Returns zeroed memory.  Large arrays are fresh pages of the kernel's, which
 * cost nothing until somebody writes them.
 */
static void *
new_arrays(size_t size)
{
	void *p;

	if (size < MAPPED_MIN)
		return calloc(1, size);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p != MAP_FAILED ? p : NULL;
}

static void
free_arrays(void *p, size_t size)
{
	if (size < MAPPED_MIN)
		free(p);
	else
		munmap(p, size);
}

static struct blockmap *
blockmap_new(uint32_t n, bool with_marks)
{
	struct blockmap *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->n = n;
	m->pos = new_arrays(MAX((size_t)n, 1) * block_bytes(with_marks));
	if (m->pos == NULL) {
		free(m);
		return NULL;
	}
	if (with_marks)
		m->mark = (uint16_t *)(m->pos + n);
	m->provider = with_marks ? (uint8_t *)(m->mark + n) : (uint8_t *)(m->pos + n);
	return m;
}

void
blockmap_free(struct blockmap *m)
{
	if (m != NULL)
		free_arrays(m->pos, MAX((size_t)m->n, 1) * block_bytes(m->mark != NULL));
	free(m);
}

/* Gives provider number p the blocks that no newer one has; returns how many. */
static uint32_t
claim(struct blockmap *m, const struct records *rec, uint8_t p, BlockNumber limit)
{
	uint32_t i, claimed = 0;

	for (i = 0; i < rec->n && rec->at[i].blkno < limit; i++) {
		BlockNumber b = rec->at[i].blkno;

		if (blockmap_provider(m, b) != BLOCKMAP_NOWHERE)
			continue;
		m->provider[b] = (uint8_t)(p + 1u);
		m->pos[b] = rec->at[i].pos;
		if (m->mark != NULL)
			m->mark[b] = pagecheck_mark(rec->at[i].lsn, rec->at[i].checksum);
		claimed++;
	}
	return claimed;
}

/*
 * Goes from the newest provider to the oldest.  A truncation record, which only
 * very old backups have, bounds what older backups may still give.
 */
static int
fill(const struct store *s, uint32_t e, struct reader *rd, struct blockmap *m)
{
	const struct index_entry *f = &s->ix.entries[e];
	uint32_t missing = m->n, p;
	BlockNumber limit = m->n;
	struct records rec;
	int rc;

	for (p = 0; p < f->count && missing > 0; p++) {
		rc = records_load(s, e, &s->ix.providers[f->first + p], rd, limit, &rec);
		if (rc < 0)
			return rc;
		missing -= claim(m, &rec, (uint8_t)p, limit);
		limit = MIN(limit, rec.truncated);
		records_fini(&rec);
	}
	return 0;
}

int
blockmap_build(const struct store *s, uint32_t e, struct reader *rd, struct blockmap **out)
{
	uint64_t n = (s->ix.entries[e].size + BLCKSZ - 1) / BLCKSZ;
	struct blockmap *m;
	int rc;

	if (n > BLOCKMAP_MAX_BLOCKS) {
		if (s->ix.entries[e].count > 0)
			store_complain(s, e, &s->ix.providers[s->ix.entries[e].first],
			    InvalidBlockNumber, "%" PRIu64 " blocks are more than a file can have", n);
		return -EUCLEAN;
	}
	if ((m = blockmap_new((uint32_t)n, s->check == PAGECHECK_HEADERS)) == NULL)
		return -ENOMEM;
	if ((rc = fill(s, e, rd, m)) < 0) {
		blockmap_free(m);
		return rc;
	}
	iostats_add(&rd->stats->map_builds, 1);
	*out = m;
	return 0;
}

int
blockmap_length(const struct store *s, uint32_t e, struct reader *rd, uint32_t *blocks)
{
	const struct index_entry *f = &s->ix.entries[e];
	BlockNumber limit = BLOCKMAP_MAX_BLOCKS;
	struct records rec;
	uint32_t p, high = 0;
	int rc;

	for (p = 0; p < f->count; p++) {
		rc = records_load(s, e, &s->ix.providers[f->first + p], rd, limit, &rec);
		if (rc < 0)
			return rc;
		if (rec.n > 0)
			high = MAX(high, rec.at[rec.n - 1].blkno + 1);
		limit = MIN(limit, rec.truncated);
		records_fini(&rec);
	}
	*blocks = high;
	return 0;
}

int
blockmap_find_lengths(const struct store *s, int index_fd, struct reader *rd)
{
	uint32_t e, blocks;
	int rc;

	for (e = 0; e < s->ix.n_entries; e++) {
		if (s->ix.entries[e].size != INDEX_SIZE_UNKNOWN)
			continue;
		if ((rc = blockmap_length(s, e, rd, &blocks)) < 0 ||
		    (rc = index_set_size(index_fd, e, (uint64_t)blocks * BLCKSZ)) < 0)
			return rc;
	}
	return 0;
}
