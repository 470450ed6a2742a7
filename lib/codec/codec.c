/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of codecs, and the bounds that all of them share.
 * lib/probackup/records.c takes page records apart; here are bytes and pages.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/util.h"
#include "codec/codec.h"
#include "codec/codec_impl.h"

struct codec {
	void	*ctx[CODEC_COUNT];
};

static int
none_decode(void *ctx, const uint8_t *src, size_t len, uint8_t *dst, size_t size)
{
	(void)ctx;
	if (len != size)
		return -EUCLEAN;
	memcpy(dst, src, size);
	return 0;
}

static const struct codec_impl codec_none = {
	.name = "none",
	.decode = none_decode,
};

static const struct codec_impl *const impls[CODEC_COUNT] = {
	[CODEC_NONE] = &codec_none,
	[CODEC_PGLZ] = &codec_pglz,
	[CODEC_ZLIB] = &codec_zlib,
	[CODEC_LZ4] = &codec_lz4,
	[CODEC_ZSTD] = &codec_zstd,
};

struct codec *
codec_new(void)
{
	struct codec *c;
	size_t i;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	for (i = 0; i < CODEC_COUNT; i++) {
		if (impls[i]->ctx_new == NULL)
			continue;
		if ((c->ctx[i] = impls[i]->ctx_new()) == NULL) {
			codec_free(c);
			return NULL;
		}
	}
	return c;
}

void
codec_free(struct codec *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < CODEC_COUNT; i++)
		if (c->ctx[i] != NULL)
			impls[i]->ctx_free(c->ctx[i]);
	free(c);
}

/*
 * pg_probackup also accepts a beginning of a name, for people who type
 * options; what it writes into a catalog is always the whole name, and "z"
 * would no longer say which codec is meant.
 */
int
codec_by_name(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < CODEC_COUNT; i++)
		if (strlen(impls[i]->name) == len && strncasecmp(impls[i]->name, name, len) == 0)
			return (int)i;
	return -EINVAL;
}

const char *
codec_name(enum codec_alg alg)
{
	return (unsigned)alg < CODEC_COUNT ? impls[alg]->name : "unknown";
}

int
codec_decode(struct codec *c, enum codec_alg alg, const void *src, size_t len,
    void *dst, size_t size)
{
	if ((unsigned)alg >= CODEC_COUNT || len == 0 || len > CODEC_SIZE_MAX ||
	    size == 0 || size > CODEC_SIZE_MAX)
		return -EUCLEAN;
	return impls[alg]->decode(c->ctx[alg], src, len, dst, size);
}
