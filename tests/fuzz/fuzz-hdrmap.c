/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A page_header_map.  The first byte says what the rest is: the map as it lies
 * on disk, or what it inflates to, which then gets the right checksum.  The
 * second byte is the number of headers that the list tells.
 */
#include "config.h"

#include <zlib.h>

#include "base/crc32c.h"
#include "fuzz.h"
#include "store.h"

#define ELEMENT	24

/* Compresses the elements: as the list describes them, all is well. */
static int
put_elements(const uint8_t *data, size_t size)
{
	uLongf len = compressBound(size);
	uint8_t *packed = malloc(len);
	int r = -1;

	if (packed != NULL && compress2(packed, &len, data, size, 1) == Z_OK) {
		fuzz_provider.n_headers = (uint32_t)(size / ELEMENT) - 1;
		fuzz_provider.hdr_size = (uint32_t)len;
		fuzz_provider.hdr_crc = crc32c(0, data, size);
		r = fuzz_put(FUZZ_MAP, packed, len);
	}
	free(packed);
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t stream[16 * (RECORD_HEADER + BLCKSZ)];
	uint32_t n_headers;
	int r;

	if (size < 2 + 2 * ELEMENT)
		return 0;
	if (fuzz_dirfd < 0) {
		fuzz_set_up();
		fuzz_put(FUZZ_FILE, stream, sizeof(stream));
	}
	n_headers = data[1];
	fuzz_backup.version = 20516;
	fuzz_provider = (struct index_provider){
		.stored = sizeof(stream), .n_headers = n_headers > 0 ? n_headers : 1,
		.hdr_size = (uint32_t)size - 2, .alg = CODEC_ZLIB,
	};
	r = data[0] % 2 == 0 ? fuzz_put(FUZZ_MAP, data + 2, size - 2) :
	    put_elements(data + 2, (size - 2) / ELEMENT * ELEMENT);
	if (r == 0)
		fuzz_read(data[0]);
	return 0;
}
