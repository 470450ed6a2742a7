/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The calls of a process that makes plain directories of a diff directory: a worker's, and those that give
 * files their names and attributes.  It has no store, and is the owner of all that Landlock lets it reach, so that
 * it can do nothing with them that he could not.
 */
#include "config.h"

#ifdef ENABLE_SANDBOX

#include <errno.h>
#include <sys/stat.h>

#include "base/util.h"
#include "sandbox/calls.h"

static const struct row rows[] = {
	ALLOW(linkat),			/* content files get their names */
	ALLOW(symlinkat),		/* pg_wal, tablespaces */
	ALLOW_IF(mknodat, BITS_ARE(2, S_IFMT, S_IFIFO)),	/* what the tree has */
	ALLOW_IF(mknodat, BITS_ARE(2, S_IFMT, S_IFSOCK)),
	ALLOW(fchmodat),		/* attributes of all of these */
	ALLOW(fchownat),
	ALLOW(utimensat),
	ALLOW(syncfs),			/* one for all, at the end */
};

const struct calls calls_promoter = { "promoter", rows, ARRAY_SIZE(rows), ANSWER_REFUSE, &calls_worker };

#endif /* ENABLE_SANDBOX */
