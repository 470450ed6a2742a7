/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The job of a worker.  There is one way to write a job, so an accepted one is
 * written as it was read.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/iostats.h"
#include "fuzz.h"
#include "ipc/job.h"
#include "ipc/shared.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *again;
	struct job *job;
	ssize_t len;

	if (job_decode(data, size, &job) != 0)
		return 0;
	if (job->store_name == NULL || job->instance == NULL || job->threads > SHARED_SLOTS ||
	    job->n_members > CHAIN_MAX || job->program >= JOB_PROGRAMS)
		abort();
	len = job_encode(job, &again);
	if (len != (ssize_t)size || memcmp(again, data, size) != 0)
		abort();
	free(again);
	job_free(job);
	return 0;
}
