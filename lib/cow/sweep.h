/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sweep at the beginning of a mount.
 */
#ifndef COW_SWEEP_H
#define COW_SWEEP_H

struct cow;

/*
 * Removes content files that no name leads to.  Returns 0, -EUCLEAN (logged) with nothing removed
 * where content is missing that the journal knows, or negative errno.  One thread.
 */
int	sweep_contents(struct cow *c);

#endif
