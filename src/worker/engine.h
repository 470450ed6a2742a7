/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The copy-on-write engine as a job wants it, for the preparer and for those
 * who serve.
 */
#ifndef WORKER_ENGINE_H
#define WORKER_ENGINE_H

#include "cow/cow.h"
#include "ipc/job.h"

/*
 * Opens the snapshots that the diff directory stands on, once in a process.  Returns their number, with the name of the
 * last of them in name (MSG_SNAPSHOT_MAX bytes, NULL for nobody), or negative errno, which is logged.
 */
int	engine_open_layers(const struct job *job, char *name);

/*
 * Fills in what cow_open() needs to know; `first` and the requests in flight
 * are the caller's to set.  engine_open_layers() comes first.
 */
void	engine_config(const struct job *job, struct cow_config *config);

#endif
