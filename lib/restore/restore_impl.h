/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The structures that the parts of a restore share.
 */
#ifndef RESTORE_RESTORE_IMPL_H
#define RESTORE_RESTORE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "restore/restore.h"

#define PIECE_BYTES	((size_t)READER_BLOCKS * 8192)	/* of a file: read, checked and written at once */
#define NO_PLACE	UINT8_MAX

/* A file that several threads may copy. */
struct copyfile {
	uint32_t e;
	int	fd;
	struct blockmap *map;
	uint64_t size;
	uint32_t n_pieces;
	bool	there;			/* it was there, and may be equal */
	_Atomic uint32_t next;		/* piece */
	unsigned users;			/* protected by the restore's lock, as is the list */
	struct copyfile *after;
};

struct restore_thread {
	struct restore *r;
	pthread_t id;
	struct reader reader;
	struct iostats stats;		/* nobody looks at them */
	unsigned char *piece, *old;	/* PIECE_BYTES each; old only to compare */
	uint32_t dir;			/* entry of the directory that is open as dir_fd */
	int	dir_fd;			/* -1: none */
};

struct restore {
	struct restore_config config;
	struct store *store;
	const struct index *ix;
	struct { uint32_t e; uint8_t place; } top[RESTORE_PLACES_MAX + 2];
	unsigned n_top;
	uint32_t conf, control;		/* entries of files that are made in another way, or INDEX_NONE */
	int	mark_fd;
	unsigned char *done;		/* of each entry */

	_Atomic uint32_t large, small, sync;	/* the next entries of the passes */
	_Atomic uint64_t files, bytes, written, removed;
	_Atomic unsigned writing;
	_Atomic bool syncing;
	_Atomic int failed;		/* negative errno of the first failure */
	uint64_t files_all, bytes_all;

	pthread_mutex_t lock;		/* protects running, active, error */
	pthread_cond_t ended;
	pthread_barrier_t copied;
	struct copyfile *active;	/* large files that have pieces left */
	unsigned running, n_threads;
	char	error[RESTORE_ERROR_MAX];
	struct restore_thread *threads;
};

/* --- restore_fail.c --- */

/* Notes the first failure, with which all ends.  Returns rc. */
int	restore_fail(struct restore *r, int rc, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

/* Brackets around what waits for the file system that is written. */
#define RESTORE_WRITING(r, call) ({ \
	atomic_fetch_add(&(r)->writing, 1); \
	__typeof__(call) done_ = (call); \
	atomic_fetch_sub(&(r)->writing, 1); \
	done_; })

/* --- tree.c --- */

/* The number of the place that entry e goes to, or NO_PLACE. */
uint8_t	tree_place(const struct restore *r, uint32_t e);

/* Whether entry e is a file that is copied. */
bool	tree_is_copied(const struct restore *r, uint32_t e);

/* Opens the directory that entry e becomes.  Returns a descriptor or negative errno. */
int	tree_open(const struct restore *r, uint32_t e);

/* The name by which messages call what entry e becomes: PATH_MAX bytes. */
void	tree_name(const struct restore *r, uint32_t e, char *name);

/* The name of the file of entry e in its directory. */
const char *tree_last_name(const struct restore *r, uint32_t e);

/* Notes as the first failure that this could not be done to the file or directory of e.  Returns rc. */
int	tree_fail(struct restore *r, int rc, const char *what, uint32_t e);

/*
 * Forgets of what was noted as copied what is not there with its length: after tree_make().  Somebody may have
 * removed or replaced it since.
 */
void	tree_recheck(struct restore *r);

/* Make all directories; remove what the backup does not have.  Both return 0 or what restore_fail() did. */
int	tree_make(struct restore *r);
int	tree_remove_others(struct restore *r);

/* --- copyfile.c --- */

/*
 * Opens what entry e becomes, and finds where its blocks are.  Returns it, with one user, or NULL
 * after restore_fail().
 */
struct copyfile *copyfile_open(struct restore_thread *t, uint32_t e);

/* Copies pieces until none is left; then copyfile_leave(), in which the last user ends the file. */
void	copyfile_copy(struct restore_thread *t, struct copyfile *f);
void	copyfile_leave(struct restore_thread *t, struct copyfile *f);

/* The directory in which the file of entry e lies, open for a while; or negative errno. */
int	copyfile_dir(struct restore_thread *t, uint32_t e);

#endif
