/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The WAL archive of an instance, wal/NAME in the catalog: finding files by the
 * names that PostgreSQL asks for, listing them, and looking at their first
 * page.  Everything here reads.  Format: doc/catalog.md, "The WAL archive".
 *
 * A segment is kept as it is or compressed, "NAME.gz", "NAME.lz4" or
 * "NAME.zst"; the last one of a timeline that was left is "NAME.partial", or
 * that compressed.
 */
#ifndef PROBACKUP_ARCHIVE_H
#define PROBACKUP_ARCHIVE_H

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "pg/walname.h"
#include "probackup/segstream.h"

#define ARCHIVE_SEG_SIZE	(16 * 1024 * 1024)	/* where nobody says another */

/* Safe from several threads: it only says where to look. */
struct archive {
	int	store_fd;		/* borrowed */
	char	path[NAME_MAX + 5];	/* "wal/NAME" */
	uint32_t seg_size;		/* bytes of every segment */
	uint32_t server_version;	/* major; 0 = not known */
	uint64_t sysid;			/* system identifier of the cluster; 0 = not known */
};

/*
 * Fills *a for the archive of instance in the catalog store_fd, which has to
 * stay open.  If seg_size is 0, it is that of pg_probackup.conf, else
 * ARCHIVE_SEG_SIZE; server_version may be 0, not known.  The directory may be
 * missing, now or later: then the archive is empty.  If pg_probackup.conf cannot
 * be read, the log has a warning, and system identifiers are not compared.
 * Returns 0, or -EINVAL if instance is no name of a directory.
 */
int	archive_init(struct archive *a, int store_fd, const char *instance, uint32_t seg_size,
	    uint32_t server_version);

/* A file of the archive. */
struct archive_file {
	struct walname wal;	/* what it is: a segment's only copy may be a partial one */
	enum segstream_format format;
	struct stat st;		/* of the file as it is stored */
	char	name[WALNAME_MAX + 4];	/* as it is stored */
};

/*
 * Finds the file that *w stands for: a segment as it is, compressed, or as the
 * partial one of its timeline; a partial one, as it is or compressed; a
 * history.  Links and anything else but plain files are not there.  Returns 0
 * and *f, -ENOENT if there is none, or negative errno.
 */
int	archive_find(const struct archive *a, const struct walname *w, struct archive_file *f);

/*
 * Opens a file that archive_find() found, for reading.  Returns a descriptor
 * and renews f->st, or negative errno.
 */
int	archive_open(const struct archive *a, struct archive_file *f);

/* Bytes of the file as PostgreSQL sees it. */
uint64_t archive_size(const struct archive *a, const struct archive_file *f);

/*
 * Compares the length of an uncompressed segment, and the beginning of any
 * segment (page: WALPAGE_LONG bytes of it, decompressed), with what its name
 * says.  Returns 0, or -EUCLEAN after archive_complain().
 */
int	archive_check(const struct archive *a, const struct archive_file *f,
	    const unsigned char *page);

/*
 * Says in the log what is wrong with a file: `could not read WAL file
 * "000000010000000000000001.gz" of instance "main": why`.  Once a minute for
 * the same file: the kernel asks again for what it did not get.
 */
void	archive_complain(const struct archive *a, const struct archive_file *f,
	    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Reads the history of a timeline into a malloc'ed text, which the caller
 * frees.  Returns 0, -ENOENT, -EFBIG, or negative errno.
 */
int	archive_read_history(const struct archive *a, uint32_t timeline, char **text, size_t *len);

/* One name of a listing. */
struct archive_entry {
	struct walname wal;	/* WAL_NONE: "." or ".." */
	enum segstream_format format;
	char	name[WALNAME_MAX];	/* as PostgreSQL calls it */
	uint64_t cookie;	/* where the listing goes on behind it */
};

/* A listing under way. */
struct archive_list {
	const struct archive *archive;
	bool	twice;		/* set by the caller: a file in several forms comes several times, which costs less */
	DIR	*dir;		/* NULL: there is no such directory */
};

/*
 * Begins a listing, or goes on behind the entry whose cookie it was (0: from
 * the start), at the cost of reading on.  The order is the file system's.  A
 * file that is there in several forms is listed once, unless the caller sets
 * l->twice after archive_list_begin(); other files than WAL are left out.  archive_list_next() returns 1 and
 * *e, 0 at the end, or negative errno.  One thread for one listing.
 */
int	archive_list_begin(const struct archive *a, uint64_t cookie, struct archive_list *l);
int	archive_list_next(struct archive_list *l, struct archive_entry *e);
void	archive_list_end(struct archive_list *l);

#endif
