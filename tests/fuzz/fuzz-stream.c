/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The page stream of a data file, without a header map.  The first two bytes
 * choose program version, algorithm and length; the rest is the stream.
 */
#include "config.h"

#include "fuzz.h"
#include "store.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t versions[] = { 20000, 20022, 20305, 20516 };
	uint32_t blocks;

	if (size < 2)
		return 0;
	if (fuzz_dirfd < 0)
		fuzz_set_up();
	fuzz_backup.version = versions[data[0] % 4];
	fuzz_provider = (struct index_provider){
		.stored = size - 2, .alg = (uint8_t)(data[0] / 4 % CODEC_COUNT)
	};
	if (fuzz_put(FUZZ_FILE, data + 2, size - 2) < 0)
		return 0;
	fuzz_read(data[1]);
	blockmap_length(&fuzz_store, 1, &fuzz_reader, &blocks);
	return 0;
}
