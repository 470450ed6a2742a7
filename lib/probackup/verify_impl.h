/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The structures that the parts of a check share.
 */
#ifndef PROBACKUP_VERIFY_IMPL_H
#define PROBACKUP_VERIFY_IMPL_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "pg/pg_types.h"
#include "probackup/archive.h"
#include "probackup/chain.h"
#include "probackup/listread.h"
#include "probackup/store.h"
#include "probackup/verify.h"

#define VERIFY_BATCH	64	/* entries of a list that are read at a time */
#define VERIFY_SHOWN	100	/* faults of one file that get a line of their own */

/* One stored file to be checked. */
struct verify_task {
	unsigned member;
	struct filelist_entry e;	/* its path is the one below */
	char	path[FILELIST_LINE_MAX];
};

/* Gives the stored files of all lists out, large ones first.  Protected by lock. */
struct verify_queue {
	pthread_mutex_t lock;
	bool	small, done;		/* the second pass, its end */
	unsigned member;
	bool	is_open;
	struct listread list;
	struct filelist_entry batch[VERIFY_BATCH];
	int	n, at;
	bool	bad_list[CHAIN_MAX];	/* was logged */
};

struct verify_thread {
	struct verify *v;
	pthread_t id;
	struct reader reader;
	struct iostats stats;		/* nobody looks at them */
	struct verify_task task;
	unsigned char page[BLCKSZ];
};

struct verify {
	struct chain *chain;
	struct archive archive;
	struct fdcache *fds;
	struct store store;		/* quiet: verify_file() logs the faults of what is stored */
	bool	has_index;
	char	index_error[CHAIN_ERROR_MAX];
	bool	holes_are_normal;	/* zero pages that a PAGE backup does not store, and the like */

	struct verify_queue queue;
	_Atomic bool wal_taken;
	_Atomic bool no_map_logged[CHAIN_MAX];	/* that page_header_map could not be opened */
	_Atomic uint32_t next_entry;	/* of the index: its blocks are looked for next */
	_Atomic uint64_t files, pages, bytes, faults, unmapped;

	pthread_mutex_t lock;		/* protects running */
	pthread_cond_t ended;
	unsigned running;
	unsigned n_threads;		/* started */
	struct verify_thread *threads;
};

/* --- verify_fault.c --- */

/* Counts a fault and logs it: `"base/1/2" in backup X: why`. */
void	verify_fault(struct verify *v, const char *id, const char *path, const char *fmt, ...)
	    __attribute__((format(printf, 4, 5)));

/* Counts a fault and logs it: the text names all of it. */
void	verify_fault_line(struct verify *v, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* --- verify_file.c --- */

/* Checks the stored file of t->task. */
void	verify_file(struct verify_thread *t);

/* --- verify_wal.c --- */

/* WAL that the mounted backup needs to start. */
void	verify_wal(struct verify_thread *t);

#endif
