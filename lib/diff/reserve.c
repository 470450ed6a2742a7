#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "diff/disk.h"
#include "diff/reserve.h"

#define NAME		"reserve"
#define OF_MEMORY	100	/* 1 / this of memory */
#define OF_FREE		20	/* and at most 1 / this of what is free */
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

static void
take(struct reserve *r)
{
	if (r->wanted > 0 && disk_fallocate(r->fd, 0, 0, r->wanted) == 0)
		r->held = true;
	else
		disk_truncate(r->fd, 0);
}

int
reserve_open(int diff_fd, struct reserve **out)
{
	struct reserve *r = calloc(1, sizeof(*r));
	uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	if (r == NULL)
		return -ENOMEM;
	r->dirfd = diff_fd;
	r->fd = disk_open(diff_fd, NAME, O_RDWR | O_CREAT | O_NONBLOCK);
	if (r->fd < 0) {
		int rc = r->fd;

		free(r);
		return rc;
	}
	pthread_mutex_init(&r->lock, NULL);
	disk_truncate(r->fd, 0);	/* an earlier mount's */
	r->wanted = MIN(memory / OF_MEMORY, free_bytes(diff_fd) / OF_FREE);
	take(r);
	if (!r->held)
		log_warn("no reserve could be taken in the diff directory: a full disk may lose what the kernel has not written yet");
	*out = r;
	return 0;
}

void
reserve_close(struct reserve *r)
{
	if (r == NULL)
		return;
	disk_unlink(r->dirfd, NAME);
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
