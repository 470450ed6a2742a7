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

/*
 * The kind of a block, one byte each.  A block map on disk has the first two alone: what is
 * older than its content file is one to it.
 */
enum content_kind {
	CONTENT_CHAIN = 0,	/* not here: the backup's; on disk, an older layer's too */
	CONTENT_FULL = 1,	/* here */
	CONTENT_FROZEN = 2,	/* this, and more: of the frozen layer with that index, oldest first */
};

#define KINDS_SEGMENT	4096u	/* blocks */

struct kinds;

/* A run of blocks as they were: a copy, in a list. */
struct kinds_part {
	struct kinds_part *next;
	uint32_t first, n;	/* blocks */
	uint8_t	kind[];
};

/*
 * Makes the kinds of n blocks, all of kind oldest, which takes no memory for them.  Returns NULL if there
 * is no memory.
 */
struct kinds *kinds_new(uint32_t n, uint8_t oldest);
void	kinds_free(struct kinds *k);
/* How many blocks there are; 0 for NULL. */
uint32_t kinds_count(const struct kinds *k);

/*
 * The kind of block b; CONTENT_CHAIN beyond the end.  Safe beside
 * kinds_set_full(): who is told FULL also sees all that was written before that
 * call.
 */
uint8_t	kinds_get(const struct kinds *k, uint32_t b);

/* Gets memory for [first, first + n).  Returns 0 or -ENOMEM.  One writer at a time. */
int	kinds_reserve(struct kinds *k, uint32_t first, uint32_t n);
/* The content file has [first, first + n), which is reserved.  One writer at a time. */
void	kinds_set_full(struct kinds *k, uint32_t first, uint32_t n);

/*
 * While the map is made: [first, first + n) is of another kind, which is older than the content
 * file.  Returns 0 or -ENOMEM.
 */
int	kinds_set_older(struct kinds *k, uint32_t first, uint32_t n, uint8_t kind);

/* Whether the content file has each of the first n blocks.  No writer meanwhile. */
bool	kinds_all_full(const struct kinds *k, uint32_t n);

/*
 * Copies the segments that changed since the last call into *parts, as a block map has them, in their
 * order (kinds_parts_free()), and takes them as unchanged.  Returns 0, or
 * -ENOMEM with nothing done.  No writer meanwhile.
 */
int	kinds_take_changed(struct kinds *k, struct kinds_part **parts);
bool	kinds_changed(const struct kinds *k);
/* Takes parts as changed again: they did not reach the disk.  No writer meanwhile. */
void	kinds_put_back(struct kinds *k, const struct kinds_part *parts);
void	kinds_parts_free(struct kinds_part *parts);

#endif
