/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Room in the diff directory: content that nobody can reach any more and that may go once
 * the journal says so for good, and the reserve.  Safe from several threads unless said
 * otherwise; no lock held.
 */
#ifndef COW_ROOM_H
#define COW_ROOM_H

#include <stdbool.h>
#include <stdint.h>

struct cow;

/*
 * Removes the content file number when the journal is durable up to seq.  Where memory is
 * short the next mount does.  Any lock may be held.
 */
void	room_remove_later(struct cow *c, uint64_t content, uint64_t seq);
/* Makes the journal durable and removes what waited for that. */
void	room_remove_now(struct cow *c);
/* After -ENOSPC: whether some room was found, so that trying again is worth it. */
bool	room_find(struct cow *c);
/* At the end: forgets what would be removed, and gives up the reserve.  One thread. */
void	room_free(struct cow *c);

#endif
