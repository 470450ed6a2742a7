/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file in the frozen layers: which of them have a part of it.
 *
 * For the layer above, a file of a frozen layer is what a file of the backup is: it has
 * older sources, a limit, which is its length there, and blocks that are copied up.
 */
#ifndef COW_FROZEN_H
#define COW_FROZEN_H

#include <stdbool.h>
#include <stdint.h>

struct cow;
struct kinds;
struct relfile;

/* The file as one layer leaves it. */
struct frozen_part {
	unsigned layer;		/* index in cow.layers */
	uint64_t number;	/* of the content file there; 0: none, and what is the layer's is zeroes */
	uint64_t limit;		/* in that layer: at and above it nothing is older than it */
	uint64_t visible;	/* bytes of it that the layers above have not cut off */
};

/* Oldest first; part i is the source SOURCE_FROZEN + i. */
struct frozen {
	uint64_t chain_visible;	/* bytes of the chain that no layer has cut off */
	unsigned n;
	struct frozen_part part[];
};

/* Whether the newest layer that changed f has a content file of it. */
bool	frozen_has_content(const struct relfile *f);

/* Adds the newest part: what it cuts off is no longer visible of the others.  Returns 0 or -ENOMEM. */
int	frozen_append(struct relfile *f, const struct frozen_part *part);

/*
 * Where the blocks of f below its limit are, its own content file apart.  Returns 0 and *out, NULL if there are no such
 * blocks; -EFBIG; -EUCLEAN (logged); or another negative errno.  f->lock exclusively held.
 */
int	frozen_kinds(struct cow *c, const struct relfile *f, struct kinds **out);

/* The times of a file whose newest content is a frozen layer's.  Returns 0 or negative errno.  The same lock. */
int	frozen_times(struct cow *c, struct relfile *f);

#endif
