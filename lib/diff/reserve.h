/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reserve: room in the diff directory that is given up when a write finds
 * no other.
 *
 * Under the writeback cache an application's write succeeds before we see it,
 * so what the kernel holds when the disk fills up has to find room somewhere.
 * The kernel bounds that to about 1 % of memory.  Whatever can fail at once,
 * names and fallocate, never touches the reserve.
 */
#ifndef DIFF_RESERVE_H
#define DIFF_RESERVE_H

#include <stdbool.h>
#include <stdint.h>

struct reserve;

/*
 * Allocates the reserve: bytes, but no more than 5 % of what is free.  A
 * filesystem that cannot allocate ahead has none.  Returns 0 and *out
 * (reserve_close()), or negative errno.
 */
int	reserve_open(int diff_fd, uint64_t bytes, struct reserve **out);
/* Gives the room back and removes the file. */
void	reserve_close(struct reserve *r);

/*
 * Gives the room up.  Returns whether there was some, so that what failed for
 * want of space is worth another try.  Safe from several threads.
 */
bool	reserve_release(struct reserve *r);

/* Takes it again where the disk has plenty by now.  To be called now and then. */
void	reserve_refill(struct reserve *r);

#endif
