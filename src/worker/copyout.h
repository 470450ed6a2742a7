/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Real copies of what the index has: WAL in the diff directory, tablespaces
 * and external directories elsewhere.
 */
#ifndef WORKER_COPYOUT_H
#define WORKER_COPYOUT_H

#include <stdbool.h>

#include "ipc/msg.h"
#include "probackup/store.h"

struct copyout {
	const struct store *store;
	struct reader *rd;
	bool	keep_modes;	/* as in the backup; else 0700 and 0600 */
	struct msg_progress progress;	/* reported after each piece; total is the caller's to set */
};

/* Bytes of all files below the directory dir. */
uint64_t copyout_size(const struct index *ix, uint32_t dir);

/*
 * Makes, in the directory fd, what the directory entry dir of the index has,
 * durably but for fd's own place.  Nothing there may exist.  Returns 0 or
 * negative errno; errors of the store are logged.
 */
int	copyout_children(struct copyout *c, uint32_t dir, int fd);

#endif
