/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <string.h>

#include "base/util.h"
#include "cow/frozen.h"
#include "cow/impl.h"
#include "cow/layer.h"
#include "cow/relfile.h"
#include "cow/source.h"

/*
 * The sources in between: content files of frozen layers.
 */

int
source_frozen_read(struct cow *c, struct relfile *f, enum source s, uint64_t off, size_t len, unsigned char *dst,
    struct reader *rd)
{
	const struct frozen_part *p = &f->frozen->part[s - SOURCE_FROZEN];
	uint64_t end = p->number == 0 ? 0 : MIN(p->visible, f->blocks.limit);
	size_t visible = off < end ? (size_t)MIN((uint64_t)len, end - off) : 0;

	memset(dst + visible, 0, len - visible);
	return visible == 0 ? 0 : source_content_read(c, c->layers[p->layer].contents, p->number, off, visible, dst, rd);
}
