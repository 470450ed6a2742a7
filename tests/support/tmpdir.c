/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Temporary directories of tests (see tmpdir.h).
 */
#include "config.h"

#include <err.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/tmpdir.h"

void
tmpdir_new(char *path, size_t size)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(path, size, "%s/pbkfs-test-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(path) == NULL)
		err(1, "%s", path);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* A user other than root may look into what it says. */
static int
open_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type == FTW_DNR || (type == FTW_D && (st->st_mode & 0700) != 0700))
		chmod(path, 0700);
	return 0;
}

void
tmpdir_remove(const char *path)
{
	nftw(path, open_one, 16, FTW_PHYS | FTW_MOUNT);
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void
swallow(enum log_level level, const char *text, size_t len)
{
	(void)level;
	(void)text;
	(void)len;
}
