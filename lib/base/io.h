/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole transfers and safe opening: EINTR and short counts end here.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * The place where a thread notes that it waits for storage, so that others can
 * distinguish a slow disk from a hung program.
 */
struct io_watch {
	_Atomic uint32_t *state;	/* set to in_io around system calls, else to computing */
	_Atomic uint64_t *since;	/* CLOCK_MONOTONIC ns of the last change of state */
	uint32_t in_io, computing;
};

/* Makes the calling thread keep *w up to date; NULL: none (the default). */
void	io_watch_thread(const struct io_watch *w);

/* Brackets around a system call that may wait for storage. */
void	io_enter(void);
void	io_leave(void);

/*
 * Reads up to len bytes at off.  Returns the number of bytes (less than len
 * only at end of file) or negative errno.
 */
ssize_t	io_pread(int fd, void *buf, size_t len, off_t off);

/* Writes len bytes at off.  Returns 0 or negative errno. */
int	io_pwrite(int fd, const void *buf, size_t len, off_t off);

/* Writes len bytes at the file position (pipes too).  Returns 0 or negative errno. */
int	io_write(int fd, const void *buf, size_t len);

/*
 * Copies up to len bytes at off of one file to the same place of another, within the kernel where it can.  Returns the
 * number of bytes, 0 at the end of the file, or negative errno.
 */
ssize_t	io_copy(int from_fd, int to_fd, off_t off, size_t len);

/* Makes content and length durable, and with all times and names, too.  Returns 0 or negative errno. */
int	io_sync(int fd, bool all);

/* Makes io_sync() do nothing in this process, for ever: nobody wants what it writes after a crash. */
void	io_sync_nothing(void);

/*
 * Whether fd is a plain file.  Returns 0 and *st, -EINVAL for another kind of file,
 * or negative errno where the file system does not say.
 */
int	io_plain(int fd, struct stat *st);

/* Why a plain file could not be used, from the negative errno of these functions. */
const char *io_plain_error(int error);

/*
 * Reads a whole plain file of at most max bytes into a malloc'ed buffer,
 * which gets a NUL after its last byte that *len does not count.  The caller
 * frees it.  Returns 0, -EFBIG for a larger file, or as io_plain().
 */
int	io_read_file(int fd, size_t max, char **buf, size_t *len);

/*
 * Opens path, relative and without "..", beneath dirfd: no component may be a
 * symbolic link, nothing outside dirfd is ever reached (openat2(2) with
 * RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS; where the kernel lacks it, one
 * openat(2) with O_NOFOLLOW per component).  O_CLOEXEC is added.  Returns the
 * descriptor or negative errno (-ELOOP or -EXDEV for what is refused, -EPERM as
 * io_admit(), which O_PATH is not asked for).
 */
int	io_open_beneath(int dirfd, const char *path, int flags, mode_t mode);

/*
 * Opens a plain file beneath dirfd for reading, as io_open_beneath(), and waits for
 * nobody, whatever is there.  Returns the descriptor and *st, or as io_open_beneath() and
 * io_plain(): io_plain_error() has the words.
 */
int	io_open_plain(int dirfd, const char *path, struct stat *st);

/*
 * Restricts a process that may read more than the user for whom it does.  From
 * now on io_open_beneath() and io_admit() take only directories, and plain
 * files with a single name, that belong to one of these users.  Anything else
 * may have been put there by somebody who cannot read it himself.  n of 0 takes
 * all, which is the default.  Call it before there are threads.
 */
#define IO_USERS_MAX	8
void	io_admit_only(const uid_t *uids, size_t n);

/*
 * Whether what was opened as name may be used.  Returns 0, -EINVAL for neither file
 * nor directory, or -EPERM after an error in the log.
 */
int	io_admit(int fd, const char *name);

/*
 * Whether path is a plain relative one: not empty, no leading or doubled or
 * trailing slash, no "." or ".." component, shorter than PATH_MAX, and every
 * component at most NAME_MAX bytes.
 */
int	io_path_is_plain(const char *path, size_t len);

/*
 * Opens the directory name beneath dirfd for io_readdir(); "." is dirfd itself, with a position of its own.  No link is
 * followed.  Returns 0 with *out, for closedir(3), or negative errno.
 */
int	io_opendir(int dirfd, const char *name, DIR **out);

/*
 * Reads the next name of a directory, "." and ".." left out.  Returns 1 with *out, valid until the next call, 0 at the end, or
 * negative errno: what could not be read is no end.
 */
int	io_readdir(DIR *dir, const struct dirent **out);

#endif
