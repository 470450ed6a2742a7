/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two memfds, whose sizes are sealed before a worker has them, and the program as it was when the
 * mount was made.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "ipc/jobfd.h"
#include "supervisor/execute.h"
#include "supervisor/kit.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23
#endif

/* Faults a range in now, so that no request pays for it.  Best effort. */
static void
prefault(void *begin, void *end)
{
	uintptr_t from = (uintptr_t)begin & ~(uintptr_t)4095;
	uintptr_t to = ((uintptr_t)end + 4095) & ~(uintptr_t)4095;

	if (madvise((void *)from, to - from, MADV_POPULATE_WRITE) != 0)
		log_debug("could not prefault shared memory: %s", strerror(errno));
}

static int
choose_id(struct shared *map)
{
	for (map->mount_id = 0; map->mount_id == 0;)
		if (getrandom(&map->mount_id, sizeof(map->mount_id), 0) < 0 && errno != EINTR)
			return -errno;
	return 0;
}

/*
 * The size is sealed: a worker that could shrink this file would end the
 * supervisor with SIGBUS.
 */
static int
make_shared(struct kit *k)
{
	struct shared *map;
	int fd, rc;

	fd = k->shared_fd = memfd_create("pbkfs-shared", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || ftruncate(fd, sizeof(*map)) != 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		return -errno;
	if ((rc = jobfd_map_shared(fd, &map)) < 0)
		return rc;
	prefault(map, &map->pending.entry[1]);
	prefault(map->buffer, map + 1);
	map->magic = SHARED_MAGIC;
	if ((rc = choose_id(map)) != 0)
		return rc;
	k->shared = map;
	return 0;
}

int
kit_make(struct kit *k)
{
	int rc;

	if ((rc = k->image_fd = execute_open_image()) < 0 || (rc = make_shared(k)) != 0)
		return rc;
	k->index_fd = memfd_create("pbkfs-index", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return k->index_fd < 0 ? -errno : 0;
}

int
kit_renew(struct kit *k)
{
	struct shared *map = k->shared;
	size_t i;

	memset(map->slot, 0, sizeof(map->slot));
	for (i = 0; i < SHARED_SLOTS; i++)
		memset(map->buffer[i], 0, sizeof(struct fuse_in_header));
	atomic_store(&map->pending.n, 0);
	atomic_store(&map->started, 0);
	return choose_id(map);
}

int
kit_seal_index(const struct kit *k, size_t max)
{
	struct stat st;

	if (fstat(k->index_fd, &st) != 0)
		return -errno;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	if (fcntl(k->index_fd, F_ADD_SEALS,
	    F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
		return -errno;
	return 0;
}

void
kit_unmap(struct kit *k)
{
	if (k->shared != NULL)
		munmap(k->shared, sizeof(*k->shared));
	k->shared = NULL;
}
