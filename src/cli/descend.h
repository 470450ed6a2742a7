/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The children of a process, as /proc tells them.  Who has to hold them uses children.h.
 */
#ifndef CLI_DESCEND_H
#define CLI_DESCEND_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Calls act with each child of a process, and depth; from there it can be called again, with one more.  Returns the sum of
 * what act returned; 0 if the kernel tells nothing.
 */
uint64_t descend_each(pid_t parent, unsigned depth, uint64_t (*act)(pid_t pid, unsigned depth));

#endif
