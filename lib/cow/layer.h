/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frozen layers, when a diff directory is opened: all that stands below it is checked and replayed.
 */
#ifndef COW_LAYER_H
#define COW_LAYER_H

#include "diff/content.h"
#include "diff/seal.h"

struct cow;

/* One of cow.layers, in the order of cow.config.layers. */
struct layer {
	struct seal seal;
	struct contents *contents;
};

/*
 * Opens the layers: each has to stand on the one before, and for the first worker of a mount to hold what its seal says.
 * Returns 0, -EUCLEAN (logged, with the layer's name) or negative errno.
 */
int	layer_open(struct cow *c);
void	layer_close(struct cow *c);
/* Replays them, and sees that the journal of the diff directory stands on the last.  As layer_open(). */
int	layer_replay(struct cow *c);

#endif
