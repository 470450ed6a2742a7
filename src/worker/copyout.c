/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copies files and directories of the index out of the backups, sharing their
 * blocks where the file system can.  It never links: a change of the copy
 * changes nothing else.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "pg/pg_types.h"
#include "probackup/pagefile.h"
#include "worker/copyout.h"
#include "worker/report.h"

#define CHUNK	((size_t)READER_BLOCKS * BLCKSZ)	/* bytes copied at a time */

uint64_t
copyout_size(const struct index *ix, uint32_t dir)
{
	const struct index_entry *d = &ix->entries[dir];
	uint64_t sum = 0;
	uint32_t i;

	for (i = d->first; i < d->first + d->count; i++)
		sum += ix->entries[i].flags & INDEX_DIR ? copyout_size(ix, i) : ix->entries[i].size;
	return sum;
}

static void
report_progress(struct copyout *c, uint64_t n)
{
	c->progress.done += n;
	if (c->progress.total > 0)
		report_send(MSG_PROGRESS, &c->progress, sizeof(c->progress));
}

/* Shares the blocks where the filesystem can; never a hard link: copies are written to. */
static bool
clone_file(const struct copyout *c, uint32_t e, int to)
{
	const struct index_entry *entry = &c->store->ix.entries[e];
	struct fdref *ref;
	struct stat st;
	bool done;
	int fd;

	if (entry->flags & INDEX_DATAFILE || entry->count != 1 ||
	    (fd = store_fd_of(c->store, e, &c->store->ix.providers[entry->first], &ref)) < 0)
		return false;
	done = fstat(fd, &st) == 0 && (uint64_t)st.st_size == entry->size &&
	    ioctl(to, FICLONE, fd) == 0;
	fdcache_put(c->store->fds, ref);
	return done;
}

static int
read_piece(struct copyout *c, uint32_t e, const struct blockmap *m, uint64_t off, size_t n,
    unsigned char *buf)
{
	if (m == NULL)
		return plainfile_read(c->store, e, off, n, buf, c->rd);
	return pagefile_read(c->store, e, m, (BlockNumber)(off / BLCKSZ), (uint32_t)(n / BLCKSZ),
	    c->rd, buf);
}

static int
copy_pieces(struct copyout *c, uint32_t e, const struct blockmap *m, int to)
{
	uint64_t size = c->store->ix.entries[e].size, off;
	unsigned char *buf autofree = malloc(CHUNK);
	size_t n;
	int rc;

	if (buf == NULL)
		return -ENOMEM;
	for (off = 0; off < size; off += n) {
		n = (size_t)MIN(size - off, (uint64_t)CHUNK);
		if ((rc = read_piece(c, e, m, off, n, buf)) < 0 ||
		    (rc = io_pwrite(to, buf, n, (off_t)off)) < 0)
			return rc;
		report_progress(c, n);
	}
	return 0;
}

static int
copy_file(struct copyout *c, uint32_t e, int to)
{
	const struct index_entry *entry = &c->store->ix.entries[e];
	struct blockmap *m = NULL;
	int rc;

	if (clone_file(c, e, to)) {
		report_progress(c, entry->size);
		return 0;
	}
	if (entry->flags & INDEX_DATAFILE && entry->size > 0 &&
	    (rc = blockmap_build(c->store, e, c->rd, &m)) < 0)
		return rc;
	rc = copy_pieces(c, e, m, to);
	blockmap_free(m);
	return rc;
}

static int
make_file(struct copyout *c, uint32_t e, int dirfd)
{
	const struct index_entry *entry = &c->store->ix.entries[e];
	int fd autoclose = -1, rc;

	fd = openat(dirfd, c->store->ix.strings + entry->name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	    c->keep_modes ? entry->mode & 0777 : 0600);
	if (fd < 0)
		return -errno;
	if ((rc = copy_file(c, e, fd)) < 0)
		return rc;
	return io_sync(fd, true);
}

static int
make_directory(struct copyout *c, uint32_t e, int dirfd)
{
	const struct index_entry *entry = &c->store->ix.entries[e];
	const char *name = c->store->ix.strings + entry->name;
	int fd autoclose = -1;

	if (mkdirat(dirfd, name, c->keep_modes ? entry->mode & 0777 : 0700) != 0)
		return -errno;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : copyout_children(c, e, fd);
}

int
copyout_children(struct copyout *c, uint32_t dir, int fd)
{
	const struct index *ix = &c->store->ix;
	const struct index_entry *d = &ix->entries[dir];
	uint32_t i;
	int rc = 0;

	for (i = d->first; i < d->first + d->count && rc == 0; i++)
		rc = ix->entries[i].flags & INDEX_DIR ? make_directory(c, i, fd) :
		    make_file(c, i, fd);
	return rc == 0 ? io_sync(fd, true) : rc;
}
