/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Single frames of Zstandard.  Files of several, which the WAL archive has, are
 * read by lib/probackup/segstream.c.
 */
#include "config.h"

#include <errno.h>
#include <zstd.h>

#include "base/bytes.h"
#include "codec/codec_impl.h"

static void *
zstd_ctx_new(void)
{
	return ZSTD_createDCtx();
}

static void
zstd_ctx_free(void *ctx)
{
	ZSTD_freeDCtx(ctx);
}

/*
 * The library alone would also take several frames in a row, skippable ones,
 * and those of versions before 1.0, for which it allocates.  A page is one
 * frame: the magic number rules out the last two, the frame's length the first.
 */
static int
zstd_decode(void *ctx, const uint8_t *src, size_t len, uint8_t *dst, size_t size)
{
	if (len < sizeof(uint32_t) || get_le32(src) != ZSTD_MAGICNUMBER ||
	    ZSTD_findFrameCompressedSize(src, len) != len)
		return -EUCLEAN;
	return ZSTD_decompressDCtx(ctx, dst, size, src, len) == size ? 0 : -EUCLEAN;
}

const struct codec_impl codec_zstd = {
	.name = "zstd",
	.ctx_new = zstd_ctx_new,
	.ctx_free = zstd_ctx_free,
	.decode = zstd_decode,
};
