/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tree of a detached diff directory.  The first byte says what the rest is: a file as it lies on disk, or
 * one that gets the right checksums, so that its content is looked at.  A tree that is accepted has to be one that
 * a mount without a backup can be made of.
 */
#include "config.h"

#include "base/crc32c.h"
#include "base/io.h"
#include "base/ondisk.h"
#include "cow/treefile.h"
#include "fuzz.h"
#include "support/rig.h"

#define HEADER		64
#define AT_CRC		12	/* of what follows in the header */
#define AT_COUNTS	16
#define AT_BODY_CRC	48	/* of what follows the header */
#define TREE_MAX	65536

static struct rig rig;
static bool is_set_up;

static void
clean_up(void)
{
	rig_free(&rig);
}

static void
set_up(void)
{
	log_set_sink(swallow);
	rig_new(&rig);
	rig.config.store_fd = -1;
	is_set_up = true;
	atexit(clean_up);
}

static void
put_tree(const void *bytes, size_t len)
{
	int fd = openat(rig.diff_fd, ONDISK_TREE, O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || io_pwrite(fd, bytes, len, 0) < 0)
		exit(1);
	close(fd);
}

static void
repair(unsigned char *bytes, size_t len)
{
	uint32_t crc;

	if (len < HEADER)
		return;
	crc = crc32c(0, bytes + HEADER, len - HEADER);
	memcpy(bytes + AT_BODY_CRC, &crc, sizeof(crc));
	crc = crc32c(0, bytes + AT_COUNTS, HEADER - AT_COUNTS);
	memcpy(bytes + AT_CRC, &crc, sizeof(crc));
}

/* Each name leads to its entry, no file has anything from a backup, and a mount shows it. */
static void
walk(const struct index *ix)
{
	struct cow_attr attr;
	char path[PATH_MAX];
	uint32_t i;
	int len;

	for (i = 0; i < ix->n_entries; i++) {
		if ((len = index_path(ix, i, path, sizeof(path))) >= 0 && index_lookup(ix, path, (size_t)len) != i)
			abort();
		if ((ix->entries[i].flags & INDEX_DIR) == 0 && (ix->entries[i].size != 0 || ix->entries[i].count != 0))
			abort();
		if (cow_getattr(rig.cow, (uint64_t)i + 1, &attr) < 0)
			abort();
	}
}

static void
load(void)
{
	struct index ix;

	rig.config.index_fd = memfd_create("tree", MFD_CLOEXEC);
	if (rig.config.index_fd >= 0 && treefile_load(rig.diff_fd, rig.config.index_fd, MiB) == 0 &&
	    index_open(rig.config.index_fd, &ix) == 0) {
		if (rig_open(&rig, true) == 0) {
			walk(&ix);
			rig_close(&rig);
		}
		index_close(&ix);
	}
	close(rig.config.index_fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned char bytes[TREE_MAX];

	if (size < 1 || size - 1 > sizeof(bytes))
		return 0;
	if (!is_set_up)
		set_up();
	memcpy(bytes, data + 1, size - 1);
	if (data[0] % 2 == 1)
		repair(bytes, size - 1);
	unlinkat(rig.diff_fd, ONDISK_JOURNAL, 0);
	put_tree(bytes, size - 1);
	load();
	return 0;
}
