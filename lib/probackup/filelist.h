/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * backup_content.control, the list of a backup: one file or directory per line.
 * Format: doc/catalog.md, "backup_content.control".
 */
#ifndef PROBACKUP_FILELIST_H
#define PROBACKUP_FILELIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/codec.h"

#define FILELIST_LINE_MAX	8192	/* bytes of a line, line feed included */

struct filelist_entry {
	const char *path;	/* points into the list, not NUL terminated */
	size_t	path_len;	/* checked: plain and relative, see io_path_is_plain() */
	int64_t	size;		/* bytes stored in this backup; -1: unchanged since the parent */
	uint32_t mode;		/* st_mode: S_IFREG or S_IFDIR and permissions */
	bool	is_datafile, is_cfs;
	uint32_t crc;
	enum codec_alg alg;
	uint32_t external_dir_num;	/* 0: PGDATA */
	uint32_t segno, n_blocks;	/* 0 if absent */
	bool	has_n_blocks;
	uint32_t n_headers, hdr_crc, hdr_size;	/* 0 if absent */
	uint64_t hdr_off;
};

/* Where a scan stands.  Initialise text, len and zero the rest. */
struct filelist {
	const char *text;
	size_t	len, pos;
	size_t	line;		/* number of the line last read, from 1 */
};

/*
 * Reads the next line into *e.  Returns 1, 0 at the end of the list, or
 * -EUCLEAN with the reason in error (CHAIN_ERROR_MAX bytes: names the line
 * number and what is wrong, not the file).  A value is the raw bytes up to the
 * next double quote; unknown keys are skipped; a line without path, size or
 * mode, a number that does not fit, an unknown compress_alg, a kind or, where
 * there is none, a mode that is neither of a file nor of a directory (a line
 * with a non-empty "linked" is taken as what these say), a path that is not
 * plain: -EUCLEAN.  Allocates nothing.
 */
int	filelist_next(struct filelist *l, struct filelist_entry *e, char *error);

#endif
