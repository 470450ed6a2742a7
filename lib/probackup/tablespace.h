/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where tablespaces and external directories, which lie outside of PGDATA, are
 * shown; and the tablespace_map that names the tablespaces.
 *
 * A tablespace of the map is a link pg_tblspc/OID at the mount, which leads to
 * ONDISK_TABLESPACES/OID beneath the same root.  The location in the map is
 * production's: it is text, and never followed.  The N-th external directory is
 * shown as ONDISK_EXTERNAL/N.
 *
 * Format: doc/catalog.md, "Directories, tablespaces, external directories".
 */
#ifndef PROBACKUP_TABLESPACE_H
#define PROBACKUP_TABLESPACE_H

#include <stddef.h>
#include <stdint.h>

#define TABLESPACE_DIR		"pg_tblspc"
#define TABLESPACE_MAP		"tablespace_map"
#define TABLESPACE_OID_MAX	11	/* bytes of an OID in decimal, NUL included */
#define TABLESPACE_MAP_SIZE_MAX	(1024 * 1024)	/* bytes of a tablespace_map */

struct tablespace {
	char	oid[TABLESPACE_OID_MAX];
	char	*location;		/* production's; owned by the map */
};

struct tablespace_map {
	struct tablespace *at;		/* sorted by oid, as strings */
	size_t	n;
};

/*
 * Reads the text of a tablespace_map (len bytes): lines "OID LOCATION", the
 * location up to the end of the line, absolute.  Returns 0 and *m
 * (tablespace_map_fini()), -ENOMEM, or -EUCLEAN with error filled
 * (CHAIN_ERROR_MAX bytes, without the name of the file): a line that is not
 * one, an OID twice, a line cut short.
 */
int	tablespace_map_parse(const char *text, size_t len, struct tablespace_map *m, char *error);

/*
 * Reads the map of the backup whose directory is backup_fd; a backup without
 * one has no tablespaces.  Returns as above, or another negative errno with
 * error filled.
 */
int	tablespace_map_load(int backup_fd, struct tablespace_map *m, char *error);
void	tablespace_map_fini(struct tablespace_map *m);

/* The tablespace with this OID (len bytes), or NULL. */
const struct tablespace *tablespace_find(const struct tablespace_map *m, const char *oid,
    size_t len);

/*
 * Cuts external-dirs of a control file up and sorts it: the place of a directory, from 1, is its number.
 * They stay in text.  Returns how many there are.
 */
#define TABLESPACE_EXTERNALS_MAX	2048	/* in a text of CONTROL_EXTERNAL_MAX bytes */
unsigned tablespace_externals(char *text, char *dirs[TABLESPACE_EXTERNALS_MAX]);

/*
 * Turns a path at the mount into the path in a backup's directory:
 * "database/...", or for external directories "external_directories/...".
 * Returns its length, or -ENAMETOOLONG.
 */
int	tablespace_stored_path(const char *shown, char *buf, size_t size);

#endif
