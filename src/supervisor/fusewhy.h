/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why a mount was refused, and what to do about it.
 */
#ifndef SUPERVISOR_FUSEWHY_H
#define SUPERVISOR_FUSEWHY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Looks for what keeps an ordinary user from mounting at mnt, after fusermount3
 * has failed with line as its last words ("" = none).  Writes one line that
 * names it and the way out; line itself where nothing better is known.
 */
void	fusewhy_user(const char *mnt, const char *line, char *text, size_t size);

/* The same for root, to whom open(2) of /dev/fuse said error, an errno. */
void	fusewhy_device(int error, char *text, size_t size);

/* And for mount(2), which said error; context is its label for SELinux or NULL. */
void	fusewhy_mount(int error, const char *context, char *text, size_t size);

/*
 * Looks for what would keep root, or an ordinary user, from mounting, without trying it.  Returns whether there
 * is something, which text then names.
 */
bool	fusewhy_foresee(bool root, char *text, size_t size);

#endif
