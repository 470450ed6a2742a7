/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A disk that fails.  The program has its own lib/diff/disk.c, in which the
 * k-th operation gives an error, for each k until nothing fails any more:
 *
 *  - an operation that failed has left every 4 KiB, the length and all names as
 *    they were before it or as they were to be;
 *  - the next worker finds that state, too;
 *  - the same operation succeeds on a disk that works;
 *  - the next mount has everything that an fsync made durable, and an fsync that
 *    could not do so fails;
 *  - a flush that failed makes the next fsync fail, and no other;
 *  - content is recorded once, and its state changes with the record.
 *
 * Prints TAP.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>

#include "base/io.h"
#include "cow/find.h"
#include "cow/impl.h"
#include "cow/relfile.h"
#include "diff/disk.h"
#include "support/rig.h"

#define HALF	4096
#define BLOCKS	6
#define ROOM	(12 * BLCKSZ)

/* --- the disk --- */

static atomic_int left = -1;		/* operations until one fails; negative: all work */
static int how;			/* the error */
static bool for_good;		/* all later ones fail, too */
static bool unsupported;	/* fallocate(2) fails as where the filesystem cannot do it */
static atomic_bool failed;

static bool
fails(void)
{
	if (left < 0)
		return false;
	if (left > 0) {
		left--;
		return false;
	}
	failed = true;
	if (!for_good)
		left = -1;
	return true;
}

int
disk_open(int dirfd, const char *name, int flags)
{
	int fd;

	if (flags & O_CREAT && fails())
		return how;
	fd = openat(dirfd, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int
disk_pwrite(int fd, const void *buf, size_t len, uint64_t off)
{
	if (fails()) {
		io_pwrite(fd, buf, len / 2 / HALF * HALF, (off_t)off);	/* what fitted */
		return how;
	}
	return io_pwrite(fd, buf, len, (off_t)off);
}

int
disk_truncate(int fd, uint64_t len)
{
	if (fails())
		return how;
	return ftruncate(fd, (off_t)len) != 0 ? -errno : 0;
}

int
disk_sync(int fd)
{
	if (fails())
		return how;
	return fdatasync(fd) != 0 ? -errno : 0;
}

int
disk_sync_all(int fd)
{
	if (fails())
		return how;
	return fsync(fd) != 0 ? -errno : 0;
}

int
disk_begin_sync(int fd, uint64_t off, uint64_t len)
{
	return sync_file_range(fd, (off_t)off, (off_t)len, SYNC_FILE_RANGE_WRITE) != 0 ? -errno : 0;
}

int
disk_unlink(int dirfd, const char *name)
{
	if (fails())
		return how;
	return unlinkat(dirfd, name, 0) != 0 ? -errno : 0;
}

int
disk_rename(int dirfd, const char *from, const char *to)
{
	if (fails())
		return how;
	return renameat(dirfd, from, dirfd, to) != 0 ? -errno : 0;
}

int
disk_link(int from_fd, const char *from, int to_fd, const char *to)
{
	return linkat(from_fd, from, to_fd, to, 0) == 0 ? 0 : -errno;
}

int
disk_fallocate(int fd, int mode, uint64_t off, uint64_t len)
{
	if (fails())
		return unsupported ? -EOPNOTSUPP : how;
	return fallocate(fd, mode, (off_t)off, (off_t)len) != 0 ? -errno : 0;
}

static void
break_disk(int operations, int error, bool ever_after)
{
	left = operations;
	how = error;
	for_good = ever_after;
	failed = false;
}

static void
mend_disk(void)
{
	left = -1;
}

/* --- the file system --- */

static struct rig rig;
static unsigned char page[BLOCKS][BLCKSZ];
static unsigned number;		/* of the test */
static char what[128];

static void __attribute__((format(printf, 1, 2)))
complain(const char *fmt, ...)
{
	va_list ap;

	printf("not ok %u - %s: ", ++number, what);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

struct content {
	uint64_t size;
	unsigned char data[ROOM];
};

static uint64_t
find(const char *name)
{
	struct cow_attr a;

	return cow_lookup(rig.cow, COW_ROOT, name, strlen(name), &a) < 0 ? 0 : a.nodeid;
}

static bool
get(const char *name, struct content *c)
{
	ssize_t n;

	memset(c, 0, sizeof(*c));
	n = cow_read(rig.cow, find(name), 0, ROOM, c->data, &rig.reader);
	c->size = n < 0 ? 0 : (uint64_t)n;
	return n >= 0;
}

static bool
equal(const struct content *a, const struct content *b)
{
	return a->size == b->size && memcmp(a->data, b->data, ROOM) == 0;
}

/* Whether each 4 KiB of now is that of one of the two, and the length is not beyond them. */
static bool
is_mixed(const struct content *now, const struct content *a, const struct content *b)
{
	uint64_t at;

	if (now->size < MIN(a->size, b->size) || now->size > MAX(a->size, b->size))
		return false;
	for (at = 0; at < now->size; at += HALF) {
		size_t n = MIN(HALF, now->size - at);

		if (memcmp(now->data + at, a->data + at, n) != 0 &&
		    memcmp(now->data + at, b->data + at, n) != 0)
			return false;
	}
	return true;
}

static void
prepare(void)
{
	struct catbackup_options o = { .id = "T1", .alg = CATALG_ZLIB, .level = 1 };
	struct catpage pages[BLOCKS];
	struct catfile f = { .path = "global/1", .n_blocks = BLOCKS, .pages = pages,
	    .n_pages = BLOCKS };
	struct catwriter *w;
	struct catbackup *b;
	unsigned i;

	rig_new(&rig);
	for (i = 0; i < BLOCKS; i++) {
		catwriter_make_page(page[i], i + 1, i);
		pages[i] = (struct catpage){ .block = i, .bytes = page[i] };
	}
	if (catwriter_open(rig.store, "main", NULL, &w) < 0 || catbackup_begin(w, &o, &b) < 0)
		errx(1, "catwriter");
	catbackup_data(b, &f);
	catbackup_plain(b, "plain", 0600, page[0], 5000);
	catbackup_plain(b, "empty", 0600, "", 0);
	if (catbackup_finish(b) < 0)
		errx(1, "catbackup_finish");
	catwriter_close(w);
	if (rig_index(&rig, "T1") < 0 || rig_open(&rig, true) < 0)
		errx(1, "cow_open");
}

/* "data" is the data file, moved where find() finds it. */
static void
move_data(void)
{
	struct cow_attr a;

	if (cow_lookup(rig.cow, COW_ROOT, "global", 6, &a) < 0 ||
	    cow_rename(rig.cow, 0, a.nodeid, "1", COW_ROOT, "data", 0) < 0 ||
	    cow_create(rig.cow, 0, COW_ROOT, "made", S_IFREG | 0600, 0, 0, NULL, &a) < 0)
		errx(1, "move");
}

/* --- operations --- */

static int
op_write_half(const char *name)
{
	unsigned char some[HALF];

	memset(some, 'w', sizeof(some));
	return cow_write(rig.cow, find(name), BLCKSZ + HALF, HALF, some, &rig.reader);
}

static int
op_write_many(const char *name)
{
	unsigned char some[3 * BLCKSZ];

	memset(some, 'm', sizeof(some));
	return cow_write(rig.cow, find(name), HALF, sizeof(some), some, &rig.reader);
}

static int
op_extend(const char *name)
{
	return cow_write(rig.cow, find(name), 8 * BLCKSZ, 10, "0123456789", &rig.reader);
}

static int
resize(const char *name, uint64_t size)
{
	struct cow_attr a = { .size = size };

	return cow_setattr(rig.cow, find(name), COW_SET_SIZE, &a);
}

static int
op_cut(const char *name)
{
	return resize(name, BLCKSZ + HALF);
}

static int
op_cut_to_nothing(const char *name)
{
	return resize(name, 0);
}

static int
op_grow(const char *name)
{
	return resize(name, 9 * BLCKSZ);
}

static int
op_allocate(const char *name)
{
	return cow_fallocate(rig.cow, find(name), 0, 0, 9 * BLCKSZ, &rig.reader);
}

static int
op_punch(const char *name)
{
	return cow_fallocate(rig.cow, find(name), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    HALF, 2 * BLCKSZ + HALF, &rig.reader);
}

static int
op_zero(const char *name)
{
	return cow_fallocate(rig.cow, find(name), FALLOC_FL_ZERO_RANGE, HALF, 8 * BLCKSZ,
	    &rig.reader);
}

static int
op_sync(const char *name)
{
	return cow_fsync(rig.cow, find(name), false);
}

static const struct operation {
	const char *name;
	int	(*run)(const char *name);
} operations[] = {
	{ "write of half a block", op_write_half }, { "write of many", op_write_many },
	{ "write behind the end", op_extend }, { "cut", op_cut },
	{ "cut to nothing", op_cut_to_nothing }, { "grow", op_grow },
	{ "allocate", op_allocate }, { "punch", op_punch }, { "zero range", op_zero },
	{ "fsync", op_sync },
};

static const char *const files[] = { "data", "plain", "empty", "made" };

/* How the file is used before the operation. */
static int
before_nothing(const char *name)
{
	(void)name;
	return 0;
}

static int
before_written(const char *name)
{
	return cow_write(rig.cow, find(name), BLCKSZ - 5, HALF, page[3], &rig.reader);
}

static int
before_synced(const char *name)
{
	int r = before_written(name);

	return r < 0 ? r : op_sync(name);
}

static int
before_synced_and_written(const char *name)
{
	int r = before_synced(name);

	return r < 0 ? r : cow_write(rig.cow, find(name), 2 * BLCKSZ, BLCKSZ, page[5], &rig.reader);
}

static int
before_cut_and_synced(const char *name)
{
	int r = before_synced(name);

	return r < 0 || (r = resize(name, BLCKSZ + 10)) < 0 ? r : op_sync(name);
}

static int (*const befores[])(const char *) = {
	before_nothing, before_written, before_synced, before_synced_and_written,
	before_cut_and_synced,
};

static bool
reopen(bool first)
{
	int r;

	rig_kill(&rig);
	if ((r = rig_open(&rig, first)) == 0)
		return true;
	complain("cow_open: %s", strerror(-r));
	rig.cow = NULL;
	return false;
}

static void
begin(const char *name, unsigned before)
{
	prepare();
	move_data();
	if (befores[before](name) < 0)
		errx(1, "before");
}

/* Finds out the state of the file after the operation, with a disk that works. */
static void
rehearse(const struct operation *op, const char *name, unsigned before, struct content *old,
    struct content *wanted)
{
	begin(name, before);
	get(name, old);
	if (op->run(name) < 0)
		errx(1, "%s", what);
	get(name, wanted);
	rig_free(&rig);
}

static bool
check_after(const struct operation *op, const char *name, int r, const struct content *old,
    const struct content *wanted)
{
	static struct content now, next;

	/*
	 * A journal that could not be mended ends the work of this worker, not that
	 * of the next one.
	 */
	if (!get(name, &now) && (!for_good || !reopen(false) || !get(name, &now)))
		return complain("cannot be read after %d", r), false;
	/*
	 * Where the filesystem cannot do an operation, its caller goes on with the
	 * old state.
	 */
	if (r == 0 ? !equal(&now, wanted) :
	    r == -EOPNOTSUPP ? !equal(&now, old) : !is_mixed(&now, old, wanted))
		return complain("after %d, %" PRIu64 " bytes that are neither old nor new", r,
		    now.size), false;
	if (!reopen(false))
		return false;
	if (!get(name, &next) || !equal(&now, &next))
		return complain("after %d, the next worker has %" PRIu64 " bytes, this one had %"
		    PRIu64, r, next.size, now.size), false;
	r = op->run(name);
	if (r < 0 || !get(name, &now) || !equal(&now, wanted))
		return complain("again, with a disk that works: %d", r), false;
	return true;
}

/*
 * Makes all of it durable; then the machine's processes are gone, and with them the
 * pending log.
 */
static bool
check_durable(const char *name, const struct content *wanted)
{
	struct content now;
	int r;

	/* An fsync reports what went wrong before it, once. */
	if ((r = op_sync(name)) < 0 && (r = op_sync(name)) < 0)
		return complain("fsync: %d", r), false;
	if (!reopen(true))
		return false;
	if (!get(name, &now) || !equal(&now, wanted))
		return complain("the next mount has %" PRIu64 " bytes, not what was synced",
		    now.size), false;
	return true;
}

/*
 * Whether an fsync that met an error and hid it goes on with the next one.  So it is with the
 * record of content that has no chain below: the content is durable, and PostgreSQL takes a failed
 * fsync for the end.
 */
static bool
comes_back(const char *name)
{
	int r;

	break_disk(0, -EIO, false);
	r = op_sync(name);
	mend_disk();
	return r == -EIO;
}

/* Returns whether the disk failed at all. */
static bool
try_once(const struct operation *op, const char *name, unsigned before, int k, bool ever_after,
    bool *good)
{
	static struct content old, wanted;
	int r;

	rehearse(op, name, before, &old, &wanted);
	begin(name, before);
	break_disk(k, -ENOSPC, ever_after);
	r = op->run(name);
	mend_disk();
	if (failed && op->run == op_sync && r == 0 && !comes_back(name))
		complain("fsync succeeded"), *good = false;
	if (!check_after(op, name, r, &old, &wanted) || !check_durable(name, &wanted))
		*good = false;
	rig_free(&rig);
	return failed;
}

static bool
test_content(const struct operation *op)
{
	unsigned file, before, mode;
	bool good = true;
	int k;

	for (file = 0; file < ARRAY_SIZE(files) && good; file++)
		for (before = 0; before < ARRAY_SIZE(befores) && good; before++)
			for (mode = 0; mode < 3 && good; mode++)
				for (k = 0; good; k++) {
					snprintf(what, sizeof(what), "%s of \"%s\" (%u), operation %d fails%s",
					    op->name, files[file], before, k, mode == 2 ? " and all after" : "");
					unsupported = mode == 1;
					if (!try_once(op, files[file], before, k, mode == 2, &good))
						break;
				}
	return good;
}

/* --- names --- */

static int
op_create(void)
{
	struct cow_attr a;

	return cow_create(rig.cow, 0, COW_ROOT, "new", S_IFREG | 0600, 0, 0, NULL, &a);
}

static int
op_link(void)
{
	struct cow_attr a;

	return cow_link(rig.cow, 0, find("plain"), COW_ROOT, "new", &a);
}

static int
op_unlink(void)
{
	return cow_remove(rig.cow, 0, COW_ROOT, "plain", false);
}

static int
op_rename(void)
{
	return cow_rename(rig.cow, 0, COW_ROOT, "plain", COW_ROOT, "empty", 0);
}

static int
op_exchange(void)
{
	return cow_rename(rig.cow, 0, COW_ROOT, "plain", COW_ROOT, "global", 2);
}

static int
op_chmod(void)
{
	struct cow_attr a = { .mode = 0 };

	return cow_setattr(rig.cow, find("plain"), COW_SET_MODE, &a);
}

static const struct {
	const char *name;
	int	(*run)(void);
} name_operations[] = {
	{ "create", op_create }, { "link", op_link }, { "unlink", op_unlink },
	{ "rename", op_rename }, { "exchange", op_exchange }, { "chmod", op_chmod },
};

/* All names, their nodeids and modes as one number. */
static uint64_t
digest(void)
{
	struct cow_list l;
	struct cow_dirent d;
	struct cow_attr a;
	uint64_t sum = 0, h;
	const char *p;

	if (cow_list_begin(&l, rig.cow, COW_ROOT, 0) < 0)
		return 0;
	while (cow_list_next(&l, &d) > 0)
		if (d.name[0] != '.' && cow_list_attr(&l, &d, &a) == 0) {
			h = a.nodeid * 31 + a.mode + (uint64_t)a.nlink * 77777;
			for (p = d.name; *p != '\0'; p++)
				h = h * 1000003 + (unsigned char)*p;
			sum += h;
		}
	cow_list_end(&l);
	return sum;
}

static bool
try_names(unsigned i, int k, bool *good)
{
	uint64_t old, now;
	int r;

	prepare();
	old = digest();
	break_disk(k, -ENOSPC, false);
	r = name_operations[i].run();
	mend_disk();
	now = digest();
	if (r < 0 ? now != old : now == old)
		complain("returned %d, names are %s", r, now == old ? "old" : "new"), *good = false;
	else if (r < 0 && (r = name_operations[i].run()) < 0)
		complain("again: %d", r), *good = false;
	now = digest();
	if (!reopen(false) || digest() != now)
		complain("the next worker has other names"), *good = false;
	else if (!reopen(true) || digest() != now)
		complain("the next mount has other names"), *good = false;
	rig_free(&rig);
	return failed;
}

static bool
test_names(unsigned i)
{
	bool good = true;
	int k;

	for (k = 0; good; k++) {
		snprintf(what, sizeof(what), "%s, operation %d fails", name_operations[i].name, k);
		if (!try_names(i, k, &good))
			break;
	}
	return good;
}

/* --- compaction --- */

static bool
try_compaction(int k, bool *good)
{
	struct cow_attr a;
	uint64_t names;
	unsigned i;
	int r;

	prepare();
	for (i = 0; i < 18000; i++)
		if (cow_create(rig.cow, 0, COW_ROOT, "over", S_IFREG | 0600, 0, 0, NULL, &a) < 0 ||
		    cow_remove(rig.cow, 0, COW_ROOT, "over", false) < 0)
			errx(1, "create");
	op_link();
	rig_kill(&rig);
	break_disk(k, -EIO, false);
	r = rig_open(&rig, true);
	mend_disk();
	if (r < 0 && (r = rig_open(&rig, true)) < 0)
		return complain("cow_open: %d", r), *good = false, failed;
	if (op_unlink() < 0)
		complain("unlink"), *good = false;
	names = digest();
	if (cow_flush(rig.cow) < 0)
		complain("flush"), *good = false;
	else if (!reopen(true) || digest() != names)
		complain("what came after it is lost"), *good = false;
	rig_free(&rig);
	return failed;
}

static bool
test_compaction(void)
{
	bool good = true;
	int k;

	for (k = 0; good; k++) {
		snprintf(what, sizeof(what), "compaction, operation %d fails", k);
		if (!try_compaction(k, &good))
			break;
	}
	return good;
}

/* --- what a flush could not do --- */

static uint64_t data_id;
static int fsync_between;	/* what it said, or 1 */

int	__real_relfile_sync_unasked(struct cow *c, struct relfile *f);
int	__wrap_relfile_sync_unasked(struct cow *c, struct relfile *f);

/*
 * The link line puts this in place of the flush's own sync, so that an fsync can
 * come at any moment.
 */
int
__wrap_relfile_sync_unasked(struct cow *c, struct relfile *f)
{
	int r = __real_relfile_sync_unasked(c, f);

	if (fsync_between > 0 && failed)
		fsync_between = cow_fsync(c, data_id, false);
	return r;
}

static void
begin_flush(void)
{
	begin("data", 3);
	data_id = find("data");
	break_disk(0, -EIO, false);
}

static bool
end_flush(int first, int second)
{
	static struct content old, now;
	bool good = true;

	get("data", &old);
	if (first != -EIO || second != 0)
		complain("the fsyncs returned %d and %d", first, second), good = false;
	else if (!reopen(true) || !get("data", &now) || !equal(&now, &old))
		complain("the next mount has something else"), good = false;
	rig_free(&rig);
	return good;
}

static bool
test_fsync_after_flush(bool between)
{
	int first, second;

	snprintf(what, sizeof(what), "an fsync %s a flush that failed", between ? "right behind" : "after");
	begin_flush();
	fsync_between = between ? 1 : 0;
	if (cow_flush(rig.cow) != -EIO)
		complain("the flush succeeded");
	first = between ? fsync_between : cow_fsync(rig.cow, data_id, false);
	fsync_between = 0;
	second = cow_fsync(rig.cow, data_id, false);
	return end_flush(first, second);
}

static void *
flush(void *result)
{
	*(int *)result = cow_flush(rig.cow);
	return NULL;
}

/* Two threads look at the error that is left to report: a case for ThreadSanitizer, too. */
static bool
test_fsync_during_flush(void)
{
	int flushed, first;
	pthread_t id;

	snprintf(what, sizeof(what), "an fsync during a flush that fails");
	begin_flush();
	if (pthread_create(&id, NULL, flush, &flushed) != 0)
		errx(1, "pthread_create");
	while (!failed)
		sched_yield();
	first = cow_fsync(rig.cow, data_id, false);
	pthread_join(id, NULL);
	if (flushed != -EIO)
		complain("the flush returned %d", flushed);
	return end_flush(first, cow_fsync(rig.cow, data_id, false));
}

/* --- the record of content --- */

static struct relfile *watched;	/* for records of content; or NULL */
static unsigned n_records, n_unlocked;

int	__real_journal_append(struct journal *j, struct journal_record *rec);
int	__wrap_journal_append(struct journal *j, struct journal_record *rec);

/*
 * Until the file's state says what the record does, its lock is held: who took the last name in
 * between would remove at once what the journal says is durable.
 */
int
__wrap_journal_append(struct journal *j, struct journal_record *rec)
{
	int r = __real_journal_append(j, rec);

	if (watched == NULL || rec->type != JOURNAL_CONTENT)
		return r;
	n_records++;
	if (pthread_rwlock_trywrlock(&watched->lock) == 0) {
		n_unlocked++;
		pthread_rwlock_unlock(&watched->lock);
	}
	return r;
}

/* One record for each file, with the first sync, and never without the lock. */
static bool
test_record(const char *name)
{
	bool good;

	snprintf(what, sizeof(what), "the record of the content of \"%s\"", name);
	begin(name, 1);
	if (find_relfile(rig.cow, find(name), &watched) < 0)
		errx(1, "find_relfile");
	n_records = n_unlocked = 0;
	good = op_sync(name) == 0 && n_records == 1 && n_unlocked == 0 && op_write_many(name) == 0 &&
	    op_sync(name) == 0 && cow_flush(rig.cow) == 0 && n_records == 1;
	watched = NULL;
	if (!good)
		complain("%u records, %u without the lock", n_records, n_unlocked);
	rig_free(&rig);
	return good;
}

/* tmpfs has no ZERO_RANGE: where the whole suite has to run, that is a failure. */
static bool
is_supported(const struct operation *op)
{
	bool r;

	if (op->run != op_zero)
		return true;
	prepare();
	move_data();
	r = op_zero("made") == 0;
	rig_free(&rig);
	return r;
}

int
main(void)
{
	unsigned i;

	log_set_sink(swallow);
	for (i = 0; i < ARRAY_SIZE(operations); i++)
		if (!is_supported(&operations[i]))
			printf("%s %u - %s # %s\n", getenv("CI") != NULL ? "not ok" : "ok", ++number,
			    operations[i].name, getenv("CI") != NULL ?
			    "the file system does not have it" : "SKIP");
		else if (test_content(&operations[i]))
			printf("ok %u - %s\n", ++number, operations[i].name);
	for (i = 0; i < ARRAY_SIZE(name_operations); i++)
		if (test_names(i))
			printf("ok %u - %s\n", ++number, name_operations[i].name);
	if (test_compaction())
		printf("ok %u - compaction\n", ++number);
	for (i = 0; i < 2; i++)
		if (test_fsync_after_flush(i == 1))
			printf("ok %u - %s\n", ++number, what);
	if (test_fsync_during_flush())
		printf("ok %u - %s\n", ++number, what);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		if (test_record(files[i]))
			printf("ok %u - %s\n", ++number, what);
	printf("1..%u\n", number);
	return 0;
}
