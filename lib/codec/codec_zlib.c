/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * RFC 1950 streams.  libdeflate inflates a page in about half the time that
 * zlib needs; both accept exactly the same input here.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#else
#include <zlib.h>
#endif

#include "codec/codec_impl.h"

#ifdef HAVE_LIBDEFLATE

static void *
zlib_ctx_new(void)
{
	return libdeflate_alloc_decompressor();
}

static void
zlib_ctx_free(void *ctx)
{
	libdeflate_free_decompressor(ctx);
}

static int
zlib_decode(void *ctx, const uint8_t *src, size_t len, uint8_t *dst, size_t size)
{
	size_t used, made;

	if (libdeflate_zlib_decompress_ex(ctx, src, len, dst, size, &used, &made) !=
	    LIBDEFLATE_SUCCESS)
		return -EUCLEAN;
	return used == len && made == size ? 0 : -EUCLEAN;
}

#else

static void *
zlib_ctx_new(void)
{
	z_stream *z;

	if ((z = calloc(1, sizeof(*z))) == NULL)
		return NULL;
	if (inflateInit(z) != Z_OK) {
		free(z);
		return NULL;
	}
	return z;
}

static void
zlib_ctx_free(void *ctx)
{
	inflateEnd(ctx);
	free(ctx);
}

/*
 * With Z_FINISH and the whole page as output zlib needs no window of its own;
 * only a stream that breaks off makes it allocate one, once per context.
 */
static int
zlib_decode(void *ctx, const uint8_t *src, size_t len, uint8_t *dst, size_t size)
{
	z_stream *z = ctx;

	if (inflateReset(z) != Z_OK)
		return -EUCLEAN;
	z->next_in = (Bytef *)(uintptr_t)src;
	z->avail_in = (uInt)len;
	z->next_out = dst;
	z->avail_out = (uInt)size;
	if (inflate(z, Z_FINISH) != Z_STREAM_END)
		return -EUCLEAN;
	return z->avail_in == 0 && z->avail_out == 0 ? 0 : -EUCLEAN;
}

#endif

const struct codec_impl codec_zlib = {
	.name = "zlib",
	.ctx_new = zlib_ctx_new,
	.ctx_free = zlib_ctx_free,
	.decode = zlib_decode,
};
