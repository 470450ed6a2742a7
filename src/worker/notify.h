/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells the kernel of changes that it has not asked for.
 */
#ifndef WORKER_NOTIFY_H
#define WORKER_NOTIFY_H

#include <stdint.h>

#include "ipc/job.h"

/*
 * Makes the kernel forget the attributes and the listing of a directory that has changed
 * without a request for that, or with one that is answered with an error.  It takes no
 * lock that a request on the directory holds.  An error is logged.
 */
void	notify_changed(const struct job *job, uint64_t ino);

#endif
