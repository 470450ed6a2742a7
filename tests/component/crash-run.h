/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A run of test-crash: the requests of one seed, and the lives between its crashes.
 */
#ifndef COMPONENT_CRASH_RUN_H
#define COMPONENT_CRASH_RUN_H

#include "crash-model.h"
#include "crashdisk.h"
#include "support/hydration.h"

#define LIVES		6u
#define REQUESTS_PER_LIFE	120u
#define POINTS_PER_SEED	60u

enum request_type {
	R_CREATE, R_REMOVE, R_RENAME, R_LINK, R_CHMOD, R_WRITE, R_TRUNCATE, R_ZERO, R_ALLOCATE,
	R_FSYNC, R_FSYNC_NAMES, R_IDLE, R_FLUSH, R_OPEN, R_CLOSE,
	R_HYDRATE, R_NEXT_LIFE, R_TYPES
};

struct request_kind {
	const char *name;
	unsigned weight;
};
extern const struct request_kind request_types[R_TYPES];

struct request {
	enum request_type type;
	unsigned time;
	unsigned obj;			/* what it is about */
	unsigned dir, dir2;		/* objects */
	char	name[NAME_LEN], name2[NAME_LEN];
	uint32_t mode;
	int	flags;
	bool	keep;			/* create: stays open */
	uint64_t off, len, seed;
};

struct run {
	uint64_t seed;
	struct rng rng;
	struct model m;
	struct crashdisk *disk;
	struct cow *c;			/* NULL: its worker is dead */
	struct pending *pending;
	int	diff_fd;
	char	diff[300];
	unsigned n_diffs;
	uint64_t mount_id;
	unsigned max_fds;
	struct request unanswered;	/* time 0: there is none */
	size_t	judged;			/* operations of the disk before the present life */
	unsigned life, points;
	struct hydration hydration;
	int	index_fd;		/* of this mount, or -1: the store's */
	size_t	detached;		/* operations of the disk when nothing needed the store any more; or SIZE_MAX */
	struct request *done;		/* for the report */
	unsigned n_done;
};

enum ending { END_MACHINE, END_WORKER, END_ALL, END_UNMOUNT };

struct point {
	size_t	k;
	enum crash_loss loss;
	uint64_t seed;
	struct pending *pending;	/* NULL: the machine or the mount is gone */
};

/* crash-plan.c: the next request, one that will succeed. */
void	choose(struct run *run, struct request *q);

/*
 * crash-serve.c: the functions return false, and say why, where a request fails that
 * must not.
 */
/* Chooses, notes and issues a request. */
bool	next_request(struct run *run);
/* Issues q, for the first time or again; dead workers answer nothing. */
bool	serve(struct run *run, struct request *q);
/* Notes that a flush is over. */
void	all_synced(struct model *m);
/* For the report. */
void	note(struct run *run, const struct request *q);

/* crash-point.c */
struct cow_config config_of(const struct run *run, int diff_fd, struct pending *pending,
	    bool first, const uint64_t *unique);
/*
 * Makes a directory and writes its path, of at most 300 bytes; a failed test may
 * leave it for inspection.
 */
int	new_dir(struct run *run, const char *what, char *path);
void	drop_dir(const char *path, bool good);
/* Opens a diff directory only to look, without the store if it is detached, and closes it again. */
bool	visit(const struct run *run, int fd, struct pending *pending, bool first, bool detached,
	    struct seen *s);
/* Returns an index of the tree in fd, or -1. */
int	index_of_tree(int fd);
/* Shows what a crash at a point leaves. */
bool	visit_point(struct run *run, const struct point *p, struct seen *s);
/* Crashes the machine at n points of the present life. */
bool	try_points(struct run *run, unsigned n);
/* Returns what a crash of the machine before operation k must not lose. */
struct demand demand_of(const struct run *run, size_t k);
/* Prints why, and the requests that led there; p is NULL if no point is to blame. */
void	report(struct run *run, const struct point *p);
extern const char *const endings[];
extern struct pending spare_pending;	/* of a mount that only looks */

/*
 * crash-life.c: the functions return false, and have printed a report, if something
 * is wrong.
 */
bool	begin_run(struct run *run);
bool	live(struct run *run, unsigned points);
bool	next_life(struct run *run);

#endif
