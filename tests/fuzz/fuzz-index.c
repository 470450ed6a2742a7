/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: a whole index, as a preparer hands it over.
 */
#include "config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "fuzz.h"
#include "probackup/index.h"

/* Whatever index_open() lets pass can be walked. */
static void
walk(const struct index *ix)
{
	const struct index_entry *e;
	char path[PATH_MAX];
	uint32_t i, k;
	int len;

	for (i = 0; i < ix->n_entries; i++) {
		e = &ix->entries[i];
		len = index_path(ix, i, path, sizeof(path));
		if (len >= 0 && index_lookup(ix, path, (size_t)len) != i)
			abort();
		if ((e->flags & INDEX_DIR) != 0)
			continue;
		for (k = 0; k < e->count; k++)
			if (ix->providers[e->first + k].backup >= ix->n_backups)
				abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct index ix;

	if (fd < 0)
		return 0;
	if (io_pwrite(fd, data, size, 0) == 0 && index_open(fd, &ix) == 0) {
		walk(&ix);
		index_close(&ix);
	}
	close(fd);
	return 0;
}
