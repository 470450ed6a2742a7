/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which of the stored pieces count: the rules of how a backup is put together.
 */
#ifndef PROBACKUP_INDEX_MERGE_H
#define PROBACKUP_INDEX_MERGE_H

#include "probackup/index_collect.h"

/*
 * Sets count and the length of each file, and marks items that are not needed.
 * Returns 0, or -EUCLEAN with error filled (CHAIN_ERROR_MAX bytes) for a plain
 * file whose content no backup stores.
 */
int	index_merge(struct index_collect *c, char *error);

#endif
