/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The changes that a mount makes to the data directory before anybody serves
 * it: settings of a clone and of a recovery, the files that ask for one, and
 * what is left out.
 */
#ifndef WORKER_CLONE_H
#define WORKER_CLONE_H

#include "ipc/job.h"
#include "probackup/chain.h"

/* Whether recovery from the archive is in effect, as restore decides it. */
bool	clone_recovers(const struct clone_config *p, const struct control *backup);

/*
 * Says what cannot work before there is a mount: see recovery_check().
 * Returns 0, or negative errno after report_failed().
 */
int	clone_check(const struct job *job, const struct chain *c);

/*
 * Does what job->clone asks for, durably: all of it at the first mount of a
 * diff directory, later only the settings.  The index has to be complete.
 * Warns of settings that lead outside of the mount.  Returns 0, or negative
 * errno after a line in the log.
 */
int	clone_make(const struct job *job, const struct chain *c);

#endif
