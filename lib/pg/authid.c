/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads tuples of pg_authid as bytes.  Columns behind those that it needs may differ.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "pg/authid.h"
#include "pg/page.h"

#define MAP_MAGIC	0x592717
#define MAP_ENTRIES_MAX	64
#define AUTHID_OID	1260	/* the relation's */

#define PAGE_HEADER	24
#define LINE_POINTER	4
#define LP_NORMAL	1
#define TUPLE_HEADER	23
#define TUPLE_INFOMASK	20
#define TUPLE_HOFF	22	/* where the header says how long it is, null bitmap included */

/* Bits of the infomask. */
#define XMAX_LOCK_ONLY	0x0080
#define XMIN_COMMITTED	0x0100
#define XMIN_INVALID	0x0200	/* with XMIN_COMMITTED: frozen */
#define XMAX_COMMITTED	0x0400
#define XMAX_IS_MULTI	0x1000

/* Columns: oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin. */
#define COLUMN_NAME	4
#define COLUMN_SUPER	(COLUMN_NAME + AUTHID_NAME_MAX)
#define COLUMN_LOGIN	(COLUMN_SUPER + 4)
#define COLUMNS_END	(COLUMN_LOGIN + 1)

int
authid_filenode(const void *map, size_t len, uint32_t *filenode)
{
	const unsigned char *p = map;
	uint32_t i, n;

	if (len < 8 || get_le32(p) != MAP_MAGIC || (n = get_le32(p + 4)) > MAP_ENTRIES_MAX ||
	    len < 8 + 8 * (size_t)n)
		return -EUCLEAN;
	for (i = 0; i < n; i++)
		if (get_le32(p + 8 + 8 * (size_t)i) == AUTHID_OID) {
			*filenode = get_le32(p + 12 + 8 * (size_t)i);
			return *filenode != 0 ? 0 : -EUCLEAN;
		}
	return -EUCLEAN;
}

/* Whether a bit in the row says that nobody sees it. */
static bool
is_dead(unsigned mask)
{
	return (mask & (XMIN_COMMITTED | XMIN_INVALID)) == XMIN_INVALID ||
	    (mask & (XMAX_COMMITTED | XMAX_LOCK_ONLY | XMAX_IS_MULTI)) == XMAX_COMMITTED;
}

/* The columns of a tuple, or NULL. */
static const unsigned char *
find_columns(const unsigned char *page, size_t pointer, bool *dead)
{
	uint32_t lp = get_le32(page + pointer);
	size_t off = lp & 0x7fff, len = lp >> 17, hoff;

	if (((lp >> 15) & 3) != LP_NORMAL || off + len > BLCKSZ || len < TUPLE_HEADER)
		return NULL;
	hoff = page[off + TUPLE_HOFF];
	*dead = is_dead(get_le16(page + off + TUPLE_INFOMASK));
	return hoff >= TUPLE_HEADER && hoff + COLUMNS_END <= len ? page + off + hoff : NULL;
}

/* Where a name has its place: its own, or the next that is free. */
static size_t
find_place(const struct authid_role *role, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(role[i].name, name) == 0)
			break;
	return i;
}

void
authid_roles(const unsigned char page[BLCKSZ], struct authid_role *role, size_t *n, size_t max)
{
	size_t lower = get_le16(page + 12), at, i;
	bool dead;

	if (!page_header_plausible(page) || lower > BLCKSZ)
		return;
	for (at = PAGE_HEADER; at + LINE_POINTER <= lower; at += LINE_POINTER) {
		const unsigned char *c = find_columns(page, at, &dead);
		const char *name = c != NULL ? (const char *)c + COLUMN_NAME : NULL;

		if (c == NULL || name[0] == '\0' || name[AUTHID_NAME_MAX - 1] != '\0')
			continue;
		i = find_place(role, *n, name);
		if (i == max || (i < *n && dead))
			continue;
		role[i] = (struct authid_role){
			.oid = get_le32(c), .superuser = c[COLUMN_SUPER] == 1,
			.can_login = c[COLUMN_LOGIN] == 1, .dead = dead,
		};
		memcpy(role[i].name, name, AUTHID_NAME_MAX);
		*n = i == *n ? *n + 1 : *n;
	}
}
