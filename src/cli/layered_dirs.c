/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The directories of a diff directory with snapshots, opened from its own: no name in them is resolved twice, and no link
 * followed.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ondisk.h"
#include "base/util.h"
#include "cli/branchname.h"
#include "cli/cli.h"
#include "cli/layered.h"
#include "supervisor/record.h"

const char *
layered_target(const struct layered *l)
{
	return l->target == &l->branch ? l->branch_path : l->path;
}

bool
layered_is_of_run(const char *name)
{
	return strncmp(name, LAYERED_RUN, strlen(LAYERED_RUN)) == 0;
}

int
layered_check_name(const char *option, const char *name)
{
	if (name == NULL || !layered_is_of_run(name))
		return 0;
	return cli_usage("%s cannot be \"%s\": branches of pbkfs run are called \"" LAYERED_RUN "...\", choose another name", option,
	    name);
}

int
layered_branches(const struct layered *l, bool make)
{
	int fd;

	if (make && mkdirat(l->whole.fd, ONDISK_BRANCHES, 0700) != 0 && errno != EEXIST)
		return -errno;
	fd = openat(l->whole.fd, ONDISK_BRANCHES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 || (make && fsync(l->whole.fd) != 0) ? -errno : fd;
}

int
layered_layers(const struct layered *l)
{
	return layers_directory(l->whole.fd, false);
}

int
layered_directory(const struct layered *l, const char *branch)
{
	static const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int branches autoclose = -1, fd;

	if (branch[0] == '\0')
		fd = openat(l->whole.fd, ".", flags);
	else if ((branches = layered_branches(l, false)) < 0)
		return branches;
	else
		fd = openat(branches, branch, flags);
	return fd < 0 ? -errno : fd;
}

int
layered_changes(int dir_fd)
{
	int fd = openat(dir_fd, ONDISK_CHANGES, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

bool
layered_record(const struct layered *l, const struct binding *decided, const char *which)
{
	struct binding b = { 0 };
	char path[PATH_MAX];
	bool stored = false;
	struct diffdir d;
	int rc;

	if (branchname_path(l->path, l->options->name, path) != 0)
		return false;
	rc = diffdir_open_branch(&d, &l->whole, l->options->name, path);
	if (rc == 0 && (rc = binding_load(d.fd, &b)) == 0 && binding_difference(&b, decided) == NULL)
		stored = (rc = record_store(&d, &b)) == 0;
	if (rc != 0)
		cli_warn("could not record in \"%s\" what branch \"%s\" shows: %s; its %s mount by root has to name all of -B, -I"
		    " and -i", RECORD_DIRECTORY, l->options->name, record_strerror(rc), which);
	binding_fini(&b);
	diffdir_close(&d);
	return stored;
}

int
layered_failed(const struct layered *l, const char *what, int rc)
{
	return cli_error("could not %s \"%s\": %s", what, layered_target(l), rc == -EUCLEAN ? "it is damaged" : strerror(-rc));
}
