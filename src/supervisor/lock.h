/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lock of a diff directory: .pbkfs-lock.
 *
 * flock(2) on one open file description that supervisor and worker share says
 * that somebody uses the directory.  The supervisor holds another one on the
 * directory and each worker one on its part of it, which stay if the file is
 * replaced.  A POSIX record lock on a byte of enum ondisk_lock_byte says who: the
 * kernel names its owner to anybody who may read the file, so no pid is ever
 * taken from a file.  The supervisor opens the file once, ever: closing any
 * descriptor of it would drop its record locks.
 *
 * The first line of the file is "pbkfs-lock 1 " and the mountpoint, escaped as
 * in /proc/self/mountinfo.
 */
#ifndef SUPERVISOR_LOCK_H
#define SUPERVISOR_LOCK_H

#include <limits.h>
#include <sys/types.h>

#include "base/ondisk.h"


/*
 * Opens the lock file of diff_fd, creating it if flags has O_CREAT.  It has to
 * be a plain file of uid with one name, writable by nobody else.  Returns the
 * descriptor or negative errno; -EPERM for a file that is not as it should be.
 */
int	lock_open(int diff_fd, uid_t uid, int flags);

/*
 * Takes both locks for the calling process.  Returns 0, -EWOULDBLOCK if
 * somebody else has them, -ESTALE if the file was replaced meanwhile, or
 * negative errno.
 */
int	lock_take(int diff_fd, int fd);

/*
 * Takes the flock alone, as a command that changes an unmounted directory does; the second waits ms for
 * processes that end: the kernel may need a moment for that.
 */
int	lock_take_idle(int diff_fd, int fd);
int	lock_await_idle(int diff_fd, int fd, int ms);

/* Records the mountpoint in the first line.  Returns 0 or negative errno. */
int	lock_write_mountpoint(int fd, const char *mnt);

/*
 * The mountpoint in the first line, "" if none was recorded.  Returns 0 or
 * -EUCLEAN if the file is not a lock file of ours.
 */
int	lock_read_mountpoint(int fd, char mnt[PATH_MAX]);

/*
 * The process that holds one of the record locks, as the kernel tells it.
 * Returns its pid; 0 if there is none; -ESRCH if there is one that has no pid
 * in our namespace; or negative errno.  The caller must not hold the lock.
 */
pid_t	lock_owner(int fd, enum ondisk_lock_byte byte);

/* The supervisor, or else the worker, as lock_owner() tells them. */
pid_t	lock_user(int fd);

/*
 * The same, or else another process that holds the lock, such as a command: 0 where the kernel does not tell.  For
 * messages alone.
 */
pid_t	lock_holder(int fd);

/*
 * A pidfd of the owner that was still the owner after the pidfd was open, so
 * that no other process can be meant.  Returns it with *pid set, -ENOENT if
 * nobody holds the lock, or negative errno.
 */
int	lock_owner_pidfd(int fd, enum ondisk_lock_byte byte, pid_t *pid);

#endif
