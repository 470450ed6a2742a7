/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The file of the journal: frames, checks, appends and syncs records, and reads
 * them again at the next mount.  lib/cow (apply.c) knows what a record means.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/io.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "diff/disk.h"
#include "diff/journal.h"

#define JOURNAL_MAGIC	"pbkfsjnl"
#define FORMAT_UNMARKED	1	/* still read: no mark, and CONTENT only of the backup's files */
#define JOURNAL_FORMAT	2
#define FORMAT_LAYER	3	/* begins with JOURNAL_LAYER */

struct file_header {
	char	magic[8];
	uint32_t format;
	uint32_t crc;		/* CRC-32C of created; in format 1, of mark too, which is 0 */
	int64_t	created;	/* ns since the epoch */
	uint64_t mark;		/* how much was durable, with a check of its own; 0: not known */
};

/* A mark is written alone, in one piece: its length in units of 8 bytes, and a check. */
#define MARK_BITS	40
#define MARK_LENGTH	((UINT64_C(1) << MARK_BITS) - 1)

/* On disk: this, then name, then name2, then zeroes up to a multiple of 8. */
struct disk_record {
	uint32_t crc;		/* CRC-32C of everything behind this field */
	uint32_t len;		/* bytes of the whole record */
	uint64_t seq, unique;
	uint16_t type, flags, name_len, name2_len;
	uint64_t serial, parent, parent2, content, length;
	uint32_t mode, uid, gid, valid;
	int64_t	time, atime, mtime;
};

#define RECORD_MAX	(sizeof(struct disk_record) + 2 * JOURNAL_NAME_MAX + 8)
#define WINDOW		(256 * KiB)
#define RESERVE		(256 * KiB)
#define FRESH		ONDISK_JOURNAL ".new"
#define WAY_OUT		"put back a copy of it, or pbkfs cleanup the directory"

_Static_assert(sizeof(struct file_header) == 32, "the journal's header has no holes");
_Static_assert(sizeof(struct disk_record) == 112, "a journal record has no holes");

struct journal {
	int	fd;
	int64_t	created;
	char	where[96];	/* for messages */
	const struct seal *seal;	/* frozen: only read, and just what this says; until the end of the replay */
	struct seal_parent parent;	/* FORMAT_LAYER */
	unsigned char *window;	/* replay: WINDOW bytes of the file from window_at */
	uint64_t window_at;
	size_t	window_len;
	pthread_mutex_t append_lock;	/* protects end, broken and the file's tail */
	_Atomic uint64_t end;	/* bytes */
	uint32_t crc;		/* replay: of the checksums of the records so far */
	_Atomic uint64_t last;	/* seq */
	uint64_t reserved;	/* blocks of the file are allocated up to here */
	_Atomic uint32_t format;	/* of the header; written under append_lock */
	_Atomic int broken;	/* what is on disk is not known any more: no more appends */
	pthread_mutex_t sync_lock;
	_Atomic uint64_t durable;	/* seq; written under sync_lock */
	uint64_t durable_end;	/* sync_lock: bytes up to that record */
	uint64_t marked;	/* sync_lock: bytes that the header says were durable */
};

static uint32_t
header_crc(const struct file_header *h)
{
	return crc32c(0, &h->created, h->format == FORMAT_UNMARKED ?
	    sizeof(h->created) + sizeof(h->mark) : sizeof(h->created));
}

static uint64_t
mark_of(uint64_t bytes)
{
	uint64_t length = bytes / 8;

	return length | (uint64_t)crc32c(0, &length, sizeof(length)) << MARK_BITS;
}

static int
put_header(int fd, uint32_t format, int64_t created)
{
	struct file_header h = { .format = format, .created = created };

	memcpy(h.magic, JOURNAL_MAGIC, sizeof(h.magic));
	h.crc = header_crc(&h);
	return disk_pwrite(fd, &h, sizeof(h), 0);
}

static int
write_header(struct journal *j, int diff_fd, int64_t created)
{
	int rc;

	if ((rc = put_header(j->fd, JOURNAL_FORMAT, created)) < 0 ||
	    (rc = disk_sync_all(j->fd)) < 0 || (rc = disk_sync_all(diff_fd)) < 0)
		return rc;
	j->created = created;
	j->format = JOURNAL_FORMAT;
	return 0;
}

/*
 * Returns 1, or 0 where a crash kept the header's blocks from the disk: it never
 * counted.  size is the file's: behind a header that was lost there is nothing,
 * so a longer file was damaged by something else.
 */
static int
read_header(struct journal *j, uint64_t size)
{
	static const struct file_header nothing;
	struct file_header h;
	ssize_t n = io_pread(j->fd, &h, sizeof(h), 0);

	if (n < 0)
		return (int)n;
	if ((size_t)n < sizeof(h) ||
	    (size == sizeof(h) && memcmp(&h, &nothing, sizeof(h)) == 0))
		return 0;
	if (memcmp(h.magic, JOURNAL_MAGIC, sizeof(h.magic)) != 0) {
		log_error("\"journal\" in %s is not a journal of pbkfs", j->where);
		return -EUCLEAN;
	}
	if (h.format < FORMAT_UNMARKED || h.format > FORMAT_LAYER) {
		log_error("\"journal\" in %s has format %u, this pbkfs knows %u to %u: use the version that wrote it",
		    j->where, h.format, FORMAT_UNMARKED, FORMAT_LAYER);
		return -EUCLEAN;
	}
	j->marked = (h.mark & MARK_LENGTH) * 8;
	if (h.crc != header_crc(&h) ||
	    (h.mark != 0 && (h.mark != mark_of(j->marked) || j->marked < sizeof(h)))) {
		log_error("the header of \"journal\" in %s is damaged: " WAY_OUT, j->where);
		return -EUCLEAN;
	}
	j->created = h.created;
	j->format = h.format;
	return 1;
}

/* Encodes the parent, and decodes it. */
static void
put_parent(const struct seal_parent *p, struct journal_record *rec)
{
	*rec = (struct journal_record){
		.seq = p->last + 1, .type = JOURNAL_LAYER, .length = p->last, .serial = p->next_serial,
		.name = p->name, .name_len = (uint16_t)strlen(p->name), .name2 = "",
	};
	memcpy(&rec->parent, p->id.byte, sizeof(rec->parent));
	memcpy(&rec->parent2, p->id.byte + sizeof(rec->parent), sizeof(rec->parent2));
}

static bool
take_parent(const struct journal_record *rec, struct seal_parent *p)
{
	if (rec->type != JOURNAL_LAYER || rec->name_len == 0 || rec->name_len > SEAL_NAME_MAX ||
	    memchr(rec->name, '\0', rec->name_len) != NULL || rec->length >= SEAL_NUMBER_MAX ||
	    rec->seq != rec->length + 1)
		return false;
	*p = (struct seal_parent){ .last = rec->length, .next_serial = rec->serial };
	memcpy(p->name, rec->name, rec->name_len);
	memcpy(p->id.byte, &rec->parent, sizeof(rec->parent));
	memcpy(p->id.byte + sizeof(rec->parent), &rec->parent2, sizeof(rec->parent2));
	return true;
}

static size_t	encode(const struct journal_record *rec, unsigned char *buf);
/* seq 0: any. */
static bool	decode(const unsigned char *at, size_t have, uint64_t seq, struct journal_record *rec);

/* Reads the first record, which was durable before the file had its name. */
static int
read_parent(struct journal *j)
{
	unsigned char buf[sizeof(struct disk_record) + SEAL_NAME_MAX + 8];
	struct journal_record rec;
	uint32_t len;
	ssize_t n;

	if (j->format != FORMAT_LAYER)
		return 0;
	if ((n = io_pread(j->fd, buf, sizeof(buf), sizeof(struct file_header))) < 0)
		return (int)n;
	if (!decode(buf, (size_t)n, 0, &rec) || !take_parent(&rec, &j->parent)) {
		log_error("\"journal\" in %s does not say which layer it stands on: " WAY_OUT, j->where);
		return -EUCLEAN;
	}
	memcpy(&len, buf + offsetof(struct disk_record, len), sizeof(len));
	j->crc = crc32c(j->crc, buf, sizeof(uint32_t));
	j->end += len;
	j->last = rec.seq;
	return 0;
}

static int
open_file(struct journal *j, int diff_fd)
{
	struct stat st;
	int rc;

	j->fd = disk_open(diff_fd, ONDISK_JOURNAL, O_RDWR | O_CREAT | O_NONBLOCK);
	if (j->fd < 0) {
		log_error("could not open \"journal\" in the diff directory: %s",
		    strerror(-j->fd));
		return j->fd;
	}
	if ((rc = io_plain(j->fd, &st)) < 0) {
		log_error("could not use \"journal\" in the diff directory: %s", io_plain_error(rc));
		return rc == -EINVAL ? -EUCLEAN : rc;
	}
	if ((rc = read_header(j, (uint64_t)st.st_size)) != 0)
		return rc < 0 ? rc : read_parent(j);
	/* Nothing was ever recorded behind a header that is not there. */
	if ((rc = disk_truncate(j->fd, 0)) < 0)
		return rc;
	return write_header(j, diff_fd, clock_real_ns());
}

static struct journal *
journal_new(void)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return NULL;
	pthread_mutex_init(&j->append_lock, NULL);
	pthread_mutex_init(&j->sync_lock, NULL);
	j->fd = -1;
	j->end = sizeof(struct file_header);
	strlcpy(j->where, "the diff directory", sizeof(j->where));
	return j;
}

/* Opens j by open, which finds its file in the directory; takes j over. */
static int
open_journal(struct journal *j, int dir_fd, int (*open)(struct journal *, int), struct journal **out)
{
	int rc;

	if (j == NULL)
		return -ENOMEM;
	j->window = malloc(WINDOW);
	rc = j->window == NULL ? -ENOMEM : open(j, dir_fd);
	if (rc < 0) {
		journal_close(j);
		return rc;
	}
	*out = j;
	return 0;
}

int
journal_open(int diff_fd, struct journal **out)
{
	return open_journal(journal_new(), diff_fd, open_file, out);
}

static int
refuse_other(const struct journal *j)
{
	log_error("\"journal\" in %s is that of another layer: " WAY_OUT, j->where);
	return -EUCLEAN;
}

static int
open_frozen(struct journal *j, int layer_fd)
{
	struct stat st;
	int rc;

	if ((j->fd = io_open_plain(layer_fd, ONDISK_JOURNAL, &st)) < 0) {
		log_error("could not use \"journal\" in %s: %s", j->where, io_plain_error(j->fd));
		return -EUCLEAN;
	}
	if ((uint64_t)st.st_size != j->seal->journal_length) {
		log_error("\"journal\" in %s has %jd bytes, and had %" PRIu64 " when it was frozen: " WAY_OUT, j->where,
		    (intmax_t)st.st_size, j->seal->journal_length);
		return -EUCLEAN;
	}
	if ((rc = read_header(j, (uint64_t)st.st_size)) < 0 || (rc > 0 && (rc = read_parent(j)) < 0))
		return rc;
	if (j->format != 0 && seal_stands_on(j->seal, journal_parent(j)))
		return 0;
	return refuse_other(j);
}

int
journal_open_frozen(int layer_fd, const char *layer, const struct seal *seal, struct journal **out)
{
	struct journal *j = journal_new();

	if (j != NULL) {
		snprintf(j->where, sizeof(j->where), "layer \"%s\"", layer);
		j->seal = seal;
		j->broken = -EROFS;
	}
	return open_journal(j, layer_fd, open_frozen, out);
}

/* As journal_read_parent(); *is_alone: nothing is recorded but that. */
static int
read_base(int dir_fd, struct seal_parent *parent, bool *is_alone)
{
	struct journal *j = journal_new();
	struct stat st;
	int rc;

	if (j == NULL)
		return -ENOMEM;
	if ((rc = j->fd = io_open_plain(dir_fd, ONDISK_JOURNAL, &st)) >= 0) {
		if ((rc = read_header(j, (uint64_t)st.st_size)) > 0)
			rc = read_parent(j);
		if (rc == 0 && j->format == FORMAT_LAYER) {
			*parent = j->parent;
			*is_alone = (uint64_t)st.st_size == j->end;
			rc = 1;
		}
	} else if (rc == -ENOENT) {
		rc = 0;
	} else {
		log_error("could not use \"journal\" in %s: %s", j->where, io_plain_error(rc));
	}
	journal_close(j);
	return rc;
}

int
journal_read_parent(int dir_fd, struct seal_parent *parent)
{
	bool is_alone;

	return read_base(dir_fd, parent, &is_alone);
}

int
journal_read_begun(int dir_fd, struct seal_parent *parent)
{
	bool is_alone = false;
	int rc = read_base(dir_fd, parent, &is_alone);

	return rc > 0 && !is_alone ? 0 : rc;
}

int
journal_begin(int dir_fd, int64_t created, const struct seal_parent *parent)
{
	int fd autoclose = disk_open(dir_fd, FRESH, O_RDWR | O_CREAT | O_EXCL), rc;
	unsigned char buf[RECORD_MAX];
	struct journal_record rec;

	if (fd < 0)
		return fd;
	put_parent(parent, &rec);
	if ((rc = put_header(fd, FORMAT_LAYER, created)) < 0 ||
	    (rc = disk_pwrite(fd, buf, encode(&rec, buf), sizeof(struct file_header))) < 0 ||
	    (rc = disk_sync_all(fd)) < 0 || (rc = disk_sync_all(dir_fd)) < 0)
		return rc;
	return disk_rename(dir_fd, FRESH, ONDISK_JOURNAL);
}

void
journal_close(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->fd >= 0)
		close(j->fd);
	free(j->window);
	pthread_mutex_destroy(&j->append_lock);
	pthread_mutex_destroy(&j->sync_lock);
	free(j);
}

const struct seal_parent *
journal_parent(const struct journal *j)
{
	return j->format == FORMAT_LAYER ? &j->parent : NULL;
}

uint32_t
journal_crc(const struct journal *j)
{
	return j->crc;
}

int64_t
journal_created(const struct journal *j)
{
	return j->created;
}

uint64_t
journal_last(const struct journal *j)
{
	return atomic_load(&j->last);
}

uint64_t
journal_durable(const struct journal *j)
{
	return atomic_load(&j->durable);
}

uint64_t
journal_size(const struct journal *j)
{
	return atomic_load(&j->end);
}

/* Makes at least want bytes at j->end available; returns how many there are. */
static ssize_t
fill_window(struct journal *j, size_t want)
{
	uint64_t off = j->end - j->window_at;
	ssize_t n;

	if (j->window_len > 0 && off + want <= j->window_len)
		return (ssize_t)(j->window_len - off);
	n = io_pread(j->fd, j->window, WINDOW, (off_t)j->end);
	if (n < 0)
		return n;
	j->window_at = j->end;
	j->window_len = (size_t)n;
	return n;
}

static bool
decode(const unsigned char *at, size_t have, uint64_t seq, struct journal_record *rec)
{
	struct disk_record d;

	if (have < sizeof(d))
		return false;
	memcpy(&d, at, sizeof(d));
	if (d.len < sizeof(d) || d.len > RECORD_MAX || d.len > have || (seq != 0 && d.seq != seq) ||
	    d.type == 0 || d.type >= JOURNAL_TYPE_MAX ||
	    d.name_len > JOURNAL_NAME_MAX || d.name2_len > JOURNAL_NAME_MAX ||
	    sizeof(d) + d.name_len + d.name2_len > d.len ||
	    d.crc != crc32c(0, at + sizeof(d.crc), d.len - sizeof(d.crc)))
		return false;
	*rec = (struct journal_record){
		.seq = d.seq, .unique = d.unique, .type = d.type, .flags = d.flags,
		.name_len = d.name_len, .name2_len = d.name2_len, .serial = d.serial,
		.parent = d.parent, .parent2 = d.parent2, .content = d.content,
		.length = d.length, .mode = d.mode, .uid = d.uid, .gid = d.gid,
		.valid = d.valid, .time = d.time, .atime = d.atime, .mtime = d.mtime,
		.name = (const char *)at + sizeof(d),
		.name2 = (const char *)at + sizeof(d) + d.name_len,
	};
	return true;
}

static int
refuse(const struct journal *j, ssize_t left)
{
	uint64_t synced = j->seal != NULL ? j->seal->journal_length : j->marked;

	log_error("\"journal\" in %s %s at byte %" PRIu64 ", of %" PRIu64 " that were synced: " WAY_OUT, j->where,
	    left == 0 ? "ends" : "is damaged", j->end, synced);
	return -EUCLEAN;
}

/*
 * Cuts off what a crash has left behind the last record that can be replayed.  What was
 * synced no crash tears.
 */
static int
finish_replay(struct journal *j, ssize_t left)
{
	if (j->end < j->marked || (j->seal != NULL && (left != 0 || j->last != j->seal->last)))
		return refuse(j, left);
	if (j->seal != NULL && j->crc != j->seal->journal_crc)
		return refuse_other(j);
	free(j->window);
	j->window = NULL;
	j->window_len = 0;
	if (left == 0)
		return 0;
	log_info("the journal ends with an unfinished record: cut at %" PRIu64, j->end);
	return disk_truncate(j->fd, j->end);
}

int
journal_next(struct journal *j, struct journal_record *rec)
{
	const unsigned char *at;
	uint32_t len;
	ssize_t n;

	if (j->window == NULL)
		return 0;
	if ((n = fill_window(j, RECORD_MAX)) < 0)
		return (int)n;
	at = j->window + (j->end - j->window_at);
	if (!decode(at, (size_t)n, j->last + 1, rec))
		return finish_replay(j, n);
	memcpy(&len, at + offsetof(struct disk_record, len), sizeof(len));
	j->crc = crc32c(j->crc, at, sizeof(uint32_t));
	j->end += len;
	j->last++;
	return 1;
}

static void
complain(const char *what, int error)
{
	static struct log_budget budget;
	unsigned skipped;

	if (log_allowed(&budget, &skipped))
		log_error("could not %s \"journal\" in the diff directory: %s", what,
		    strerror(-error));
}

static size_t
encode(const struct journal_record *rec, unsigned char *buf)
{
	struct disk_record d = {
		.seq = rec->seq, .unique = rec->unique, .type = rec->type, .flags = rec->flags,
		.name_len = rec->name_len, .name2_len = rec->name2_len, .serial = rec->serial,
		.parent = rec->parent, .parent2 = rec->parent2, .content = rec->content,
		.length = rec->length, .mode = rec->mode, .uid = rec->uid, .gid = rec->gid,
		.valid = rec->valid, .time = rec->time, .atime = rec->atime, .mtime = rec->mtime,
	};
	size_t len = sizeof(d) + rec->name_len + rec->name2_len;

	d.len = (uint32_t)((len + 7) & ~(size_t)7);
	memcpy(buf + sizeof(d), rec->name, rec->name_len);
	memcpy(buf + sizeof(d) + rec->name_len, rec->name2, rec->name2_len);
	memset(buf + len, 0, d.len - len);
	memcpy(buf, &d, sizeof(d));
	d.crc = crc32c(0, buf + sizeof(d.crc), d.len - sizeof(d.crc));
	memcpy(buf, &d.crc, sizeof(d.crc));
	return d.len;
}

/*
 * Allocates blocks ahead of the end, so that a full disk is told to the caller
 * of this operation and not to whoever syncs next.  Where the filesystem cannot
 * do it, append without.
 */
static int
reserve(struct journal *j, size_t len)
{
	int rc;

	if (j->end + len <= j->reserved)
		return 0;
	rc = disk_fallocate(j->fd, FALLOC_FL_KEEP_SIZE, j->end, len + RESERVE);
	if (rc == -ENOSPC)
		rc = disk_fallocate(j->fd, FALLOC_FL_KEEP_SIZE, j->end, len);
	if (rc == -EOPNOTSUPP)
		rc = 0;
	else if (rc == 0)
		j->reserved = j->end + len + RESERVE;
	return rc;
}

/*
 * An older pbkfs would misread what is appended from now on, so that it has to refuse the
 * file before that is there.  Format and checksum are written in one piece.
 */
static int
raise_format(struct journal *j)
{
	struct file_header h = { .format = JOURNAL_FORMAT, .created = j->created };
	int rc;

	if (j->format != FORMAT_UNMARKED)
		return 0;
	h.crc = header_crc(&h);
	if ((rc = disk_pwrite(j->fd, &h.format, sizeof(h.format) + sizeof(h.crc),
	    offsetof(struct file_header, format))) == 0 && (rc = disk_sync(j->fd)) == 0)
		j->format = JOURNAL_FORMAT;
	return rc;
}

int
journal_append(struct journal *j, struct journal_record *rec)
{
	unsigned char buf[RECORD_MAX];
	size_t len;
	int rc;

	if (rec->name_len > JOURNAL_NAME_MAX || rec->name2_len > JOURNAL_NAME_MAX)
		return -ENAMETOOLONG;
	if (rec->name == NULL)
		rec->name = "";
	if (rec->name2 == NULL)
		rec->name2 = "";
	pthread_mutex_lock(&j->append_lock);
	rec->seq = j->last + 1;
	len = encode(rec, buf);
	if ((rc = j->broken) == 0 && (rc = raise_format(j)) == 0 && (rc = reserve(j, len)) == 0) {
		rc = disk_pwrite(j->fd, buf, len, j->end);
		if (rc < 0 && disk_truncate(j->fd, j->end) < 0)
			j->broken = rc;
	}
	if (rc == 0) {
		j->end += len;
		j->last++;
	}
	pthread_mutex_unlock(&j->append_lock);
	if (rc < 0)
		complain("write", rc);
	return rc;
}

/* Returns the number of the last record by now, and fills in its end. */
static uint64_t
appended(struct journal *j, uint64_t *end)
{
	uint64_t last;

	pthread_mutex_lock(&j->append_lock);
	last = j->last;
	*end = j->end;
	pthread_mutex_unlock(&j->append_lock);
	return last;
}

int
journal_sync(struct journal *j)
{
	uint64_t want = journal_last(j), end;
	int rc = 0;

	if (journal_durable(j) >= want)
		return 0;
	pthread_mutex_lock(&j->sync_lock);
	if (journal_durable(j) < want) {
		want = appended(j, &end);
		/* After a failure the kernel forgets what it could not write. */
		if ((rc = j->broken) == 0 && (rc = disk_sync(j->fd)) < 0)
			j->broken = rc;
		if (rc == 0) {
			j->durable_end = end;
			atomic_store(&j->durable, want);
		}
	}
	pthread_mutex_unlock(&j->sync_lock);
	if (rc < 0)
		complain("sync", rc);
	return rc;
}

void
journal_mark(struct journal *j)
{
	uint64_t mark;
	int rc = 0;

	pthread_mutex_lock(&j->sync_lock);
	/* In the older format the checksum of the header covers the place of the mark. */
	if (j->durable_end > j->marked && j->durable_end / 8 <= MARK_LENGTH &&
	    j->format != FORMAT_UNMARKED) {
		mark = mark_of(j->durable_end);
		rc = disk_pwrite(j->fd, &mark, sizeof(mark), offsetof(struct file_header, mark));
		if (rc == 0)
			j->marked = j->durable_end;
	}
	pthread_mutex_unlock(&j->sync_lock);
	if (rc < 0)
		complain("write", rc);
}

int
journal_settle(struct journal *j, int diff_fd)
{
	int rc = disk_sync_all(j->fd);

	return rc < 0 ? rc : disk_sync_all(diff_fd);
}

int
journal_rewrite(const struct journal *j, int diff_fd, struct journal **fresh)
{
	struct journal *n = journal_new();
	int rc;

	if (n == NULL)
		return -ENOMEM;
	rc = disk_unlink(diff_fd, FRESH);
	if (rc == 0 || rc == -ENOENT)
		rc = n->fd = disk_open(diff_fd, FRESH, O_RDWR | O_CREAT | O_EXCL);
	if (rc >= 0)
		rc = write_header(n, diff_fd, j->created);
	if (rc < 0) {
		journal_close(n);
		return rc;
	}
	*fresh = n;
	return 0;
}

int
journal_replace(struct journal *fresh, int diff_fd)
{
	int rc;

	if ((rc = journal_sync(fresh)) < 0 ||
	    (rc = disk_rename(diff_fd, FRESH, ONDISK_JOURNAL)) < 0)
		return rc;
	return disk_sync_all(diff_fd) < 0 ? 1 : 0;
}
