/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Block maps as arrays of bytes, for tests.
 */
#ifndef SUPPORT_MAPBYTES_H
#define SUPPORT_MAPBYTES_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "diff/content.h"

/* content_map_read() of n blocks; kinds is left alone if that fails. */
static inline int
map_read_bytes(struct contents *c, uint64_t number, uint8_t *kinds, uint32_t n)
{
	struct kinds *k = kinds_new(n, CONTENT_CHAIN);
	uint32_t i;
	int r = k != NULL ? content_map_read(c, number, k, n, CONTENT_FULL) : -ENOMEM;

	for (i = 0; r == 0 && i < n; i++)
		kinds[i] = kinds_get(k, i);
	kinds_free(k);
	return r;
}

/* content_map_write() of n blocks from first on. */
static inline int
map_write_bytes(struct contents *c, uint64_t number, const uint8_t *kinds, uint32_t first,
    uint32_t n, bool *created)
{
	struct kinds_part *part = malloc(sizeof(*part) + n);
	int r;

	if (part == NULL)
		return -ENOMEM;
	*part = (struct kinds_part){ .first = first, .n = n };
	memcpy(part->kind, kinds, n);
	r = content_map_write(c, number, part, created);
	free(part);
	return r;
}

#endif
