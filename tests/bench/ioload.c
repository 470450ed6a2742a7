/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ioload: reads and writes files as PostgreSQL does, and brings the page cache
 * into a known state before.
 *
 *	ioload seq FILE		all blocks in order; prints MB/s, and microseconds
 *				of its own processor time per block
 *	ioload random N FILE	N distinct blocks in random order, without
 *				read-ahead; prints microseconds per block
 *	ioload write FILE	writes all blocks in order, then syncs; prints
 *				microseconds per block
 *	ioload scatter N FILE	the same for N distinct blocks in random order
 *	ioload commit N FILE	the same for the first N blocks, each synced alone
 *	ioload append N FILE	the same for N new blocks of a new file
 *	ioload warm PATH...	reads all files below
 *	ioload evict PATH...	drops all files below from the page cache;
 *				prints how many bytes would not go
 *	ioload poke FILE FIRST STEP
 *				changes a byte of every STEPth block
 *
 * Only what belongs to the named files is dropped: other programs on the
 * machine keep their caches, and nothing has to be root's.
 */
#include "config.h"

#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BLOCK	8192
#define DEPTH	64		/* descriptors of nftw() */

static unsigned char block[BLOCK];
static unsigned long long resident;	/* bytes that evict could not drop */

static double
now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		err(1, "could not open \"%s\"", path);
	return fd;
}

static off_t
size_of(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		err(1, "could not stat \"%s\"", path);
	return st.st_size;
}

static void
read_block(int fd, const char *path, off_t off)
{
	if (pread(fd, block, BLOCK, off) < 0)
		err(1, "could not read \"%s\"", path);
}

static void
load_seq(const char *path)
{
	int fd = open_file(path, O_RDONLY);
	off_t size = size_of(fd, path), off;
	double start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);

	for (off = 0; off < size; off += BLOCK)
		read_block(fd, path, off);
	cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	printf("%.1f %.3f\n", (double)size / 1e6 / (now(CLOCK_MONOTONIC) - start),
	    cpu * 1e6 * BLOCK / (double)size);
	close(fd);
}

static void
print_time(double start, uint32_t n)
{
	printf("%.2f\n", (now(CLOCK_MONOTONIC) - start) * 1e6 / n);
}

/* The first n of a random order of all blocks; the same for every caller. */
static uint32_t *
some_blocks(uint32_t n_blocks, uint32_t n)
{
	uint32_t *order = malloc(n_blocks * sizeof(*order)), i, j, swap;

	if (order == NULL)
		err(1, "could not start");
	srandom(1);
	for (i = 0; i < n_blocks; i++)
		order[i] = i;
	for (i = 0; i < n; i++) {
		j = i + (uint32_t)random() % (n_blocks - i);
		swap = order[i];
		order[i] = order[j];
		order[j] = swap;
	}
	return order;
}

static void
load_random(uint32_t n, const char *path)
{
	int fd = open_file(path, O_RDONLY);
	uint32_t n_blocks = (uint32_t)(size_of(fd, path) / BLOCK), i, *order;
	double start;

	n = n < n_blocks ? n : n_blocks;
	if (n == 0)
		errx(1, "\"%s\" has no blocks", path);
	order = some_blocks(n_blocks, n);
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	start = now(CLOCK_MONOTONIC);
	for (i = 0; i < n; i++)
		read_block(fd, path, (off_t)order[i] * BLOCK);
	print_time(start, n);
	free(order);
	close(fd);
}

static void
write_block(int fd, const char *path, off_t off)
{
	if (pwrite(fd, block, BLOCK, off) != BLOCK)
		err(1, "could not write \"%s\"", path);
}

static void
sync_file(int fd, const char *path)
{
	if (fdatasync(fd) < 0)
		err(1, "could not sync \"%s\"", path);
}

/* Writes block 0, 1 ... n - 1, or order[0], order[1] ... order[n - 1]. */
static void
write_blocks(int fd, const char *path, const uint32_t *order, uint32_t n, bool sync_each)
{
	double start = now(CLOCK_MONOTONIC);
	uint32_t i;

	memset(block, (int)(start * 1e3) | 1, BLOCK);
	for (i = 0; i < n; i++) {
		write_block(fd, path, (off_t)(order != NULL ? order[i] : i) * BLOCK);
		if (sync_each)
			sync_file(fd, path);
	}
	sync_file(fd, path);
	print_time(start, n);
}

static void
load_write(const char *how, uint32_t n, const char *path)
{
	bool appends = strcmp(how, "append") == 0;
	int fd = open_file(path, appends ? O_RDWR | O_CREAT | O_EXCL : O_RDWR);
	uint32_t n_blocks = (uint32_t)(size_of(fd, path) / BLOCK), *order = NULL;

	if (!appends && n > n_blocks)
		n = n_blocks;
	if (n == 0)
		errx(1, "\"%s\" has no blocks", path);
	if (strcmp(how, "scatter") == 0)
		order = some_blocks(n_blocks, n);
	write_blocks(fd, path, order, n, strcmp(how, "commit") == 0);
	free(order);
	close(fd);
}

static int
warm_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	int fd;

	(void)st; (void)ftw;
	if (type != FTW_F || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return 0;
	while (read(fd, block, BLOCK) > 0)
		;
	close(fd);
	return 0;
}

static void
count_resident(int fd, off_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = ((size_t)size + page - 1) / page, i;
	unsigned char *map = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
	unsigned char *in = malloc(n);

	if (map != MAP_FAILED && in != NULL && mincore(map, (size_t)size, in) == 0)
		for (i = 0; i < n; i++)
			resident += (in[i] & 1u) * page;
	free(in);
	if (map != MAP_FAILED)
		munmap(map, (size_t)size);
}

/* Dirty pages stay, so they are written first. */
static int
evict_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	int fd;

	(void)ftw;
	if (type != FTW_F || st->st_size == 0 || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return 0;
	fdatasync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	count_resident(fd, st->st_size);
	close(fd);
	return 0;
}

static void
walk(char **paths, int (*visit)(const char *, const struct stat *, int, struct FTW *))
{
	for (; *paths != NULL; paths++)
		if (nftw(*paths, visit, DEPTH, FTW_PHYS) != 0)
			err(1, "could not walk \"%s\"", *paths);
}

/* Near the end of the block, where there are rows. */
static void
poke(const char *path, off_t first, off_t step)
{
	int fd = open_file(path, O_RDWR);
	off_t size = size_of(fd, path), off;

	for (off = first * BLOCK; off + BLOCK <= size; off += step * BLOCK) {
		read_block(fd, path, off);
		block[BLOCK - 100]++;
		write_block(fd, path, off);
	}
	close(fd);
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "seq") == 0)
		load_seq(argv[2]);
	else if (argc == 4 && strcmp(argv[1], "random") == 0)
		load_random((uint32_t)strtoul(argv[2], NULL, 10), argv[3]);
	else if (argc == 3 && strcmp(argv[1], "write") == 0)
		load_write("write", UINT32_MAX, argv[2]);
	else if (argc == 4 && (strcmp(argv[1], "scatter") == 0 || strcmp(argv[1], "commit") == 0 ||
	    strcmp(argv[1], "append") == 0))
		load_write(argv[1], (uint32_t)strtoul(argv[2], NULL, 10), argv[3]);
	else if (argc > 2 && strcmp(argv[1], "warm") == 0)
		walk(argv + 2, warm_file);
	else if (argc > 2 && strcmp(argv[1], "evict") == 0) {
		walk(argv + 2, evict_file);
		printf("%llu\n", resident);
	} else if (argc == 5 && strcmp(argv[1], "poke") == 0 && atoll(argv[4]) > 0)
		poke(argv[2], atoll(argv[3]), atoll(argv[4]));
	else
		errx(2, "usage: ioload seq FILE | random N FILE | write FILE | scatter N FILE | commit N FILE | "
		    "append N FILE | warm PATH... | evict PATH... | poke FILE FIRST STEP");
	return 0;
}
