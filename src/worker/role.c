/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds the superuser that initdb made, for a message: the file of pg_authid by
 * the map of shared relations, and the name in it.  It knows no snapshot: if it finds
 * two names, or a page that is not what it should be, it finds none.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "base/util.h"
#include "pg/page.h"
#include "worker/role.h"
#include "worker/settings.h"

#define MAP_FILE	"global/pg_filenode.map"
#define MAP_MAGIC	0x592717
#define MAP_ENTRIES_MAX	64
#define MAP_HEAD	8		/* magic and number of entries */

#define AUTHID_OID	1260
#define AUTHID_BLOCKS_MAX 64
#define SUPERUSER_OID	10		/* of whatever name */

#define PAGE_LOWER	12		/* offset of pd_lower */
#define PAGE_HEADER	24
#define ITEM_NORMAL	1
#define TUPLE_INFOMASK	20		/* offsets in a tuple */
#define TUPLE_HOFF	22
#define TUPLE_HEADER	23
#define XMAX_LOCK_ONLY	0x0080		/* bits of the infomask */
#define XMIN_COMMITTED	0x0100
#define XMIN_INVALID	0x0200		/* with XMIN_COMMITTED: frozen */
#define XMAX_COMMITTED	0x0400
#define XMAX_IS_MULTI	0x1000

/* Returns the number of the file of pg_authid, or 0. */
static uint32_t
find_file(struct cow *c, struct reader *rd)
{
	unsigned char map[MAP_HEAD + MAP_ENTRIES_MAX * 8];
	struct cow_attr attr;
	uint32_t i, n;
	ssize_t got;

	if (settings_find(c, MAP_FILE, &attr) < 0 ||
	    (got = cow_read(c, attr.nodeid, 0, sizeof(map), map, rd)) < MAP_HEAD ||
	    get_le32(map) != MAP_MAGIC)
		return 0;
	n = MIN(get_le32(map + 4), (uint32_t)(got - MAP_HEAD) / 8);
	for (i = 0; i < n; i++)
		if (get_le32(map + MAP_HEAD + i * 8) == AUTHID_OID)
			return get_le32(map + MAP_HEAD + i * 8 + 4);
	return 0;
}

/* Whether a bit in the row says that nobody sees it. */
static bool
is_dead_row(unsigned mask)
{
	return (mask & (XMIN_COMMITTED | XMIN_INVALID)) == XMIN_INVALID ||
	    (mask & (XMAX_COMMITTED | XMAX_LOCK_ONLY | XMAX_IS_MULTI)) == XMAX_COMMITTED;
}

/* Takes the name out of a row of the superuser's.  Returns false if there is another already. */
static bool
take_row(const unsigned char *tuple, size_t len, char name[ROLE_NAME_MAX])
{
	unsigned hoff;
	const char *found;
	size_t n;

	if (len < TUPLE_HEADER)
		return true;
	hoff = tuple[TUPLE_HOFF];
	if (is_dead_row(get_le16(tuple + TUPLE_INFOMASK)) || hoff + 4 + ROLE_NAME_MAX > len ||
	    get_le32(tuple + hoff) != SUPERUSER_OID)
		return true;
	found = (const char *)tuple + hoff + 4;
	n = strnlen(found, ROLE_NAME_MAX);
	if (n == 0 || n == ROLE_NAME_MAX)
		return false;
	if (name[0] != '\0')
		return strcmp(name, found) == 0;
	memcpy(name, found, n + 1);
	return true;
}

static bool
take_page(const unsigned char page[BLCKSZ], char name[ROLE_NAME_MAX])
{
	unsigned lower = get_le16(page + PAGE_LOWER), at;
	uint32_t item, off, len;

	if (page_is_zero(page))
		return true;
	if (!page_header_plausible(page) || lower > BLCKSZ)
		return false;
	for (at = PAGE_HEADER; at + 4 <= lower; at += 4) {
		item = get_le32(page + at);
		off = item & 0x7fff;
		len = item >> 17;
		if ((item >> 15 & 3) != ITEM_NORMAL)
			continue;
		if (off + len > BLCKSZ || !take_row(page + off, len, name))
			return false;
	}
	return true;
}

const char *
role_find(struct cow *c, struct reader *rd, char name[ROLE_NAME_MAX])
{
	unsigned char page[BLCKSZ];
	char path[32];
	struct cow_attr attr;
	uint32_t file = find_file(c, rd), i;

	name[0] = '\0';
	snprintf(path, sizeof(path), "global/%u", file);
	if (file == 0 || settings_find(c, path, &attr) < 0)
		return ROLE_USUAL;
	for (i = 0; i < AUTHID_BLOCKS_MAX; i++) {
		if (cow_read(c, attr.nodeid, (uint64_t)i * BLCKSZ, BLCKSZ, page, rd) != BLCKSZ)
			break;
		if (!take_page(page, name))
			return ROLE_USUAL;
	}
	return name[0] != '\0' ? name : ROLE_USUAL;
}
