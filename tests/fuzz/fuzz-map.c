/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A block map of the diff directory.  The first byte says what the rest is: a
 * whole file, or what follows a good header.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "diff/content.h"
#include "support/mapbytes.h"
#include "fuzz.h"
#include "support/tmpdir.h"

#define NUMBER	5
#define NAME	"data/0000000000000005.map"
#define HEADER	64
#define BLOCKS	200

static char dir[4096];
static int dirfd_ = -1;
static struct fdcache *fds;
static struct contents *contents;

static void
clean_up(void)
{
	tmpdir_remove(dir);
}

static void
set_up(void)
{
	log_set_sink(swallow);
	tmpdir_new(dir, sizeof(dir));
	if ((dirfd_ = open(dir, O_RDONLY | O_DIRECTORY)) < 0 ||
	    (fds = fdcache_new(16)) == NULL || contents_open(dirfd_, fds, &contents) < 0)
		exit(1);
	atexit(clean_up);
}

/* An accepted map holds known kinds only, and can be written. */
static void
check(uint32_t n)
{
	uint8_t kinds[BLOCKS], full = CONTENT_FULL;
	bool created;
	uint32_t i;

	if (map_read_bytes(contents, NUMBER, kinds, n) < 0)
		return;
	for (i = 0; i < n; i++)
		if (kinds[i] != CONTENT_CHAIN && kinds[i] != CONTENT_FULL)
			abort();
	if (n >= 4 && (map_write_bytes(contents, NUMBER, &full, 3, 1, &created) < 0 ||
	    map_read_bytes(contents, NUMBER, kinds, 4) < 0 || kinds[3] != CONTENT_FULL))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t chain = CONTENT_CHAIN;
	bool created;
	off_t at = 0;
	int fd;

	if (size < 1)
		return 0;
	if (dirfd_ < 0)
		set_up();
	unlinkat(dirfd_, NAME, 0);
	if (data[0] % 2 == 1) {
		if (map_write_bytes(contents, NUMBER, &chain, 0, 1, &created) < 0)
			abort();
		at = HEADER;
	}
	if ((fd = openat(dirfd_, NAME, O_RDWR | O_CREAT, 0600)) < 0)
		return 0;
	if (io_pwrite(fd, data + 1, size - 1, at) == 0)
		check(data[0] * (uint32_t)BLOCKS / 256);
	close(fd);
	return 0;
}
