/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signals, and their effect on the processes of a mount.
 */
#ifndef SUPERVISOR_SIGNALS_H
#define SUPERVISOR_SIGNALS_H

#include <stdint.h>

enum signal_deed {
	SIGNAL_IGNORED,		/* nobody means us: what is not in the table, real-time signals too */
	SIGNAL_LEAVE,		/* unmount in order */
	SIGNAL_STATS,		/* write the statistics */
	SIGNAL_RESET,		/* and set them to zero */
	SIGNAL_FAULT,		/* sent by somebody it is ignored; a fault of our own ends us, blocked or not */
	SIGNAL_LEFT,		/* has to stay as it is */
};

enum signal_deed signals_deed(uint32_t number);

/*
 * Blocks all that can be blocked, for a process of one thread.  Returns a signalfd that
 * has them, or -1.
 */
int	signals_open(void);

/*
 * For a child that ends when the mount does: ignores what the supervisor does not leave
 * alone, faults apart, and blocks nothing.
 */
void	signals_ignore(void);

/* Kills the process of a pidfd. */
void	signals_kill(int pidfd);

#endif
