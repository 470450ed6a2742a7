/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hydration: copies what files still take from the chain into content files, until
 * nothing needs the chain any more.
 *
 *	hydrate_begin(c, &h);
 *	while ((rc = hydrate_plan(h, &job)) > 0) {
 *		hydrate_read(h, &job, &reader);
 *		hydrate_take(h, &job);
 *	}
 *	hydrate_sync(h);
 *	hydrate_detach(h);
 *	hydrate_end(h);
 *
 * Several threads, the movers, may plan and take at once, each a job that nobody else has, and sync.  Only one of them
 * begins, ends and detaches, while the others do nothing.  hydrate_read() may run beside them in as many threads as there are
 * jobs, each with a job that was planned; it takes no lock that a request waits for: its thread may be of the idle class.
 */
#ifndef COW_HYDRATE_H
#define COW_HYDRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blockmap;
struct cow;
struct hydrate;
struct reader;

/* One file on its way, and the run of its blocks that comes next.  Zeroed: no file. */
struct hydrate_job {
	uint32_t entry;		/* index entry + 1; 0: none */
	uint64_t at;		/* bytes of the file that were looked at */
	uint64_t begun;		/* of these, which the disk was told to write */
	uint64_t off;		/* the run that is planned; */
	size_t	len;		/* 0: none */
	unsigned char *buf;	/* READER_BLOCKS pages; the job's owner's */
	struct blockmap *map;	/* hydrate_read()'s own; freed with the last block */
	int	failed;		/* what hydrate_read() met */
};

struct hydrate_figures {
	uint64_t blocks, blocks_left;	/* of all files that count, and of these, what is not durably a copy */
	uint64_t files, files_left;
	uint64_t files_failed;		/* left out, for they could not be read or written */
};

/*
 * Syncs what others have copied, and counts what there is to do, which takes a look at each file that was
 * changed.  Returns 0 and *out (hydrate_end()), or negative errno.
 */
int	hydrate_begin(struct cow *c, struct hydrate **out);
void	hydrate_end(struct hydrate *h);

/*
 * Plans the next run of a job, of its file or else of another one that no job has.  Returns 1;
 * 0 if there is no file for it; or negative errno.
 */
int	hydrate_plan(struct hydrate *h, struct hydrate_job *job);
/* Reads the run that was planned into job->buf; whether that failed is in job->failed. */
void	hydrate_read(struct hydrate *h, struct hydrate_job *job, struct reader *rd);
/*
 * Takes up what was read.  Returns the number of bytes that were copied, or negative errno, after
 * which the job can be taken up again.  A file that could not be read, or that alone could not be written, is left
 * out from then on.
 */
int64_t	hydrate_take(struct hydrate *h, struct hydrate_job *job);
/* Gives up what a job has, as after hydrate_plan() returned 0. */
void	hydrate_drop(struct hydrate *h, struct hydrate_job *job);

/* Whether so many files wait to be synced that it is time. */
bool	hydrate_wants_sync(struct hydrate *h);
/*
 * Makes all that was taken up durable; files that have all their blocks leave the chain then.  Returns 0 or
 * negative errno, after which it can be called again; files that alone cannot be written are left out.
 */
int	hydrate_sync(struct hydrate *h);
/*
 * The same by several movers: one begins, with 0 or negative errno, and each syncs one file after the other.
 * hydrate_sync_next() returns 1; 0 if there is none left for it; or negative errno, after which the file is due again.
 * One that begins before the last one was over goes on with that.
 */
int	hydrate_sync_begin(struct hydrate *h);
int	hydrate_sync_next(struct hydrate *h);

/* Nothing is left but what failed, and nothing waits to be synced. */
bool	hydrate_is_done(struct hydrate *h);
/* The name of the file that says that the server still needs the archive, or NULL. */
const char *hydrate_waits_for(const struct hydrate *h);
/*
 * After hydrate_is_done(): makes durable that no name needs the chain, and writes the tree.  Returns 1
 * once the diff directory needs no store; 0 if something needs the chain after all, or failed;
 * or negative errno.
 */
int	hydrate_detach(struct hydrate *h);

void	hydrate_figures(struct hydrate *h, struct hydrate_figures *f);
/*
 * Fills in the bytes that are free where the content files are, for hydration: a part of the disk is left to others.
 * Returns 0 or negative errno.
 */
int	hydrate_room(const struct hydrate *h, uint64_t *bytes);

/* A request has read blocks of entry e from the chain: it comes first.  Any thread. */
void	hydrate_note(struct cow *c, uint32_t e);

#endif
