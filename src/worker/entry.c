/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Begins a worker: closes its memory to others, takes the job, calls its
 * program.  Nothing of the supervisor's is left in it but descriptors.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/io.h"
#include "ipc/jobfd.h"
#include "ipc/msg.h"
#include "worker/entry.h"
#include "worker/worker.h"

#define EXIT_USAGE	2

extern char **environ;

static int (*const programs[JOB_PROGRAMS])(const struct job *job) = {
	[JOB_PREPARE] = worker_prepare, [JOB_FILL] = worker_fill, [JOB_SERVE] = worker_serve,
	[JOB_RECHECK] = worker_recheck, [JOB_STEP] = worker_step,
};

bool
entry_is_worker(char **argv)
{
	return argv[0] != NULL && strcmp(argv[0], JOB_ARGV0) == 0;
}

/*
 * Makes the process undumpable again, for exec made others of our user able to
 * look into it.
 */
static void
close_memory(void)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		_exit(EXIT_FAILURE);
}

/* Sets the title where ps reads it, over the arguments: no longer than they are. */
static void
set_title(int argc, char **argv)
{
	setproctitle_init(argc, argv, environ);
	setprogname("pbkfs");
	if (argc > 1)
		setproctitle("%s", argv[1]);
	prctl(PR_SET_NAME, "pbkfs", 0, 0, 0);
}

static int
refuse(int error)
{
	char text[128];
	int len;

	if (error == -EBADF) {
		fprintf(stderr, "pbkfs error: \"%s\" is what a mount starts, and no command:"
		    " see pbkfs --help\n", JOB_ARGV0);
		return EXIT_USAGE;
	}
	len = snprintf(text, sizeof(text), "could not read the worker's job: %s", strerror(-error));
	msg_send(JOB_OUT_FD, MSG_FAILED, text, (size_t)len);
	return EXIT_FAILURE;
}

int
entry_main(int argc, char **argv)
{
	struct job *job;
	int rc;

	close_memory();
	set_title(argc, argv);
	if ((rc = jobfd_receive(&job)) < 0)
		return refuse(rc);
	if (job->discard)
		io_sync_nothing();
	_exit(programs[job->program](job));
}
