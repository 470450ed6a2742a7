/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "cow/impl.h"
#include "cow/relfile.h"
#include "cow/source.h"

/*
 * The newest source: the content file in the diff directory.
 */

int
source_own_open(struct cow *c, struct relfile *f, struct fdref **ref)
{
	int fd = content_fd(c->contents, f->content.number, false, ref);

	if (fd < 0)
		log_error("could not open \"data/%016" PRIx64 "\" in the diff directory: %s",
		    f->content.number, strerror(-fd));
	return fd == -ENOENT || fd == -EUCLEAN ? -EIO : fd;
}

int
source_own_read(struct cow *c, struct relfile *f, uint64_t off, size_t len, unsigned char *dst,
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
	if ((fd = source_own_open(c, f, &ref)) < 0)
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
