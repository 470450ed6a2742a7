/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Copies one file, a piece at a time.  A block has one provider, and is written once; what no backup
 * stores stays a hole.  In a file that was there before only blocks that differ are written.
 *
 * Pages are checked by the store as they are read.  A plain file has nothing but the checksum of its
 * list, so all of it is read, whether its blocks can be shared or not.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/rmtree.h"
#include "base/util.h"
#include "pg/pg_types.h"
#include "probackup/filecrc.h"
#include "probackup/pagefile.h"
#include "restore/restore_impl.h"

#define EARLY_BYTES	(1 * MiB)	/* of a file, whose writing to disk begins when it is copied */

/* ---- where it is ------------------------------------------------------------ */

int
copyfile_dir(struct restore_thread *t, uint32_t e)
{
	uint32_t dir = t->r->ix->entries[e].parent;
	int fd;

	if (e == t->r->control)
		return t->r->mark_fd;
	if (t->dir_fd >= 0 && t->dir == dir)
		return t->dir_fd;
	if ((fd = tree_open(t->r, dir)) < 0)
		return fd;
	if (t->dir_fd >= 0)
		close(t->dir_fd);
	t->dir = dir;
	t->dir_fd = fd;
	return fd;
}

/*
 * Opens a file that is there, if it can become the one of the backup by writing what differs: one
 * that has another name or another owner is somebody else's, too.  Returns -ENOENT if not.
 */
static int
open_there(int dir_fd, const char *name, uint32_t mode)
{
	int fd autoclose = openat(dir_fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || io_plain(fd, &st) != 0 || st.st_nlink != 1 || st.st_uid != geteuid() ||
	    (st.st_mode & 07777) != mode)
		return -ENOENT;
	return steal_fd(&fd);
}

static int
open_target(struct restore_thread *t, uint32_t e, bool *there)
{
	uint32_t mode = t->r->ix->entries[e].mode & 0777;
	const char *name = tree_last_name(t->r, e);
	char failed[NAME_MAX + 1];
	int dir_fd = copyfile_dir(t, e), fd;

	if (dir_fd < 0)
		return dir_fd;
	*there = t->r->config.compare && (fd = open_there(dir_fd, name, mode)) >= 0;
	if (*there)
		return fd;
	fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd >= 0 || errno != EEXIST)
		return fd < 0 ? -errno : fd;
	if ((fd = rmtree(dir_fd, name, failed)) != 0)
		return fd;
	fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	return fd < 0 ? -errno : fd;
}

/* ---- opening ------------------------------------------------------------------ */

static int
find_blocks(struct restore_thread *t, struct copyfile *f)
{
	const struct index_entry *entry = &t->r->ix->entries[f->e];

	f->size = entry->size;
	f->n_pieces = (uint32_t)((f->size + PIECE_BYTES - 1) / PIECE_BYTES);
	if ((entry->flags & INDEX_DATAFILE) == 0 || f->size == 0)
		return 0;
	return blockmap_build(t->r->store, f->e, &t->reader, &f->map);
}

/* Says what is wrong with the backup, of which the log has the details. */
static int
fail_reading(struct restore *r, uint32_t e, int rc)
{
	char path[PATH_MAX];

	if (index_path(r->ix, e, path, sizeof(path)) < 0)
		strcpy(path, "?");
	if (rc == -EUCLEAN)
		return restore_fail(r, rc, "\"%.700s\" is damaged in the backup: pbkfs verify tells all that is",
		    path);
	if (rc == -ESTALE)
		return restore_fail(r, rc, "the backup has changed meanwhile: run the command again");
	return restore_fail(r, rc, "could not read \"%.700s\" of the backup: %s", path, strerror(-rc));
}

struct copyfile *
copyfile_open(struct restore_thread *t, uint32_t e)
{
	struct copyfile *f = calloc(1, sizeof(*f));
	int rc;

	if (f == NULL) {
		tree_fail(t->r, -ENOMEM, "copy", e);
		return NULL;
	}
	f->e = e;
	f->users = 1;
	if ((rc = find_blocks(t, f)) < 0) {
		fail_reading(t->r, e, rc);
	} else if ((f->fd = RESTORE_WRITING(t->r, open_target(t, e, &f->there))) < 0) {
		tree_fail(t->r, f->fd, "create", e);
	} else {
		return f;
	}
	blockmap_free(f->map);
	free(f);
	return NULL;
}

/* ---- writing ------------------------------------------------------------------ */

static int
put(struct restore_thread *t, const struct copyfile *f, size_t at, size_t len, uint64_t off)
{
	int rc = RESTORE_WRITING(t->r, io_pwrite(f->fd, t->piece + at, len, (off_t)(off + at)));

	atomic_fetch_add(&t->r->written, len);
	return rc < 0 ? tree_fail(t->r, rc, "write", f->e) : 0;
}

/* Reads as much of a piece as is there.  Returns how many bytes that is. */
static ssize_t
look(struct restore_thread *t, const struct copyfile *f, size_t n, uint64_t off)
{
	ssize_t have;

	if (!f->there)
		return 0;
	have = RESTORE_WRITING(t->r, io_pread(f->fd, t->old, n, (off_t)off));
	if (have < 0)
		tree_fail(t->r, (int)have, "read", f->e);
	return have;
}

static bool
is_hole(const struct copyfile *f, uint64_t off)
{
	return f->map != NULL && blockmap_provider(f->map, (uint32_t)(off / BLCKSZ)) == BLOCKMAP_NOWHERE;
}

/* Whether a block of a piece has to be written, of which have bytes are there already. */
static bool
is_due(const struct restore_thread *t, const struct copyfile *f, size_t at, size_t len, size_t have,
    uint64_t off)
{
	if (at + len <= have)
		return memcmp(t->piece + at, t->old + at, len) != 0;
	return !is_hole(f, off + at) || at < have;
}

/* Writes the runs of blocks of a piece that have to be. */
static int
write_piece(struct restore_thread *t, const struct copyfile *f, size_t n, uint64_t off)
{
	ssize_t have = look(t, f, n, off);
	size_t at, begin = 0, len;
	bool due;
	int rc = have < 0 ? (int)have : 0;

	for (at = 0; at < n && rc == 0; at += len) {
		len = MIN((size_t)BLCKSZ, n - at);
		due = is_due(t, f, at, len, (size_t)have, off);
		if (!due && at > begin)
			rc = put(t, f, begin, at - begin, off);
		if (!due)
			begin = at + len;
	}
	return rc == 0 && n > begin ? put(t, f, begin, n - begin, off) : rc;
}

/* ---- pages ---------------------------------------------------------------------- */

static int
copy_pages(struct restore_thread *t, struct copyfile *f, uint32_t piece)
{
	uint64_t off = (uint64_t)piece * PIECE_BYTES;
	size_t n = (size_t)MIN(f->size - off, (uint64_t)PIECE_BYTES);
	int rc = pagefile_read(t->r->store, f->e, f->map, (BlockNumber)(off / BLCKSZ), (uint32_t)(n / BLCKSZ),
	    &t->reader, t->piece);

	if (rc < 0)
		return fail_reading(t->r, f->e, rc);
	if ((rc = write_piece(t, f, n, off)) == 0)
		atomic_fetch_add(&t->r->bytes, n);
	return rc;
}

/* ---- plain files ------------------------------------------------------------------ */

/* Shares the blocks with the backup, where both lie on a file system that can. */
static bool
share_blocks(struct restore_thread *t, const struct copyfile *f)
{
	const struct index_entry *entry = &t->r->ix->entries[f->e];
	const struct store *s = t->r->store;
	struct fdref *ref;
	struct stat st;
	bool shared;
	int fd;

	if (f->there || entry->count != 1 ||
	    (fd = store_fd_of(s, f->e, &s->ix.providers[entry->first], &ref)) < 0)
		return false;
	shared = fstat(fd, &st) == 0 && (uint64_t)st.st_size == f->size && ioctl(f->fd, FICLONE, fd) == 0;
	fdcache_put(s->fds, ref);
	return shared;
}

/* Whether what was read, all of it or its first bytes, is what the list says. */
static bool
crc_fits(const struct restore_thread *t, const struct copyfile *f, uint32_t crc)
{
	const struct index *ix = t->r->ix;
	const struct index_provider *p = &ix->providers[ix->entries[f->e].first];

	/* Files of CFS may have none. */
	return crc == p->crc || p->crc == 0 || (f->e == t->r->control && f->n_pieces == 1 &&
	    filecrc_is_control(ix->backups[p->backup].version, t->piece, (size_t)f->size, p->crc));
}

static int
copy_plain(struct restore_thread *t, struct copyfile *f)
{
	const struct index *ix = t->r->ix;
	const struct index_provider *p = &ix->providers[ix->entries[f->e].first];
	bool shared = share_blocks(t, f);
	uint32_t crc = 0;
	uint64_t off;
	size_t n;
	int rc;

	for (off = 0; off < f->size && atomic_load(&t->r->failed) == 0; off += n) {
		n = (size_t)MIN(f->size - off, (uint64_t)PIECE_BYTES);
		if ((rc = plainfile_read(t->r->store, f->e, off, n, t->piece, &t->reader)) < 0)
			return fail_reading(t->r, f->e, rc);
		crc = filecrc_add(ix->backups[p->backup].version, crc, t->piece, n);
		if (!shared && (rc = write_piece(t, f, n, off)) != 0)
			return rc;
		atomic_fetch_add(&t->r->bytes, n);
	}
	if (off < f->size || crc_fits(t, f, crc))
		return 0;
	store_complain(t->r->store, f->e, p, InvalidBlockNumber, "its crc should be %u, found %u", p->crc, crc);
	return fail_reading(t->r, f->e, -EUCLEAN);
}

/* ---- all of it ---------------------------------------------------------------------- */

void
copyfile_copy(struct restore_thread *t, struct copyfile *f)
{
	uint32_t piece;

	if (f->map == NULL) {
		if (f->size > 0 && atomic_fetch_add(&f->next, f->n_pieces) == 0)
			copy_plain(t, f);
		return;
	}
	while (atomic_load(&t->r->failed) == 0 && (piece = atomic_fetch_add(&f->next, 1)) < f->n_pieces)
		if (copy_pages(t, f, piece) != 0)
			return;
}

static void
forget(struct restore *r, const struct copyfile *f)
{
	struct copyfile **p;

	for (p = &r->active; *p != NULL && *p != f; p = &(*p)->after)
		;
	if (*p != NULL)
		*p = f->after;
}

/* The length is set last: behind the last block stored there may be a hole, or what was there. */
static int
finish(struct restore_thread *t, struct copyfile *f)
{
	struct restore *r = t->r;
	static const unsigned char yes = 1;
	struct stat st;
	int rc;

	if (fstat(f->fd, &st) != 0)
		return tree_fail(r, -errno, "stat", f->e);
	if ((uint64_t)st.st_size != f->size && RESTORE_WRITING(r, ftruncate(f->fd, (off_t)f->size)) != 0)
		return tree_fail(r, -errno, "write", f->e);
	if (r->config.sync && f->size >= EARLY_BYTES)
		RESTORE_WRITING(r, sync_file_range(f->fd, 0, 0, SYNC_FILE_RANGE_WRITE));
	r->done[f->e] = yes;
	if ((rc = RESTORE_WRITING(r, io_pwrite(r->config.done_fd, &yes, 1, f->e))) != 0)
		return restore_fail(r, rc, "could not note what is copied: %s", strerror(-rc));
	atomic_fetch_add(&r->files, 1);
	return 0;
}

void
copyfile_leave(struct restore_thread *t, struct copyfile *f)
{
	bool last;

	pthread_mutex_lock(&t->r->lock);
	if ((last = --f->users == 0))
		forget(t->r, f);
	pthread_mutex_unlock(&t->r->lock);
	if (!last)
		return;
	if (atomic_load(&t->r->failed) == 0)
		finish(t, f);
	close(f->fd);
	blockmap_free(f->map);
	free(f);
}
