/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Puts a job into a sealed memfd and takes it out again.  job.c writes and
 * reads its bytes.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "ipc/jobfd.h"
#include "ipc/shared.h"

#define SEALS	(F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

int
jobfd_make(const struct job *job)
{
	unsigned char *bytes autofree = NULL;
	ssize_t len = job_encode(job, &bytes);
	int fd autoclose = -1, rc;

	if (len < 0)
		return (int)len;
	if ((fd = memfd_create("pbkfs-job", MFD_CLOEXEC | MFD_ALLOW_SEALING)) < 0)
		return -errno;
	if ((rc = io_pwrite(fd, bytes, (size_t)len, 0)) < 0)
		return rc;
	if (fcntl(fd, F_ADD_SEALS, SEALS) != 0)
		return -errno;
	return steal_fd(&fd);
}

/*
 * Checks that each descriptor is there, and makes it close at the next exec,
 * which no worker is to do.
 */
static int
check_fds(const struct job *job)
{
	unsigned i;

	for (i = 0; i < job_fds(job); i++)
		if (job_fd(job, i) >= 0 && fcntl(job_fd(job, i), F_SETFD, FD_CLOEXEC) != 0)
			return -EPROTO;
	return 0;
}

int
jobfd_map_shared(int fd, struct shared **shared)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	void *map;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (seals < 0 || !(seals & F_SEAL_SHRINK) || st.st_size != (off_t)sizeof(struct shared))
		return -EPROTO;
	map = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	*shared = map;
	return 0;
}

static int
receive(int fd, struct job **job)
{
	unsigned char *bytes autofree = NULL;
	struct stat st;
	ssize_t n;

	if (fcntl(fd, F_GET_SEALS) != SEALS || fstat(fd, &st) != 0)
		return -EBADF;
	if (st.st_size > JOB_MAX)
		return -EPROTO;
	if ((bytes = malloc((size_t)st.st_size + 1)) == NULL)
		return -ENOMEM;
	n = io_pread(fd, bytes, (size_t)st.st_size, 0);
	return n < 0 ? (int)n : job_decode(bytes, (size_t)n, job);
}

int
jobfd_receive(struct job **job)
{
	struct job *received;
	int rc = receive(JOB_FD, &received);

	if (rc < 0)
		return rc;
	close(JOB_FD);
	if ((rc = check_fds(received)) == 0 && received->shared_fd >= 0)
		rc = jobfd_map_shared(received->shared_fd, &received->shared);
	if (rc < 0) {
		job_free(received);
		return rc;
	}
	*job = received;
	return 0;
}
