/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: compressed pages of every codec.  The first byte chooses the
 * algorithm, the others are the stream.
 */
#include "config.h"

#include <stdlib.h>

#include "fuzz.h"
#include "codec/codec.h"

#define PAGE	8192

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct codec *codec;
	uint8_t *page;

	if (size < 1 || (codec == NULL && (codec = codec_new()) == NULL))
		return 0;
	/* On the heap, where a sanitizer sees a byte too many. */
	if ((page = malloc(PAGE)) == NULL)
		return 0;
	codec_decode(codec, data[0] % CODEC_COUNT, data + 1, size - 1, page, PAGE);
	free(page);
	return 0;
}
