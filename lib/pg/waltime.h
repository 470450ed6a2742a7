/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * When WAL was written, as records of it say: those that end transactions, checkpoints, restore points.
 */
#ifndef PG_WALTIME_H
#define PG_WALTIME_H

#include "pg/walrecord.h"

/* Returns the latest time that a record in the window has, in seconds since the epoch; 0 if none has. */
int64_t	waltime_latest(const struct walrecord_window *w);

#endif
