/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A writer of PostgreSQL's pglz format, for tests and generated catalogs.
 */
#ifndef SUPPORT_PGLZ_COMPRESS_H
#define SUPPORT_PGLZ_COMPRESS_H

#include <stddef.h>

/*
 * Compresses len bytes (at most PGLZ_COMPRESS_MAX) at src into at most dst_max
 * bytes at dst.  Returns the length of the result, which is less than len, or
 * -1 if there is none that small; dst then is undefined.
 */
#define PGLZ_COMPRESS_MAX	65536
int	pglz_compress_page(const unsigned char *src, size_t len, unsigned char *dst,
	    size_t dst_max);

#endif
