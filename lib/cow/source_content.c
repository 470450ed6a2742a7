/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "cow/impl.h"
#include "cow/source.h"

/*
 * Content files, of the diff directory and of frozen layers alike.
 */

int
source_content_open(struct contents *contents, uint64_t number, struct fdref **ref)
{
	int fd = content_fd(contents, number, false, ref);

	if (fd < 0)
		log_error("could not open \"data/%016" PRIx64 "\" in %s: %s", number, contents_where(contents),
		    strerror(-fd));
	return fd == -ENOENT || fd == -EUCLEAN ? -EIO : fd;
}

int
source_content_read(struct cow *c, struct contents *contents, uint64_t number, uint64_t off, size_t len,
    unsigned char *dst, struct reader *rd)
{
	struct fdref *ref;
	ssize_t n;
	int fd;

	if ((fd = source_content_open(contents, number, &ref)) < 0)
		return fd;
	n = io_pread(fd, dst, len, (off_t)off);
	fdcache_put(c->fds, ref);
	if (n < 0) {
		log_error("could not read \"data/%016" PRIx64 "\" at %" PRIu64 " in %s: %s", number, off,
		    contents_where(contents), strerror((int)-n));
		return (int)n;
	}
	memset(dst + n, 0, len - (size_t)n);
	iostats_add(&rd->stats->blocks_diff, (len + BLCKSZ - 1) / BLCKSZ);
	return 0;
}
