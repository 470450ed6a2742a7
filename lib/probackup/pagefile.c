#include "config.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/io.h"
#include "base/util.h"
#include "probackup/pagecheck.h"
#include "probackup/pagefile.h"
#include "probackup/records.h"

/* Some adjacent records of one provider. */
struct run {
	uint32_t e;
	const struct index_provider *p;
	const struct blockmap *m;
	BlockNumber first;
	uint32_t count;
	uint32_t relation_block;	/* that the file's block 0 is in its relation */
};

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/*
 * The mark of a page does not fit: says what the header map expects.  (A mark
 * is all that a block map has room for.)
 */
static int
refuse_mark(const struct store *s, const struct run *run, BlockNumber blkno,
    const unsigned char *page, struct reader *r)
{
	char why[CHAIN_ERROR_MAX] = "LSN and checksum are not those of page_header_map";
	struct records rec;
	uint32_t i;

	if (records_load(s, run->e, run->p, r, blkno + 1, &rec) == 0) {
		for (i = rec.n; i > 0 && rec.at[i - 1].blkno != blkno; i--)
			;
		if (i > 0)
			pagecheck_header(page, run->relation_block + blkno, true,
			    &rec.at[i - 1], why);
		records_fini(&rec);
	}
	store_complain(s, run->e, run->p, blkno, "%s", why);
	return -EUCLEAN;
}

/* As far as the store is to check at all. */
static int
check_page(const struct store *s, const struct run *run, BlockNumber blkno,
    const unsigned char *page, struct reader *r)
{
	bool has_sums = s->ix.backups[run->p->backup].checksums != 0;
	uint32_t relation_block = run->relation_block + blkno;
	char why[CHAIN_ERROR_MAX];

	if (s->check >= STORE_CHECK_SUMS && has_sums &&
	    pagecheck_sum(page, relation_block, why) < 0) {
		store_complain(s, run->e, run->p, blkno, "%s", why);
		return -EUCLEAN;
	}
	if (run->m->mark != NULL && run->p->n_headers > 0 &&
	    !pagecheck_has_mark(page, relation_block, has_sums, run->m->mark[blkno]))
		return refuse_mark(s, run, blkno, page, r);
	return 0;
}

/* Decodes the record of blkno, of which left bytes were read. */
static int
decode_record(const struct store *s, const struct run *run, BlockNumber blkno,
    const unsigned char *rec, size_t left, struct reader *r, unsigned char *page)
{
	BlockNumber found;
	uint32_t size;
	enum codec_alg alg;

	if (left < RECORD_HEADER)
		goto cut;
	found = get_le32(rec);
	size = get_le32(rec + 4);
	if (found != blkno || size == 0 || size > BLCKSZ) {
		store_complain(s, run->e, run->p, blkno,
		    "expected its record at offset %u, found block %u of %u bytes",
		    run->m->pos[blkno], found, size);
		return -EUCLEAN;
	}
	if (left - RECORD_HEADER < size)
		goto cut;
	alg = records_payload_alg((enum codec_alg)run->p->alg,
	    s->ix.backups[run->p->backup].version, rec + RECORD_HEADER, size);
	iostats_add(&r->stats->codec_bytes_in, size);
	if (codec_decode(r->codec, alg, rec + RECORD_HEADER, size, page, BLCKSZ) == 0)
		return check_page(s, run, blkno, page, r);
	store_complain(s, run->e, run->p, blkno,
	    "%u bytes of %s do not decompress to a page", size, codec_name(alg));
	return -EUCLEAN;
cut:
	store_complain(s, run->e, run->p, blkno, "its record at offset %u is cut short",
	    run->m->pos[blkno]);
	return -EUCLEAN;
}

static ssize_t
fetch(const struct store *s, const struct run *run, struct reader *r)
{
	uint32_t from = run->m->pos[run->first];
	uint32_t last = run->m->pos[run->first + run->count - 1];
	uint64_t end = MIN((uint64_t)last + RECORD_HEADER + BLCKSZ, run->p->stored);
	struct fdref *ref;
	ssize_t n;
	int fd;

	if (end < from)
		return 0;
	if ((fd = store_fd_of(s, run->e, run->p, &ref)) < 0)
		return fd;
	n = store_pread(fd, r->scratch, (size_t)(end - from), from);
	fdcache_put(s->fds, ref);
	if (n < 0)
		store_complain(s, run->e, run->p, run->first, "%s", strerror((int)-n));
	return n;
}

static int
read_run(const struct store *s, const struct run *run, struct reader *r, unsigned char *dst)
{
	uint32_t i, from = run->m->pos[run->first];
	uint64_t start;
	ssize_t n;
	int rc = 0;

	if ((n = fetch(s, run, r)) < 0)
		return (int)n;
	start = now_ns();
	for (i = 0; i < run->count && rc == 0; i++) {
		size_t at = run->m->pos[run->first + i] - from;

		rc = decode_record(s, run, run->first + i, r->scratch + at,
		    at < (size_t)n ? (size_t)n - at : 0, r, dst + (size_t)i * BLCKSZ);
	}
	iostats_add(&r->stats->codec_ns, now_ns() - start);
	iostats_add(&r->stats->blocks_chain[run->p->backup], i);
	return rc;
}

/* How many blocks from first on lie in adjacent records of one provider. */
static uint32_t
run_length(const struct blockmap *m, BlockNumber first, uint32_t max)
{
	uint32_t n = 1;

	while (n < max && m->prov[first + n] == m->prov[first] &&
	    (m->prov[first] == BLOCKMAP_NOWHERE ||
	    (m->pos[first + n] > m->pos[first + n - 1] &&
	    m->pos[first + n] - m->pos[first + n - 1] <= RECORD_HEADER + BLCKSZ)))
		n++;
	return n;
}

int
pagefile_read(const struct store *s, uint32_t e, const struct blockmap *m, BlockNumber first,
    uint32_t count, struct reader *r, void *dst)
{
	const struct index_entry *f = &s->ix.entries[e];
	uint32_t relation_block = pagecheck_first_block(s->ix.strings + f->name);
	unsigned char *to = dst;
	uint32_t n;
	int rc;

	for (; count > 0; first += n, count -= n, to += (size_t)n * BLCKSZ) {
		n = run_length(m, first, count);
		if (m->prov[first] == BLOCKMAP_NOWHERE) {
			memset(to, 0, (size_t)n * BLCKSZ);
			iostats_add(&r->stats->blocks_zero, n);
			continue;
		}
		struct run run = {
			e, &s->ix.providers[f->first + m->prov[first]], m, first, n,
			relation_block
		};
		if ((rc = read_run(s, &run, r, to)) < 0)
			return rc;
	}
	return 0;
}
