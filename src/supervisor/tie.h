/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A child that does not outlive its parent, however that ends.
 */
#ifndef SUPERVISOR_TIE_H
#define SUPERVISOR_TIE_H

#include <sys/types.h>

/*
 * fork(2) of a child that gets the signal `number` when the caller's thread ends, and gets it at once
 * if that has happened already; 0 stands for a child that may stay.  Returns as fork(2), with errno.
 */
pid_t	tie_fork(int number);

/*
 * Ties such a child to its parent again, after it has changed its ids, for which the kernel cuts the
 * tie.  Does nothing in any other process.
 */
void	tie_again(void);

#endif
