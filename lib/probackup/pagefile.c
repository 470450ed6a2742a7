/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/util.h"
#include "probackup/pagecheck.h"
#include "probackup/pagefile.h"
#include "probackup/records.h"

/*
 * Records of one provider that lie near each other in its file.  One pread(2)
 * fetches them, with the bytes between them.
 */
struct batch {
	uint32_t e;
	const struct index_provider *p;
	const struct blockmap *m;
	uint32_t relation_block;	/* that the file's block 0 is in its relation */
	uint32_t n;
	BlockNumber blkno[READER_BLOCKS];	/* in the order of their positions */
};

/*
 * The most bytes from one record to the next in a batch: reading them costs
 * less than another system call.
 */
#define STEP_MAX	(4 * (RECORD_HEADER + BLCKSZ))

/*
 * Logs what the header map expects of a page whose mark does not fit: a block map
 * has room for the mark alone.
 */
static int
refuse_mark(const struct store *s, const struct batch *b, BlockNumber blkno,
    const unsigned char *page, struct reader *rd)
{
	char why[CHAIN_ERROR_MAX] = "LSN and checksum are not those of page_header_map";
	struct records rec;
	uint32_t i;

	if (records_load(s, b->e, b->p, rd, blkno + 1, &rec) == 0) {
		for (i = rec.n; i > 0 && rec.at[i - 1].blkno != blkno; i--)
			;
		if (i > 0)
			pagecheck_header(page, b->relation_block + blkno, true,
			    &rec.at[i - 1], why);
		records_fini(&rec);
	}
	store_complain(s, b->e, b->p, blkno, "%s", why);
	return -EUCLEAN;
}

/* Checks a page as far as the store is to check at all. */
static int
check_page(const struct store *s, const struct batch *b, BlockNumber blkno,
    const unsigned char *page, struct reader *rd)
{
	bool has_sums = s->ix.backups[b->p->backup].checksums != 0;
	uint32_t relation_block = b->relation_block + blkno;
	char why[CHAIN_ERROR_MAX];

	if (s->check >= PAGECHECK_SUMS && has_sums &&
	    pagecheck_sum(page, relation_block, why) < 0) {
		store_complain(s, b->e, b->p, blkno, "%s", why);
		return -EUCLEAN;
	}
	if (b->m->mark != NULL && b->p->n_headers > 0 &&
	    !pagecheck_has_mark(page, relation_block, has_sums, b->m->mark[blkno]))
		return refuse_mark(s, b, blkno, page, rd);
	return 0;
}

/* Decodes the record of blkno, of which left bytes were read. */
static int
decode_record(const struct store *s, const struct batch *b, BlockNumber blkno,
    const unsigned char *rec, size_t left, struct reader *rd, unsigned char *page)
{
	BlockNumber found;
	uint32_t size;
	enum codec_alg alg;

	if (left < RECORD_HEADER)
		goto cut;
	found = get_le32(rec);
	size = get_le32(rec + 4);
	if (found != blkno || size == 0 || size > BLCKSZ) {
		store_complain(s, b->e, b->p, blkno,
		    "expected its record at offset %u, found block %u of %u bytes",
		    b->m->pos[blkno], found, size);
		return -EUCLEAN;
	}
	if (left - RECORD_HEADER < size)
		goto cut;
	alg = records_payload_alg((enum codec_alg)b->p->alg,
	    s->ix.backups[b->p->backup].version, rec + RECORD_HEADER, size);
	iostats_add(&rd->stats->codec_bytes_in, size);
	if (codec_decode(rd->codec, alg, rec + RECORD_HEADER, size, page, BLCKSZ) == 0)
		return check_page(s, b, blkno, page, rd);
	store_complain(s, b->e, b->p, blkno,
	    "%u bytes of %s do not decompress to a page", size, codec_name(alg));
	return -EUCLEAN;
cut:
	store_complain(s, b->e, b->p, blkno, "its record at offset %u is cut short",
	    b->m->pos[blkno]);
	return -EUCLEAN;
}

/*
 * Returns where the batch begins in the file of its provider; batch_end(),
 * where it ends at the latest.
 */
static uint32_t
batch_start(const struct batch *b)
{
	return b->m->pos[b->blkno[0]];
}

static uint64_t
batch_end(const struct batch *b)
{
	return MIN((uint64_t)b->m->pos[b->blkno[b->n - 1]] + RECORD_HEADER + BLCKSZ, b->p->stored);
}

static ssize_t
fetch(const struct store *s, const struct batch *b, struct reader *rd)
{
	uint64_t start = batch_start(b), end = batch_end(b);
	struct fdref *ref;
	ssize_t n;
	int fd;

	if (end < start)
		return 0;
	if ((fd = store_fd_of(s, b->e, b->p, &ref)) < 0)
		return fd;
	n = store_pread(fd, rd->scratch, (size_t)(end - start), (off_t)start);
	fdcache_put(s->fds, ref);
	if (n < 0)
		store_complain(s, b->e, b->p, b->blkno[0], "%s", strerror((int)-n));
	return n;
}

/* Decodes each page into its place in dst, which begins with block first. */
static int
read_batch(const struct store *s, const struct batch *b, struct reader *rd, BlockNumber first,
    unsigned char *dst)
{
	uint64_t start;
	uint32_t i;
	ssize_t n;
	int rc = 0;

	if ((n = fetch(s, b, rd)) < 0)
		return (int)n;
	start = clock_monotonic_ns();
	for (i = 0; i < b->n && rc == 0; i++) {
		size_t at = b->m->pos[b->blkno[i]] - batch_start(b);

		rc = decode_record(s, b, b->blkno[i], rd->scratch + at,
		    at < (size_t)n ? (size_t)n - at : 0, rd,
		    dst + (size_t)(b->blkno[i] - first) * BLCKSZ);
	}
	iostats_add(&rd->stats->codec_ns, clock_monotonic_ns() - start);
	iostats_add(&rd->stats->blocks_chain[b->p->backup], i);
	return rc;
}

/* Whether the record at pos can follow those of the batch in one read. */
static bool
joins(const struct batch *b, uint32_t pos)
{
	uint32_t last = b->m->pos[b->blkno[b->n - 1]];

	return pos > last && pos - last <= STEP_MAX &&
	    pos - batch_start(b) <= READER_SCRATCH - RECORD_HEADER - BLCKSZ;
}

/* Takes block first + begin, and those after it that one read can fetch with it. */
static void
take_batch(struct batch *b, BlockNumber first, uint32_t begin, uint32_t count, bool *taken)
{
	uint8_t prov = blockmap_provider(b->m, first + begin);
	uint32_t i;

	b->n = 0;
	for (i = begin; i < count; i++) {
		if (blockmap_provider(b->m, first + i) != prov || taken[i] ||
		    (b->n > 0 && !joins(b, b->m->pos[first + i])))
			continue;
		b->blkno[b->n++] = first + i;
		taken[i] = true;
	}
}

int
pagefile_read(const struct store *s, uint32_t e, const struct blockmap *m, BlockNumber first,
    uint32_t count, struct reader *rd, void *dst)
{
	const struct index_entry *f = &s->ix.entries[e];
	struct batch b = { .e = e, .m = m };
	bool taken[READER_BLOCKS] = { false };
	uint32_t i;
	int rc = 0;

	b.relation_block = pagecheck_first_block(s->ix.strings + f->name);
	for (i = 0; i < count && rc == 0; i++) {
		if (taken[i])
			continue;
		if (blockmap_provider(m, first + i) == BLOCKMAP_NOWHERE) {
			memset((unsigned char *)dst + (size_t)i * BLCKSZ, 0, BLCKSZ);
			iostats_add(&rd->stats->blocks_zero, 1);
			continue;
		}
		b.p = &s->ix.providers[f->first + blockmap_provider(m, first + i)];
		take_batch(&b, first, i, count, taken);
		rc = read_batch(s, &b, rd, first, dst);
	}
	return rc;
}
