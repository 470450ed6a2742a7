/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The last resort: ends a FUSE connection, whoever uses it, after the kernel
 * has written back what it held.
 */
#ifndef CLI_CUT_H
#define CLI_CUT_H

/*
 * Makes the kernel hand over to the worker all that was written so far.  The control is that
 * of fusectl_open(), whose error both functions take, too, and return.
 * Returns 0, -ENOENT if no process that we may look at has any file of it open,
 * or negative errno.
 */
int	cut_flush(unsigned major, unsigned minor, int control);

/*
 * Aborts the connection: the worker sees its end and flushes, the supervisor
 * notes down that it was cut.  Allowed to root and to the mount's owner.  Returns 0,
 * -ENOENT if it has ended, or negative errno.
 */
int	cut_abort(int control);

#endif
