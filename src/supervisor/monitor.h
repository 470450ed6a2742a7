/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The monitor: a process that keeps the rights which the supervisor gives up once the mount
 * is made, and does a handful of things with them that the supervisor asks for.
 *
 * It reads nothing that anybody else has written: no message of a worker, no shared memory, no
 * file of the diff directory; only fixed-size orders of its supervisor's, who cannot say where
 * the mount, the store or the diff directory are.  It ends with the supervisor.  If it is
 * killed, the mount goes on, as it does without a supervisor.
 */
#ifndef SUPERVISOR_MONITOR_H
#define SUPERVISOR_MONITOR_H

struct supervisor;

/* Starts it, with what s has by now.  Returns 0 or negative errno. */
int	monitor_start(struct supervisor *s);

/*
 * Gives back what the mount had outside the diff directory: the pid file, the name of the
 * socket, the lock of the store, and directories that a mount has made that failed.  Where
 * there is no monitor yet, the supervisor does it itself.
 */
void	monitor_give_back(struct supervisor *s);

#endif
