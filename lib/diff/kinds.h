/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the blocks of one file are, in segments: a file may claim any length,
 * memory goes to the segments that were touched.
 */
#ifndef DIFF_KINDS_H
#define DIFF_KINDS_H

#include <stdbool.h>
#include <stdint.h>

/* The kind of a block, as a block map has it; one byte each. */
enum content_kind {
	CONTENT_CHAIN = 0,	/* not here: the backup's */
	CONTENT_FULL = 1,	/* here */
};

#define KINDS_SEGMENT	4096u	/* blocks */

struct kinds;

/* A run of blocks as they were: a copy, in a list. */
struct kinds_part {
	struct kinds_part *next;
	uint32_t first, n;	/* blocks */
	uint8_t	kind[];
};

/* Makes the kinds of n blocks, all of the chain.  Returns NULL if there is no memory. */
struct kinds *kinds_new(uint32_t n);
void	kinds_free(struct kinds *k);
/* How many blocks there are; 0 for NULL. */
uint32_t kinds_count(const struct kinds *k);

/*
 * The kind of block b; CONTENT_CHAIN beyond the end.  Safe beside
 * kinds_set_full(): who is told FULL also sees all that was written before that
 * call.
 */
enum content_kind kinds_get(const struct kinds *k, uint32_t b);

/* Gets memory for [first, first + n).  Returns 0 or -ENOMEM.  One writer at a time. */
int	kinds_reserve(struct kinds *k, uint32_t first, uint32_t n);
/* The content file has [first, first + n), which is reserved.  One writer at a time. */
void	kinds_set_full(struct kinds *k, uint32_t first, uint32_t n);

/* Whether the content file has each of the first n blocks.  No writer meanwhile. */
bool	kinds_all_full(const struct kinds *k, uint32_t n);

/*
 * Copies the segments that changed since the last call into *parts, in their
 * order (kinds_parts_free()), and takes them as unchanged.  Returns 0, or
 * -ENOMEM with nothing done.  No writer meanwhile.
 */
int	kinds_take_changed(struct kinds *k, struct kinds_part **parts);
bool	kinds_changed(const struct kinds *k);
/* Takes parts as changed again: they did not reach the disk.  No writer meanwhile. */
void	kinds_put_back(struct kinds *k, const struct kinds_part *parts);
void	kinds_parts_free(struct kinds_part *parts);

#endif
