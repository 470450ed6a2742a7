/*
 * The copy-on-write file system over a small catalog: what each operation
 * returns, what survives which end, and the cases that once went wrong.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <linux/fs.h>

#include "diff/journal.h"
#include "support/rig.h"
#include "support/unit.h"

#define PAGES	6

static struct rig rig;
static unsigned char page[PAGES][BLCKSZ];
static uint64_t unique;

/* --- the catalog --- */

static void
add_data(struct catbackup *b, const char *path, uint32_t n_blocks, unsigned first, unsigned step)
{
	struct catpage pages[PAGES];
	struct catfile f = { .path = path, .n_blocks = n_blocks, .pages = pages };
	unsigned i;

	for (i = first; i < MIN(n_blocks, PAGES); i += step)
		pages[f.n_pages++] = (struct catpage){ .block = i, .bytes = page[i] };
	catbackup_data(b, &f);
}

static void
add_backup(struct catwriter *w, const char *id, const char *parent)
{
	struct catbackup_options o = {
		.id = id, .parent = parent, .mode = parent != NULL ? "DELTA" : "FULL",
		.alg = CATALG_ZLIB, .level = 1,
	};
	struct catbackup *b;
	unsigned first = parent != NULL;

	ck_assert_int_eq(catbackup_begin(w, &o, &b), 0);
	catbackup_dir(b, "base", 0700);
	catbackup_dir(b, "base/5", 0700);
	catbackup_dir(b, "pg_wal", 0700);
	catbackup_dir(b, "pg_notify", 0700);
	catbackup_plain(b, "PG_VERSION", 0600, "15\n", 3);
	catbackup_plain(b, "conf", 0640, page[2], 5000);
	catbackup_plain(b, "empty", 0600, "", 0);
	catbackup_plain(b, "pg_wal/000000010000000000000001", 0600, page[0], sizeof(page));
	add_data(b, "base/5/16384", PAGES, first, 1 + first);
	add_data(b, "base/5/16385", 0, 0, 1);
	add_data(b, "base/5/16386", 150000, first, 1);
	ck_assert_int_eq(catbackup_finish(b), 0);
}

static void
setup(void)
{
	struct catwriter *w;
	unsigned i;

	log_set_sink(rig_swallow);
	rig_new(&rig);
	for (i = 0; i < PAGES; i++)
		catwriter_make_page(page[i], 100 + i, i);
	ck_assert_int_eq(catwriter_open(rig.store, "main", NULL, &w), 0);
	add_backup(w, "T00001", NULL);
	add_backup(w, "T00002", "T00001");
	add_backup(w, "T00003", "T00002");
	catwriter_close(w);
	ck_assert_int_eq(rig_index(&rig, "T00003"), 0);
	ck_assert_int_eq(rig_open(&rig, true), 0);
}

static void
teardown(void)
{
	rig_free(&rig);
}

/* --- short words --- */

/* The nodeid of a path, or 0. */
static uint64_t
id(const char *path)
{
	uint64_t at = COW_ROOT;
	struct cow_attr a;
	size_t len;

	for (; *path != '\0'; path += len + (path[len] == '/')) {
		len = strcspn(path, "/");
		if (cow_lookup(rig.cow, at, path, len, &a) < 0)
			return 0;
		at = a.nodeid;
	}
	return at;
}

/* Splits a path into directory and name. */
static uint64_t
place(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char dir[256];

	*name = slash != NULL ? slash + 1 : path;
	snprintf(dir, sizeof(dir), "%.*s", slash != NULL ? (int)(slash - path) : 0, path);
	return id(dir);
}

static int
make(const char *path, uint32_t mode)
{
	const char *name;
	uint64_t dir = place(path, &name);
	struct cow_attr a;

	return cow_create(rig.cow, ++unique, dir, name, mode, 3, 4,
	    S_ISLNK(mode) ? "../x" : NULL, &a);
}

static int
remove_path(const char *path, bool directory)
{
	const char *name;
	uint64_t dir = place(path, &name);

	return cow_remove(rig.cow, ++unique, dir, name, directory);
}

static int
move(const char *from, const char *to, unsigned flags)
{
	const char *name, *name2;
	uint64_t dir = place(from, &name), dir2 = place(to, &name2);

	return cow_rename(rig.cow, ++unique, dir, name, dir2, name2, flags);
}

static int
link_path(const char *from, const char *to)
{
	const char *name;
	uint64_t dir = place(to, &name);
	struct cow_attr a;

	return cow_link(rig.cow, ++unique, id(from), dir, name, &a);
}

static int
put(const char *path, uint64_t off, const void *bytes, size_t len)
{
	return cow_write(rig.cow, id(path), off, len, bytes, &rig.reader);
}

static int
resize(const char *path, uint64_t size)
{
	struct cow_attr a = { .size = size };

	return cow_setattr(rig.cow, id(path), COW_SET_SIZE, &a, &rig.reader);
}

static uint64_t
size_of(const char *path)
{
	struct cow_attr a;

	ck_assert_msg(cow_getattr(rig.cow, id(path), &a) == 0, "%s", path);
	return a.size;
}

/* Whether the file has these bytes there. */
static void
has(const char *path, uint64_t off, const void *bytes, size_t len)
{
	unsigned char buf[BLCKSZ];
	ssize_t n;

	ck_assert_uint_le(len, sizeof(buf));
	n = cow_read(rig.cow, id(path), off, len, buf, &rig.reader);
	ck_assert_msg(n == (ssize_t)len, "%s: read %zd bytes", path, n);
	ck_assert_msg(memcmp(buf, bytes, len) == 0, "%s: other bytes at %" PRIu64, path, off);
}

static void
is_zero(const char *path, uint64_t off, size_t len)
{
	static const unsigned char zero[BLCKSZ];

	has(path, off, zero, len);
}

static int
sync_path(const char *path)
{
	return cow_fsync(rig.cow, id(path), false);
}

/* Ends and begins: an orderly new mount, the next worker, or a new mount after both died. */
enum end { CLEAN, KILLED, BOTH };

static void
reopen(enum end end)
{
	if (end == CLEAN)
		ck_assert_int_eq(rig_close(&rig), 0);
	else
		rig_kill(&rig);
	ck_assert_int_eq(rig_open(&rig, end != KILLED), 0);
}

static unsigned
content_files(void)
{
	char path[PATH_MAX];
	struct dirent *d;
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/data", rig.diff);
	ck_assert_ptr_nonnull(dir = opendir(path));
	while ((d = readdir(dir)) != NULL)
		n += d->d_name[0] != '.' && strchr(d->d_name, '.') == NULL;
	closedir(dir);
	return n;
}

/* --- names --- */

static char too_long[COW_NAME_MAX + 2];

START_TEST(create_errors)
{
	memset(too_long, 'n', COW_NAME_MAX + 1);
	ck_assert_int_eq(make("new", S_IFREG | 0600), 0);
	ck_assert_int_eq(make("new", S_IFREG | 0600), -EEXIST);
	ck_assert_int_eq(make("new", S_IFDIR | 0700), -EEXIST);
	ck_assert_int_eq(make("PG_VERSION", S_IFREG | 0600), -EEXIST);
	ck_assert_int_eq(make("base", S_IFDIR | 0700), -EEXIST);
	ck_assert_int_eq(make("PG_VERSION/x", S_IFREG | 0600), -ENOTDIR);
	ck_assert_int_eq(make("new/x", S_IFREG | 0600), -ENOTDIR);
	ck_assert_int_eq(make(too_long, S_IFREG | 0600), -ENAMETOOLONG);
	ck_assert_int_eq(make(too_long + 1, S_IFREG | 0600), 0);
	ck_assert_int_eq(make("device", S_IFCHR | 0600), -EPERM);
	ck_assert_int_eq(make("device", S_IFBLK | 0600), -EPERM);
	ck_assert_int_eq(make("fifo", S_IFIFO | 0600), 0);
	ck_assert_int_eq(make("nowhere/x", S_IFREG | 0600), -ESTALE);
	ck_assert_int_eq(remove_path("PG_VERSION", false), 0);
	ck_assert_int_eq(make("PG_VERSION", S_IFDIR | 0700), 0);
	ck_assert_int_eq(make("PG_VERSION/x", S_IFLNK | 0777), 0);
}
END_TEST

START_TEST(names_that_are_none)
{
	static const char *const bad[] = { "", ".", "..", "a/b" };
	struct cow_attr a;
	size_t i;

	/* No kernel sends them; if one came, the journal must stay one that can be replayed. */
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ck_assert_msg(cow_create(rig.cow, 0, COW_ROOT, bad[i], S_IFREG | 0600, 0, 0, NULL,
		    &a) < 0, "\"%s\"", bad[i]);
		ck_assert_msg(cow_rename(rig.cow, 0, COW_ROOT, "conf", COW_ROOT, bad[i], 0) < 0,
		    "\"%s\"", bad[i]);
		ck_assert_msg(cow_link(rig.cow, 0, id("conf"), COW_ROOT, bad[i], &a) < 0,
		    "\"%s\"", bad[i]);
	}
	rig_kill(&rig);
	ck_assert_int_eq(rig_open(&rig, true), 0);
}
END_TEST

START_TEST(remove_errors)
{
	ck_assert_int_eq(remove_path("nothing", false), -ENOENT);
	ck_assert_int_eq(remove_path("nothing", true), -ENOENT);
	ck_assert_int_eq(remove_path("base", false), -EISDIR);
	ck_assert_int_eq(remove_path("base", true), -ENOTEMPTY);
	ck_assert_int_eq(remove_path("base/5", true), -ENOTEMPTY);
	ck_assert_int_eq(remove_path("conf", true), -ENOTDIR);
	ck_assert_int_eq(remove_path("conf/x", false), -ENOTDIR);
	ck_assert_int_eq(remove_path("pg_notify", true), 0);
	ck_assert_int_eq(remove_path("pg_notify", true), -ENOENT);
	ck_assert_int_eq(remove_path("conf", false), 0);
	ck_assert_int_eq(remove_path("conf", false), -ENOENT);
	ck_assert_int_eq(make("pg_notify", S_IFDIR | 0700), 0);
	ck_assert_int_eq(make("pg_notify/x", S_IFREG | 0600), 0);
	ck_assert_int_eq(remove_path("pg_notify", true), -ENOTEMPTY);
}
END_TEST

/* A directory of the backup becomes empty one name at a time; nothing may be made in it after. */
START_TEST(remove_directories)
{
	uint64_t dir = id("base/5");
	struct cow_attr a;
	enum end end;

	ck_assert_int_eq(make("base/5/x", S_IFREG | 0600), 0);
	ck_assert_int_eq(move("base/5/16384", "gone", 0), 0);
	ck_assert_int_eq(remove_path("base/5/16385", false), 0);
	ck_assert_int_eq(remove_path("base/5/16386", false), 0);
	ck_assert_int_eq(remove_path("base/5", true), -ENOTEMPTY);
	ck_assert_int_eq(remove_path("base/5/x", false), 0);
	ck_assert_int_eq(remove_path("base/5", true), 0);
	ck_assert_int_eq(cow_create(rig.cow, 0, dir, "y", S_IFREG | 0600, 0, 0, NULL, &a), -ENOENT);
	ck_assert_int_eq(cow_link(rig.cow, 0, id("gone"), dir, "y", &a), -ENOENT);
	ck_assert_int_eq(cow_rename(rig.cow, 0, COW_ROOT, "gone", dir, "y", 0), -ENOENT);
	for (end = CLEAN; end <= BOTH; end++) {
		reopen(end);
		ck_assert_uint_eq(id("base/5"), 0);
		has("gone", BLCKSZ, page[1], BLCKSZ);
	}
	ck_assert_int_eq(remove_path("base", true), 0);
}
END_TEST

START_TEST(link_errors)
{
	struct cow_attr a;
	uint64_t conf = id("conf");

	ck_assert_int_eq(link_path("base", "b"), -EPERM);
	ck_assert_int_eq(link_path("conf", "empty"), -EEXIST);
	ck_assert_int_eq(link_path("conf", "PG_VERSION/x"), -ENOTDIR);
	memset(too_long, 'n', COW_NAME_MAX + 1);
	ck_assert_int_eq(link_path("conf", too_long), -ENAMETOOLONG);
	ck_assert_int_eq(cow_link(rig.cow, 0, COW_CREATED + 99, COW_ROOT, "x", &a), -ESTALE);
	ck_assert_int_eq(remove_path("conf", false), 0);
	ck_assert_int_eq(cow_link(rig.cow, 0, conf, COW_ROOT, "x", &a), -ENOENT);
}
END_TEST

START_TEST(hard_links)
{
	struct cow_attr a;
	enum end end;

	ck_assert_int_eq(link_path("conf", "base/two"), 0);
	ck_assert_int_eq(put("base/two", 100, "written", 7), 0);
	ck_assert_int_eq(make("made", S_IFREG | 0600), 0);
	ck_assert_int_eq(link_path("made", "made2"), 0);
	ck_assert_int_eq(put("made2", 0, "more", 4), 0);
	ck_assert_int_eq(move("conf", "base/two", 0), 0);	/* two names of one file: nothing */
	ck_assert_int_eq(sync_path("conf"), 0);
	ck_assert_int_eq(sync_path("made"), 0);
	for (end = CLEAN; end <= BOTH; end++) {
		reopen(end);
		ck_assert_uint_eq(id("conf"), id("base/two"));
		ck_assert_int_eq(cow_getattr(rig.cow, id("conf"), &a), 0);
		ck_assert_uint_eq(a.nlink, 2);
		has("conf", 100, "written", 7);
		has("made", 0, "more", 4);
	}
	ck_assert_int_eq(remove_path("conf", false), 0);
	ck_assert_int_eq(remove_path("made2", false), 0);
	for (end = CLEAN; end <= BOTH; end++) {
		reopen(end);
		has("base/two", 100, "written", 7);
		has("made", 0, "more", 4);
		ck_assert_int_eq(cow_getattr(rig.cow, id("made"), &a), 0);
		ck_assert_uint_eq(a.nlink, 1);
	}
}
END_TEST

static const struct {
	const char *from, *to;
	unsigned flags;
	int	result;
} renames[] = {
	{ "nothing", "x", 0, -ENOENT },
	{ "conf", "nowhere/x", 0, -ESTALE },
	{ "conf", "PG_VERSION/x", 0, -ENOTDIR },
	{ "conf", "empty", RENAME_NOREPLACE, -EEXIST },
	{ "conf", "x", RENAME_NOREPLACE, 0 },
	{ "conf", "x", RENAME_EXCHANGE, -ENOENT },
	{ "conf", "empty", RENAME_EXCHANGE, 0 },
	{ "conf", "base", RENAME_EXCHANGE, 0 },
	{ "base/5", "pg_notify", RENAME_EXCHANGE, 0 },
	{ "base", "base/5", RENAME_EXCHANGE, -EINVAL },
	{ "base/5", "base", RENAME_EXCHANGE, -EINVAL },
	{ "conf", "x", RENAME_NOREPLACE | RENAME_EXCHANGE, -EINVAL },
	{ "conf", "x", RENAME_WHITEOUT, -EINVAL },
	{ "base", "base/x", 0, -EINVAL },
	{ "base", "base/5/x", 0, -EINVAL },
	{ "conf", "base", 0, -EISDIR },
	{ "base", "conf", 0, -ENOTDIR },
	{ "pg_notify", "base", 0, -ENOTEMPTY },
	{ "base/5", "base", 0, -ENOTEMPTY },
	{ "base", "pg_notify", 0, 0 },
	{ "base", "base", 0, 0 },
	{ "pg_notify", "pg_notify", 0, 0 },
	{ "conf", "conf", 0, 0 },
	{ "conf", "conf", RENAME_NOREPLACE, -EEXIST },
	{ "conf", "empty", 0, 0 },
	{ "base/5/16384", "conf", 0, 0 },
};

START_TEST(rename_results)
{
	uint64_t from = id(renames[_i].from), to = id(renames[_i].to);
	int r = move(renames[_i].from, renames[_i].to, renames[_i].flags);
	enum end end = CLEAN;

	ck_assert_msg(r == renames[_i].result, "%s to %s, flags %u: %d, expected %d",
	    renames[_i].from, renames[_i].to, renames[_i].flags, r, renames[_i].result);
	for (; end <= BOTH; end++) {
		if (r == 0) {
			ck_assert_uint_eq(id(renames[_i].to), from);
			ck_assert_uint_eq(id(renames[_i].from),
			    renames[_i].flags & RENAME_EXCHANGE ? to :
			    strcmp(renames[_i].from, renames[_i].to) == 0 ? from : 0);
		} else {
			ck_assert_uint_eq(id(renames[_i].from), from);
			ck_assert_uint_eq(id(renames[_i].to), to);
		}
		reopen(end);
	}
}
END_TEST

START_TEST(rename_backup_directory)
{
	enum end end;

	ck_assert_int_eq(move("base", "elsewhere", 0), 0);
	ck_assert_int_eq(move("elsewhere/5", "pg_notify/6", 0), 0);
	ck_assert_int_eq(make("base", S_IFDIR | 0700), 0);
	ck_assert_int_eq(put("pg_notify/6/16384", 5, "abc", 3), 0);
	for (end = CLEAN; end <= BOTH; end++) {
		reopen(end);
		ck_assert_uint_eq(id("base/5"), 0);
		has("pg_notify/6/16384", BLCKSZ, page[1], BLCKSZ);
		ck_assert_int_eq(remove_path("pg_notify", true), -ENOTEMPTY);
	}
	/* It goes back, and what lies below with it. */
	ck_assert_int_eq(move("pg_notify/6", "elsewhere/5", 0), 0);
	ck_assert_int_eq(move("elsewhere", "base", 0), 0);
	reopen(CLEAN);
	has("base/5/16384", 5, "abc", 3);
	ck_assert_int_eq(move("base", "base/5/x", 0), -EINVAL);
}
END_TEST

/* A name of the backup that is removed and made again is the new file. */
START_TEST(whiteouts)
{
	enum end end;
	int i;

	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(remove_path("conf", false), 0);
		ck_assert_uint_eq(id("conf"), 0);
		ck_assert_int_eq(make("conf", S_IFREG | 0600), 0);
		ck_assert_uint_eq(size_of("conf"), 0);
		ck_assert_int_eq(put("conf", 0, "new", 3), 0);
	}
	for (end = CLEAN; end <= BOTH; end++) {
		reopen(end);
		ck_assert_uint_eq(size_of("conf"), 3);
		has("conf", 0, "new", 3);
	}
	ck_assert_uint_eq(content_files(), 1);
}
END_TEST

START_TEST(pg_wal_as_a_link)
{
	char target[PATH_MAX];
	struct cow_attr a;
	uint64_t wal;

	rig_kill(&rig);
	rig.config.wal_link = "/diff/pg_wal";
	ck_assert_int_eq(rig_open(&rig, true), 0);
	wal = id("pg_wal");
	ck_assert_int_eq(cow_getattr(rig.cow, wal, &a), 0);
	ck_assert(S_ISLNK(a.mode) && a.size == strlen("/diff/pg_wal"));
	ck_assert_int_eq(cow_readlink(rig.cow, wal, target), 0);
	ck_assert_str_eq(target, "/diff/pg_wal");
	ck_assert_int_eq(remove_path("pg_wal", false), -EPERM);
	ck_assert_int_eq(remove_path("pg_wal", true), -EPERM);
	ck_assert_int_eq(move("pg_wal", "x", 0), -EPERM);
	ck_assert_int_eq(move("conf", "pg_wal", 0), -EPERM);
	ck_assert_int_eq(move("conf", "pg_wal", RENAME_EXCHANGE), -EPERM);
	ck_assert_int_eq(link_path("pg_wal", "x"), -EPERM);
	ck_assert_int_eq(make("pg_wal", S_IFDIR | 0700), -EEXIST);
	ck_assert_int_eq(cow_create(rig.cow, 0, wal, "x", S_IFREG | 0600, 0, 0, NULL, &a), -ENOTDIR);
	a.mode = 0700;
	ck_assert_int_eq(cow_setattr(rig.cow, wal, COW_SET_MODE, &a, &rig.reader), -EPERM);
}
END_TEST

START_TEST(stale_nodeids)
{
	static const uint64_t nodeids[] = { 0, 1000000, COW_CREATED, COW_CREATED + 1,
	    COW_CREATED + 999999, COW_PROVIDED, UINT64_MAX };
	struct cow_attr a = { .size = 5 };
	struct cow_list l;
	char buf[PATH_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nodeids); i++) {
		if (nodeids[i] == COW_CREATED + 1)
			continue;	/* the serial of the root */
		ck_assert_int_eq(cow_getattr(rig.cow, nodeids[i], &a), -ESTALE);
		ck_assert_int_eq(cow_lookup(rig.cow, nodeids[i], "x", 1, &a), -ESTALE);
		ck_assert_int_eq(cow_setattr(rig.cow, nodeids[i], COW_SET_SIZE, &a, &rig.reader),
		    -ESTALE);
		ck_assert_int_eq(cow_list_begin(&l, rig.cow, nodeids[i], 0), -ESTALE);
		ck_assert_int_eq(cow_read(rig.cow, nodeids[i], 0, 5, buf, &rig.reader), -ESTALE);
		ck_assert_int_eq(cow_write(rig.cow, nodeids[i], 0, 5, buf, &rig.reader), -ESTALE);
		ck_assert_int_eq(cow_fsync(rig.cow, nodeids[i], true), -ESTALE);
		ck_assert_int_lt(cow_readlink(rig.cow, nodeids[i], buf), 0);
		cow_forget(rig.cow, nodeids[i], 1);
	}
}
END_TEST

START_TEST(kinds_of_files)
{
	char buf[PATH_MAX];
	struct cow_list l;
	struct cow_attr a = { .size = 1 };

	ck_assert_int_eq(make("link", S_IFLNK | 0777), 0);
	ck_assert_int_eq(cow_readlink(rig.cow, id("link"), buf), 0);
	ck_assert_str_eq(buf, "../x");
	ck_assert_uint_eq(size_of("link"), 4);
	ck_assert_int_eq(cow_readlink(rig.cow, id("conf"), buf), -EINVAL);
	ck_assert_int_eq(cow_readlink(rig.cow, id("base"), buf), -EINVAL);
	ck_assert_int_eq(cow_list_begin(&l, rig.cow, id("conf"), 0), -ENOTDIR);
	ck_assert_int_eq(cow_list_begin(&l, rig.cow, id("link"), 0), -ENOTDIR);
	ck_assert_int_eq(cow_lookup(rig.cow, id("conf"), "x", 1, &a), -ENOENT);
	ck_assert_int_eq(cow_setattr(rig.cow, id("base"), COW_SET_SIZE, &a, &rig.reader), -EISDIR);
	ck_assert_int_eq(cow_setattr(rig.cow, id("link"), COW_SET_SIZE, &a, &rig.reader), -EINVAL);
	ck_assert_int_lt(cow_read(rig.cow, id("base"), 0, 5, buf, &rig.reader), 0);
	ck_assert_int_lt(cow_write(rig.cow, id("link"), 0, 5, buf, &rig.reader), 0);
}
END_TEST

/* --- listing --- */

/* Reads piece names at a time, removing what it has seen; returns how many it saw. */
static unsigned
list_and_remove(uint64_t dir, unsigned piece)
{
	char seen[64][COW_NAME_MAX + 1];
	struct cow_list l;
	struct cow_dirent d;
	uint64_t cookie = 0;
	unsigned total = 0, n, i;

	do {
		ck_assert_int_eq(cow_list_begin(&l, rig.cow, dir, cookie), 0);
		for (n = 0; n < piece && cow_list_next(&l, &d) > 0; n++) {
			cookie = d.cookie;
			strcpy(seen[n], d.name);
		}
		cow_list_end(&l);
		for (i = 0; i < n; i++)
			if (seen[i][0] != '.') {
				ck_assert_msg(cow_remove(rig.cow, 0, dir, seen[i], false) == 0, "%s",
				    seen[i]);
				total++;
			}
	} while (n > 0);
	return total;
}

/* rm -r: what the kernel does while it reads a directory and removes its names. */
START_TEST(cookies_while_removing)
{
	static const unsigned pieces[] = { 1, 2, 3, 7, 64 };
	unsigned piece = pieces[_i], i;
	char path[64];

	for (i = 0; i < 500; i++) {
		snprintf(path, sizeof(path), "base/5/f%u", i);
		ck_assert_int_eq(make(path, S_IFREG | 0600), 0);
	}
	for (i = 0; i < 500; i += 3) {
		snprintf(path, sizeof(path), "base/5/f%u", i);
		ck_assert_int_eq(remove_path(path, false), 0);
	}
	ck_assert_int_eq(move("base/5/f1", "base/5/f2", RENAME_EXCHANGE), 0);
	ck_assert_uint_eq(list_and_remove(id("base/5"), piece), 3 + 500 - 167);
	ck_assert_int_eq(remove_path("base/5", true), 0);
}
END_TEST

/* A listing goes on where it stood, in the next worker too. */
START_TEST(cookies_across_workers)
{
	struct cow_list l;
	struct cow_dirent d;
	uint64_t cookie = 0;
	char path[64];
	unsigned i, n = 0;
	int more = 1;

	for (i = 0; i < 40; i++) {
		snprintf(path, sizeof(path), "pg_notify/f%02u", i);
		ck_assert_int_eq(make(path, S_IFREG | 0600), 0);
	}
	while (more > 0) {
		ck_assert_int_eq(cow_list_begin(&l, rig.cow, id("pg_notify"), cookie), 0);
		if ((more = cow_list_next(&l, &d)) > 0) {
			cookie = d.cookie;
			if (d.name[0] != '.') {
				snprintf(path, sizeof(path), "f%02u", n++);
				ck_assert_str_eq(d.name, path);
			}
		}
		cow_list_end(&l);
		reopen(KILLED);
	}
	ck_assert_uint_eq(n, 40);
}
END_TEST

START_TEST(dot_and_dotdot)
{
	struct cow_list l;
	struct cow_dirent d;

	ck_assert_int_eq(move("base/5", "pg_notify/5", 0), 0);
	ck_assert_int_eq(cow_list_begin(&l, rig.cow, id("pg_notify/5"), 0), 0);
	ck_assert_int_eq(cow_list_next(&l, &d), 1);
	ck_assert_str_eq(d.name, ".");
	ck_assert_uint_eq(d.nodeid, l.dir);
	ck_assert_int_eq(cow_list_next(&l, &d), 1);
	ck_assert_str_eq(d.name, "..");
	cow_list_end(&l);
	ck_assert_uint_eq(d.nodeid, id("pg_notify"));
}
END_TEST

/* --- files without names --- */

START_TEST(orphans)
{
	static const char *const paths[] = { "conf", "made", "base/5/16384", "base/5/16385" };
	uint64_t nodeid;
	struct cow_attr a;
	char buf[4];
	size_t i;

	ck_assert_int_eq(make("made", S_IFREG | 0600), 0);
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		nodeid = id(paths[i]);
		ck_assert_int_eq(put(paths[i], 9, "here", 4), 0);
		ck_assert_int_eq(cow_fsync(rig.cow, nodeid, true), 0);
		ck_assert_int_eq(remove_path(paths[i], false), 0);
		ck_assert_int_eq(cow_getattr(rig.cow, nodeid, &a), 0);
		ck_assert_uint_eq(a.nlink, 0);
		ck_assert_int_eq(cow_read(rig.cow, nodeid, 9, 4, buf, &rig.reader), 4);
		ck_assert_mem_eq(buf, "here", 4);
		ck_assert_int_eq(cow_write(rig.cow, nodeid, 9, 4, "hier", &rig.reader), 0);
		ck_assert_int_eq(cow_fsync(rig.cow, nodeid, true), 0);
		ck_assert_uint_eq(content_files(), 1);
		cow_forget(rig.cow, nodeid, i == 1 ? 3 : 2);
		cow_idle(rig.cow);
		ck_assert_uint_eq(content_files(), 0);
		if (i == 0)
			ck_assert_int_eq(cow_getattr(rig.cow, nodeid, &a), 0);
	}
}
END_TEST

/* Forgotten and nameless: its content goes.  Before that, not. */
START_TEST(forgotten)
{
	struct cow_attr a;
	uint64_t nodeid;
	int synced;

	for (synced = 0; synced < 2; synced++) {
		ck_assert_int_eq(cow_create(rig.cow, 0, COW_ROOT, "f", S_IFREG | 0600, 0, 0, NULL, &a), 0);
		nodeid = a.nodeid;
		ck_assert_int_eq(cow_write(rig.cow, nodeid, 0, 4, "here", &rig.reader), 0);
		if (synced)
			ck_assert_int_eq(cow_fsync(rig.cow, nodeid, true), 0);
		ck_assert_int_eq(cow_lookup(rig.cow, COW_ROOT, "f", 1, &a), 0);
		ck_assert_int_eq(cow_remove(rig.cow, 0, COW_ROOT, "f", false), 0);
		cow_forget(rig.cow, nodeid, 1);
		cow_idle(rig.cow);
		ck_assert_uint_eq(content_files(), 1);
		cow_forget(rig.cow, nodeid, 1);
		cow_idle(rig.cow);
		ck_assert_uint_eq(content_files(), 0);
		ck_assert_int_eq(cow_getattr(rig.cow, nodeid, &a), -ESTALE);
	}
}
END_TEST

/* What a file without a name holds survives the worker, not the mount. */
START_TEST(orphans_survive_the_worker)
{
	static const char *const paths[] = { "conf", "made", "base/5/16384", "base/5/16385" };
	uint64_t nodeid[ARRAY_SIZE(paths)];
	struct cow_attr a;
	char buf[4];
	size_t i;

	ck_assert_int_eq(make("made", S_IFREG | 0600), 0);
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		nodeid[i] = id(paths[i]);
		ck_assert_int_eq(put(paths[i], 9, "here", 4), 0);
		ck_assert_int_eq(remove_path(paths[i], false), 0);
	}
	reopen(KILLED);
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		ck_assert_int_eq(cow_read(rig.cow, nodeid[i], 9, 4, buf, &rig.reader), 4);
		ck_assert_mem_eq(buf, "here", 4);
		cow_forget(rig.cow, nodeid[i], 2);
		ck_assert_int_eq(cow_getattr(rig.cow, nodeid[i], &a), 0);
		ck_assert_uint_eq(a.nlink, 0);
	}
	reopen(BOTH);
	ck_assert_uint_eq(content_files(), 0);
}
END_TEST

/*
 * The kernel forgets more lookups of a backup's file than this worker has
 * counted, looks it up again as often, and has it open when its name goes.
 */
START_TEST(lookups_of_an_earlier_worker)
{
	struct cow_attr a;
	uint64_t nodeid;
	char buf[4];
	int i;

	nodeid = id("conf");
	id("conf");
	reopen(KILLED);
	cow_forget(rig.cow, nodeid, 2);
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(cow_lookup(rig.cow, COW_ROOT, "conf", 4, &a), 0);
	ck_assert_int_eq(cow_write(rig.cow, nodeid, 9, 4, "here", &rig.reader), 0);
	ck_assert_int_eq(cow_remove(rig.cow, 0, COW_ROOT, "conf", false), 0);
	ck_assert_int_eq(cow_read(rig.cow, nodeid, 9, 4, buf, &rig.reader), 4);
	ck_assert_mem_eq(buf, "here", 4);
}
END_TEST

/* --- content --- */

START_TEST(as_in_the_backup)
{
	unsigned i;

	ck_assert_uint_eq(size_of("base/5/16384"), PAGES * BLCKSZ);
	for (i = 0; i < PAGES; i++)
		has("base/5/16384", i * BLCKSZ, page[i], BLCKSZ);
	has("base/5/16384", 3 * BLCKSZ + 100, page[3] + 100, 5000);
	has("conf", 1, page[2] + 1, 4999);
	is_zero("base/5/16386", UINT64_C(149999) * BLCKSZ, BLCKSZ);
	ck_assert_uint_eq(content_files(), 0);
}
END_TEST

/* Two halves of a block in two requests, and a third request over both blocks. */
START_TEST(half_blocks)
{
	unsigned char half[4096];

	memset(half, 'h', sizeof(half));
	ck_assert_int_eq(put("base/5/16384", BLCKSZ, half, 4096), 0);
	has("base/5/16384", BLCKSZ, half, 4096);
	has("base/5/16384", BLCKSZ + 4096, page[1] + 4096, 4096);
	ck_assert_int_eq(put("base/5/16384", BLCKSZ + 4096, half, 4096), 0);
	has("base/5/16384", BLCKSZ + 4096, half, 4096);
	ck_assert_int_eq(put("base/5/16384", 3 * BLCKSZ - 10, "0123456789abcdefghij", 20), 0);
	has("base/5/16384", 2 * BLCKSZ, page[2], BLCKSZ - 10);
	has("base/5/16384", 3 * BLCKSZ - 10, "0123456789abcdefghij", 20);
	has("base/5/16384", 3 * BLCKSZ + 10, page[3] + 10, BLCKSZ - 10);
	has("base/5/16384", 4 * BLCKSZ, page[4], BLCKSZ);
}
END_TEST

/* A file that was empty in the backup has nothing in the journal but that it was touched. */
START_TEST(empty_in_the_backup)
{
	static const char *const paths[] = { "empty", "base/5/16385" };
	const char *path = paths[_i % 2];
	enum end end = (enum end)(_i / 2);

	ck_assert_int_eq(put(path, 0, page[0], BLCKSZ), 0);
	ck_assert_int_eq(sync_path(path), 0);
	reopen(end);
	ck_assert_uint_eq(size_of(path), BLCKSZ);
	has(path, 0, page[0], BLCKSZ);
	ck_assert_uint_eq(content_files(), 1);
}
END_TEST

START_TEST(truncate_and_extend)
{
	const char *path = "base/5/16384";
	enum end end;

	ck_assert_int_eq(put(path, BLCKSZ, page[0], BLCKSZ), 0);
	ck_assert_int_eq(sync_path(path), 0);
	ck_assert_int_eq(resize(path, 2 * BLCKSZ + 10), 0);
	ck_assert_int_eq(resize(path, PAGES * BLCKSZ), 0);
	ck_assert_int_eq(sync_path(path), 0);
	for (end = CLEAN; end <= BOTH; end++) {
		has(path, BLCKSZ, page[0], BLCKSZ);
		has(path, 2 * BLCKSZ, page[2], 10);
		is_zero(path, 2 * BLCKSZ + 10, BLCKSZ - 10);
		is_zero(path, 4 * BLCKSZ, BLCKSZ);
		reopen(end);
	}
	ck_assert_int_eq(resize(path, 0), 0);
	ck_assert_int_eq(put(path, BLCKSZ, "x", 1), 0);
	for (end = CLEAN; end <= BOTH; end++) {
		ck_assert_uint_eq(size_of(path), BLCKSZ + 1);
		is_zero(path, 0, BLCKSZ);
		reopen(end);
	}
	ck_assert_int_eq(resize(path, INT64_MAX), -EFBIG);
	ck_assert_int_eq(resize(path, UINT64_MAX), -EFBIG);
	ck_assert_int_eq(cow_write(rig.cow, id(path), INT64_MAX, 8, "12345678", &rig.reader), -EFBIG);
}
END_TEST

/* Cuts the last record off the journal: the machine stopped before it got there. */
static void
lose_last_record(void)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/journal", rig.diff);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(truncate(path, st.st_size - 112), 0);
}

/*
 * The machine stops when a file is cut and the journal does not say so yet;
 * later the file grows and is synced.  That it was to be cut is history then.
 */
START_TEST(interrupted_cut)
{
	const char *path = "base/5/16384";
	enum end end = (enum end)(_i / 2);
	bool synced = _i % 2;

	ck_assert_int_eq(put(path, BLCKSZ, page[0], BLCKSZ), 0);
	if (synced)
		ck_assert_int_eq(sync_path(path), 0);
	ck_assert_int_eq(resize(path, 2 * BLCKSZ), 0);
	rig_kill(&rig);
	lose_last_record();
	ck_assert_int_eq(rig_open(&rig, true), 0);
	ck_assert_uint_eq(size_of(path), 2 * BLCKSZ);
	ck_assert_int_eq(put(path, 2 * BLCKSZ, page[5], BLCKSZ), 0);
	ck_assert_int_eq(put(path, 3 * BLCKSZ, page[4], BLCKSZ), 0);
	ck_assert_int_eq(sync_path(path), 0);
	reopen(end);
	ck_assert_uint_eq(size_of(path), 4 * BLCKSZ);
	has(path, 2 * BLCKSZ, page[5], BLCKSZ);
	has(path, 3 * BLCKSZ, page[4], BLCKSZ);
}
END_TEST

/* Block maps in the diff directory. */
static unsigned
count_maps(void)
{
	int fd = openat(rig.config.diff_fd, "data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *d;
	unsigned n = 0;
	DIR *dir;

	ck_assert_int_ge(fd, 0);
	ck_assert((dir = fdopendir(fd)) != NULL);
	while ((d = readdir(dir)) != NULL)
		n += strstr(d->d_name, ".map") != NULL;
	closedir(dir);
	return n;
}

/* A segment of WAL leaves the backup at its first write, and needs no map. */
START_TEST(whole_segment)
{
	const char *path = "pg_wal/000000010000000000000001";
	enum end end = (enum end)(_i / 2);
	bool synced = _i % 2;
	unsigned char half[BLCKSZ / 2];

	memset(half, 7, sizeof(half));
	ck_assert_int_eq(put(path, 3 * BLCKSZ, half, sizeof(half)), 0);
	if (synced)
		ck_assert_int_eq(sync_path(path), 0);
	ck_assert_int_eq(put(path, BLCKSZ, half, sizeof(half)), 0);
	if (synced)
		ck_assert_int_eq(sync_path(path), 0);
	ck_assert_uint_eq(count_maps(), 0);
	reopen(end);
	ck_assert_uint_eq(size_of(path), sizeof(page));
	has(path, 0, page[0], BLCKSZ);
	if (end == BOTH && !synced) {
		has(path, BLCKSZ, page[1], BLCKSZ);
		return;
	}
	has(path, BLCKSZ, half, sizeof(half));
	has(path, BLCKSZ + sizeof(half), page[1] + sizeof(half), BLCKSZ - sizeof(half));
	has(path, 3 * BLCKSZ, half, sizeof(half));
	has(path, (PAGES - 1) * BLCKSZ, page[PAGES - 1], BLCKSZ);
	ck_assert_int_eq(resize(path, BLCKSZ), 0);
	ck_assert_int_eq(resize(path, 2 * BLCKSZ), 0);
	is_zero(path, BLCKSZ, BLCKSZ);
	ck_assert_int_eq(sync_path(path), 0);
	ck_assert_uint_eq(count_maps(), 0);
}
END_TEST

/* So does a relation once its last block was written; the map is not asked again. */
START_TEST(whole_relation)
{
	const char *path = "base/5/16384";
	enum end end;
	unsigned i;

	for (i = 1; i < PAGES; i++)
		ck_assert_int_eq(put(path, i * BLCKSZ, page[0], BLCKSZ), 0);
	ck_assert_int_eq(sync_path(path), 0);
	ck_assert_uint_eq(count_maps(), 1);
	ck_assert_int_eq(put(path, 0, page[1], BLCKSZ), 0);
	ck_assert_int_eq(sync_path(path), 0);
	for (end = CLEAN; end <= BOTH; end++) {
		reopen(end);
		ck_assert_uint_eq(size_of(path), PAGES * BLCKSZ);
		has(path, 0, page[1], BLCKSZ);
		has(path, (PAGES - 1) * BLCKSZ, page[0], BLCKSZ);
		ck_assert_int_eq(put(path, BLCKSZ, page[0], BLCKSZ), 0);
		ck_assert_int_eq(sync_path(path), 0);
	}
	ck_assert_int_eq(resize(path, 0), 0);
	reopen(KILLED);
	ck_assert_uint_eq(size_of(path), 0);
}
END_TEST

START_TEST(fallocate_results)
{
	const char *path = "base/5/16384";
	uint64_t nodeid = id(path);

	ck_assert_int_eq(cow_fallocate(rig.cow, nodeid, 0, 0, 0, &rig.reader), -EINVAL);
	ck_assert_int_eq(cow_fallocate(rig.cow, nodeid, FALLOC_FL_COLLAPSE_RANGE, 0, BLCKSZ,
	    &rig.reader), -EOPNOTSUPP);
	ck_assert_int_eq(cow_fallocate(rig.cow, nodeid, FALLOC_FL_PUNCH_HOLE, 0, BLCKSZ,
	    &rig.reader), -EOPNOTSUPP);
	ck_assert_int_eq(cow_fallocate(rig.cow, nodeid, 0, INT64_MAX, 1, &rig.reader), -EFBIG);
	ck_assert_int_eq(cow_fallocate(rig.cow, nodeid, 0, UINT64_MAX, UINT64_MAX, &rig.reader),
	    -EFBIG);
	ck_assert_int_eq(cow_fallocate(rig.cow, nodeid, FALLOC_FL_KEEP_SIZE, 0, 9 * BLCKSZ,
	    &rig.reader), 0);
	ck_assert_uint_eq(size_of(path), PAGES * BLCKSZ);
	ck_assert_int_eq(cow_fallocate(rig.cow, nodeid, 0, 0, 9 * BLCKSZ, &rig.reader), 0);
	ck_assert_uint_eq(size_of(path), 9 * BLCKSZ);
	has(path, 5 * BLCKSZ, page[5], BLCKSZ);
	is_zero(path, 8 * BLCKSZ, BLCKSZ);
}
END_TEST

START_TEST(punch)
{
	const char *path = "base/5/16384";
	enum end end;

	ck_assert_int_eq(cow_fallocate(rig.cow, id(path), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    BLCKSZ - 96, 2 * BLCKSZ + 100, &rig.reader), 0);
	ck_assert_int_eq(sync_path(path), 0);
	for (end = CLEAN; end <= BOTH; end++) {
		has(path, 0, page[0], BLCKSZ - 96);
		is_zero(path, BLCKSZ - 96, BLCKSZ);
		is_zero(path, 2 * BLCKSZ - 96, BLCKSZ);
		is_zero(path, 3 * BLCKSZ - 96, 100);
		has(path, 3 * BLCKSZ + 4, page[3] + 4, BLCKSZ - 4);
		reopen(end);
	}
}
END_TEST

/* More blocks than the pending log has room for. */
START_TEST(punch_much)
{
	const char *path = "base/5/16386";

	ck_assert_int_eq(cow_fallocate(rig.cow, id(path), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    0, UINT64_C(150000) * BLCKSZ, &rig.reader), 0);
	is_zero(path, 0, BLCKSZ);
	reopen(KILLED);
	is_zero(path, BLCKSZ, BLCKSZ);
}
END_TEST

/* The pending log fills up again and again; nothing gets lost on the way. */
START_TEST(pending_overflows)
{
	const char *path = "base/5/16386";
	uint64_t nodeid = id(path), b;

	for (b = 0; b < 150000; b += 1)
		ck_assert_int_eq(cow_write(rig.cow, nodeid, b * BLCKSZ, 8, &b, &rig.reader), 0);
	ck_assert_uint_gt(rig.pending->n, 0);
	reopen(KILLED);
	for (b = 0; b < 150000; b += 37)
		has(path, b * BLCKSZ, &b, 8);
}
END_TEST

/* More dirty files than descriptors. */
START_TEST(many_dirty_files)
{
	char path[64];
	unsigned i;

	for (i = 0; i < 2000; i++) {
		snprintf(path, sizeof(path), "base/5/f%u", i);
		ck_assert_int_eq(make(path, S_IFREG | 0600), 0);
		ck_assert_int_eq(put(path, 0, path, sizeof(path)), 0);
	}
	reopen(KILLED);
	for (i = 0; i < 2000; i++) {
		snprintf(path, sizeof(path), "base/5/f%u", i);
		has(path, 0, path, strlen(path) + 1);
	}
	ck_assert_int_eq(make("one", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("one", 0, "more", 4), 0);
	ck_assert_int_eq(cow_flush(rig.cow), 0);
}
END_TEST

/* --- attributes --- */

START_TEST(attributes)
{
	struct cow_attr a = { .mode = 01751, .uid = 11, .gid = 12, .atime = 5, .mtime = 6 };
	unsigned all = COW_SET_MODE | COW_SET_UID | COW_SET_GID | COW_SET_ATIME | COW_SET_MTIME;
	static const char *const paths[] = { "conf", "base", "made", "base/5/16384" };
	enum end end;
	size_t i;

	ck_assert_int_eq(make("made", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("made", 0, "x", 1), 0);
	for (i = 0; i < ARRAY_SIZE(paths); i++)
		ck_assert_int_eq(cow_setattr(rig.cow, id(paths[i]), all,
		    &(struct cow_attr){ .mode = 01751, .uid = 11, .gid = 12, .atime = 5, .mtime = 6 },
		    &rig.reader), 0);
	for (end = CLEAN; end <= BOTH; end++) {
		for (i = 0; i < ARRAY_SIZE(paths); i++) {
			ck_assert_int_eq(cow_getattr(rig.cow, id(paths[i]), &a), 0);
			ck_assert_msg((a.mode & 07777) == 01751 && a.uid == 11 && a.gid == 12 &&
			    a.atime == 5 && a.mtime == 6, "%s", paths[i]);
		}
		reopen(end);
	}
}
END_TEST

/* The kernel's mtime after writing stays in memory, and reaches the journal at the end. */
START_TEST(times_at_the_end)
{
	struct cow_attr a;
	int64_t when;

	ck_assert_int_eq(put("conf", 0, "x", 1), 0);
	ck_assert_int_eq(cow_getattr(rig.cow, id("conf"), &a), 0);
	a.mtime = when = a.mtime - 1234567890;
	ck_assert_int_eq(cow_setattr(rig.cow, id("conf"), COW_SET_MTIME, &a, &rig.reader), 0);
	ck_assert_int_eq(a.mtime, when);
	reopen(CLEAN);
	ck_assert_int_eq(cow_getattr(rig.cow, id("conf"), &a), 0);
	ck_assert_int_eq(a.mtime, when);
}
END_TEST

/* --- exactly once --- */

START_TEST(outcomes)
{
	uint64_t asked[] = { 101, 102, 103, 104, 105, 106 };
	struct cow_attr a;
	unsigned i;

	ck_assert_int_eq(cow_create(rig.cow, 101, COW_ROOT, "a", S_IFREG | 0600, 0, 0, NULL, &a), 0);
	ck_assert_int_eq(cow_link(rig.cow, 102, a.nodeid, COW_ROOT, "b", &a), 0);
	ck_assert_int_eq(cow_remove(rig.cow, 103, COW_ROOT, "conf", false), 0);
	ck_assert_int_eq(cow_rename(rig.cow, 104, COW_ROOT, "a", COW_ROOT, "c", 0), 0);
	ck_assert_int_eq(cow_remove(rig.cow, 105, COW_ROOT, "nothing", false), -ENOENT);
	rig.config.in_flight = asked;
	rig.config.n_in_flight = ARRAY_SIZE(asked);
	reopen(KILLED);
	for (i = 0; i < ARRAY_SIZE(asked); i++)
		ck_assert_int_eq(cow_outcome(rig.cow, asked[i], &a), i < 4);
	ck_assert_int_eq(cow_outcome(rig.cow, 101, &a), 1);
	ck_assert_uint_eq(a.nodeid, id("c"));
	ck_assert_uint_eq(a.nlink, 2);
	/* The next mount counts from the start: these numbers mean others then. */
	reopen(BOTH);
	for (i = 0; i < ARRAY_SIZE(asked); i++)
		ck_assert_int_eq(cow_outcome(rig.cow, asked[i], &a), 0);
}
END_TEST

/* A journal that has two records for one request is forged; that must not harm. */
START_TEST(outcomes_twice)
{
	static const uint64_t asked[] = { 7 };
	struct cow_attr a;
	char name[16];
	int i;

	for (i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "%d", i);
		ck_assert_int_eq(cow_create(rig.cow, 7, COW_ROOT, name, S_IFREG | 0600, 0, 0, NULL,
		    &a), 0);
	}
	rig.config.in_flight = asked;
	rig.config.n_in_flight = 1;
	rig_kill(&rig);
	if (rig_open(&rig, false) == 0)
		ck_assert_int_eq(cow_outcome(rig.cow, 7, &a), 1);
}
END_TEST

/* --- modes of a mount --- */

START_TEST(no_wal)
{
	ck_assert_int_eq(remove_path("pg_wal/000000010000000000000001", false), 0);
	rig_kill(&rig);
	rig.config.no_wal = true;
	ck_assert_int_eq(rig_open(&rig, true), 0);
	ck_assert_int_eq(make("pg_wal/2", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("pg_wal/2", 0, "wal", 3), 0);
	ck_assert_int_eq(sync_path("pg_wal/2"), 0);
	ck_assert_int_eq(put("conf", 0, "x", 1), 0);
	reopen(KILLED);
	has("pg_wal/2", 0, "wal", 3);
	ck_assert_uint_eq(content_files(), 2);
	ck_assert_int_eq(cow_flush(rig.cow), 0);
	cow_drop_wal(rig.cow);
	ck_assert_uint_eq(content_files(), 1);
}
END_TEST

START_TEST(no_sync)
{
	rig_kill(&rig);
	rig.config.no_sync = true;
	ck_assert_int_eq(rig_open(&rig, true), 0);
	ck_assert_int_eq(put("conf", 0, "x", 1), 0);
	ck_assert_int_eq(sync_path("conf"), 0);
	reopen(KILLED);
	has("conf", 0, "x", 1);
	reopen(CLEAN);
	has("conf", 0, "x", 1);
}
END_TEST

/* --- what cannot be opened --- */

START_TEST(foreign_journal)
{
	static const char *const journal[] = {
		"something else that is long enough", "pbkfsjnl\2\0\0\0........................",
	};
	char path[PATH_MAX];
	FILE *fp;

	rig_kill(&rig);
	snprintf(path, sizeof(path), "%s/journal", rig.diff);
	ck_assert_ptr_nonnull(fp = fopen(path, "w"));
	fwrite(journal[_i], 1, 34, fp);
	fclose(fp);
	ck_assert_int_eq(rig_open(&rig, true), -EUCLEAN);
	ck_assert_ptr_null(rig.cow);
}
END_TEST

/* Appends a record to the journal of a diff directory that nobody has open. */
static void
forge(struct journal_record rec)
{
	struct journal_record read;
	struct journal *j;
	int diff_fd;

	ck_assert_int_ge(diff_fd = open(rig.diff, O_PATH | O_DIRECTORY), 0);
	ck_assert_int_eq(journal_open(diff_fd, &j), 0);
	while (journal_next(j, &read) == 1)
		;
	ck_assert_int_eq(journal_append(j, &rec), 0);
	journal_close(j);
	close(diff_fd);
}

static uint32_t
mode_of(const char *path)
{
	struct cow_attr a;

	ck_assert_int_eq(cow_getattr(rig.cow, id(path), &a), 0);
	return a.mode;
}

/* The owner can forge records: root who copies the tree must not make a set-user-ID program. */
START_TEST(forged_privilege)
{
	static const char name[] = "forged";
	struct cow_attr a;

	rig_kill(&rig);
	forge((struct journal_record){ .type = JOURNAL_CREATE, .serial = 1000000,
	    .parent = JOURNAL_ROOT_SERIAL, .mode = S_IFREG | 06755, .name = name,
	    .name_len = sizeof(name) - 1 });
	forge((struct journal_record){ .type = JOURNAL_CREATE, .serial = 1000001,
	    .parent = JOURNAL_ROOT_SERIAL, .mode = S_IFREG | 0755, .name = "later", .name_len = 5 });
	forge((struct journal_record){ .type = JOURNAL_ATTR, .serial = 1000001,
	    .mode = 04755, .valid = JOURNAL_MODE });
	forge((struct journal_record){ .type = JOURNAL_NODE, .serial = 1000002, .valid = 1,
	    .mode = S_IFREG | 04755 });
	forge((struct journal_record){ .type = JOURNAL_NAME, .serial = 1000002,
	    .parent = JOURNAL_ROOT_SERIAL, .name = "node", .name_len = 4 });
	ck_assert_int_eq(rig_open(&rig, true), 0);
	ck_assert_uint_eq(mode_of(name), S_IFREG | 0755);
	ck_assert_uint_eq(mode_of("later"), S_IFREG | 0755);
	ck_assert_uint_eq(mode_of("node"), S_IFREG | 0755);
	/* Nor does an application. */
	ck_assert_int_eq(make("own", S_IFREG | 04755), 0);
	a = (struct cow_attr){ .mode = 06711 };
	ck_assert_int_eq(cow_setattr(rig.cow, id("own"), COW_SET_MODE, &a, &rig.reader), 0);
	ck_assert_uint_eq(a.mode, S_IFREG | 0711);
}
END_TEST

/* What no live operation writes. */
static const struct journal_record forged[] = {
	{ .type = JOURNAL_CREATE, .mode = S_IFBLK | 0600 },
	{ .type = JOURNAL_CREATE, .mode = S_IFCHR | 0600 },
	{ .type = JOURNAL_CREATE, .mode = 0600 },
	{ .type = JOURNAL_CREATE, .mode = S_IFREG | 0600 | 1u << 20 },
	{ .type = JOURNAL_CREATE, .mode = S_IFREG | 0600, .uid = (uid_t)-1 },
	{ .type = JOURNAL_CREATE, .mode = S_IFREG | 0600, .gid = (gid_t)-1 },
	{ .type = JOURNAL_CREATE, .mode = S_IFLNK | 0777 },
	{ .type = JOURNAL_CREATE, .mode = S_IFLNK | 0777, .name2 = "a\0b", .name2_len = 3 },
	{ .type = JOURNAL_NODE, .mode = S_IFBLK | 0600, .valid = 1 },
	{ .type = JOURNAL_NODE, .mode = S_IFREG | 0600, .uid = (uid_t)-1, .valid = 1 },
	{ .type = JOURNAL_ATTR, .serial = JOURNAL_ROOT_SERIAL, .valid = JOURNAL_UID, .uid = (uid_t)-1 },
	{ .type = JOURNAL_ATTR, .serial = JOURNAL_ROOT_SERIAL, .valid = JOURNAL_GID, .gid = (gid_t)-1 },
};

START_TEST(forged_inode)
{
	struct journal_record rec = forged[_i];

	if (rec.type == JOURNAL_CREATE) {
		rec.parent = JOURNAL_ROOT_SERIAL;
		rec.name = "forged";
		rec.name_len = 6;
	}
	if (rec.serial == 0)
		rec.serial = 1000000;
	rig_kill(&rig);
	forge(rec);
	ck_assert_int_eq(rig_open(&rig, true), -EUCLEAN);
}
END_TEST

/* Names that no directory can have, in whichever record; the checksum is right. */
START_TEST(forged_name)
{
	static char long_one[300];
	static const struct { const char *name; size_t len; } names[] = {
		{ "", 0 }, { ".", 1 }, { "..", 2 }, { "a/b", 3 }, { "/", 1 }, { "a\0b", 3 },
		{ long_one, 256 }, { long_one, 300 },
	};
	static const struct journal_record records[] = {
		{ .type = JOURNAL_CREATE, .mode = S_IFREG | 0600, .serial = 1000000 },
		{ .type = JOURNAL_CREATE, .mode = S_IFDIR | 0700, .serial = 1000000 },
		{ .type = JOURNAL_NAME, .serial = 1000001 },
		{ .type = JOURNAL_LINK, .serial = 1000001 },
	};
	size_t i = (size_t)_i % ARRAY_SIZE(names);
	struct journal_record rec = records[(size_t)_i / ARRAY_SIZE(names)];

	memset(long_one, 'n', sizeof(long_one));
	rig_kill(&rig);
	forge((struct journal_record){ .type = JOURNAL_CREATE, .serial = 1000001,
	    .parent = JOURNAL_ROOT_SERIAL, .mode = S_IFREG | 0600, .name = "one", .name_len = 3 });
	rec.parent = JOURNAL_ROOT_SERIAL;
	rec.name = names[i].name;
	rec.name_len = (uint16_t)names[i].len;
	forge(rec);
	ck_assert_int_eq(rig_open(&rig, true), -EUCLEAN);
}
END_TEST
#define FORGED_NAMES	(8 * 4)

static char said[LOG_LINE_MAX];

static void
keep_line(enum log_level level, const char *text, size_t len)
{
	(void)level;
	memcpy(said, text, len + 1);
}

static int
make_and_forget(const char *name)
{
	struct cow_attr a;
	int r = cow_create(rig.cow, ++unique, COW_ROOT, name, S_IFREG | 0600, 3, 4, NULL, &a);

	if (r == 0)
		cow_forget(rig.cow, a.nodeid, 1);
	return r;
}

/* Names a file with so many letters, and the number. */
static const char *
long_name(unsigned i)
{
	static char name[COW_NAME_MAX + 1];

	snprintf(name, sizeof(name), "%0200u", i);
	return name;
}

/* What is made takes memory, a bounded amount; what is removed gives it back. */
START_TEST(bounded_tree)
{
	unsigned i, n;

	rig.config.tree_max = 256 * KiB;
	reopen(CLEAN);
	for (i = 0; i < 5000; i++) {
		ck_assert_int_eq(make_and_forget(long_name(i)), 0);
		ck_assert_int_eq(remove_path(long_name(i), false), 0);
	}
	for (n = 0; make_and_forget(long_name(n)) == 0; n++)
		ck_assert_uint_lt(n, 1000);
	ck_assert_uint_gt(n, 100);
	ck_assert_int_eq(make("x", S_IFREG | 0600), -ENOSPC);
	ck_assert_int_eq(make("x", S_IFLNK | 0777), -ENOSPC);
	ck_assert_int_eq(link_path(long_name(0), "x"), -ENOSPC);
	ck_assert_int_eq(move(long_name(0), "x", 0), -ENOSPC);
	ck_assert_int_eq(move("PG_VERSION", "x", 0), -ENOSPC);
	ck_assert_int_eq(remove_path("PG_VERSION", false), 0);
	reopen(KILLED);
	reopen(CLEAN);
	for (i = 0; i < n; i++)
		ck_assert_int_eq(remove_path(long_name(i), false), 0);
	reopen(CLEAN);
	for (i = 0; i < n; i++)
		ck_assert_int_eq(make_and_forget(long_name(i)), 0);
	ck_assert_int_eq(make("x", S_IFREG | 0600), -ENOSPC);
}
END_TEST

/* A journal that makes more, which no mount with this limit has written, is refused by name. */
START_TEST(forged_multitude)
{
	unsigned i;

	for (i = 0; i < 1000; i++)
		ck_assert_int_eq(make_and_forget(long_name(i)), 0);
	ck_assert_int_eq(rig_close(&rig), 0);
	rig.config.tree_max = 256 * KiB;
	log_set_sink(keep_line);
	ck_assert_int_eq(rig_open(&rig, true), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(said, "makes more files and names than there is memory for"));
}
END_TEST

/* A store that is gone keeps nobody from what the diff directory has; reading it is an I/O error. */
START_TEST(missing_backup)
{
	char path[PATH_MAX], byte;
	struct cow_attr a;

	rig_kill(&rig);
	snprintf(path, sizeof(path), "%s/backups/main", rig.store);
	rig_remove_tree(path);
	ck_assert_int_eq(rig_open(&rig, true), 0);
	ck_assert_int_eq(cow_lookup(rig.cow, COW_ROOT, "PG_VERSION", strlen("PG_VERSION"), &a), 0);
	ck_assert_int_eq(cow_read(rig.cow, a.nodeid, 0, 1, &byte, &rig.reader), -EIO);
}
END_TEST

static void
add_content_tests(Suite *s)
{
	TCase *tc = tcase_create("content");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, as_in_the_backup);
	tcase_add_test(tc, half_blocks);
	tcase_add_loop_test(tc, empty_in_the_backup, 0, 6);
	tcase_add_test(tc, truncate_and_extend);
	tcase_add_loop_test(tc, interrupted_cut, 0, 6);
	tcase_add_loop_test(tc, whole_segment, 0, 6);
	tcase_add_test(tc, whole_relation);
	tcase_add_test(tc, fallocate_results);
	tcase_add_test(tc, punch);
	tcase_add_test(tc, punch_much);
	tcase_add_test(tc, pending_overflows);
	tcase_add_test(tc, many_dirty_files);
	tcase_add_test(tc, attributes);
	tcase_add_test(tc, times_at_the_end);
	suite_add_tcase(s, tc);
}

int
main(void)
{
	Suite *s = suite_create("cow");
	TCase *tc = tcase_create("names");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, create_errors);
	tcase_add_test(tc, names_that_are_none);
	tcase_add_test(tc, remove_errors);
	tcase_add_test(tc, remove_directories);
	tcase_add_test(tc, link_errors);
	tcase_add_test(tc, hard_links);
	tcase_add_loop_test(tc, rename_results, 0, ARRAY_SIZE(renames));
	tcase_add_test(tc, rename_backup_directory);
	tcase_add_test(tc, whiteouts);
	tcase_add_test(tc, pg_wal_as_a_link);
	tcase_add_test(tc, stale_nodeids);
	tcase_add_test(tc, kinds_of_files);
	tcase_add_loop_test(tc, cookies_while_removing, 0, 5);
	tcase_add_test(tc, cookies_across_workers);
	tcase_add_test(tc, dot_and_dotdot);
	tcase_add_test(tc, orphans);
	tcase_add_test(tc, forgotten);
	tcase_add_test(tc, orphans_survive_the_worker);
	tcase_add_test(tc, lookups_of_an_earlier_worker);
	tcase_add_test(tc, outcomes);
	tcase_add_test(tc, outcomes_twice);
	tcase_add_test(tc, no_wal);
	tcase_add_test(tc, no_sync);
	tcase_add_loop_test(tc, foreign_journal, 0, 2);
	tcase_add_test(tc, forged_privilege);
	tcase_add_test(tc, bounded_tree);
	tcase_add_test(tc, forged_multitude);
	tcase_add_loop_test(tc, forged_inode, 0, ARRAY_SIZE(forged));
	tcase_add_loop_test(tc, forged_name, 0, FORGED_NAMES);
	tcase_add_test(tc, missing_backup);
	suite_add_tcase(s, tc);
	add_content_tests(s);
	return unit_main(s);
}
