/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Checking a backup as a whole: every file that its chain stores, read once,
 * and whether a mount of it would be complete.
 */
#ifndef PROBACKUP_VERIFY_H
#define PROBACKUP_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERIFY_THREADS_MAX	256

struct verify;

struct verify_config {
	int	store_fd;		/* the catalog's root */
	const char *store_name;		/* as messages call it */
	const char *instance, *backup_id;
	int	index_fd;		/* memfd, empty: for the index of the backup */
	size_t	index_max;		/* bytes that the index may take */
	unsigned n_threads;		/* 1 to VERIFY_THREADS_MAX */
};

/* Figures of the reading so far. */
struct verify_figures {
	uint64_t files, pages, bytes;
	uint64_t bytes_expected;	/* about: as the backups' own figures say */
	uint64_t faults;
};

/*
 * Finds the chain, builds the index, and begins to check in n_threads threads:
 *
 *  - the lists, by content-crc;
 *  - every stored file of every backup of the chain: its length, its crc, the
 *    headers of its pages, each page by its record, its data checksum and its
 *    entry in page_header_map;
 *  - that each block of the backup is stored by some backup of the chain;
 *  - that WAL from start-lsn to stop-lsn is there.
 *
 * Each fault is one log_error() line that names backup, file and block; of one
 * file 100 at most, and then their number.  Backups of any status are checked;
 * log_warn() names a status other than OK and DONE.
 *
 * Memory: the index, and about 1.5 MB for each thread; header maps and block
 * maps of the files under way.
 *
 * Returns 0 and *out (verify_free()), or negative errno with error filled
 * (CHAIN_ERROR_MAX bytes) as chain_open() does.
 */
int	verify_start(const struct verify_config *config, struct verify **out, char *error);

/* Waits for the end, ms milliseconds at most.  Returns whether all is done. */
bool	verify_wait(struct verify *v, unsigned ms);

/* At any time. */
void	verify_figures(const struct verify *v, struct verify_figures *f);

/* Only after verify_wait() has returned true. */
void	verify_free(struct verify *v);

#endif
