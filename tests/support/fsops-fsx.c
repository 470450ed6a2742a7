/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random operations on one file, each compared with a copy in memory.
 *
 * FILE's content at the start must be REFCOPY's (both may be missing: then a
 * new file).  At the end REFCOPY is rewritten with what FILE must hold now, so
 * that another run can go on, say after the file system was mounted again.
 */
#include "config.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <err.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fsops.h"

#define ROOM		(1 << 20)	/* bytes that the file may grow */
#define IO_MAX		(100 << 10)	/* bytes of one operation */
#define HISTORY		12		/* operations shown with a failure */

struct fsx {
	const char *path;
	int	fd;
	unsigned char *good;	/* what the file must hold; zeroes beyond size */
	unsigned char *io;	/* IO_MAX bytes */
	size_t	size, max;
	uint64_t random;
	unsigned long op;
	char	history[HISTORY][80];
};

static uint64_t
fsx_random(struct fsx *x, uint64_t limit)
{
	/* xorshift64*: the same numbers everywhere for one seed */
	x->random ^= x->random >> 12;
	x->random ^= x->random << 25;
	x->random ^= x->random >> 27;
	return limit ? (x->random * 2685821657736338717ULL >> 16) % limit : 0;
}

static void __attribute__((noreturn))
fsx_fail(struct fsx *x, const char *what, size_t at)
{
	printf("# fsx: operation %lu: %s at byte %zu (block %zu), size %zu: %s\n", x->op, what, at,
	    at / 8192, x->size, strerror(errno));
	for (unsigned long i = x->op >= HISTORY ? x->op - HISTORY + 1 : 0; i <= x->op; i++)
		printf("#   %lu %s\n", i, x->history[i % HISTORY]);
	printf("not ok - fsx on %s\n", x->path);
	exit(1);
}

static void
fsx_note(struct fsx *x, const char *name, size_t off, size_t len)
{
	snprintf(x->history[x->op % HISTORY], sizeof(x->history[0]), "%s %zu..%zu", name, off, off + len);
}

/* A place for an operation: every fourth begins at a block. */
static void
fsx_range(struct fsx *x, size_t limit, size_t *off, size_t *len)
{
	*off = (size_t)fsx_random(x, limit);
	if (fsx_random(x, 4) == 0)
		*off -= *off % 8192;
	*len = 1 + (size_t)fsx_random(x, fsx_random(x, 3) ? 9000 : IO_MAX);
	if (*len > limit - *off)
		*len = limit - *off;
}

static void
fsx_compare(struct fsx *x, const unsigned char *got, size_t off, size_t len)
{
	errno = 0;
	for (size_t i = 0; i < len; i++)
		if (got[i] != x->good[off + i])
			fsx_fail(x, "wrong content", off + i);
}

static void
fsx_read(struct fsx *x, size_t off, size_t len)
{
	if (pread(x->fd, x->io, len, (off_t)off) != (ssize_t)len)
		fsx_fail(x, "short read", off);
	fsx_compare(x, x->io, off, len);
}

static void
fsx_grow(struct fsx *x, size_t size)
{
	if (size > x->size)
		x->size = size;
}

static void
fsx_new_bytes(struct fsx *x, size_t off, size_t len)
{
	for (size_t i = 0; i < len; i++)
		x->good[off + i] = (unsigned char)(1 + (x->op * 7 + i + off) % 255);
}

static void
fsx_write(struct fsx *x, size_t off, size_t len)
{
	fsx_new_bytes(x, off, len);
	fsx_grow(x, off + len);
	if (pwrite(x->fd, x->good + off, len, (off_t)off) != (ssize_t)len)
		fsx_fail(x, "short write", off);
}

static void
fsx_truncate(struct fsx *x, size_t off, size_t len)
{
	(void)len;
	if (ftruncate(x->fd, (off_t)off) < 0)
		fsx_fail(x, "truncate failed", off);
	if (off < x->size)
		memset(x->good + off, 0, x->size - off);
	x->size = off;
}

static void
fsx_map(struct fsx *x, size_t off, size_t len, bool writes)
{
	size_t skip = off % 4096;
	unsigned char *p = mmap(NULL, len + skip, writes ? PROT_READ | PROT_WRITE : PROT_READ,
	    MAP_SHARED, x->fd, (off_t)(off - skip));

	if (p == MAP_FAILED)
		fsx_fail(x, "mmap failed", off);
	if (writes) {
		fsx_new_bytes(x, off, len);
		memcpy(p + skip, x->good + off, len);
		if (fsx_random(x, 2) && msync(p, len + skip, MS_SYNC) < 0)
			fsx_fail(x, "msync failed", off);
	} else {
		fsx_compare(x, p + skip, off, len);
	}
	munmap(p, len + skip);
}

static void
fsx_mapread(struct fsx *x, size_t off, size_t len)
{
	fsx_map(x, off, len, false);
}

static void
fsx_mapwrite(struct fsx *x, size_t off, size_t len)
{
	fsx_map(x, off, len, true);
}

static void
fsx_punch(struct fsx *x, size_t off, size_t len)
{
	if (fallocate(x->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len) < 0)
		fsx_fail(x, "punch failed", off);
	memset(x->good + off, 0, len);
}

static void
fsx_zero(struct fsx *x, size_t off, size_t len)
{
	if (fallocate(x->fd, FALLOC_FL_ZERO_RANGE, (off_t)off, (off_t)len) < 0)
		fsx_fail(x, "zero range failed", off);
	memset(x->good + off, 0, len);
	fsx_grow(x, off + len);
}

static void
fsx_allocate(struct fsx *x, size_t off, size_t len)
{
	if (fallocate(x->fd, 0, (off_t)off, (off_t)len) < 0)
		fsx_fail(x, "fallocate failed", off);
	fsx_grow(x, off + len);
}

static void
fsx_sync(struct fsx *x, size_t off, size_t len)
{
	(void)len;
	if (fsync(x->fd) < 0)
		fsx_fail(x, "fsync failed", off);
	/* what is clean may leave the page cache: later reads ask the server */
	posix_fadvise(x->fd, 0, 0, POSIX_FADV_DONTNEED);
}

static void
fsx_open(struct fsx *x)
{
	x->fd = open(x->path, O_RDWR | O_CREAT, 0600);
	if (x->fd < 0)
		fsx_fail(x, "open failed", 0);
}

static void
fsx_reopen(struct fsx *x, size_t off, size_t len)
{
	(void)len;
	if (close(x->fd) < 0)
		fsx_fail(x, "close failed", off);
	fsx_open(x);
}

static void
fsx_check_size(struct fsx *x)
{
	struct stat st;

	if (fstat(x->fd, &st) < 0)
		fsx_fail(x, "fstat failed", 0);
	errno = 0;
	if ((size_t)st.st_size != x->size)
		fsx_fail(x, "wrong size", (size_t)st.st_size);
}

static void
fsx_check_all(struct fsx *x)
{
	fsx_check_size(x);
	for (size_t off = 0; off < x->size; off += IO_MAX)
		fsx_read(x, off, x->size - off < IO_MAX ? x->size - off : IO_MAX);
}

static const struct fsx_op {
	const char *name;
	void	(*run)(struct fsx *x, size_t off, size_t len);
	unsigned weight;
	bool	within;		/* only below the end of the file */
} fsx_ops[] = {
	{ "read", fsx_read, 12, true },
	{ "write", fsx_write, 14, false },
	{ "write inside", fsx_write, 10, true },
	{ "mapread", fsx_mapread, 6, true },
	{ "mapwrite", fsx_mapwrite, 8, true },
	{ "truncate", fsx_truncate, 3, false },
	{ "truncate down", fsx_truncate, 1, true },
	{ "punch", fsx_punch, 4, true },
	{ "zero range", fsx_zero, 2, false },
	{ "fallocate", fsx_allocate, 2, false },
	{ "fsync", fsx_sync, 4, false },
	{ "reopen", fsx_reopen, 3, false },
};

static const struct fsx_op *
fsx_choose(struct fsx *x)
{
	const size_t n = sizeof(fsx_ops) / sizeof(fsx_ops[0]);
	unsigned sum = 0, at;
	size_t i;

	for (i = 0; i < n; i++)
		sum += fsx_ops[i].weight;
	at = (unsigned)fsx_random(x, sum);
	for (i = 0; at >= fsx_ops[i].weight; i++)
		at -= fsx_ops[i].weight;
	return &fsx_ops[i];
}

static void
fsx_step(struct fsx *x)
{
	const struct fsx_op *op = fsx_choose(x);
	size_t off, len;

	if (op->within && x->size == 0)
		op = &fsx_ops[1];
	fsx_range(x, op->within ? x->size : x->max, &off, &len);
	fsx_note(x, op->name, off, len);
	op->run(x, off, len);
	if (x->op % 8 == 0)
		fsx_check_size(x);
	if (x->op % 500 == 499)
		fsx_check_all(x);
}

static void
fsx_load(struct fsx *x, const char *refcopy)
{
	struct stat st = { 0 };
	int fd = open(refcopy, O_RDONLY);

	if (fd >= 0 && fstat(fd, &st) < 0)
		err(2, "%s", refcopy);
	x->size = (size_t)st.st_size;
	x->max = x->size + ROOM;
	x->good = calloc(1, x->max + IO_MAX);
	x->io = malloc(IO_MAX);
	if (x->good == NULL || x->io == NULL)
		err(2, "malloc");
	if (fd >= 0 && read(fd, x->good, x->size) != (ssize_t)x->size)
		err(2, "could not read %s", refcopy);
	if (fd >= 0)
		close(fd);
}

static void
fsx_save(const struct fsx *x, const char *refcopy)
{
	int fd = open(refcopy, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, x->good, x->size) != (ssize_t)x->size || close(fd) < 0)
		err(2, "could not write %s", refcopy);
}

int
fsx_main(const char *file, const char *refcopy, unsigned long ops, uint64_t seed)
{
	struct fsx x = { .path = file, .random = seed * 2 + 1 };

	printf("# fsx: %s, %lu operations, seed %llu\n", file, ops, (unsigned long long)seed);
	fsx_load(&x, refcopy);
	fsx_open(&x);
	fsx_check_all(&x);
	for (x.op = 0; x.op < ops; x.op++)
		fsx_step(&x);
	fsx_note(&x, "end", 0, 0);
	fsx_sync(&x, 0, 0);
	fsx_check_all(&x);
	close(x.fd);
	fsx_save(&x, refcopy);
	free(x.good);
	free(x.io);
	printf("ok - fsx on %s\n", file);
	return 0;
}
