/*
 * The last resort: ends a FUSE connection whoever uses it, after the kernel has
 * written back what it held.
 */
#ifndef CLI_CUT_H
#define CLI_CUT_H

/*
 * Opens what controls the connection of a device.  It leads to that one for ever: once it
 * has ended to none, whoever has the device's number then.  Returns a descriptor or
 * negative errno, which the functions below take, too, and return.
 */
int	cut_open(unsigned minor);

/*
 * Makes the kernel hand over to the worker all that was written so far.  Returns 0,
 * -ENOENT if nobody whom we may look at has anything of it open, or negative errno.
 */
int	cut_flush(unsigned major, unsigned minor, int control);

/*
 * Aborts the connection: the worker sees its end and flushes, the supervisor
 * notes down that it was cut.  Allowed to root and to the mount's owner.  Returns 0,
 * -ENOENT if it has ended, or negative errno.
 */
int	cut_abort(int control);

#endif
