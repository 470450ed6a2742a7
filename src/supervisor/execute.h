/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a forked child of the supervisor to a program that shares nothing with it.
 */
#ifndef SUPERVISOR_EXECUTE_H
#define SUPERVISOR_EXECUTE_H

#include "ipc/job.h"

/*
 * Opens the program that this process runs, whatever its name leads to by now.
 * Returns a descriptor, or negative errno.
 */
int	execute_open_image(void);

/*
 * Executes image_fd for a job that jobfd_make() put into memfd: with an empty
 * environment, the standard streams, and the descriptors of job under the numbers
 * that jobfd_receive() expects; nothing else stays open.  title is what ps shows.
 * A failure is reported as MSG_FAILED, if the job has a pipe.
 */
void	execute_job(int image_fd, const struct job *job, int memfd, const char *title)
	    __attribute__((noreturn));

#endif
