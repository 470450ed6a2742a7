/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <stdlib.h>

#include "ipc/msg.h"
#include "probackup/staleness.h"
#include "worker/confine.h"
#include "worker/worker.h"

/*
 * Compares the lists of all backups with those that were prepared: they name
 * every file with its length and checksum, and the index was made of them.
 */
int
worker_recheck(const struct job *job)
{
	unsigned i;

	if (confine_worker(job) < 0)
		return EXIT_FAILURE;
	for (i = 0; i < job->n_members; i++)
		if (staleness_compare_list(job->store_fd, job->instance,
		    job->member[i].id, job->member[i].list_crc) < 0)
			return EXIT_FAILURE;
	return EXIT_SUCCESS;
}
