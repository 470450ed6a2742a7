/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds the superuser that initdb made, for a message: the file of pg_authid by
 * the map of shared relations, and the name in it.  It knows no snapshot: if it finds
 * two names, it finds none.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "pg/authid.h"
#include "worker/role.h"
#include "worker/settings.h"

#define MAP_FILE	"global/pg_filenode.map"
#define BLOCKS_MAX	64
#define ROLES_MAX	1024

/* Returns the number of the file of pg_authid, or 0. */
static uint32_t
find_file(struct cow *c, struct reader *rd)
{
	unsigned char map[AUTHID_MAP_SIZE];
	struct cow_attr attr;
	uint32_t file;
	ssize_t got;

	if (settings_find(c, MAP_FILE, &attr) < 0 ||
	    (got = cow_read(c, attr.nodeid, 0, sizeof(map), map, rd)) < 0)
		return 0;
	return authid_filenode(map, (size_t)got, &file) == 0 ? file : 0;
}

const char *
role_find(struct cow *c, struct reader *rd, char name[ROLE_NAME_MAX])
{
	struct authid_role *role autofree = calloc(ROLES_MAX, sizeof(*role));
	uint32_t file = find_file(c, rd), i;
	unsigned char page[BLCKSZ];
	struct cow_attr attr;
	size_t n = 0, k;
	char path[32];

	name[0] = '\0';
	snprintf(path, sizeof(path), "global/%u", file);
	if (role == NULL || file == 0 || settings_find(c, path, &attr) < 0)
		return ROLE_USUAL;
	for (i = 0; i < BLOCKS_MAX; i++) {
		if (cow_read(c, attr.nodeid, (uint64_t)i * BLCKSZ, BLCKSZ, page, rd) != BLCKSZ)
			break;
		authid_roles(page, role, &n, ROLES_MAX);
	}
	for (k = 0; k < n; k++) {
		if (role[k].oid != AUTHID_BOOTSTRAP || role[k].dead)
			continue;
		if (name[0] != '\0')
			return ROLE_USUAL;
		strlcpy(name, role[k].name, ROLE_NAME_MAX);
	}
	return name[0] != '\0' ? name : ROLE_USUAL;
}
