/*
 * A mount that a command is about, and the processes that provably hold it.
 */
#ifndef CLI_TARGET_H
#define CLI_TARGET_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "supervisor/mountinfo.h"

struct target {
	char	mnt[PATH_MAX];	/* canonical */
	char	diff[PATH_MAX];	/* what the mount shows as its source */
	const char *base;	/* last component of mnt */
	int	mount_id;
	int	parent_fd;	/* the directory that has it; -1 if it is elsewhere */
	bool	elsewhere;	/* nothing is mounted at mnt, but its processes run on */
	bool	has_device;	/* a mount of it was found, here or there: */
	unsigned major, minor;
	int	diff_fd, lock_fd;	/* -1 if they could not be opened */
	pid_t	supervisor, worker;	/* 0 = none proven */
	int	supervisor_fd, worker_fd;	/* pidfds or -1 */
	char	doubt[256];	/* why nobody is proven, "" if there is no doubt */
};

/*
 * Finds the pbkfs mount at dir without touching it.  diff, if not NULL, has to
 * be its diff directory; dir may be NULL then.  If nothing is mounted at dir, the mount
 * that was there and that other mount namespaces hold.  Returns 0, or 1 after cli_error().
 */
int	target_find(struct target *t, const char *dir, const char *diff);

/*
 * Opens a diff directory and its lock, for a mount that need not be seen: t->mnt is where
 * it was made.  Returns 0 or negative errno.
 */
int	target_open_unmounted(struct target *t, const char *diff);

/*
 * Opens the diff directory and its lock and asks the kernel who holds it;
 * the lock file has to name this mountpoint.  What cannot be proven leaves
 * a reason in t->doubt.
 */
void	target_prove(struct target *t);

/*
 * Its two halves: the first returns 0, or -1 with a doubt; the second is for a
 * directory that is open already, mounted or not.
 */
int	target_open_lock(struct target *t);
void	target_prove_lock(struct target *t);

/* Kills what is proven.  Returns 0, or 1 after cli_error(). */
int	target_kill(const struct target *t);

/* Waits until the proven processes have ended.  Returns 0, or -ETIMEDOUT. */
int	target_wait(const struct target *t, int seconds);

void	target_init(struct target *t);
void	target_close(struct target *t);

#endif
