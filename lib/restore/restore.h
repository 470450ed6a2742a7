/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copying a backup into plain directories: everything that its index shows, each block written once,
 * by several threads.
 *
 * The directory is no data directory before the caller says so: global/pg_control, without which no
 * server starts, is written as mark.h says, and everything else goes to its place.  What is copied is
 * noted, so that a copy that was stopped goes on where it was.
 */
#ifndef RESTORE_RESTORE_H
#define RESTORE_RESTORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probackup/store.h"
#include "restore/servconf.h"

#define RESTORE_PLACES_MAX	64
#define RESTORE_THREADS_MAX	256
#define RESTORE_THREAD_BYTES	(8u * 1024 * 1024)	/* of memory, for a thread with a file of 1 GiB */
#define RESTORE_ERROR_MAX	1024

/* A directory of the index, by its path there ("" = root), and the directory that it becomes. */
struct restore_place {
	const char *shown;
	int	fd;		/* may be written beneath */
	const char *path;	/* as messages call it */
};

struct restore_config {
	struct store *store;	/* open; its check is set */
	struct restore_place place[RESTORE_PLACES_MAX];	/* the root first; what has none is left out */
	unsigned n_places;
	int	done_fd;	/* file of mark.h: which entries are copied; read, then written */
	bool	trust;		/* what that file says holds: the kernel that wrote it still runs */
	bool	compare;	/* files that are there stay, and get only the blocks that differ */
	bool	exact;		/* what the backup does not have is removed */
	bool	sync;		/* all is durable when it ends */
	unsigned n_threads;	/* 1 to RESTORE_THREADS_MAX */
	struct servconf conf;	/* for postgresql.auto.conf and the signal file */
};

struct restore_figures {
	uint64_t files, files_all;
	uint64_t bytes, bytes_all;	/* of the files as they are restored */
	uint64_t written;		/* of these, what was written to files */
	uint64_t removed;		/* files and directories that the backup does not have */
	bool	syncing;		/* all is copied */
};

struct restore;

/*
 * Makes the directories, and begins to copy in threads.  Pages and files are compared with their
 * checksums as far as store->check says; the first fault, and the first failure to write, ends it.
 * Memory: RESTORE_THREAD_BYTES for each thread, and a byte for each entry of the index.  Returns 0 and
 * *out (restore_free()), or negative errno with one line in error (RESTORE_ERROR_MAX bytes).
 */
int	restore_start(const struct restore_config *config, struct restore **out, char *error);

/* Waits for the end, ms milliseconds at most.  Returns whether it has ended. */
bool	restore_wait(struct restore *r, unsigned ms);

/* After the end: 0, or negative errno with one line in error; -ECANCELED: the log has it. */
int	restore_result(const struct restore *r, char *error);

/* At any time. */
void	restore_figures(const struct restore *r, struct restore_figures *f);

/* Whether a thread waits for what is written, and not for the store. */
bool	restore_is_writing(const struct restore *r);

/* Only after restore_wait() has returned true. */
void	restore_free(struct restore *r);

#endif
