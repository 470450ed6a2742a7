/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Walks a tree and adds up its blocks.  It counts what is allocated, not how
 * long files are.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "cli/treesize.h"

#define DEPTH_MAX	16
#define BLOCK		512	/* the unit of st_blocks */

static bool
is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Adds the content of a directory, but not the directory itself.  Takes fd over. */
static int
add_content(int fd, dev_t dev, unsigned depth, uint64_t *bytes)
{
	const struct dirent *entry;
	struct stat st;
	DIR *dir;
	int sub;

	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return -errno;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (is_dots(entry->d_name) ||
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0 ||
		    st.st_dev != dev)
			continue;
		*bytes += (uint64_t)st.st_blocks * BLOCK;
		if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
			continue;
		sub = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			add_content(sub, dev, depth + 1, bytes);
	}
	closedir(dir);
	return 0;
}

int
treesize(int dir_fd, uint64_t *bytes)
{
	uint64_t sum;
	struct stat st;
	int fd, rc;

	if (fstat(dir_fd, &st) != 0)
		return -errno;
	/* This opens it anew, or the position would be shared. */
	if ((fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -errno;
	sum = (uint64_t)st.st_blocks * BLOCK;
	if ((rc = add_content(fd, st.st_dev, 0, &sum)) == 0)
		*bytes = sum;
	return rc;
}
