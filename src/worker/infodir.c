/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names, attributes and content of .pbkfs.  The supervisor writes these files;
 * here they are read.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "worker/archivedir.h"
#include "worker/infodir.h"

static const char *const names[] = { ONDISK_WORKER_PID, ONDISK_STAT, ONDISK_LOG };

#define FILE_BITS	ARCHIVEDIR_KIND_BITS	/* of a nodeid: number of the file + 1; above: the version */

_Static_assert(ARRAY_SIZE(names) < ARCHIVEDIR_KINDS, "the other numbers are archivedir.c's");

static uint64_t
nodeid_of(struct thread *t, unsigned i)
{
	uint64_t version = atomic_load(&t->serve->job->shared->infodir_version);

	return COW_NODEID_END | (version << FILE_BITS & (COW_NODEID_END - 1)) | (i + 1);
}

static int
open_file(struct thread *t, uint64_t nodeid)
{
	unsigned i = (unsigned)(nodeid & ((1u << FILE_BITS) - 1)) - 1;

	if (i >= ARRAY_SIZE(names))
		return -ESTALE;
	return io_open_beneath(t->serve->job->infodir_fd, names[i], O_RDONLY | O_NONBLOCK, 0);
}

#define INODES	(UINT64_C(1) << 52)	/* theirs; what the tree has is below */

uint64_t
infodir_inode(uint64_t nodeid)
{
	return INODES | (archivedir_is(nodeid) ? archivedir_inode(nodeid) :
	    nodeid & ((1u << FILE_BITS) - 1));
}

bool
infodir_is_name(uint64_t dir, const char *name)
{
	return dir == COW_ROOT && strcmp(name, ONDISK_INFODIR) == 0;
}

int
infodir_getattr(struct thread *t, uint64_t nodeid, struct cow_attr *attr)
{
	const struct job *job = t->serve->job;
	struct stat st = { 0 };
	int fd autoclose = -1;

	if (archivedir_is(nodeid))
		return archivedir_getattr(t, nodeid, attr);
	*attr = (struct cow_attr){
		.nodeid = nodeid, .mode = S_IFDIR | 0500, .nlink = 1,
		.uid = job->uid, .gid = job->gid,
	};
	if (nodeid == INFODIR_ROOT)
		return fstat(job->infodir_fd, &st) == 0 ? 0 : -errno;
	if ((fd = open_file(t, nodeid)) < 0)
		return fd;
	if (fstat(fd, &st) != 0)
		return -errno;
	attr->mode = S_IFREG | 0400;
	attr->size = (uint64_t)st.st_size;
	attr->atime = attr->mtime = attr->ctime = clock_ns(&st.st_mtim);
	return 0;
}

int
infodir_lookup(struct thread *t, uint64_t dir, const char *name, struct cow_attr *attr)
{
	unsigned i;

	if (infodir_is_name(dir, name))
		return infodir_getattr(t, INFODIR_ROOT, attr);
	if (dir == ARCHIVEDIR_ROOT)
		return archivedir_lookup(t, name, attr);
	if (dir == INFODIR_ROOT && strcmp(name, ONDISK_ARCHIVEDIR) == 0)
		return archivedir_getattr(t, ARCHIVEDIR_ROOT, attr);
	for (i = 0; dir == INFODIR_ROOT && i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return infodir_getattr(t, nodeid_of(t, i), attr);
	return -ENOENT;
}

/*
 * The kernel would ask for each file of a long archive again at every step of a
 * path, which is slow.  The two directories stay; a whole segment never
 * changes, but may be removed.
 */
#define STAYS		86400u	/* seconds */
#define MAY_BE_REMOVED	1u

void
infodir_timeouts(uint64_t nodeid, uint64_t *entry, uint64_t *attr)
{
	*entry = *attr = 0;
	if (nodeid == INFODIR_ROOT)
		*entry = *attr = STAYS;
	else if (nodeid == ARCHIVEDIR_ROOT)
		*entry = STAYS;	/* its time says whether a listing still holds */
	else if (archivedir_is_whole(nodeid)) {
		*entry = MAY_BE_REMOVED;
		*attr = STAYS;
	}
}

ssize_t
infodir_read(struct thread *t, uint64_t nodeid, uint64_t off, size_t size, void *buf)
{
	int fd autoclose = -1;

	if (archivedir_is(nodeid))
		return archivedir_read(t, nodeid, off, size, buf);
	fd = open_file(t, nodeid);
	return fd < 0 ? fd : io_pread(fd, buf, size, (off_t)off);
}

int
infodir_list(struct thread *t, unsigned i, struct cow_dirent *d)
{
	if (i > ARRAY_SIZE(names))
		return 0;
	if (i == ARRAY_SIZE(names)) {
		*d = (struct cow_dirent){
			.name = ONDISK_ARCHIVEDIR, .len = strlen(ONDISK_ARCHIVEDIR),
			.nodeid = ARCHIVEDIR_ROOT, .mode = S_IFDIR,
		};
		return 1;
	}
	*d = (struct cow_dirent){
		.name = names[i], .len = strlen(names[i]), .nodeid = nodeid_of(t, i),
		.mode = S_IFREG,
	};
	return 1;
}
