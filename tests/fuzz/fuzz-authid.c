/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: pages of pg_authid, and the map that says where they are.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "fuzz.h"
#include "pg/authid.h"

/* Whatever pages hold, there are no more roles than there is room, each has a name, and no name comes twice. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct authid_role role[16];
	unsigned char page[BLCKSZ];
	size_t n = 0, i, k, at;
	uint32_t file;

	if (authid_filenode(data, size, &file) == 0 && file == 0)
		abort();
	for (at = 0; at + BLCKSZ <= size; at += BLCKSZ) {
		memcpy(page, data + at, BLCKSZ);
		authid_roles(page, role, &n, ARRAY_SIZE(role));
	}
	if (n > ARRAY_SIZE(role))
		abort();
	for (i = 0; i < n; i++) {
		if (strnlen(role[i].name, AUTHID_NAME_MAX) == AUTHID_NAME_MAX || role[i].name[0] == '\0')
			abort();
		for (k = 0; k < i; k++)
			if (strcmp(role[i].name, role[k].name) == 0)
				abort();
	}
	return 0;
}
