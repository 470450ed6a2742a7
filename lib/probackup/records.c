/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds the records of a page stream: by page_header_map, or by their headers.
 * It decodes no page.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/io.h"
#include "base/util.h"
#include "pg/page.h"
#include "probackup/blockmap.h"
#include "probackup/records.h"

/* One element of page_header_map: lsn, block, position, checksum, padding. */
#define ELEMENT			24
#define ELEMENT_LSN		0
#define ELEMENT_BLOCK		8
#define ELEMENT_POS		12
#define ELEMENT_CHECKSUM	16

/* A header map may not claim to inflate to much more than it takes. */
#define HEADER_MAP_MAX_PACKED	(256 * MiB)
#define INFLATES_MAX		1040	/* times: deflate's limit is 1032 */

#define SIZE_TRUNCATED	(-2)	/* compressed_size of a truncation record */

/* The whole file is at fault, or block blkno of it. */
#define REFUSE(f, block, rc, ...) \
	((f)->blkno = (block), explain((f)->why, rc, __VA_ARGS__))

static int
read_packed(int fd, const struct index_provider *p, void *dst, struct records_fault *fault)
{
	ssize_t n = store_pread(fd, dst, p->hdr_size, (off_t)p->hdr_off);

	if (n < 0)
		return REFUSE(fault, InvalidBlockNumber, (int)n,
		    "its page headers at %" PRIu64 " of page_header_map: %s", p->hdr_off,
		    strerror((int)-n));
	if ((size_t)n == p->hdr_size)
		return 0;
	return REFUSE(fault, InvalidBlockNumber, -EUCLEAN,
	    "its page headers should be %u bytes at %" PRIu64 " of page_header_map, which ends %zu bytes earlier",
	    p->hdr_size, p->hdr_off, p->hdr_size - (size_t)n);
}

/*
 * Compares the length of the file with what the list claims, before anybody
 * allocates for that.
 */
static int
check_length(int fd, const struct index_provider *p, struct records_fault *fault)
{
	struct stat st;
	uint64_t end = p->hdr_off + p->hdr_size;
	int rc;

	if ((rc = store_fstat(fd, &st)) < 0)
		return REFUSE(fault, InvalidBlockNumber, rc, "page_header_map: %s", strerror(-rc));
	if ((uint64_t)st.st_size >= end)
		return 0;
	return REFUSE(fault, InvalidBlockNumber, -EUCLEAN,
	    "its page headers should be %u bytes at %" PRIu64 " of page_header_map, which ends %" PRIu64 " bytes earlier",
	    p->hdr_size, p->hdr_off, MIN(end - (uint64_t)st.st_size, (uint64_t)p->hdr_size));
}

/* Inflates the headers of p into a malloc'ed array of n_headers + 1 elements. */
static int
read_header_map(int fd, const struct index_provider *p, struct codec *codec,
    unsigned char **out, struct records_fault *fault)
{
	unsigned char *packed autofree = NULL, *plain autofree = NULL;
	size_t size = ((size_t)p->n_headers + 1) * ELEMENT;
	uint32_t crc;
	int rc;

	/* Each header stands for a record, which has a byte of a page at least. */
	if (p->n_headers > BLOCKMAP_MAX_BLOCKS || p->hdr_size > HEADER_MAP_MAX_PACKED ||
	    p->n_headers > p->stored / (RECORD_HEADER + 1) ||
	    size > (uint64_t)p->hdr_size * INFLATES_MAX)
		return REFUSE(fault, InvalidBlockNumber, -EUCLEAN,
		    "%u page headers in %u bytes are more than a file can have",
		    p->n_headers, p->hdr_size);
	if ((rc = check_length(fd, p, fault)) < 0)
		return rc;
	packed = malloc(p->hdr_size + 1);
	plain = malloc(size);
	if (packed == NULL || plain == NULL)
		return -ENOMEM;
	if ((rc = read_packed(fd, p, packed, fault)) < 0)
		return rc;
	if (codec_decode(codec, CODEC_ZLIB, packed, p->hdr_size, plain, size) < 0)
		return REFUSE(fault, InvalidBlockNumber, -EUCLEAN,
		    "its page headers do not inflate to %zu bytes", size);
	if ((crc = crc32c(0, plain, size)) != p->hdr_crc)
		return REFUSE(fault, InvalidBlockNumber, -EUCLEAN,
		    "page headers have CRC %u, expected %u", crc, p->hdr_crc);
	*out = steal_pointer(&plain);
	return 0;
}

/* Whether header i at el fits its neighbours and the file. */
static bool
header_fits(const struct index_provider *p, const unsigned char *el, uint32_t i)
{
	uint32_t pos = get_le32(el + ELEMENT_POS), next = get_le32(el + ELEMENT + ELEMENT_POS);

	return next > pos && next - pos > RECORD_HEADER &&
	    next - pos <= RECORD_HEADER + BLCKSZ && next <= p->stored &&
	    (i == 0 || get_le32(el + ELEMENT_BLOCK) > get_le32(el - ELEMENT + ELEMENT_BLOCK));
}

static int
take_headers(const struct index_provider *p, const unsigned char *map, BlockNumber limit,
    struct records *out, struct records_fault *fault)
{
	const unsigned char *el = map;
	uint32_t i;

	for (i = 0; i < p->n_headers; i++, el += ELEMENT) {
		struct record_at at = {
			.lsn = get_le64(el + ELEMENT_LSN), .blkno = get_le32(el + ELEMENT_BLOCK),
			.pos = get_le32(el + ELEMENT_POS), .checksum = get_le16(el + ELEMENT_CHECKSUM),
		};

		if (!header_fits(p, el, i))
			return REFUSE(fault, at.blkno, -EUCLEAN,
			    "page header %u contradicts the one before or after it", i);
		if (at.blkno >= limit)
			return 0;
		out->at[out->n++] = at;
	}
	out->end = get_le32(el + ELEMENT_POS);
	return 0;
}

int
records_unpack(int fd, const struct index_provider *p, struct codec *codec, BlockNumber limit,
    struct records *out, struct records_fault *fault)
{
	struct records rec = { .truncated = InvalidBlockNumber };
	unsigned char *map autofree = NULL;
	int rc;

	if ((rc = read_header_map(fd, p, codec, &map, fault)) < 0)
		return rc;
	if ((rec.at = malloc(MAX(p->n_headers, 1u) * sizeof(*rec.at))) == NULL)
		return -ENOMEM;
	if ((rc = take_headers(p, map, limit, &rec, fault)) < 0) {
		records_fini(&rec);
		return rc;
	}
	*out = rec;
	return 0;
}

static int
from_header_map(const struct store *s, uint32_t e, const struct index_provider *p,
    struct reader *rd, BlockNumber limit, struct records *out)
{
	struct records_fault fault;
	struct fdref *ref;
	int fd, rc;

	if ((fd = store_fd_of(s, INDEX_NONE, p, &ref)) < 0) {
		store_complain(s, e, p, InvalidBlockNumber, "could not open page_header_map");
		return fd;
	}
	rc = records_unpack(fd, p, rd->codec, limit, out, &fault);
	fdcache_put(s->fds, ref);
	if (rc < 0 && rc != -ENOMEM)
		store_complain(s, e, p, fault.blkno, "%s", fault.why);
	return rc;
}

enum codec_alg
records_payload_alg(enum codec_alg alg, uint32_t version, const unsigned char *payload,
    uint32_t size)
{
	if (size != BLCKSZ)
		return alg;
	if (version < RECORDS_VERSION_EXACT_RAW && alg != CODEC_NONE && !page_is_zero(payload) &&
	    !page_header_plausible(payload))
		return alg;
	return CODEC_NONE;
}

/* Reads the stream in windows; the record headers are all that is wanted. */
struct scan {
	int	fd;
	unsigned char *buf;
	uint64_t start;		/* offset of buf in the stream */
	size_t	have;
};

#define SCAN_WINDOW	(64 * KiB)

static const unsigned char *
scan_header(struct scan *sc, uint64_t pos)
{
	ssize_t n;

	if (pos < sc->start || pos + RECORD_HEADER > sc->start + sc->have) {
		n = store_pread(sc->fd, sc->buf, SCAN_WINDOW, (off_t)pos);
		if (n < RECORD_HEADER)
			return NULL;
		sc->start = pos;
		sc->have = (size_t)n;
	}
	return sc->buf + (pos - sc->start);
}

static int
append(struct records *out, uint32_t *room, BlockNumber blkno, uint64_t pos)
{
	struct record_at *at;

	if (out->n == *room) {
		*room = *room == 0 ? 64 : *room * 2;
		at = realloc(out->at, *room * sizeof(*at));
		if (at == NULL)
			return -ENOMEM;
		out->at = at;
	}
	out->at[out->n++] = (struct record_at){ .blkno = blkno, .pos = (uint32_t)pos };
	return 0;
}

static int
scan_stream(const struct store *s, uint32_t e, const struct index_provider *p,
    struct scan *sc, BlockNumber limit, struct records *out)
{
	uint32_t version = s->ix.backups[p->backup].version, room = 0;
	BlockNumber last = InvalidBlockNumber;
	const unsigned char *h;
	uint64_t pos = 0;
	int rc;

	while (pos < p->stored) {
		BlockNumber blkno;
		int32_t size;

		if ((h = scan_header(sc, pos)) == NULL)
			goto broken;
		blkno = get_le32(h);
		size = (int32_t)get_le32(h + 4);
		if (size == SIZE_TRUNCATED) {
			out->truncated = blkno;
			return 0;
		}
		if (size <= 0 || size > BLCKSZ || (last != InvalidBlockNumber && blkno <= last) ||
		    blkno == InvalidBlockNumber || pos > UINT32_MAX)
			goto broken;
		last = blkno;
		/*
		 * A record behind the limit cannot matter, but a truncation
		 * might follow.
		 */
		if (blkno < limit && (rc = append(out, &room, blkno, pos)) < 0)
			return rc;
		pos += RECORD_HEADER + records_padded((uint32_t)size, version);
	}
	return 0;
broken:
	store_complain(s, e, p, last == InvalidBlockNumber ? 0 : last + 1,
	    "no valid page record at offset %" PRIu64 " of %" PRIu64, pos, p->stored);
	return -EUCLEAN;
}

static int
from_stream(const struct store *s, uint32_t e, const struct index_provider *p,
    BlockNumber limit, struct records *out)
{
	struct scan sc = { .buf = malloc(SCAN_WINDOW) };
	struct fdref *ref;
	int rc;

	if (sc.buf == NULL)
		return -ENOMEM;
	rc = sc.fd = store_fd_of(s, e, p, &ref);
	if (rc >= 0) {
		rc = scan_stream(s, e, p, &sc, limit, out);
		fdcache_put(s->fds, ref);
	}
	free(sc.buf);
	return rc;
}

int
records_load(const struct store *s, uint32_t e, const struct index_provider *p,
    struct reader *rd, BlockNumber limit, struct records *out)
{
	struct records rec = { .truncated = InvalidBlockNumber };
	int rc;

	rc = p->n_headers > 0 ? from_header_map(s, e, p, rd, limit, &rec) :
	    from_stream(s, e, p, limit, &rec);
	if (rc < 0) {
		records_fini(&rec);
		return rc;
	}
	*out = rec;
	return 0;
}

void
records_fini(struct records *rec)
{
	free(rec->at);
	rec->at = NULL;
}
