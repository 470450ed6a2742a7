/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names, attributes and content of .pbkfs/wal.  It finds each file anew for
 * every request, and keeps nothing between two of them; decompressed segments
 * are in segcache.c.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "pg/timeline.h"
#include "pg/walpage.h"
#include "worker/archivedir.h"
#include "worker/dirty.h"
#include "worker/segcache.h"
#include "worker/walblank.h"

#define SEGNO_BITS	42
#define TIMELINE_BITS	16
#define SEGNO_MAX	((UINT64_C(1) << SEGNO_BITS) - 1)
#define TIMELINE_MAX	((1u << TIMELINE_BITS) - 1)

_Static_assert(ARCHIVEDIR_KIND_BITS + SEGNO_BITS + TIMELINE_BITS <= 62, "they are below COW_NODEID_END");
_Static_assert(ARCHIVEDIR_KINDS + WAL_HISTORY < 1 << ARCHIVEDIR_KIND_BITS, "every kind has a number");

int
archivedir_init(struct serve *s)
{
	const struct index *ix = cow_index(s->cow);
	int rc;

	rc = archive_init(&s->archive, s->job->store_fd, s->job->instance, ix->xlog_seg_size,
	    ix->server_version);
	return rc < 0 ? rc : segcache_new(s->job->diff_fd, &s->archive, &s->segments);
}

static bool
has_nodeid(const struct walname *w)
{
	static atomic_flag warned = ATOMIC_FLAG_INIT;

	if (w->timeline <= TIMELINE_MAX && w->segno <= SEGNO_MAX)
		return true;
	if (!atomic_flag_test_and_set(&warned))
		log_warn("the WAL archive has files of timelines beyond %u, which are not shown",
		    TIMELINE_MAX);
	return false;
}

/* Makes a mark of a history: one that is replaced by another becomes another file. */
static uint64_t
mark_of(const struct stat *st)
{
	uint64_t m = (uint64_t)st->st_mtim.tv_sec * 1000000007 + (uint64_t)st->st_mtim.tv_nsec;

	return (m * 31 + (uint64_t)st->st_size) & SEGNO_MAX;
}

static uint64_t
nodeid_of(const struct walname *w, const struct stat *st)
{
	uint64_t low = w->kind == WAL_HISTORY ? mark_of(st) : w->segno;

	return COW_NODEID_END | ((uint64_t)w->timeline << SEGNO_BITS | low) << ARCHIVEDIR_KIND_BITS |
	    ARCHIVEDIR_KINDS | w->kind;
}

/* Takes a nodeid apart.  Returns 0 or -ESTALE. */
static int
decode(uint64_t nodeid, struct walname *w)
{
	uint64_t rest = (nodeid & (COW_NODEID_END - 1)) >> ARCHIVEDIR_KIND_BITS;

	*w = (struct walname){
		.kind = (enum wal_kind)(nodeid & (ARCHIVEDIR_KINDS - 1)),
		.timeline = (uint32_t)(rest >> SEGNO_BITS),
	};
	if (w->kind == WAL_NONE || w->kind > WAL_HISTORY || w->timeline == 0)
		return -ESTALE;
	if (w->kind != WAL_HISTORY)
		w->segno = rest & SEGNO_MAX;
	return 0;
}

/*
 * Makes an inode number.  Segments count from the low end, timelines from the
 * high end: they meet beyond 2^33 segments of timeline 32768, or 2^42 of
 * timeline 63.  A history has the number of its timeline.
 */
#define INODE_BITS	(52 - ARCHIVEDIR_KIND_BITS)

uint64_t
archivedir_inode(uint64_t nodeid)
{
	uint64_t kind = nodeid & ((1u << ARCHIVEDIR_KIND_BITS) - 1), n = 0;
	struct walname w;
	unsigned i;

	if (decode(nodeid, &w) < 0)
		return kind;
	for (i = 0; i < TIMELINE_BITS; i++)
		n |= (uint64_t)(w.timeline >> i & 1) << (INODE_BITS - 1 - i);
	return (n ^ (w.kind == WAL_HISTORY ? 0 : w.segno)) << ARCHIVEDIR_KIND_BITS | kind;
}

bool
archivedir_is_whole(uint64_t nodeid)
{
	struct walname w;

	return archivedir_is(nodeid) && decode(nodeid, &w) == 0 && w.kind == WAL_SEGMENT;
}

/*
 * The kernel keeps a listing until this time changes, and a file that comes in
 * the same tick of the clock as another does not change it.  So a time that is
 * not old yet is always now.
 */
static int64_t
directory_time(const struct archive *a)
{
	int fd autoclose = a->store_fd < 0 ? -1 :
	    io_open_beneath(a->store_fd, a->path, O_PATH | O_DIRECTORY, 0);
	struct timespec now;
	struct stat st;

	clock_gettime(CLOCK_REALTIME, &now);
	if (fd < 0 || fstat(fd, &st) != 0 || st.st_mtim.tv_sec >= now.tv_sec - 2)
		return clock_ns(&now);
	return clock_ns(&st.st_mtim);
}

/*
 * cp(1) gives a copy the mode of the original, and a server opens the WAL that
 * it restored for writing: so the owner, who is nobody of the mount's, may
 * write; and the others, whom only the directory lets in, may read.  The kernel
 * must not let the server's user write here: it would believe its own cache,
 * whatever we answer.
 */
static void
fill_file(struct thread *t, const struct archive_file *f, uint64_t nodeid, struct cow_attr *attr)
{
	*attr = (struct cow_attr){
		.nodeid = nodeid, .size = archive_size(&t->serve->archive, f),
		.mode = S_IFREG | 0604, .nlink = 1, .uid = 0, .gid = 0,
	};
	attr->atime = attr->mtime = attr->ctime = clock_ns(&f->st.st_mtim);
}

/* Finds the file of a nodeid; a partial one is no substitute any more. */
static int
find(struct thread *t, uint64_t nodeid, struct archive_file *f)
{
	struct walname w;
	int rc;

	if ((rc = decode(nodeid, &w)) < 0)
		return rc;
	rc = archive_find(&t->serve->archive, &w, f);
	return rc == -ENOENT || (rc == 0 && f->wal.kind != w.kind) ? -ESTALE : rc;
}

int
archivedir_getattr(struct thread *t, uint64_t nodeid, struct cow_attr *attr)
{
	const struct job *job = t->serve->job;
	struct archive_file f;
	int rc;

	if (nodeid != ARCHIVEDIR_ROOT) {
		if ((rc = find(t, nodeid, &f)) == 0)
			fill_file(t, &f, nodeid, attr);
		return rc;
	}
	*attr = (struct cow_attr){
		.nodeid = nodeid, .mode = S_IFDIR | 0500, .nlink = 1,
		.uid = job->uid, .gid = job->gid,
	};
	attr->atime = attr->mtime = attr->ctime = directory_time(&t->serve->archive);
	return 0;
}

int
archivedir_lookup(struct thread *t, const char *name, struct cow_attr *attr)
{
	const struct archive *a = &t->serve->archive;
	struct archive_file f;
	struct walname w;
	int rc;

	if (walname_parse(name, strlen(name), a->seg_size, &w) < 0 || !has_nodeid(&w))
		return -ENOENT;
	if ((rc = archive_find(a, &w, &f)) == 0)
		fill_file(t, &f, nodeid_of(&f.wal, &f.st), attr);
	return rc;
}

static ssize_t
read_plain(const struct archive *a, struct archive_file *f, uint64_t off, size_t size, void *buf)
{
	int fd autoclose = archive_open(a, f), rc;
	unsigned char page[WALPAGE_LONG];
	ssize_t n;

	if (fd < 0)
		return fd;
	if (f->wal.kind != WAL_HISTORY) {
		if ((rc = archive_check(a, f, NULL)) < 0)
			return rc;
		n = io_pread(fd, page, sizeof(page), 0);
		if (n != sizeof(page))
			return n < 0 ? n : -EIO;
		if ((rc = archive_check(a, f, page)) < 0)
			return rc;
	}
	return io_pread(fd, buf, size, (off_t)off);
}

static ssize_t
read_stored(struct thread *t, struct archive_file *f, uint64_t off, size_t size, void *buf)
{
	return f->format != SEGSTREAM_PLAIN ? segcache_read(t->serve->segments, f, off, size, buf) :
	    read_plain(&t->serve->archive, f, off, size, buf);
}

/* A segment, and what comes before and behind it. */
struct around {
	struct walsource s;		/* first */
	struct thread *t;
	struct archive_file *file;
};

/*
 * Finds the file of a neighbour: of the same timeline, or before it of one that
 * this one came from.
 */
static int
find_neighbour(struct thread *t, const struct archive_file *f, uint64_t segno,
    struct archive_file *out)
{
	const struct archive *a = &t->serve->archive;
	struct walname w = { .kind = WAL_SEGMENT, .timeline = f->wal.timeline, .segno = segno };
	struct timelines tl = { 0 };
	char *text autofree = NULL;
	size_t len = 0;
	unsigned line, i;
	int rc;

	if ((rc = archive_find(a, &w, out)) != -ENOENT || segno > f->wal.segno)
		return rc;
	if (archive_read_history(a, w.timeline, &text, &len) < 0 ||
	    timelines_parse(text, len, w.timeline, &tl, &line) < 0)
		return -ENOENT;
	for (i = tl.n; rc == -ENOENT && i-- > 0;) {
		w.timeline = tl.list[i].id;
		if (wal_segno(tl.list[i].begin, a->seg_size) <= segno)
			rc = archive_find(a, &w, out);
	}
	timelines_free(&tl);
	return rc;
}

static ssize_t
read_around(struct walsource *s, uint64_t lsn, size_t len, void *buf)
{
	struct around *a = (struct around *)s;
	struct archive_file *f = a->file, neighbour;
	uint64_t segno = lsn / s->seg_size;
	int rc;

	if (segno != f->wal.segno) {
		if ((rc = find_neighbour(a->t, f, segno, &neighbour)) < 0)
			return rc;
		f = &neighbour;
	}
	return read_stored(a->t, f, lsn % s->seg_size, len, buf);
}

static ssize_t
read_blanked(struct thread *t, struct archive_file *f, uint64_t off, size_t size, void *buf)
{
	struct serve *serve = t->serve;
	struct around a = {
		.s = {
			.read = read_around, .seg_size = serve->archive.seg_size,
			.cow = serve->cow, .job = serve->job,
		},
		.t = t, .file = f,
	};
	unsigned char page[WALPAGE_LONG];
	ssize_t n;

	if ((n = read_stored(t, f, 0, sizeof(page), page)) != sizeof(page))
		return n < 0 ? n : -EIO;
	if ((a.s.page_size = walpage_size(page)) == 0)
		return -EUCLEAN;
	if ((n = dirty_before_write(serve->job)) < 0)
		return n;
	return walblank_read(&a.s, f->wal.segno * a.s.seg_size, off, size, buf);
}

ssize_t
archivedir_read(struct thread *t, uint64_t nodeid, uint64_t off, size_t size, void *buf)
{
	struct archive_file f;
	int rc;

	if (nodeid == ARCHIVEDIR_ROOT)
		return -EISDIR;
	if ((rc = find(t, nodeid, &f)) < 0)
		return rc;
	return f.wal.kind == WAL_HISTORY || t->serve->job->keep_locations ?
	    read_stored(t, &f, off, size, buf) : read_blanked(t, &f, off, size, buf);
}

int
archivedir_list_begin(struct thread *t, uint64_t cookie, struct archivedir_list *l)
{
	return archive_list_begin(&t->serve->archive, cookie, &l->l);
}

int
archivedir_list_next(struct archivedir_list *l, struct cow_dirent *d)
{
	bool dots;
	int rc;

	do {
		if ((rc = archive_list_next(&l->l, &l->e)) != 1)
			return rc;
	} while (!has_nodeid(&l->e.wal));
	dots = l->e.wal.kind == WAL_NONE;
	*d = (struct cow_dirent){
		.name = l->e.name, .len = strlen(l->e.name), .cookie = l->e.cookie,
		.mode = dots ? S_IFDIR : S_IFREG,
		/*
		 * The nodeid of a history depends on its attributes, which a
		 * listing does not ask for.
		 */
		.nodeid = dots ? ARCHIVEDIR_ROOT : nodeid_of(&l->e.wal, &(struct stat){ 0 }),
	};
	return 1;
}

void
archivedir_list_end(struct archivedir_list *l)
{
	archive_list_end(&l->l);
}
