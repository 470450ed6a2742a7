/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Taking up what earlier mounts and workers left.  Both return 0 or negative errno, with the
 * reason logged where it lies in the diff directory.  One thread.
 */
#ifndef COW_REPLAY_H
#define COW_REPLAY_H

struct cow;
struct journal;

/* Replays a journal, that of where, which messages name.  Returns 0, -EUCLEAN (logged) or negative errno. */
int	replay_journal(struct cow *c, struct journal *j, const char *where);
/* Takes up the pending log, when the tree is there. */
int	replay_pending(struct cow *c);

#endif
