/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file of allocated blocks that gives its room to the writes that the kernel
 * already holds.  It is no quota: who fails at once never gets it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "diff/disk.h"
#include "diff/reserve.h"

#define OF_FREE		20	/* at most 1 / this of what is free */
#define PLENTY		4	/* times the reserve that has to be free before it is taken again */

struct reserve {
	int	fd, dirfd;
	uint64_t wanted;
	pthread_mutex_t lock;	/* protects held */
	bool	held;
};

static uint64_t
free_bytes(int fd)
{
	struct statvfs st;

	return fstatvfs(fd, &st) != 0 ? 0 : (uint64_t)st.f_bavail * st.f_frsize;
}

static uint64_t
allocated(int fd)
{
	struct stat st;

	return fstat(fd, &st) != 0 ? 0 : (uint64_t)st.st_blocks * 512;
}

static int
take(struct reserve *r)
{
	int rc = r->wanted > 0 ? disk_fallocate(r->fd, 0, 0, r->wanted) : -ENOSPC;

	r->held = rc == 0;
	if (rc < 0)
		disk_truncate(r->fd, 0);
	return rc;
}

int
reserve_open(int diff_fd, uint64_t bytes, struct reserve **out)
{
	struct reserve *r = calloc(1, sizeof(*r));
	int rc;

	if (r == NULL)
		return -ENOMEM;
	r->dirfd = diff_fd;
	r->fd = rc = disk_open(diff_fd, ONDISK_RESERVE, O_RDWR | O_CREAT | O_NONBLOCK);
	if (rc < 0) {
		free(r);
		return rc;
	}
	pthread_mutex_init(&r->lock, NULL);
	r->wanted = MIN(bytes, (free_bytes(diff_fd) + allocated(r->fd)) / OF_FREE);
	/* Takes over what an earlier worker of the mount has reserved. */
	r->held = r->wanted > 0 && allocated(r->fd) >= r->wanted;
	if (!r->held && (rc = take(r)) < 0)
		log_warn("could not take a reserve of %llu bytes in the diff directory: %s",
		    (unsigned long long)r->wanted, strerror(-rc));
	*out = r;
	return 0;
}

void
reserve_close(struct reserve *r)
{
	if (r == NULL)
		return;
	disk_unlink(r->dirfd, ONDISK_RESERVE);
	close(r->fd);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

bool
reserve_release(struct reserve *r)
{
	bool was_held;

	if (r == NULL)
		return false;
	pthread_mutex_lock(&r->lock);
	if ((was_held = r->held)) {
		log_warn("no space left in the diff directory: the reserve of %llu bytes is given up",
		    (unsigned long long)r->wanted);
		disk_truncate(r->fd, 0);
		r->held = false;
	}
	pthread_mutex_unlock(&r->lock);
	return was_held;
}

void
reserve_refill(struct reserve *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&r->lock);
	if (!r->held && free_bytes(r->fd) > r->wanted * PLENTY)
		take(r);
	pthread_mutex_unlock(&r->lock);
}
