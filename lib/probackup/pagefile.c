#include "config.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/io.h"
#include "base/util.h"
#include "pg/page.h"
#include "probackup/pagefile.h"
#include "probackup/records.h"

/* Some adjacent records of one provider. */
struct run {
	uint32_t e;
	const struct index_provider *p;
	const struct blockmap *m;
	BlockNumber first;
	uint32_t count;
};

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/*
 * Before 2.0.23 a payload of BLCKSZ bytes could be a compressed page that
 * happened to have that length; a raw page shows a plausible header.
 */
static enum codec_alg
payload_alg(const struct store *s, const struct index_provider *p, const unsigned char *payload,
    uint32_t size)
{
	if (size != BLCKSZ)
		return (enum codec_alg)p->alg;
	if (s->ix.backups[p->backup].version < RECORDS_VERSION_EXACT_RAW &&
	    p->alg != CODEC_NONE && !page_is_zero(payload) &&
	    !page_header_plausible(payload))
		return (enum codec_alg)p->alg;
	return CODEC_NONE;
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
	alg = payload_alg(s, run->p, rec + RECORD_HEADER, size);
	iostats_add(&r->stats->codec_bytes_in, size);
	if (codec_decode(r->codec, alg, rec + RECORD_HEADER, size, page, BLCKSZ) == 0)
		return 0;
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
			e, &s->ix.providers[f->first + m->prov[first]], m, first, n
		};
		if ((rc = read_run(s, &run, r, to)) < 0)
			return rc;
	}
	return 0;
}
