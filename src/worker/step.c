/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The program that freezes the changes of a mount while nobody serves it: confined as a worker is, and the only one
 * that may write in the diff directory meanwhile.  diff/layers.h does it; here it is told what it came to.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "diff/layers.h"
#include "ipc/msg.h"
#include "worker/confine.h"
#include "worker/report.h"
#include "worker/worker.h"

static int
open_changes(const struct job *job)
{
	return io_open_beneath(job->diff_fd, ONDISK_CHANGES, O_RDONLY | O_DIRECTORY, 0);
}

/* Its finding is no answer: it may be of an earlier operation. */
static int
recover(const struct job *job)
{
	char found[SEAL_NAME_MAX + 1];

	return layers_recover(job->diff_fd, job->layers_fd, found);
}

/* Returns 1 if changes/ begins on layer name, 0 if all is as it was and rc says why, or negative errno if that cannot be told. */
static int
come_to(const struct job *job, const char *name, int rc)
{
	int what = recover(job);

	if (what < 0 || rc == 0)
		return what < 0 ? what : 1;
	return layers_is_begun(job->diff_fd, job->layers_fd, name);
}

static const char *
reason(int rc)
{
	return rc == -EINVAL ? "a snapshot cannot have that name: letters, digits, dots, dashes and underscores, 63 at most" :
	    rc == -EEXIST ? "there is a snapshot of that name" :
	    rc == -E2BIG ? "too many snapshots lie one upon another" :
	    rc == -EAGAIN ? "its changes are not at rest: unmount it, and try again" :
	    report_last_error()[0] != '\0' ? report_last_error() : strerror(-rc);
}

static int
freeze(const struct job *job, struct msg_stepped *m)
{
	int rc, done;
	const struct layers_freeze f = {
		.diff_fd = job->diff_fd, .layers_fd = job->layers_fd, .name = job->layer,
		.message = job->message != NULL && job->message[0] != '\0' ? job->message : NULL, .mounted = true,
	};
	struct layers_frozen out = { 0 };

	if (job->again) {
		if ((done = come_to(job, job->layer, -EINTR)) == 0)
			report_failed("%s", "the program that made it was ended");
		return done;
	}
	rc = layers_freeze(&f, &out);
	m->disk_bytes = out.disk_bytes;
	m->wal_bytes = out.wal_bytes;
	m->wal_ns = (uint64_t)out.wal_ns;
	if ((done = come_to(job, job->layer, rc)) == 0)
		report_failed("%s", reason(rc));
	return done;
}

/* The snapshot that is named, or the one that is stood on; name is what that was called, if it is missing. */
static int
find_base(const struct job *job, char name[SEAL_NAME_MAX + 1])
{
	int fd autoclose = open_changes(job), rc;
	struct seal_parent parent;

	if (strcmp(job->layer, "-") != 0) {
		strlcpy(name, job->layer, SEAL_NAME_MAX + 1);
		return 0;
	}
	if ((rc = fd < 0 ? fd : layers_parent(fd, &parent)) <= 0)
		return rc == 0 ? -ENODATA : rc;
	if ((rc = layers_find(job->layers_fd, &parent, name)) == -ENOENT)
		strlcpy(name, parent.name, SEAL_NAME_MAX + 1);
	return rc;
}

/* Why it is not as the snapshot of that name again. */
static void
refuse_reset(const char *name, int rc)
{
	if (rc == -ENOENT && name[0] != '\0')
		report_failed("there is no snapshot \"%s\": pbkfs tree shows what there is", name);
	else if (rc == -ENODATA)
		report_failed("%s", "it stands on no snapshot: --to names one, and pbkfs tree shows what there is");
	else if (rc == -EUCLEAN)
		report_failed("could not stand on snapshot \"%s\": %s; pbkfs tree shows what there is", name, reason(rc));
	else
		report_failed("%s", reason(rc));
}

/* Nothing is changed, and the worker of the mount may be writing. */
static int
check_reset(const struct job *job)
{
	char name[SEAL_NAME_MAX + 1] = "";
	int rc = find_base(job, name);

	if (rc == 0 && (rc = layers_check(job->layers_fd, name)) == 0)
		return 1;
	refuse_reset(name, rc);
	return 0;
}

/* Tells on which snapshot it stands now. */
static int
tell_base(const struct job *job, struct msg_stepped *m)
{
	int fd autoclose = open_changes(job), rc;
	static struct layers_chain chain;
	struct seal_parent parent;

	if (fd < 0)
		return fd;
	if ((rc = layers_parent(fd, &parent)) < 0 || (rc = layers_open(job->layers_fd, fd, &chain)) < 0)
		return rc;
	if (chain.n == 0)
		return -EUCLEAN;
	m->layers = chain.n;
	strlcpy(m->snapshot, chain.layer[chain.n - 1].name, sizeof(m->snapshot));
	memcpy(m->snapshot_id, parent.id.byte, sizeof(m->snapshot_id));
	layers_close(&chain);
	return 0;
}

/* A reset that an earlier program was ended in is done again where that had not done it. */
static int
reset(const struct job *job, struct msg_stepped *m)
{
	char name[SEAL_NAME_MAX + 1] = "";
	bool is_begun = false;
	int done = 1, rc;

	if (job->again && (rc = recover(job)) < 0)
		return rc;
	if ((rc = find_base(job, name)) == 0 && job->again)
		is_begun = layers_is_begun(job->diff_fd, job->layers_fd, name);
	if (rc == 0 && !is_begun)
		rc = layers_reset(job->diff_fd, job->layers_fd, name);
	if (rc < 0)
		done = come_to(job, name, rc);
	if (done == 0)
		refuse_reset(name, rc);
	if (done > 0 && (rc = tell_base(job, m)) < 0)
		return rc;
	return done;
}

static int
take(const struct job *job, struct msg_stepped *m)
{
	switch (job->step) {
	case JOB_STEP_CHECK_RESET:
		return check_reset(job);
	case JOB_STEP_RESET:
		return reset(job, m);
	default:
		return freeze(job, m);
	}
}

int
worker_step(const struct job *job)
{
	struct msg_stepped m = { 0 };
	int done;

	if (confine_worker(job) < 0 || job->layer == NULL)
		return EXIT_FAILURE;
	if (job->step == JOB_STEP_SWEEP)
		return layers_sweep(job->diff_fd, -1) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if ((done = take(job, &m)) < 0) {
		report_failed("%s", reason(done));
		return EXIT_FAILURE;
	}
	m.done = done != 0;
	report_send(MSG_STEPPED, &m, sizeof(m));
	return EXIT_SUCCESS;
}
