/*
 * The sweep at the beginning of a mount.
 */
#ifndef COW_SWEEP_H
#define COW_SWEEP_H

struct cow;

/* Removes content files that no name leads to.  Returns 0 or negative errno.  One thread. */
int	sweep_contents(struct cow *c);

#endif
