/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Gives another name, at once, to all that is thrown away; layered_sweep_later() removes it.  A name that begins with a dot is
 * no branch's; who is killed leaves it to the next command.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/layered.h"

int
layered_discard(struct layered *l, int dir_fd, const char *name)
{
	int branches autoclose = -1;
	char gone[sizeof(LAYERED_GONE) + 16];
	struct stat st;
	uint64_t chance;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	/* No link, and no pipe, may be renamed, and none of ours has that name. */
	if (!S_ISDIR(st.st_mode))
		return unlinkat(dir_fd, name, 0) == 0 ? 0 : -errno;
	if ((branches = layered_branches(l, true)) < 0)
		return branches;
	if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
		return -errno;
	snprintf(gone, sizeof(gone), LAYERED_GONE "%016" PRIx64, chance);
	if (renameat(dir_fd, name, branches, gone) != 0)
		return -errno;
	l->told->has_waste = true;
	return 0;
}

/* Removed before, it does no harm that it is not there. */
static int
discard(struct layered *l, int dir_fd, const char *name)
{
	int rc = layered_discard(l, dir_fd, name);

	return rc == -ENOENT ? 0 : rc;
}

/* Of a reset that is done: who has our turn is the only one who would bring another to its end. */
static int
tidy_one(struct layered *l, const char *branch)
{
	int dir autoclose = layered_directory(l, branch);
	struct stat st;

	if (dir < 0 || fstatat(dir, ONDISK_NEXT, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return discard(l, dir, ONDISK_OLD);
}

static int
tidy_branches(struct layered *l, int branches)
{
	const struct dirent *e;
	DIR *dir;
	int rc;

	if ((rc = io_opendir(branches, ".", &dir)) < 0)
		return rc;
	while ((rc = io_readdir(dir, &e)) > 0)
		if (layers_name_is_valid(e->d_name) && (rc = tidy_one(l, e->d_name)) < 0)
			break;
	closedir(dir);
	return rc;
}

/* Whether there is anything for layered_sweep_later(). */
static bool
has_waste(int branches)
{
	const struct dirent *e;
	bool found = false;
	DIR *dir;

	if (io_opendir(branches, ".", &dir) < 0)
		return false;
	while (!found && io_readdir(dir, &e) > 0)
		found = strncmp(e->d_name, LAYERED_GONE, strlen(LAYERED_GONE)) == 0;
	closedir(dir);
	return found;
}

int
layered_tidy(struct layered *l)
{
	int layers autoclose = layered_layers(l), branches autoclose = layered_branches(l, false), rc;

	if (layers < 0)
		return layers == -ENOENT ? 0 : layered_failed(l, "open", layers);
	if ((rc = tidy_one(l, "")) == 0 && branches >= 0 && (rc = discard(l, branches, LAYERED_UNFINISHED)) == 0)
		rc = tidy_branches(l, branches);
	/* Of snapshots alone: in layers/ itself nothing else is thrown away. */
	if (rc == 0)
		rc = layers_sweep(layers, layers);
	l->told->has_waste |= branches >= 0 && has_waste(branches);
	return rc == 0 ? 0 : cli_error("could not remove what an unfinished command left in \"%s\": %s", l->path,
	    strerror(-rc));
}
