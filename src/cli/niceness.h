/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The priority of a command that is to disturb nobody, of processors and of disks.
 */
#ifndef CLI_NICENESS_H
#define CLI_NICENESS_H

#define NICENESS_DEFAULT	10

/*
 * Lowers the priority of this process, and so of all that come of it, to a nice value of 0 to 19, or to NICENESS_DEFAULT if
 * text is NULL; 0 leaves it.  Never raises it.  Returns 0, or EXIT_USAGE after one line on standard error.
 */
int	niceness_lower(const char *text);

/*
 * Sees to it, once a second, that sessions of descendants count as little as their processes.  The caller calls it
 * often; its own session, which is not its own alone, stays as it is.
 */
void	niceness_spread(void);

#endif
