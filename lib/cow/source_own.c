/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "base/util.h"
#include "cow/impl.h"
#include "cow/relfile.h"
#include "cow/source.h"

/*
 * The newest source: the content file in the diff directory.
 */

int
source_own_open(struct cow *c, struct relfile *f, struct fdref **ref)
{
	return source_content_open(c->contents, f->content.number, ref);
}

int
source_own_read(struct cow *c, struct relfile *f, uint64_t off, size_t len, unsigned char *dst,
    struct reader *rd)
{
	if (relfile_has_content(f))
		return source_content_read(c, c->contents, f->content.number, off, len, dst, rd);
	memset(dst, 0, len);
	iostats_add(&rd->stats->blocks_zero, (len + BLCKSZ - 1) / BLCKSZ);
	return 0;
}
