/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compaction of the journal.
 */
#ifndef COW_COMPACT_H
#define COW_COMPACT_H

struct cow;

/*
 * Rewrites the journal if that makes it much shorter.  Returns 1 if it did, 0 if not, or
 * negative errno.  One thread.
 */
int	compact_journal(struct cow *c);

#endif
