/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files of an active layer beside the journal: measured, cleaned, and, where the next one needs them, copied.
 */
#ifndef DIFF_LAYERS_WALK_H
#define DIFF_LAYERS_WALK_H

#include <stdint.h>

#include "diff/seal.h"

/*
 * Lists content files and block maps into s->content, and adds up what all of the layer takes on the disk.
 * Maps whose content is gone are removed.  Returns 0 or negative errno.
 */
int	layers_walk_contents(int changes_fd, struct seal *s);

/* Removes what a worker may leave that a layer has no use for: what was never finished, and the reserve, unless that is kept. */
int	layers_walk_clean(int changes_fd, bool keep_reserve);

/*
 * Copies name, a plain file or a directory of such, durably into another layer; what is not there needs no copy.  Adds to
 * *bytes.  Returns 0, -EUCLEAN for anything else in it, or negative errno.
 */
int	layers_walk_copy(int from_fd, int to_fd, const char *name, uint64_t *bytes);

#endif
