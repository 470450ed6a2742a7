/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk that remembers (see crashdisk.h): makes every operation, records it, and
 * builds the directories that a crash may leave out of the record.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "crashdisk.h"
#include "diff/disk.h"

#define PAGE	4096u
#define SECTOR	512u
#define NONE	(-1)
#define DATA_DIR (-2)		/* what the name "data" stands for */
#define FILE_LIMIT (64 * MiB)	/* of a file that is recorded */

enum op_type { OP_NOTHING, OP_NAME, OP_WRITE, OP_RESIZE, OP_ZERO, OP_SYNC, OP_SYNC_DIR };

struct op {
	enum op_type type;
	unsigned request;
	int	file, name;	/* OP_NAME: what name stands for now; OP_SYNC_DIR: file is the directory */
	uint64_t off, len;
	uint64_t size;		/* of the file after it */
	unsigned char *data;	/* OP_WRITE */
};

struct image {
	unsigned char *bytes;
	uint64_t size, room;	/* bytes behind size, up to room, are zero */
};

struct list {
	size_t	*op, n, room;
	size_t	durable;	/* the durable ones are in the image or the binding */
};

struct file {
	ino_t	ino;
	uint32_t unit;		/* the bytes that reach the disk together: PAGE or SECTOR */
	uint64_t size;
	struct image first, image;	/* at the beginning; as of the last sync */
	struct list ops;
};

struct name {
	int	dir;		/* 0: the diff directory, 1: data/ */
	char	text[32];
	int	first, durable, now;
	struct list ops;
};

struct crashdisk {
	int	diff_fd;
	ino_t	diff_ino;
	bool	data_known;	/* data/ is there, or its making is recorded */
	struct op *ops;
	size_t	n_ops, ops_room;
	struct file *files;
	int	n_files;
	struct name *names;
	int	n_names;
	size_t	at;		/* syncs among the first at operations are in the images */
	size_t	die_at;
	bool	dead;
	unsigned request;
	const _Atomic uint32_t *watch;
	uint32_t watched;
};

static struct crashdisk *current;

uint64_t
rng_below(struct rng *r, uint64_t n)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (z ^ z >> 31) % n;
}

/* A test that is out of memory ends. */
static void *
more(void *p, size_t size)
{
	if ((p = realloc(p, size)) == NULL)
		abort();
	return p;
}

/* ---- recording ---- */

static void
list_add(struct list *l, size_t op)
{
	if (l->n == l->room)
		l->op = more(l->op, (l->room = l->room * 2 + 8) * sizeof(*l->op));
	l->op[l->n++] = op;
}

static struct op *
record(struct crashdisk *d, enum op_type type, int file)
{
	struct op *op;

	if (d->n_ops == d->ops_room)
		d->ops = more(d->ops, (d->ops_room = d->ops_room * 2 + 64) * sizeof(*d->ops));
	op = &d->ops[d->n_ops++];
	*op = (struct op){ .type = type, .request = d->request, .file = file, .name = NONE };
	if (type == OP_WRITE || type == OP_RESIZE || type == OP_ZERO || type == OP_SYNC) {
		op->size = d->files[file].size;
		list_add(&d->files[file].ops, d->n_ops - 1);
	}
	if (d->watch != NULL)
		d->watched = atomic_load(d->watch);
	return op;
}

static int
name_of(struct crashdisk *d, int dir, const char *text)
{
	struct name *n;
	int i;

	for (i = 0; i < d->n_names; i++)
		if (d->names[i].dir == dir && strcmp(d->names[i].text, text) == 0)
			return i;
	d->names = more(d->names, (size_t)(d->n_names + 1) * sizeof(*d->names));
	n = &d->names[d->n_names];
	*n = (struct name){ .dir = dir, .first = NONE, .durable = NONE, .now = NONE };
	snprintf(n->text, sizeof(n->text), "%s", text);
	return d->n_names++;
}

static void
record_name(struct crashdisk *d, int dir, const char *text, int file)
{
	int i = name_of(d, dir, text);
	struct op *op = record(d, OP_NAME, file);

	op->name = i;
	d->names[i].now = file;
	list_add(&d->names[i].ops, d->n_ops - 1);
}

/* Directories are told apart by their inode; lib/diff has no others. */
static int
dir_of(struct crashdisk *d, int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_ino == d->diff_ino ? 0 : 1;
}

static int
add_file(struct crashdisk *d, ino_t ino, const char *text)
{
	struct file *f;

	d->files = more(d->files, (size_t)(d->n_files + 1) * sizeof(*d->files));
	f = &d->files[d->n_files];
	*f = (struct file){ .ino = ino, .unit = strncmp(text, "journal", 7) == 0 ? SECTOR : PAGE };
	return d->n_files++;
}

/* The newest first: a number is given again once its file is gone. */
static int
file_of(struct crashdisk *d, int fd)
{
	struct stat st;
	int i;

	if (fstat(fd, &st) == 0)
		for (i = d->n_files - 1; i >= 0; i--)
			if (d->files[i].ino == st.st_ino)
				return i;
	abort();
}

/* Making data/ does not pass through lib/diff/disk.h. */
static void
notice_data(struct crashdisk *d)
{
	struct stat st;

	if (!d->data_known && fstatat(d->diff_fd, "data", &st, AT_SYMLINK_NOFOLLOW) == 0) {
		d->data_known = true;
		record_name(d, 0, "data", DATA_DIR);
	}
}

/* Returns whether the operation may go on; *d is where it is recorded, or NULL. */
static bool
begin(struct crashdisk **d)
{
	if ((*d = current) == NULL)
		return true;
	notice_data(*d);
	(*d)->dead = (*d)->dead || (*d)->n_ops >= (*d)->die_at;
	return !(*d)->dead;
}

static void
record_resize(struct crashdisk *d, int file, uint64_t size)
{
	struct op *op = record(d, OP_RESIZE, file);

	op->off = op->size = d->files[file].size = size;
}

static void
record_zero(struct crashdisk *d, int file, uint64_t off, uint64_t len, bool extend)
{
	struct op *op = record(d, OP_ZERO, file);

	op->off = off;
	op->len = len;
	if (extend && off + len > d->files[file].size)
		d->files[file].size = off + len;
	op->size = d->files[file].size;
}

/* ---- lib/diff/disk.h ---- */

int
disk_open(int dirfd, const char *name, int flags)
{
	struct crashdisk *d = current;
	struct stat st;
	int fd;

	if (d != NULL && d->dead)
		return -EIO;
	fd = openat(dirfd, name, (flags & ~O_CREAT) | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 || errno != ENOENT || !(flags & O_CREAT))
		return fd < 0 ? -errno : fd;
	if (!begin(&d))
		return -EIO;
	fd = openat(dirfd, name, flags | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	if (d != NULL)
		record_name(d, dir_of(d, dirfd), name, add_file(d, st.st_ino, name));
	return fd;
}

int
disk_pwrite(int fd, const void *buf, size_t len, uint64_t off)
{
	struct crashdisk *d;
	struct op *op;
	int file, r;

	if (!begin(&d))
		return -EIO;
	if ((r = io_pwrite(fd, buf, len, (off_t)off)) < 0 || d == NULL)
		return r;
	file = file_of(d, fd);
	op = record(d, OP_WRITE, file);
	op->off = off;
	op->len = len;
	op->data = more(NULL, MAX(len, (size_t)1));
	memcpy(op->data, buf, len);
	op->size = d->files[file].size = MAX(d->files[file].size, off + len);
	return 0;
}

int
disk_truncate(int fd, uint64_t len)
{
	struct crashdisk *d;

	if (!begin(&d))
		return -EIO;
	if (ftruncate(fd, (off_t)len) != 0)
		return -errno;
	if (d != NULL)
		record_resize(d, file_of(d, fd), len);
	return 0;
}

/* Nobody takes the machine's power away: to note a sync is enough. */
int
disk_sync(int fd)
{
	struct crashdisk *d;

	if (!begin(&d))
		return -EIO;
	if (d != NULL)
		record(d, OP_SYNC, file_of(d, fd));
	return 0;
}

int
disk_sync_all(int fd)
{
	struct crashdisk *d;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return disk_sync(fd);
	if (!begin(&d))
		return -EIO;
	if (d != NULL)
		record(d, OP_SYNC_DIR, dir_of(d, fd));
	return 0;
}

int
disk_begin_sync(int fd, uint64_t off, uint64_t len)
{
	(void)fd, (void)off, (void)len;
	return 0;
}

int
disk_unlink(int dirfd, const char *name)
{
	struct crashdisk *d;

	if (!begin(&d))
		return -EIO;
	if (unlinkat(dirfd, name, 0) != 0)
		return -errno;
	if (d != NULL)
		record_name(d, dir_of(d, dirfd), name, NONE);
	return 0;
}

/*
 * Records two changes of names, of which a crash may keep one: file systems do
 * better, since for them the old name never goes before the new one is there.
 */
int
disk_rename(int dirfd, const char *from, const char *to)
{
	struct crashdisk *d;
	int dir, file;

	if (!begin(&d))
		return -EIO;
	if (renameat(dirfd, from, dirfd, to) != 0)
		return -errno;
	if (d != NULL) {
		dir = dir_of(d, dirfd);
		file = d->names[name_of(d, dir, from)].now;
		record_name(d, dir, to, file);
		record_name(d, dir, from, NONE);
	}
	return 0;
}

/* Writes zeroes, since some file systems have no ZERO_RANGE, tmpfs for one. */
static int
zero_range(int fd, uint64_t off, uint64_t len, bool extend)
{
	struct stat st;

	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len) != 0 ||
	    fstat(fd, &st) != 0)
		return -errno;
	if (extend && (uint64_t)st.st_size < off + len && ftruncate(fd, (off_t)(off + len)) != 0)
		return -errno;
	return 0;
}

/* No worker gives content a further name: that is a promotion's, which test-promote-crash has. */
int
disk_link(int from_fd, const char *from, int to_fd, const char *to)
{
	(void)from_fd, (void)from, (void)to_fd, (void)to;
	return -ENOSYS;
}

int
disk_fallocate(int fd, int mode, uint64_t off, uint64_t len)
{
	bool zero = mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE);
	bool extend = !(mode & FALLOC_FL_KEEP_SIZE);
	struct crashdisk *d;
	int file, r;

	if (!begin(&d))
		return -EIO;
	if (zero)
		r = zero_range(fd, off, len, extend);
	else
		r = fallocate(fd, mode, (off_t)off, (off_t)len) != 0 ? -errno : 0;
	if (r < 0 || d == NULL)
		return r;
	file = file_of(d, fd);
	if (zero)
		record_zero(d, file, off, len, extend);
	else if (extend && off + len > d->files[file].size)
		record_resize(d, file, off + len);
	else
		record(d, OP_NOTHING, NONE);
	return 0;
}

/* ---- beginning and end ---- */

static int
take_file(struct crashdisk *d, int dirfd, int dir, const char *text)
{
	int fd autoclose = openat(dirfd, text, O_RDONLY | O_CLOEXEC), file, name;
	struct stat st;
	struct file *f;
	size_t len;
	char *bytes;
	int r;

	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	if ((r = io_read_file(fd, FILE_LIMIT, &bytes, &len)) < 0)
		return r;
	file = add_file(d, st.st_ino, text);
	f = &d->files[file];
	f->first = (struct image){ (unsigned char *)bytes, len, len };
	f->size = len;
	name = name_of(d, dir, text);
	d->names[name].first = d->names[name].now = file;
	return 0;
}

static int
take_data(struct crashdisk *d)
{
	int fd = openat(d->diff_fd, "data", O_RDONLY | O_DIRECTORY | O_CLOEXEC), name, r = 0;
	struct dirent *e;
	DIR *dir;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	d->data_known = true;
	name = name_of(d, 0, "data");
	d->names[name].first = d->names[name].now = DATA_DIR;
	if ((dir = fdopendir(fd)) == NULL)
		return -errno;
	while (r == 0 && (e = readdir(dir)) != NULL)
		if (e->d_name[0] != '.')
			r = take_file(d, fd, 1, e->d_name);
	closedir(dir);
	return r;
}

static void
image_copy(struct image *to, const struct image *from)
{
	to->size = to->room = from->size;
	to->bytes = more(to->bytes, MAX(from->size, UINT64_C(1)));
	if (from->size > 0)
		memcpy(to->bytes, from->bytes, from->size);
}

/* Begins again with the state at the beginning. */
static void
rewind_images(struct crashdisk *d)
{
	int i;

	for (i = 0; i < d->n_files; i++) {
		image_copy(&d->files[i].image, &d->files[i].first);
		d->files[i].ops.durable = 0;
	}
	for (i = 0; i < d->n_names; i++) {
		d->names[i].durable = d->names[i].first;
		d->names[i].ops.durable = 0;
	}
	d->at = 0;
}

int
crashdisk_new(int diff_fd, struct crashdisk **out)
{
	struct crashdisk *d = more(NULL, sizeof(*d));
	struct stat st;
	int r;

	*d = (struct crashdisk){ .diff_fd = diff_fd, .die_at = SIZE_MAX };
	r = fstat(diff_fd, &st) != 0 ? -errno : take_file(d, diff_fd, 0, "journal");
	if (r == 0 && faccessat(diff_fd, "tree", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		r = take_file(d, diff_fd, 0, "tree");
	if (r == 0 || r == -ENOENT)
		r = take_data(d);
	d->diff_ino = st.st_ino;
	if (r < 0) {
		crashdisk_free(d);
		return r;
	}
	*out = d;
	return 0;
}

void
crashdisk_free(struct crashdisk *d)
{
	size_t k;
	int i;

	if (current == d)
		current = NULL;
	for (k = 0; k < d->n_ops; k++)
		free(d->ops[k].data);
	for (i = 0; i < d->n_files; i++) {
		free(d->files[i].first.bytes);
		free(d->files[i].image.bytes);
		free(d->files[i].ops.op);
	}
	for (i = 0; i < d->n_names; i++)
		free(d->names[i].ops.op);
	free(d->ops);
	free(d->files);
	free(d->names);
	free(d);
}

void
crashdisk_use(struct crashdisk *d)
{
	current = d;
}

void
crashdisk_serve(struct crashdisk *d, unsigned request)
{
	d->request = request;
}

void
crashdisk_die_at(struct crashdisk *d, size_t op)
{
	d->die_at = op;
	d->dead = false;
}

bool
crashdisk_dead(const struct crashdisk *d)
{
	return d->dead;
}

void
crashdisk_watch(struct crashdisk *d, const _Atomic uint32_t *number)
{
	d->watch = number;
}

uint32_t
crashdisk_watched(const struct crashdisk *d)
{
	return d->watched;
}

size_t
crashdisk_count(const struct crashdisk *d)
{
	return d->n_ops;
}

unsigned
crashdisk_request(const struct crashdisk *d, size_t op)
{
	return d->ops[op].request;
}

/* ---- what is left ---- */

/* Sets the length; what appears is zero. */
static void
image_resize(struct image *im, uint64_t size)
{
	if (size > im->room) {
		im->bytes = more(im->bytes, size);
		memset(im->bytes + im->room, 0, size - im->room);
		im->room = size;
	}
	if (size < im->size)
		memset(im->bytes + size, 0, im->size - size);
	im->size = size;
}

/* Applies operation op to [from, to) of a file; im has room for it. */
static void
apply(const struct op *op, struct image *im, uint64_t from, uint64_t to)
{
	uint64_t a = MAX(from, op->off), b = to;

	if (op->type == OP_WRITE || op->type == OP_ZERO)
		b = MIN(to, op->off + op->len);
	if (a >= b || op->type == OP_SYNC)
		return;
	if (op->type == OP_WRITE)
		memcpy(im->bytes + a, op->data + (a - op->off), b - a);
	else
		memset(im->bytes + a, 0, b - a);
}

/* Returns the bytes that any operation on the file touches. */
static uint64_t
reach(const struct crashdisk *d, const struct file *f, size_t end)
{
	uint64_t most = f->image.size;
	size_t i;

	for (i = f->ops.durable; i < end; i++)
		most = MAX(most, d->ops[f->ops.op[i]].size);
	return most;
}

static void
sync_file(struct crashdisk *d, struct file *f, size_t k)
{
	size_t end = f->ops.durable, i;
	const struct op *op;
	uint64_t most;

	while (end < f->ops.n && f->ops.op[end] <= k)
		end++;
	most = reach(d, f, end);
	for (i = f->ops.durable; i < end; i++) {
		op = &d->ops[f->ops.op[i]];
		if (op->type == OP_SYNC)
			continue;
		image_resize(&f->image, MAX(f->image.size, most));
		apply(op, &f->image, 0, f->image.size);
		image_resize(&f->image, op->size);
	}
	f->ops.durable = end;
}

static void
sync_names(struct crashdisk *d, int dir, size_t k)
{
	struct name *n;
	int i;

	for (i = 0; i < d->n_names; i++) {
		n = &d->names[i];
		while (n->dir == dir && n->ops.durable < n->ops.n &&
		    n->ops.op[n->ops.durable] <= k)
			n->durable = d->ops[n->ops.op[n->ops.durable++]].file;
	}
}

static void
advance(struct crashdisk *d, size_t k)
{
	if (d->at == 0 || k < d->at)
		rewind_images(d);
	for (; d->at < k; d->at++) {
		const struct op *op = &d->ops[d->at];

		if (op->type == OP_SYNC)
			sync_file(d, &d->files[op->file], d->at);
		else if (op->type == OP_SYNC_DIR)
			sync_names(d, op->file, d->at);
	}
}

struct crash {
	struct crashdisk *d;
	size_t	k;
	enum crash_loss loss;
	struct rng rng;
	FILE	*trace;
};

/* Returns how many of the operations lo to hi count, in the mood that a file has. */
static size_t
pick(struct crash *c, enum crash_loss mood, size_t lo, size_t hi)
{
	if (mood == CRASH_LOSES_SOME)
		mood = (enum crash_loss)rng_below(&c->rng, 3);
	if (mood == CRASH_LOSES_SOME)
		return lo + rng_below(&c->rng, hi - lo + 1);
	return mood == CRASH_LOSES_ALL ? lo : hi;
}

static enum crash_loss
mood_of(struct crash *c)
{
	return c->loss != CRASH_LOSES_SOME ? c->loss :
	    (enum crash_loss)rng_below(&c->rng, 3);
}

/* Returns unsynced operation i of a file. */
static const struct op *
unsynced(const struct crashdisk *d, const struct file *f, size_t i)
{
	return &d->ops[f->ops.op[f->ops.durable + i]];
}

/*
 * Whether unsynced operation i takes [from, to) away for good.  2: whole, so
 * that length and content must agree on whether it came before the crash.  1: in
 * part, so that with the new length that part is zero.
 */
static int
takes_away(const struct crashdisk *d, const struct file *f, size_t i, uint64_t from, uint64_t to)
{
	const struct op *op = unsynced(d, f, i);
	uint64_t before = i > 0 ? unsynced(d, f, i - 1)->size : f->image.size;
	uint64_t page = from / PAGE * PAGE;

	if (op->type == OP_RESIZE && op->size < before)
		return page >= op->size ? 2 : to > op->size;
	if (op->type == OP_ZERO)
		return page >= op->off && page + PAGE <= op->off + op->len ? 2 : 0;
	return 0;
}

/*
 * Returns how many of the unsynced operations a unit has seen, if the length has
 * seen length of them.
 */
static size_t
pick_unit(struct crash *c, const struct file *f, enum crash_loss mood, uint64_t from,
    uint64_t to, size_t n, size_t length)
{
	size_t lo = 0, hi = n, i;

	for (i = 0; i < n && hi == n; i++) {
		if (takes_away(c->d, f, i, from, to) != 2)
			continue;
		if (i < length)
			lo = i + 1;
		else
			hi = i;
	}
	return pick(c, mood, lo, hi);
}

static void
left_of_file(struct crash *c, const struct file *f, const char *text, struct image *im)
{
	enum crash_loss mood = mood_of(c), length_mood = mood_of(c);
	uint64_t from, to, most, size = f->image.size;
	size_t n = 0, length, seen, i;

	while (f->ops.durable + n < f->ops.n && f->ops.op[f->ops.durable + n] < c->k)
		n++;
	most = reach(c->d, f, f->ops.durable + n);
	image_copy(im, &f->image);
	image_resize(im, most);
	length = pick(c, length_mood, 0, n);
	if (length > 0)
		size = unsynced(c->d, f, length - 1)->size;
	if (c->trace != NULL && n > 0)
		fprintf(c->trace, "#   \"%s\": %zu of %zu unsynced changes of length, %" PRIu64
		    " bytes;", text, length, n, size);
	for (from = 0; from < most && n > 0; from = to) {
		to = MIN(from + f->unit, most);
		seen = pick_unit(c, f, mood, from, to, n, length);
		for (i = 0; i < n; i++)
			if (i < seen || (i < length && takes_away(c->d, f, i, from, to) == 1))
				apply(unsynced(c->d, f, i), im, from, to);
		if (c->trace != NULL)
			fprintf(c->trace, " %zu", seen);
	}
	if (c->trace != NULL && n > 0)
		fputc('\n', c->trace);
	image_resize(im, size);
}

static bool
is_zero(const unsigned char *p, size_t len)
{
	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

static int
write_file(int dirfd, const char *text, const struct image *im)
{
	int fd autoclose = openat(dirfd, text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	uint64_t at, len;
	int r = 0;

	if (fd < 0 || ftruncate(fd, (off_t)im->size) != 0)
		return -errno;
	for (at = 0; at < im->size && r == 0; at += len) {
		len = MIN((uint64_t)PAGE, im->size - at);
		if (!is_zero(im->bytes + at, len))
			r = io_pwrite(fd, im->bytes + at, len, (off_t)at);
	}
	return r;
}

static int
left_of_name(struct crash *c, const struct name *n)
{
	size_t some = 0, seen;
	int file = n->durable;

	while (n->ops.durable + some < n->ops.n && n->ops.op[n->ops.durable + some] < c->k)
		some++;
	seen = pick(c, mood_of(c), 0, some);
	if (seen > 0)
		file = c->d->ops[n->ops.op[n->ops.durable + seen - 1]].file;
	if (c->trace != NULL && some > 0)
		fprintf(c->trace, "#   name \"%s\": %zu of %zu unsynced changes\n", n->text, seen,
		    some);
	return file;
}

static int
build_dir(struct crash *c, int dir, int dirfd)
{
	struct image im = { 0 };
	int i, file, r = 0, sub;

	for (i = 0; i < c->d->n_names && r == 0; i++) {
		const struct name *n = &c->d->names[i];

		if (n->dir != dir || (file = left_of_name(c, n)) == NONE)
			continue;
		if (file != DATA_DIR) {
			left_of_file(c, &c->d->files[file], n->text, &im);
			r = write_file(dirfd, n->text, &im);
			continue;
		}
		if (mkdirat(dirfd, n->text, 0700) != 0 ||
		    (sub = openat(dirfd, n->text, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
			r = -errno;
			continue;
		}
		r = build_dir(c, 1, sub);
		close(sub);
	}
	free(im.bytes);
	return r;
}

int
crashdisk_build(struct crashdisk *d, size_t k, enum crash_loss loss, uint64_t seed, int dirfd,
    FILE *trace)
{
	struct crash c = { .d = d, .k = k, .loss = loss, .rng.state = seed, .trace = trace };

	advance(d, k);
	return build_dir(&c, 0, dirfd);
}
