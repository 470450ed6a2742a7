/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: database_map.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "probackup/chain.h"
#include "probackup/partial.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[CHAIN_ERROR_MAX];
	struct database_map m;
	size_t i;

	if (database_map_parse((const char *)data, size, &m, error) < 0)
		return 0;
	for (i = 0; i < m.n; i++)
		if (m.at[i].oid == 0 || m.at[i].name[0] == '\0' ||
		    memchr(m.at[i].name, '\n', strlen(m.at[i].name)) != NULL)
			abort();
	database_map_fini(&m);
	return 0;
}
