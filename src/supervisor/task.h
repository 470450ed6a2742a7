/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The task of a worker, as a job that it can be handed.
 */
#ifndef SUPERVISOR_TASK_H
#define SUPERVISOR_TASK_H

#include <stddef.h>

#include "ipc/job.h"

struct supervisor;

/*
 * Fills *job for a worker that runs program; generation 0 reads the chain.  The job borrows what
 * it points to.  Its pipes are the caller's to add.
 */
void	task_fill(const struct supervisor *s, struct job *job, enum job_program program,
	    unsigned generation);

/* The same for JOB_RECHECK: the chain that was prepared, beneath store_fd. */
void	task_fill_check(const struct supervisor *s, struct job *job, int store_fd);

/* The bytes that the index may take. */
size_t	task_index_max(const struct supervisor *s);

#endif
