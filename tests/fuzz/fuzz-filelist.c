/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: lines of a backup's list.
 */
#include "config.h"

#include <stdlib.h>

#include "base/io.h"
#include "fuzz.h"
#include "probackup/chain.h"
#include "probackup/filelist.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct filelist l = { .text = (const char *)data, .len = size };
	struct filelist_entry e;
	char error[CHAIN_ERROR_MAX];

	while (filelist_next(&l, &e, error) == 1)
		if (!io_path_is_plain(e.path, e.path_len) || e.size < -1)
			abort();
	return 0;
}
