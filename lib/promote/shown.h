/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Goes through the tree that a diff directory shows.
 */
#ifndef PROMOTE_SHOWN_H
#define PROMOTE_SHOWN_H

#include "cow/cow.h"

/* A name of the tree. */
struct shown {
	char	name[COW_NAME_MAX + 1];
	struct cow_attr attr;
};

/*
 * The next name of a directory behind *cookie, which is 0 at first; "." and ".." are none.  Returns 1, 0 at the end,
 * or negative errno.
 */
int	shown_next(struct cow *c, uint64_t dir, uint64_t *cookie, struct shown *e);

/* The directory that a place shows, by struct promote_place.shown.  Returns 0, -ENOENT, or another negative errno. */
int	shown_find(struct cow *c, const char *shown, struct cow_attr *attr);

#endif
