#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "cow/impl.h"
#include "cow/source.h"
#include "probackup/pagefile.h"

/* --- the chain --- */

/* Reads whole blocks and parts of one, through a page of our own. */
static int
read_pages(struct cow *c, struct relfile *f, uint64_t off, size_t len, unsigned char *dst,
    struct reader *rd)
{
	unsigned char page[BLCKSZ];
	int r;

	while (len > 0) {
		BlockNumber blkno = (BlockNumber)(off / BLCKSZ);
		size_t in = off % BLCKSZ, n = MIN(len, BLCKSZ - in);

		if (n == BLCKSZ) {
			uint32_t count = (uint32_t)MIN(len / BLCKSZ, (size_t)READER_BLOCKS);

			n = (size_t)count * BLCKSZ;
			r = pagefile_read(&c->store, f->base, f->map.built, blkno, count, rd, dst);
		} else {
			r = pagefile_read(&c->store, f->base, f->map.built, blkno, 1, rd, page);
			memcpy(dst, page + in, n);
		}
		if (r < 0)
			return r;
		off += n;
		dst += n;
		len -= n;
	}
	return 0;
}

static int
read_visible(struct cow *c, struct relfile *f, uint64_t off, size_t len, unsigned char *dst,
    struct reader *rd)
{
	size_t visible = off < f->blocks.limit ? (size_t)MIN((uint64_t)len, f->blocks.limit - off) : 0;
	int r;

	memset(dst + visible, 0, len - visible);
	if (visible == 0)
		return 0;
	if (!(c->store.ix.entries[f->base].flags & INDEX_DATAFILE))
		return plainfile_read(&c->store, f->base, off, visible, dst, rd);
	if ((r = relfile_map(c, f, rd)) < 0)
		return r;
	return read_pages(c, f, off, visible, dst, rd);
}

/* Whatever kept us from the store, and was logged there, is an I/O error to the application. */
static int
read_chain(struct cow *c, struct relfile *f, uint64_t off, size_t len, unsigned char *dst,
    struct reader *rd)
{
	int r = read_visible(c, f, off, len, dst, rd);

	return r == 0 || r == -ENOMEM ? r : -EIO;
}

/* --- the content file --- */

static int
read_own(struct cow *c, struct relfile *f, uint64_t off, size_t len, unsigned char *dst,
    struct reader *rd)
{
	uint64_t blocks = (len + BLCKSZ - 1) / BLCKSZ;
	struct fdref *ref;
	ssize_t n;
	int fd;

	if (!relfile_has_content(f)) {
		memset(dst, 0, len);
		iostats_add(&rd->stats->blocks_zero, blocks);
		return 0;
	}
	if ((fd = relfile_content(c, f, &ref)) < 0)
		return fd;
	n = io_pread(fd, dst, len, (off_t)off);
	fdcache_put(c->fds, ref);
	if (n < 0) {
		log_error("could not read \"data/%016" PRIx64 "\" at %" PRIu64 " in the diff directory: %s",
		    f->content.number, off, strerror((int)-n));
		return (int)n;
	}
	memset(dst + n, 0, len - (size_t)n);
	iostats_add(&rd->stats->blocks_diff, blocks);
	return 0;
}

/* --- all of them --- */

static int (*const read_from[SOURCE_COUNT])(struct cow *, struct relfile *, uint64_t, size_t,
    unsigned char *, struct reader *) = {
	[SOURCE_CHAIN]	= read_chain,
	[SOURCE_OWN]	= read_own,
};

enum source
source_of(const struct relfile *f, uint64_t blkno)
{
	if (blkno * BLCKSZ >= f->blocks.limit)
		return SOURCE_OWN;
	return f->blocks.kinds == NULL ? SOURCE_CHAIN :
	    (enum source)kinds_get(f->blocks.kinds, (uint32_t)blkno);
}

bool
source_is_older(const struct relfile *f, uint64_t blkno)
{
	return source_of(f, blkno) != SOURCE_OWN;
}

size_t
source_run(const struct relfile *f, uint64_t off, size_t len, enum source *s)
{
	uint64_t end = off + len, at = (off / BLCKSZ + 1) * BLCKSZ;

	*s = source_of(f, off / BLCKSZ);
	while (at < end && source_of(f, at / BLCKSZ) == *s)
		at += BLCKSZ;
	return (size_t)(MIN(at, end) - off);
}

int
source_read(struct cow *c, struct relfile *f, enum source s, uint64_t off, size_t len,
    unsigned char *dst, struct reader *rd)
{
	return read_from[s](c, f, off, len, dst, rd);
}

/* --- towards the newest --- */

int
source_pend(struct cow *c, struct relfile *f, uint32_t first, uint32_t count)
{
	int r;

	pthread_mutex_lock(&c->pending_lock);
	r = pending_append(c->config.pending, f->content.number, first, count);
	pthread_mutex_unlock(&c->pending_lock);
	return r;
}

int
source_own(struct cow *c, struct relfile *f, uint32_t first, uint32_t count)
{
	int r;

	if ((r = kinds_reserve(f->blocks.kinds, first, count)) < 0 ||
	    (r = source_pend(c, f, first, count)) < 0)
		return r;
	kinds_set_full(f->blocks.kinds, first, count);
	return 0;
}
