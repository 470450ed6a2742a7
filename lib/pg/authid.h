/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The roles of a cluster, from the pages of pg_authid: whoever connects to a server
 * for the first time has to know a name.  It knows nothing of visibility: a
 * name may be that of a role as it was, or as it never came to be.  The layout is
 * that of PostgreSQL 12 to 18.
 */
#ifndef PG_AUTHID_H
#define PG_AUTHID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pg/pg_types.h"

#define AUTHID_NAME_MAX	64	/* NAMEDATALEN, NUL included */
#define AUTHID_BOOTSTRAP 10	/* oid of the superuser that initdb makes, whatever its name */
#define AUTHID_MAP_SIZE	524	/* bytes of pg_filenode.map that are read, at most */

struct authid_role {
	uint32_t oid;
	char	name[AUTHID_NAME_MAX];
	bool	superuser, can_login;
	bool	dead;		/* the row says that nobody sees it any more */
};

/*
 * Finds the file node of pg_authid in len bytes of global/pg_filenode.map.  Returns 0, or
 * -EUCLEAN for what is no such map or does not have it.
 */
int	authid_filenode(const void *map, size_t len, uint32_t *filenode);

/*
 * Appends the roles of a page to role[], of which *n are used and max have room.  Of rows with the same
 * name one counts, and a dead one least.  Bytes that are no role are skipped, too: nothing on the page is believed.
 */
void	authid_roles(const unsigned char page[BLCKSZ], struct authid_role *role, size_t *n, size_t max);

#endif
