/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the file system tests.  Each is a function that runs in a process and an
 * empty directory of its own, and ends that process by CHECK when something is not
 * as POSIX and the native file system have it.
 */
#ifndef SUPPORT_FSOPS_H
#define SUPPORT_FSOPS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fsops_test {
	const char *name;
	void	(*run)(void);
};

/* Each table ends with a NULL name. */
extern const struct fsops_test fsops_io_tests[];	/* content, sizes */
extern const struct fsops_test fsops_name_tests[];	/* names, attributes */
extern const struct fsops_test fsops_dir_tests[];	/* directories and their listing */
extern const struct fsops_test fsops_lock_tests[];	/* several processes */

/* The tests run over a native file system, to test the tests. */
extern bool fsops_native;

void	fsops_fail(const char *file, int line, const char *what, int error)
	    __attribute__((noreturn));

#define CHECK(cond) do { \
	errno = 0; \
	if (!(cond)) \
		fsops_fail(__FILE__, __LINE__, #cond, errno); \
} while (0)

/* The call fails with the errno that is expected, no other. */
#define CHECK_ERR(call, expected) do { \
	errno = 0; \
	if ((call) != -1 || errno != (expected)) \
		fsops_fail(__FILE__, __LINE__, #call " gives " #expected, errno); \
} while (0)

/* Bytes that tell their position: never zero, no period that a page divides. */
void	fsops_fill(unsigned char *buf, size_t len, off_t off);

/* Opens name, made new with len such bytes, for reading and writing. */
int	fsops_create(const char *name, size_t len);

/* Reads len bytes at off and compares them with fsops_fill() or with zeroes. */
bool	fsops_is_filled(int fd, off_t off, size_t len);
bool	fsops_is_zero(int fd, off_t off, size_t len);

off_t	fsops_size(int fd);
bool	fsops_exists(const char *name);

/* Forks; the child runs fn(arg) and exits with its result.  Returns that. */
int	fsops_in_child(int (*fn)(void *arg), void *arg);

/* fsops-fsx.c: random operations on one file, compared with memory. */
int	fsx_main(const char *file, const char *refcopy, unsigned long ops, uint64_t seed);

#endif
