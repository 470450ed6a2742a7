/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The entry of a codec in the table of codec.c; nobody else includes this.
 */
#ifndef CODEC_CODEC_IMPL_H
#define CODEC_CODEC_IMPL_H

#include <stddef.h>
#include <stdint.h>

struct codec_impl {
	const char *name;

	/*
	 * Makes and frees the context that decode() gets; both NULL if the codec
	 * needs none.  ctx_new() returns NULL when memory is short.
	 */
	void	*(*ctx_new)(void);
	void	(*ctx_free)(void *ctx);

	/*
	 * Does what codec_decode() does, which has made sure that len and size
	 * are neither 0 nor more than CODEC_SIZE_MAX.
	 */
	int	(*decode)(void *ctx, const uint8_t *src, size_t len, uint8_t *dst, size_t size);
};

/*
 * Far above any page, and low enough for libraries that count in int.  It is
 * a bound on arguments, not on what is allocated.
 */
#define CODEC_SIZE_MAX	((size_t)1 << 24)

extern const struct codec_impl codec_pglz, codec_zlib, codec_lz4, codec_zstd;

#endif
