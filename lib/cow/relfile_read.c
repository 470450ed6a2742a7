#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "cow/impl.h"
#include "probackup/pagefile.h"

/* Reads whole blocks and parts of one, through a page of our own. */
static int
read_pages(struct cow *c, struct relfile *f, uint64_t off, size_t len, unsigned char *dst,
    struct reader *r)
{
	unsigned char page[BLCKSZ];
	int rc;

	while (len > 0) {
		BlockNumber blkno = (BlockNumber)(off / BLCKSZ);
		size_t in = off % BLCKSZ, n = MIN(len, BLCKSZ - in);

		if (n == BLCKSZ) {
			uint32_t count = (uint32_t)MIN(len / BLCKSZ, (size_t)READER_BLOCKS);

			n = (size_t)count * BLCKSZ;
			rc = pagefile_read(&c->store, f->base, f->map, blkno, count, r, dst);
		} else {
			rc = pagefile_read(&c->store, f->base, f->map, blkno, 1, r, page);
			memcpy(dst, page + in, n);
		}
		if (rc < 0)
			return rc;
		off += n;
		dst += n;
		len -= n;
	}
	return 0;
}

static int
read_chain(struct cow *c, struct relfile *f, uint64_t off, size_t len,
    unsigned char *dst, struct reader *r)
{
	size_t visible = off < f->limit ? (size_t)MIN((uint64_t)len, f->limit - off) : 0;
	int rc;

	memset(dst + visible, 0, len - visible);
	if (visible == 0)
		return 0;
	if (!(c->store.ix.entries[f->base].flags & INDEX_DATAFILE))
		return plainfile_read(&c->store, f->base, off, visible, dst, r);
	if ((rc = relfile_map(c, f, r)) < 0)
		return rc;
	return read_pages(c, f, off, visible, dst, r);
}

/* Whatever kept us from the store, and was logged there, is an I/O error to the application. */
int
relfile_read_chain(struct cow *c, struct relfile *f, uint64_t off, size_t len,
    unsigned char *dst, struct reader *r)
{
	int rc = read_chain(c, f, off, len, dst, r);

	return rc == 0 || rc == -ENOMEM ? rc : -EIO;
}

static int
read_content(struct cow *c, struct relfile *f, uint64_t off, size_t len, unsigned char *dst,
    struct reader *r)
{
	struct fdref *ref;
	ssize_t n;
	int fd;

	if ((fd = relfile_content(c, f, &ref)) < 0)
		return fd;
	n = io_pread(fd, dst, len, (off_t)off);
	fdcache_put(c->fds, ref);
	if (n < 0) {
		log_error("could not read \"data/%016" PRIx64 "\" at %" PRIu64 " in the diff directory: %s",
		    f->content, off, strerror((int)-n));
		return (int)n;
	}
	memset(dst + n, 0, len - (size_t)n);
	iostats_add(&r->stats->blocks_diff, (len + BLCKSZ - 1) / BLCKSZ);
	return 0;
}

/* Where the bytes at off come from, and how many of len come from there. */
static bool
run_in_chain(const struct relfile *f, uint64_t off, size_t len, size_t *run)
{
	uint64_t end = off + len, at = (off / BLCKSZ + 1) * BLCKSZ;
	bool chain = relfile_in_chain(f, off / BLCKSZ);

	while (at < end && relfile_in_chain(f, at / BLCKSZ) == chain)
		at += BLCKSZ;
	*run = (size_t)(MIN(at, end) - off);
	return chain;
}

static int
read_range(struct cow *c, struct relfile *f, uint64_t off, size_t len, unsigned char *dst,
    struct reader *r)
{
	size_t n;
	int rc = 0;

	for (; len > 0 && rc == 0; off += n, dst += n, len -= n) {
		if (run_in_chain(f, off, len, &n)) {
			rc = relfile_read_chain(c, f, off, n, dst, r);
		} else if (f->has_content) {
			rc = read_content(c, f, off, n, dst, r);
		} else {
			memset(dst, 0, n);
			iostats_add(&r->stats->blocks_zero, (n + BLCKSZ - 1) / BLCKSZ);
		}
	}
	return rc;
}

ssize_t
cow_read(struct cow *c, uint64_t nodeid, uint64_t off, size_t size, void *buf, struct reader *r)
{
	struct relfile *f;
	uint64_t end;
	ssize_t n = 0;
	int rc;

	if ((rc = relfile_of(c, nodeid, &f)) < 0)
		return rc;
	pthread_rwlock_rdlock(&f->lock);
	end = f->size;
	if (off < end) {
		n = (ssize_t)MIN((uint64_t)size, end - off);
		if ((rc = read_range(c, f, off, (size_t)n, buf, r)) < 0)
			n = rc;
	}
	pthread_rwlock_unlock(&f->lock);
	return n;
}
