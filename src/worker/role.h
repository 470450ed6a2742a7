/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The superuser that initdb made, for who is told how to connect.
 */
#ifndef WORKER_ROLE_H
#define WORKER_ROLE_H

#include "cow/cow.h"

#define ROLE_NAME_MAX	64	/* bytes, with the end */
#define ROLE_USUAL	"postgres"

/*
 * Its name, as the files say before WAL is replayed, or the usual one if they do not say
 * one name.  Returns name or a constant.
 */
const char *role_find(struct cow *c, struct reader *rd, char name[ROLE_NAME_MAX]);

#endif
