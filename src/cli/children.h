/*
 * The children of a supervisor that is about to be killed.  A worker that was taken over
 * may have let go of everything that proves who it is, and go on without its mount; but
 * whose child it is, is the kernel's word.
 */
#ifndef CLI_CHILDREN_H
#define CLI_CHILDREN_H

#include <sys/types.h>

#define CHILDREN_MAX	32

struct children {
	unsigned n;
	pid_t	pid[CHILDREN_MAX];
	int	fd[CHILDREN_MAX];	/* pidfds; -1 once it has ended */
};

/* Finds the children of parent, whose pidfd says that it lives while they are looked at. */
void	children_find(struct children *c, pid_t parent, int parent_fd);

/* Waits until all have ended.  Returns 0 or -ETIMEDOUT. */
int	children_wait(struct children *c, int seconds);

/* Kills those that are left.  Returns how many there were. */
unsigned children_kill(struct children *c);

void	children_close(struct children *c);

#endif
