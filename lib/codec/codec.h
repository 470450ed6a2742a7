/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Page compression: from the bytes of a page record to a page of BLCKSZ.
 */
#ifndef CODEC_CODEC_H
#define CODEC_CODEC_H

#include <stddef.h>
#include <stdint.h>

/* The values are stored in the index of a mount, nowhere on disk. */
enum codec_alg { CODEC_NONE, CODEC_PGLZ, CODEC_ZLIB, CODEC_LZ4, CODEC_ZSTD, CODEC_COUNT };

/* Contexts of the libraries; one per thread, never shared. */
struct codec;

/* Returns a new context, or NULL when memory is short.  The caller frees it. */
struct codec *codec_new(void);
void	codec_free(struct codec *c);

/*
 * The algorithm called name (len bytes): compared without regard to case, as
 * pg_probackup does it.  Returns an enum codec_alg, or -EINVAL if unknown.
 */
int	codec_by_name(const char *name, size_t len);

/* "none", "pglz", "zlib", "lz4" or "zstd". */
const char *codec_name(enum codec_alg alg);

/*
 * Decompresses one page: len bytes at src into exactly size bytes at dst.
 * Returns 0, or -EUCLEAN if the input is not a valid stream of alg that gives
 * exactly size bytes; dst is then undefined.  Never reads or writes outside
 * the two buffers, whatever src holds.  size is BLCKSZ for pages.
 * Formats: zlib RFC 1950; lz4 a raw block; zstd one frame; pglz the body that
 * PostgreSQL's pglz_compress() makes, without a length header.
 */
int	codec_decode(struct codec *c, enum codec_alg alg, const void *src, size_t len,
	    void *dst, size_t size);

#endif
