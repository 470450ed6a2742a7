/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A part of a cluster: some of its databases are left out, as by --db-include
 * and --db-exclude of pg_probackup's restore.  Their directories and files are
 * there, since redo may want them, and every file is empty.
 *
 * The backup's database_map names the databases: one line for each but
 * template0 and template1, which are never left out.  Format: doc/catalog.md,
 * "Directories, tablespaces, external directories".
 */
#ifndef PROBACKUP_PARTIAL_H
#define PROBACKUP_PARTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probackup/chain.h"

#define DATABASE_MAP		"database_map"
#define DATABASE_MAP_SIZE_MAX	(8 * 1024 * 1024)	/* bytes of a database_map */

struct database {
	uint32_t oid;
	char	*name;			/* owned by the map */
};

struct database_map {
	struct database *at;		/* as they stand there */
	size_t	n;
};

/*
 * Reads the text of a database_map (len bytes): lines {"dbOid":"5", "datname":"postgres"}.
 * A name is written as it is: it goes to the last '"}' of its line.  Returns 0
 * and *m (database_map_fini()), -ENOMEM, or -EUCLEAN with error filled (CHAIN_ERROR_MAX
 * bytes, without the name of the file).
 */
int	database_map_parse(const char *text, size_t len, struct database_map *m, char *error);
void	database_map_fini(struct database_map *m);

/*
 * Makes c a chain whose mounted backup has only the n databases of names
 * (include), or all but these: sets what partial_leaves_out() asks for, before
 * index_build().  Returns 0, with one line in note that names those left out;
 * or negative errno with one line in error: no database_map, or a damaged one; a name
 * that it does not have; nothing that would be left out.  Both have CHAIN_ERROR_MAX bytes.
 */
int	partial_choose(struct chain *c, bool include, const char *const *names, unsigned n,
	    char *note, char *error);

/*
 * Whether path (len bytes, as a list has it, of PGDATA) is below the directory of
 * a database that c leaves out.  Safe from several threads.
 */
bool	partial_leaves_out(const struct chain *c, const char *path, size_t len);

#endif
