/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The index: what the mounted backup looks like, and where in the chain each
 * file's content can be.  Position-independent, so that it can be built once
 * in a memfd, sealed, and mapped by every worker.
 *
 * Entries are numbered; entry 0 is the root directory.  The children of one
 * directory are consecutive and sorted by name (memcmp, the shorter first).
 */
#ifndef PROBACKUP_INDEX_H
#define PROBACKUP_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "base/backupid.h"
#include "probackup/chain.h"

#define INDEX_ROOT	0u
#define INDEX_NONE	UINT32_MAX
#define INDEX_MAX_ENTRIES	(1u << 28)
#define INDEX_DEPTH_MAX	128	/* components of a path */
#define INDEX_THREADS_MAX	64
#define INDEX_SIZE_MAX	((uint64_t)UINT32_MAX * 8192)	/* bytes of a data file */
#define INDEX_SIZE_UNKNOWN	UINT64_MAX	/* see index_set_size() */

enum {
	INDEX_DIR	= 1 << 0,
	INDEX_DATAFILE	= 1 << 1,	/* page streams; otherwise copied as it is */
	INDEX_LINK	= 1 << 2,	/* to a tablespace: see index_link_target() */
};

struct index_entry {
	uint64_t size;		/* bytes as restored, or INDEX_SIZE_UNKNOWN; 0 for directories and links */
	uint32_t mode;		/* st_mode with type */
	uint32_t parent;	/* entry; the root is its own parent */
	uint32_t name;		/* offset in the strings; NUL terminated there */
	uint32_t first;		/* directory: first child entry; file: first provider */
	uint32_t count;		/* directory: children; file: providers */
	uint16_t name_len;
	uint16_t flags;
};

/*
 * A backup that stores something of a file, the newest first.  A data file has
 * one for each backup with pages of it, another file at most one.  A file of
 * length 0 has none.
 */
struct index_provider {
	uint64_t stored;	/* bytes of database/<path> in this backup */
	uint64_t hdr_off;	/* page_header_map, when n_headers > 0 */
	uint32_t hdr_size, n_headers, hdr_crc;
	uint32_t crc;		/* of the stored bytes, as listed */
	uint16_t backup;	/* number in the chain, 0 = mounted one */
	uint8_t	alg;		/* enum codec_alg */
	uint8_t	reserved[5];	/* 0 */
};

struct index_backup {
	char	id[BACKUP_ID_MAX];
	uint32_t version;	/* program-version as a number */
	uint32_t checksums;	/* checksum-version, 0 = pages have none */
	uint32_t list_crc;	/* CRC-32C of its list */
	uint32_t reserved;	/* 0 */
	/*
	 * Versions of the files that the index was made from; all 0: not
	 * known, so that staleness_check() reads them.
	 */
	struct file_version control, list;
};

/* A mapped index; the pointers lie in the mapping. */
struct index {
	const struct index_entry *entries;
	const struct index_provider *providers;
	const struct index_backup *backups;
	const char *strings;
	uint32_t n_entries, n_providers, n_backups;
	uint64_t strings_len;
	uint64_t tree_digest;	/* of all paths, types and lengths as listed: equal trees, equal digest */
	uint32_t server_version;	/* major: 15 */
	uint32_t xlog_seg_size;		/* bytes, 0 if unknown */
	int64_t	since;			/* the index knows nothing that was written to the store later: ns since the epoch */
	const void *map;
	size_t	map_len;
};

/*
 * Merges the lists of a chain into an index, written to fd (a memfd, empty;
 * it grows to at most max bytes).  n_threads read lists at the same time, each
 * a piece at a time; what is held in memory grows with the files of the
 * mounted backup and with what the chain stores of them, not with the lists.
 * Compares each list with its content-crc and sets list_crc of each member.
 *
 * Tablespaces and external directories are in the tree as probackup/tablespace.h
 * says.
 * Left out: tablespace_map, database_map, postmaster.pid and postmaster.opts at
 * the root, and anything else that restore does not create.  Parents that are not
 * listed are added as directories 0700; the root is 0700, or 0750 where
 * "global" is open to the group.
 *
 * Files of databases that the chain leaves out (probackup/partial.h) are empty.
 *
 * A data file for which the mounted backup (an old version) gives no n_blocks
 * has the size INDEX_SIZE_UNKNOWN if any backup stores pages of it.
 *
 * Returns 0, -EFBIG if the index would pass max, or -EUCLEAN with error
 * (CHAIN_ERROR_MAX bytes, filled for every failure) naming the backup and the
 * path: a path twice, a file that is also a directory, a plain file whose
 * content no backup stores, a name at the root that pbkfs needs for itself, a
 * tablespace_map that is none.
 * Rules: doc/catalog.md, "A page stream becomes a file" and "Other files".
 */
int	index_build(struct chain *c, int fd, size_t max, unsigned n_threads, char *error);

/*
 * Replaces INDEX_SIZE_UNKNOWN of a data file by its size, a multiple of 8192,
 * in an index that is not sealed yet.  A mapping of index_open() sees it.
 * Returns 0, -EINVAL if the entry has no unknown size or size is not one, or
 * negative errno.
 */
int	index_set_size(int fd, uint32_t entry, uint64_t size);

/*
 * Maps an index that index_build() wrote, and checks it as input: every
 * number is compared with the bounds of what it points into, every directory's
 * children lie behind it.  Returns 0 or -EUCLEAN; index_close() unmaps.
 */
int	index_open(int fd, struct index *ix);
void	index_close(struct index *ix);

/* The child of dir called name, or INDEX_NONE.  Safe from several threads. */
uint32_t index_child(const struct index *ix, uint32_t dir, const char *name, size_t len);

/* The entry of a path below the root ("" = root), or INDEX_NONE. */
uint32_t index_lookup(const struct index *ix, const char *path, size_t len);

/*
 * Writes what the link e (INDEX_LINK) holds, NUL terminated, into buf: a path
 * relative to where the link is, so that it holds wherever the mount is seen.
 * Returns its length, or -ENAMETOOLONG.
 */
int	index_link_target(const struct index *ix, uint32_t e, char *buf, size_t size);

/*
 * Writes the path of entry e, NUL terminated, into buf (size bytes; PATH_MAX is
 * enough for what index_build() made).  Returns its length or -ENAMETOOLONG.
 */
int	index_path(const struct index *ix, uint32_t e, char *buf, size_t size);

#endif
