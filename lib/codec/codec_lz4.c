/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Raw blocks of LZ4.  Frames, which the WAL archive has, are read by
 * lib/probackup/segstream.c.
 */
#include "config.h"

#include <errno.h>
#include <lz4.h>

#include "codec/codec_impl.h"

/* A raw block has no end mark: the library insists on using all of it. */
static int
lz4_decode(void *ctx, const uint8_t *src, size_t len, uint8_t *dst, size_t size)
{
	int made;

	(void)ctx;
	made = LZ4_decompress_safe((const char *)src, (char *)dst, (int)len, (int)size);
	return made == (int)size ? 0 : -EUCLEAN;
}

const struct codec_impl codec_lz4 = {
	.name = "lz4",
	.decode = lz4_decode,
};
