/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * blockdiff: how much of a data directory is different.
 *
 *	blockdiff BEFORE AFTER
 *
 * Prints the number of 8 KiB blocks of AFTER that differ from the same block of
 * the same file of BEFORE, or are beyond its end, in files that both have; and
 * the bytes of those files that only AFTER has.  pg_wal is left out, and
 * what pbkfs shows of itself.
 */
#include "config.h"

#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK	8192
#define DEPTH	64

static const char *before;
static size_t after_len;
static unsigned long long changed, new_bytes;

static void
compare(int old, int new)
{
	static unsigned char a[BLOCK], b[BLOCK];
	ssize_t n, m;
	off_t off;

	for (off = 0; (n = pread(new, a, BLOCK, off)) > 0; off += BLOCK) {
		m = pread(old, b, BLOCK, off);
		if (m != n || memcmp(a, b, (size_t)n) != 0)
			changed++;
	}
}

static int
visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char other[PATH_MAX];
	int old, new;

	(void)ftw;
	if (type == FTW_D && (strcmp(path + after_len, "/pg_wal") == 0 ||
	    strcmp(path + after_len, "/.pbkfs") == 0))
		return FTW_SKIP_SUBTREE;
	if (type != FTW_F || (new = open(path, O_RDONLY)) < 0)
		return FTW_CONTINUE;
	snprintf(other, sizeof(other), "%s%s", before, path + after_len);
	if ((old = open(other, O_RDONLY)) < 0) {
		new_bytes += (unsigned long long)st->st_size;
	} else {
		compare(old, new);
		close(old);
	}
	close(new);
	return FTW_CONTINUE;
}

int
main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: blockdiff BEFORE AFTER");
	before = argv[1];
	after_len = strlen(argv[2]);
	if (nftw(argv[2], visit, DEPTH, FTW_PHYS | FTW_ACTIONRETVAL) != 0)
		err(1, "could not walk \"%s\"", argv[2]);
	printf("%llu %llu\n", changed, new_bytes);
	return 0;
}
