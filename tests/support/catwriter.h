/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writes catalogs in pg_probackup's format: fixtures of the component tests,
 * the catalog of the demo, the big one of the benchmarks.
 *
 * The tests need good catalogs of every program version and codec, and bad
 * ones that no pg_probackup would ever write; this is the tree's only source
 * of both, so that no archive of opaque files has to be trusted.  It shares no
 * code with the reader that it tests, apart from crc32c().
 *
 *	struct catwriter *w;
 *	struct catbackup *b;
 *	struct catbackup_options full = { .id = "T00001", .alg = CATALG_ZLIB };
 *	struct catpage pages[] = { { .block = 0, .bytes = page } };
 *	struct catfile rel = { .path = "base/5/16384", .n_blocks = 1,
 *	    .pages = pages, .n_pages = 1 };
 *
 *	catwriter_open(dir, "main", NULL, &w);
 *	catbackup_begin(w, &full, &b);
 *	catbackup_dir(b, "base", 0700);
 *	catbackup_dir(b, "base/5", 0700);
 *	catbackup_plain(b, "PG_VERSION", 0600, "15\n", 3);
 *	catbackup_data(b, &rel);
 *	error = catbackup_finish(b);
 *	catwriter_close(w);
 *
 * Functions that return int give 0 or negative errno.  A backup remembers its
 * first error and does nothing more after it; catbackup_finish() returns it,
 * so checking the calls in between is optional.  Not for use by several
 * threads at once.
 */
#ifndef SUPPORT_CATWRITER_H
#define SUPPORT_CATWRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pg/pg_types.h"

#define CATWRITER_VERSION	"2.5.16"	/* program-version if none is given */

enum catwriter_alg {
	CATALG_NONE, CATALG_PGLZ, CATALG_ZLIB, CATALG_LZ4, CATALG_ZSTD, CATALG_COUNT
};

/* The algorithm of that name, or -EINVAL; and its name. */
int	catwriter_alg_by_name(const char *name);
const char *catwriter_alg_name(enum catwriter_alg alg);

/* "2.5.16" as 20516; 0 if it is not three numbers. */
unsigned catwriter_version(const char *program_version);

/*
 * Whether pg_probackup treats the file as the main fork of a relation: stored
 * page by page if so, whole if not.
 */
bool	catwriter_is_data_path(const char *path);

/* Whether that version stored a relation whole, for its number is 2^31 or more. */
bool	catwriter_is_whole(const char *path, unsigned version);

/* pd_lsn of a page. */
uint64_t catwriter_page_lsn(const void *page);

/*
 * Fills a page of BLCKSZ bytes: a page header with that LSN that PostgreSQL
 * would accept (no checksum), then bytes that depend on seed alone and
 * compress about as well as rows do.
 */
void	catwriter_make_page(void *page, uint64_t lsn, uint32_t seed);

/*
 * Fills a page that no codec makes smaller, so that a compressed file stores
 * it raw.
 */
void	catwriter_make_noise_page(void *page, uint64_t lsn, uint32_t seed);

/* --- an instance of a catalog --- */

struct catwriter;

/* pg_probackup.conf.  Zero and NULL members get plausible values. */
struct catwriter_instance {
	const char *pgdata;
	uint64_t system_identifier;
	uint32_t xlog_seg_size;		/* bytes */
};

/*
 * Makes the directories of the instance and its pg_probackup.conf, as far as
 * they are missing; what exists stays as it is.  in may be NULL.  *out is
 * freed by catwriter_close(), once its backups are finished.
 */
int	catwriter_open(const char *catalog, const char *instance,
	    const struct catwriter_instance *in, struct catwriter **out);
void	catwriter_close(struct catwriter *w);

/* --- a backup --- */

struct catbackup;

/* All zero is a good FULL of 2.5.16, uncompressed, with the clock's id. */
struct catbackup_options {
	const char *id;			/* NULL: from the clock */
	const char *mode;		/* NULL: "FULL" */
	const char *parent;		/* NULL: no parent-backup-id */
	const char *program_version;	/* NULL: CATWRITER_VERSION */
	const char *server_version;	/* NULL: "15" */
	const char *status;		/* NULL: "OK" */
	enum catwriter_alg alg;
	int	level;			/* compress-level, and that of the library */
	bool	stream;
	uint32_t checksum_version;
	uint32_t timeline;		/* 0: 1 */
	uint64_t start_lsn, stop_lsn;
	uint32_t recovery_xid;
	const char *external_dirs;	/* their paths with ':' between, or NULL */

	/* Its faults and oddities. */
	bool	omit_header_map;	/* no page_header_map though the version has it */
	bool	pad_always, pad_never;	/* payloads, whatever the version says */
	bool	wrong_content_crc;
	bool	omit_content_crc;
	const char *control_extra;	/* lines to end backup.control with, verbatim */
};

/*
 * Makes the directory of the backup, -EEXIST if options ask for an id that is
 * taken.  The strings in options are copied.  *out ends with
 * catbackup_finish(), which writes backup.control and is due after an error
 * too.
 */
int	catbackup_begin(struct catwriter *w, const struct catbackup_options *options,
	    struct catbackup **out);
int	catbackup_finish(struct catbackup *b);

/* The name of its directory; valid until catbackup_finish(). */
const char *catbackup_id(const struct catbackup *b);

/* From the next data file on, pages are compressed otherwise. */
void	catbackup_set_alg(struct catbackup *b, enum catwriter_alg alg, int level);

/*
 * From the next entry on, directories and plain files are those of the external
 * directory with this number, from 1 on in the order of their paths; 0 is PGDATA.
 */
int	catbackup_set_external(struct catbackup *b, unsigned number);

/*
 * Entries of the list, in the order in which they are to stand there.  mode
 * is permission bits; the type is added.  Directories on the way to a stored
 * file are made, but listed only by catbackup_dir().
 */
int	catbackup_dir(struct catbackup *b, const char *path, mode_t mode);

/* A file stored whole; with len 0 it is empty and only listed. */
int	catbackup_plain(struct catbackup *b, const char *path, mode_t mode,
	    const void *bytes, size_t len);

/* A file that equals the parent's: only listed (size -1).  bytes has its content. */
int	catbackup_plain_unchanged(struct catbackup *b, const char *path, mode_t mode,
	    const void *bytes, size_t len);

/*
 * A file of a relation in a tablespace that Postgres Pro compresses (CFS): what the server wrote is stored
 * as it is.  A map of chunks ("NUMBER.cfm") is stored without the zeros at its end.
 */
struct catcfs {
	uint64_t stored;	/* bytes */
	uint32_t crc;
};
struct catcfs catbackup_cfs_facts(const struct catbackup *b, const char *path, const void *bytes, size_t len);
int	catbackup_cfs(struct catbackup *b, const char *path, mode_t mode, const void *bytes, size_t len,
	    bool unchanged);

/* The crc that a list of this program version gives for the content of a plain file. */
uint32_t catbackup_plain_crc(const struct catbackup *b, const char *path,
	    const void *bytes, size_t len);

enum catpage_kind {
	CATPAGE_USUAL,		/* compressed if that makes it smaller, else raw */
	CATPAGE_RAW,		/* raw, even in a compressed file */
	CATPAGE_VERBATIM,	/* len bytes are the payload, whatever they are */
	CATPAGE_TRUNCATE,	/* the -2 record: the file ends before this block */
};

struct catpage {
	uint32_t block;
	enum catpage_kind kind;
	const void *bytes;	/* BLCKSZ bytes of the page, or the payload */
	uint32_t len;		/* of a CATPAGE_VERBATIM payload, else unused */
};

struct catfile {
	const char *path;
	mode_t	mode;		/* 0: 0600 */
	uint32_t n_blocks;	/* length of the file when the backup was taken */
	const struct catpage *pages;	/* written in this order */
	size_t	n_pages;
};

/*
 * A relation's main fork.  Without pages it is unchanged (size -1), or empty
 * (size 0) if it has no blocks either.
 */
int	catbackup_data(struct catbackup *b, const struct catfile *f);

/* A line of the list, verbatim; the line feed is added. */
int	catbackup_line(struct catbackup *b, const char *line);

/*
 * Bytes of the database/ tree alone, without a line: for lines of one's own, and
 * to damage a file that is already there.
 */
int	catbackup_store(struct catbackup *b, const char *path, const void *bytes, size_t len);

#endif
