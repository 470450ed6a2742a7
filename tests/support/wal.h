/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * WAL segments for tests: a first page as PostgreSQL 15 has it, and bytes that
 * tell every place from every other.
 */
#ifndef SUPPORT_WAL_H
#define SUPPORT_WAL_H

#include <fcntl.h>
#include <lz4frame.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/io.h"
#include "pg/walname.h"
#include "pg/walpage.h"

#define WAL_SYSID	UINT64_C(7711124431891965847)
#define WAL_MAGIC_15	0xD110
#define WAL_SEG		((uint32_t)1 << 20)

static inline void
wal_put(unsigned char *page, size_t at, uint64_t value, size_t len)
{
	memcpy(page + at, &value, len);
}

/* The header of segment segno; page has WALPAGE_LONG bytes. */
static inline void
wal_header(unsigned char *page, uint32_t timeline, uint64_t segno, uint32_t seg_size)
{
	memset(page, 0, WALPAGE_LONG);
	wal_put(page, 0, WAL_MAGIC_15, 2);
	wal_put(page, 2, 0x0002, 2);
	wal_put(page, 4, timeline, 4);
	wal_put(page, 8, segno * seg_size, 8);
	wal_put(page, 24, WAL_SYSID, 8);
	wal_put(page, 32, seg_size, 4);
	wal_put(page, 36, 8192, 4);
}

/* A whole segment, malloc'ed; later bytes depend on place, timeline and segno. */
static inline unsigned char *
wal_segment(uint32_t timeline, uint64_t segno, uint32_t seg_size)
{
	unsigned char *bytes = malloc(seg_size);
	uint32_t i, x = (uint32_t)segno * 2654435761u + timeline;

	if (bytes == NULL)
		abort();
	for (i = 0; i < seg_size; i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = (unsigned char)(i / 4096 % 3 == 0 ? x >> 24 : i >> 12);
	}
	wal_header(bytes, timeline, segno, seg_size);
	return bytes;
}

/* Writes len bytes as dir/name, as they are. */
static inline void
wal_write(const char *dir, const char *name, const void *bytes, size_t len)
{
	char path[1024];
	FILE *fp;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((fp = fopen(path, "wb")) == NULL || fwrite(bytes, 1, len, fp) != len || fclose(fp) != 0)
		abort();
}

/* The same, compressed. */
static inline void
wal_write_gz(const char *dir, const char *name, const void *bytes, size_t len)
{
	char path[1024];
	gzFile gz;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((gz = gzopen(path, "wb1")) == NULL || gzwrite(gz, bytes, (unsigned)len) != (int)len ||
	    gzclose(gz) != Z_OK)
		abort();
}

/* The same as one frame of LZ4 with a checksum of the content. */
static inline void
wal_write_lz4(const char *dir, const char *name, const void *bytes, size_t len)
{
	const LZ4F_preferences_t p = { .frameInfo = { .contentChecksumFlag = LZ4F_contentChecksumEnabled } };
	size_t room = LZ4F_compressFrameBound(len, &p), n;
	void *to = malloc(room);

	if (to == NULL || LZ4F_isError(n = LZ4F_compressFrame(to, room, bytes, len, &p)))
		abort();
	wal_write(dir, name, to, n);
	free(to);
}

/* And of zstd, of which window_log 0 is the usual one. */
static inline void
wal_write_zst(const char *dir, const char *name, const void *bytes, size_t len, int window_log)
{
	size_t room = ZSTD_compressBound(len) + 1024;
	ZSTD_CCtx *z = ZSTD_createCCtx();
	void *to = malloc(room);
	ZSTD_outBuffer out = { to, room, 0 };
	ZSTD_inBuffer in = { bytes, len, 0 };

	if (to == NULL || z == NULL)
		abort();
	ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
	if (window_log != 0) {		/* what a stream of unknown length gets */
		ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, window_log);
		ZSTD_CCtx_setParameter(z, ZSTD_c_contentSizeFlag, 0);
		if (ZSTD_compressStream2(z, &out, &in, ZSTD_e_continue) == (size_t)-1)
			abort();
	}
	if (ZSTD_compressStream2(z, &out, &in, ZSTD_e_end) != 0)
		abort();
	wal_write(dir, name, to, out.pos);
	ZSTD_freeCCtx(z);
	free(to);
}

#endif
