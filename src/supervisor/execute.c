/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The child keeps nothing but the descriptors of its job, under fixed numbers.  worker/entry.c is where
 * the program begins.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "ipc/jobfd.h"
#include "ipc/msg.h"
#include "ipc/clone_config.h"
#include "supervisor/descriptors.h"
#include "supervisor/execute.h"

#define FDS_MAX	(JOB_FDS + CLONE_MAPPINGS_MAX)

int
execute_open_image(void)
{
	int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static _Noreturn void
fail(int out_fd, const char *what)
{
	char text[256];
	int len = snprintf(text, sizeof(text), "could not %s: %s", what, strerror(errno));

	if (out_fd >= 0)
		msg_send(out_fd, MSG_FAILED, text, (size_t)len);
	_exit(127);
}

/* Out of the way of the numbers that descriptors are to have. */
static int
move_up(const struct job *job, int fd)
{
	int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, job_fd_number(job_fds(job)));

	if (fd >= 0 && moved < 0)
		fail(job->out_fd, "make room for descriptors");
	return moved;
}

/* Only then to their places: none is overwritten before it was moved. */
static void
place(const struct job *job, const int *moved, int memfd, int image_fd)
{
	int keep[FDS_MAX + 2] = { JOB_FD, image_fd };
	unsigned i, n = 2;

	for (i = 0; i < job_fds(job); i++)
		if (moved[i] >= 0)
			keep[n++] = dup2(moved[i], job_fd_number(i));
	if (dup2(memfd, JOB_FD) < 0)
		_exit(127);
	descriptors_close_but(keep, n);
}

void
execute_job(int image_fd, const struct job *job, int memfd, const char *title)
{
	char *argv[] = { (char *)(uintptr_t)JOB_ARGV0, (char *)(uintptr_t)title, NULL };
	char *envp[] = { NULL };
	int moved[FDS_MAX];
	unsigned i;

	for (i = 0; i < job_fds(job); i++)
		moved[i] = move_up(job, job_fd(job, i));
	memfd = move_up(job, memfd);
	image_fd = move_up(job, image_fd);
	place(job, moved, memfd, image_fd);
	fexecve(image_fd, argv, envp);
	fail(job->out_fd >= 0 ? JOB_OUT_FD : -1, "execute the program's own image");
}
