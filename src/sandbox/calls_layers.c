/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The calls of a process that makes and removes layers of a diff directory: a worker's, and one more.  It has no store, and
 * is the owner of all that Landlock lets it reach.
 */
#include "config.h"

#ifdef ENABLE_SANDBOX

#include "base/util.h"
#include "sandbox/calls.h"

static const struct row rows[] = {
	ALLOW(utimensat),		/* a copy of WAL has the times of what it was made of */
};

const struct calls calls_layers = { "layers", rows, ARRAY_SIZE(rows), ANSWER_REFUSE, &calls_worker };

#endif /* ENABLE_SANDBOX */
