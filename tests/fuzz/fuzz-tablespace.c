/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fuzz target: tablespace_map.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "probackup/chain.h"
#include "probackup/tablespace.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[CHAIN_ERROR_MAX];
	struct tablespace_map m;
	size_t i;

	if (tablespace_map_parse((const char *)data, size, &m, error) < 0)
		return 0;
	for (i = 0; i < m.n; i++)
		if (m.at[i].location[0] != '/' ||
		    tablespace_find(&m, m.at[i].oid, strlen(m.at[i].oid)) != &m.at[i])
			abort();
	tablespace_map_fini(&m);
	return 0;
}
