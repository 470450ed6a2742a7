/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A chain: the backup that is mounted and its ancestors down to the FULL.
 */
#ifndef PROBACKUP_CHAIN_H
#define PROBACKUP_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/backupid.h"
#include "codec/codec.h"

#define CHAIN_ERROR_MAX	512	/* bytes of a message for the user, NUL included */
#define CONTROL_SIZE_MAX	(64 * 1024)	/* bytes of a backup.control */
#define CONTROL_EXTERNAL_MAX	4096	/* bytes of external-dirs, NUL included */
#define CONTROL_CONNINFO_MAX	2048	/* bytes of primary_conninfo, NUL included */
#define LIST_SIZE_MAX	((uint64_t)4 << 30)	/* bytes of a backup_content.control */

enum backup_mode { MODE_FULL, MODE_DELTA, MODE_PAGE, MODE_PTRACK };

/* Tells one version of a file from another; all 0 stands for no file. */
struct file_version {
	uint64_t dev, ino, size;
	int64_t	mtime, ctime;		/* ns since the epoch */
};

struct file_version file_version_of(const struct stat *st);
bool	file_version_same(const struct file_version *a, const struct file_version *b);

/*
 * backup.control (doc/catalog.md, "backup.control").  Strings are NUL
 * terminated and may be empty.
 */
struct control {
	enum backup_mode mode;
	bool	stream, from_replica;
	uint32_t block_size, xlog_block_size, checksum_version;
	uint32_t version;		/* program-version as 20516 */
	char	program_version[24], server_version[24];
	char	status[16];		/* "OK", "DONE", ... as written */
	char	compress_alg[16];	/* only the default of the backup; each file has its own */
	char	parent[BACKUP_ID_MAX];	/* "" for FULL */
	char	merge_dest[BACKUP_ID_MAX];	/* of a FULL: with which it is being merged, or "" */
	char	start_time[40], end_time[40];
	uint32_t timeline;
	uint64_t start_lsn, stop_lsn;
	bool	has_content_crc;
	uint32_t content_crc;
	char	recovery_time[40];	/* of the last commit that the backup is sure to hold */
	uint32_t recovery_xid;		/* and its xid; 0 = not known */
	char	expire_time[40];	/* pinned until; "" = not pinned */
	uint64_t data_bytes, wal_bytes, uncompressed_bytes, pgdata_bytes;	/* as measured when it was taken */
	char	external_dirs[CONTROL_EXTERNAL_MAX];	/* ':' between, as the user typed them */
	char	note[1024];
	char	primary_conninfo[CONTROL_CONNINFO_MAX];	/* how the server was reached; "" = not known, or longer */
	struct file_version read_from;	/* set by member_read() */
};

/*
 * Reads the text of a backup.control (len bytes).  Unknown keys are skipped,
 * '-' and '_' in keys are the same.  Returns 0, or -EUCLEAN with the reason in
 * error (CHAIN_ERROR_MAX bytes, without the name of the file).
 */
int	control_parse(const char *text, size_t len, struct control *c, char *error);

/*
 * Reads a time as control files have it, "2026-11-22 22:21:20+00", with an
 * offset of hours or of hours and minutes.  Returns 0 and sets *seconds since
 * the epoch, or -EUCLEAN.
 */
int	control_time(const char *text, int64_t *seconds);

/* "FULL", "DELTA", ... */
const char *backup_mode_name(enum backup_mode mode);

/* One member of a chain. */
struct backup {
	char	id[BACKUP_ID_MAX];	/* the name of its directory */
	struct control control;
	int	dirfd;			/* O_PATH of its directory */
	uint64_t list_len;		/* bytes of backup_content.control */
	uint32_t list_crc;		/* its CRC-32C: content-crc until index_build() has computed it */
	struct file_version list_read_from;	/* set with it; all 0 if it changed meanwhile */
};

struct chain {
	unsigned n;			/* members; [0] is the mounted one, [n-1] the FULL */
	struct backup member[CHAIN_MAX];
	uint32_t xlog_seg_size;		/* bytes, from pg_probackup.conf; 0 if unknown */
	char	warning[CHAIN_ERROR_MAX];	/* the doubts that force passed over, and what a user has to know; "" if nothing */
	uint32_t *left_out;		/* set by partial_choose(): OIDs of databases, sorted */
	size_t	n_left_out;
};

/*
 * Finds backup id (any case) of the instance in the catalog whose root is
 * store_fd, and its ancestors; reads and checks their control files.  Refused
 * with one line in error that names the backup and the way out: unknown
 * instance (those that exist are listed), unknown id, missing parent, cycle,
 * more than CHAIN_MAX members, damaged or truncated control file, a missing or
 * too long list, an unknown compress-alg, a block size other than 8192, a
 * program-version older than 2.0, a server older than 12; without force a
 * program-version newer than 2.8 (same major and minor is fine, whatever the
 * patch level), a status other than OK and DONE, a list that may have lost
 * lines (2.1.4, 2.1.5 and 2.2.1).
 *
 * The lists are not read here: index_build() reads each of them once, a piece
 * at a time, and compares it with content-crc on the way.  A worker that finds
 * an index ready does not touch them.
 *
 * Returns 0 and *out (chain_free), or negative errno with error filled.
 * store_name is how messages call the catalog.
 */
int	chain_open(int store_fd, const char *store_name, const char *instance, const char *id,
	    bool force, struct chain **out, char *error);
void	chain_free(struct chain *c);

#endif
