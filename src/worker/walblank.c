/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/io.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "pg/walname.h"
#include "pg/walpage.h"
#include "probackup/archive.h"
#include "worker/redirect.h"
#include "worker/settings.h"
#include "worker/walblank.h"

/*
 * The kind of a record stands in its header, which may lie in the page before,
 * or, at the beginning of a segment, in another file; and a path that is too
 * short for the simple change needs the bytes behind it, too.  So the window
 * begins a page earlier and ends a page later than the bytes that are asked
 * for.
 */

#define CHUNK	(1 * MiB)

static int
load(struct walsource *s, uint64_t lsn, size_t len, struct walrecord_window *w)
{
	ssize_t n = s->read(s, lsn, len, w->bytes + w->len);

	if (n < 0)
		return (int)n;
	if (w->len == 0)
		w->lsn = lsn;
	w->len += (size_t)n / s->page_size * s->page_size;
	return (size_t)n == len ? 0 : -EIO;
}

/*
 * Reads the page before a segment, where there is one: without it nobody can
 * replay the record in it.
 */
static int
load_before(struct walsource *s, uint64_t lsn, struct walrecord_window *w)
{
	unsigned char header[WALPAGE_SHORT];
	ssize_t n = s->read(s, lsn, sizeof(header), header);
	int rc;

	if (n != sizeof(header))
		return n < 0 ? (int)n : -EIO;
	if (lsn < s->page_size || !waltblspc_continues(header))
		return 0;
	rc = load(s, lsn - s->page_size, s->page_size, w);
	return rc == -ENOENT ? 0 : rc;
}

/* Reads the page behind the window, in the next segment; returns 1 if it is there now. */
static int
load_behind(struct walsource *s, struct walrecord_window *w)
{
	int rc;

	if ((w->lsn + w->len) % s->seg_size != 0)
		return 0;
	rc = load(s, w->lsn + w->len, s->page_size, w);
	return rc == 0 ? 1 : rc == -ENOENT ? 0 : rc;
}

static int
cannot(const struct waltblspc_record *rec)
{
	log_error("CREATE TABLESPACE at %X/%X of WAL names \"%s\", and this cannot be changed"
	    " without the segment that follows: it is not served",
	    (unsigned)(rec->lsn >> 32), (unsigned)rec->lsn, rec->location);
	return -EIO;
}

/* Changes every record of the window, and calls changed for it unless that is NULL. */
static int
blank(struct walsource *s, struct walrecord_window *w,
    int (*changed)(struct walsource *, const struct walrecord_window *,
    const struct waltblspc_record *))
{
	struct waltblspc search = { .scan.w = w };
	struct waltblspc_record *rec autofree = malloc(sizeof(*rec));
	int rc = 0;

	if (rec == NULL)
		return -ENOMEM;
	while (rc == 0 && waltblspc_next(&search, rec) == 1) {
		if ((rc = redirect_keep(s->cow, s->job, rec)) < 0)
			return rc;
		if ((rc = waltblspc_blank(w, rec)) == -EAGAIN) {
			if ((rc = load_behind(s, w)) <= 0)
				return rc < 0 ? rc : cannot(rec);
			/* Begin again: what was changed is none of these any more. */
			search = (struct waltblspc){ .scan.w = w };
			rc = 0;
		} else if (changed != NULL) {
			rc = changed(s, w, rec);
		}
	}
	return rc;
}

/* A window around size bytes at off of the segment at lsn, with room for a page behind it. */
static int
open_window(struct walsource *s, uint64_t lsn, uint64_t off, size_t size,
    struct walrecord_window *w)
{
	uint64_t page = s->page_size, begin = off / page * page, end;
	int rc;

	end = MIN((off + size + page - 1) / page * page + page, (uint64_t)s->seg_size);
	begin -= begin > 0 ? page : 0;
	*w = (struct walrecord_window){ .page_size = s->page_size, .seg_size = s->seg_size };
	if ((w->bytes = malloc((size_t)(end - begin + 2 * page))) == NULL)
		return -ENOMEM;
	if ((begin == 0 && (rc = load_before(s, lsn, w)) < 0) ||
	    (rc = load(s, lsn + begin, (size_t)(end - begin), w)) < 0) {
		free(w->bytes);
		return rc;
	}
	return 0;
}

ssize_t
walblank_read(struct walsource *s, uint64_t lsn, uint64_t off, size_t size, void *buf)
{
	struct walrecord_window w;
	int rc;

	if (off >= s->seg_size)
		return 0;
	size = (size_t)MIN((uint64_t)size, s->seg_size - off);
	if ((rc = open_window(s, lsn, off, size, &w)) < 0)
		return rc;
	if ((rc = blank(s, &w, NULL)) == 0)
		memcpy(buf, w.bytes + (lsn + off - w.lsn), size);
	free(w.bytes);
	return rc < 0 ? rc : (ssize_t)size;
}

/* ---- pg_wal ---- */

struct directory {
	struct walsource s;		/* first */
	struct reader *rd;
	uint32_t timeline;
	int	fd;			/* pg_wal of the diff directory; -1: it is in the mount */
};

static void
path_of(const struct directory *d, uint64_t lsn, char path[WALNAME_MAX + 8])
{
	struct walname name = {
		.kind = WAL_SEGMENT, .timeline = d->timeline, .segno = lsn / d->s.seg_size,
	};

	strcpy(path, d->fd < 0 ? "pg_wal/" : "");
	walname_format(&name, d->s.seg_size, path + strlen(path));
}

static int
open_segment(const struct directory *d, uint64_t lsn, int flags)
{
	char path[WALNAME_MAX + 8];

	path_of(d, lsn, path);
	return io_open_beneath(d->fd, path, flags, 0);
}

static ssize_t
read_segment(struct walsource *s, uint64_t lsn, size_t len, void *buf)
{
	const struct directory *d = (const struct directory *)s;
	char path[WALNAME_MAX + 8];
	struct cow_attr attr;
	int fd autoclose = -1, rc;

	if (d->fd >= 0)
		return (fd = open_segment(d, lsn, O_RDONLY)) < 0 ? fd :
		    io_pread(fd, buf, len, (off_t)(lsn % s->seg_size));
	path_of(d, lsn, path);
	if ((rc = settings_find(s->cow, path, &attr)) < 0)
		return rc;
	return cow_read(s->cow, attr.nodeid, lsn % s->seg_size, len, buf, d->rd);
}

/* Writes one page of the window back to where it came from. */
static int
write_page(struct walsource *s, const struct walrecord_window *w, size_t page)
{
	const struct directory *d = (const struct directory *)s;
	uint64_t lsn = w->lsn + page, off = lsn % s->seg_size;
	char path[WALNAME_MAX + 8];
	struct cow_attr attr;
	int fd autoclose = -1, rc;

	if (d->fd < 0) {
		path_of(d, lsn, path);
		if ((rc = settings_find(s->cow, path, &attr)) < 0)
			return rc;
		return cow_write(s->cow, attr.nodeid, off, w->page_size, w->bytes + page, d->rd);
	}
	if ((fd = open_segment(d, lsn, O_WRONLY)) < 0)
		return fd;
	if ((rc = io_pwrite(fd, w->bytes + page, w->page_size, (off_t)off)) < 0)
		return rc;
	return io_sync(fd, false);
}

static int
write_record(struct walsource *s, const struct walrecord_window *w,
    const struct waltblspc_record *rec)
{
	size_t page = rec->at / w->page_size * w->page_size, last;
	int rc = 0;

	/* A record of few bytes and a header of a page between them. */
	last = MIN(rec->at + WALTBLSPC_RECORD_MAX + WALPAGE_LONG, w->len - 1);
	for (; rc == 0 && page <= last; page += w->page_size)
		rc = write_page(s, w, page);
	return rc;
}

static int
change_segment(struct directory *d, uint64_t lsn)
{
	unsigned char header[WALPAGE_LONG];
	struct walrecord_window w;
	uint64_t off;
	ssize_t n;
	int rc = 0;

	if ((n = read_segment(&d->s, lsn, sizeof(header), header)) != sizeof(header) ||
	    (d->s.page_size = walpage_size(header)) == 0)
		return n < 0 ? (int)n : 0;	/* no server reads on here */
	for (off = 0; rc == 0 && off < d->s.seg_size; off += CHUNK) {
		if ((rc = open_window(&d->s, lsn, off, CHUNK, &w)) < 0)
			return rc == -EIO ? 0 : rc;	/* it is short */
		rc = blank(&d->s, &w, write_record);
		free(w.bytes);
	}
	return rc;
}

/* Every segment that the backup has, in the order of its names. */
static int
change_all(struct directory *d)
{
	const struct index *ix = cow_index(d->s.cow);
	uint32_t dir = index_child(ix, INDEX_ROOT, "pg_wal", strlen("pg_wal")), e;
	struct walname name;
	int rc = 0;

	if (dir == INDEX_NONE || !(ix->entries[dir].flags & INDEX_DIR))
		return 0;
	for (e = ix->entries[dir].first;
	    rc == 0 && e < ix->entries[dir].first + ix->entries[dir].count; e++) {
		if (walname_parse(ix->strings + ix->entries[e].name, ix->entries[e].name_len,
		    d->s.seg_size, &name) < 0 || name.kind != WAL_SEGMENT)
			continue;
		d->timeline = name.timeline;
		rc = change_segment(d, name.segno * d->s.seg_size);
	}
	return rc;
}

int
walblank_directory(struct cow *c, const struct job *job, struct reader *rd)
{
	int fd autoclose = -1, rc;
	uint32_t seg_size = cow_index(c)->xlog_seg_size;
	struct directory d = {
		.s = {
			.read = read_segment, .cow = c, .job = job,
			.seg_size = seg_size != 0 ? seg_size : ARCHIVE_SEG_SIZE,
		},
		.rd = rd, .fd = -1,
	};

	if (job->keep_locations)
		return 0;
	if (job->wal == WAL_DIRECT) {
		fd = io_open_beneath(job->diff_fd, ONDISK_WAL, O_RDONLY | O_DIRECTORY, 0);
		if (fd < 0)
			return fd;
		d.fd = fd;
	}
	if ((rc = change_all(&d)) < 0)
		log_error("could not look for CREATE TABLESPACE in pg_wal: %s", strerror(-rc));
	return rc;
}
