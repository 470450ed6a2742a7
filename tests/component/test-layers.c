/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frozen layers: each kind of change below and above a freeze, many layers, branches, what is refused
 * by its name, and that nothing in a frozen layer is ever changed.  By chance: test-cow-random.c;
 * power loss: test-layers-crash.c.
 */
#include "config.h"

#include <errno.h>
#include <dirent.h>
#include <linux/falloc.h>
#include <linux/fs.h>

#include "cow/hydrate.h"
#include "promote/promote.h"
#include "support/cowpath.h"
#include "support/layering.h"

static struct layering layering;
static char last_line[LOG_LINE_MAX];

static void
keep_line(enum log_level level, const char *text, size_t len)
{
	(void)len;
	if (level <= LOGL_ERROR)
		snprintf(last_line, sizeof(last_line), "%s", text);
}

static void
setup(void)
{
	cowpath_setup();
	layering_begin(&layering, &rig);
	log_set_sink(keep_line);
	last_line[0] = '\0';
}

static void
teardown(void)
{
	layering_end(&layering);
	cowpath_teardown();
}

/* Ends the mount in order, freezes, and begins the next one. */
static void
freeze(const char *name)
{
	ck_assert_int_eq(rig_close(&rig), 0);
	ck_assert_int_eq(layering_freeze(&layering, &rig, name, false), 0);
	ck_assert_int_eq(rig_open(&rig, true), 0);
}

static void
reset(const char *name)
{
	rig_kill(&rig);
	ck_assert_int_eq(layering_reset(&layering, &rig, name), 0);
	ck_assert_int_eq(rig_open(&rig, true), 0);
}

/* A path below the diff directory. */
static const char *
at(const char *fmt, ...)
{
	static char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/", rig.dir);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path + n, sizeof(path) - (size_t)n, fmt, ap);
	va_end(ap);
	return path;
}

/* ---- the cost of a freeze ---- */

int	__real_fstatat(int dirfd, const char *path, struct stat *st, int flags);
int	__wrap_fstatat(int dirfd, const char *path, struct stat *st, int flags);
int	__real_fsync(int fd);
int	__wrap_fsync(int fd);

static unsigned stats, syncs;

int
__wrap_fstatat(int dirfd, const char *path, struct stat *st, int flags)
{
	stats++;
	return __real_fstatat(dirfd, path, st, flags);
}

int
__wrap_fsync(int fd)
{
	syncs++;
	return __real_fsync(fd);
}

/* Each file in data/ is looked at once, none that is not there; and syncs do not grow with their number. */
START_TEST(freeze_costs)
{
	enum { FILES = 40, OTHERS = 8, SYNCS = 12 };
	char name[16];
	unsigned i;

	for (i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		ck_assert_int_eq(make(name, S_IFREG | 0600), 0);
		ck_assert_int_eq(put(name, 0, page[0], BLCKSZ), 0);
	}
	/* Content and a map. */
	ck_assert_int_eq(put("base/5/16384", 0, page[1], BLCKSZ), 0);
	ck_assert_int_eq(rig_close(&rig), 0);
	stats = syncs = 0;
	ck_assert_int_eq(layering_freeze(&layering, &rig, "one", false), 0);
	ck_assert_uint_ge(stats, FILES + 2);
	ck_assert_uint_le(stats, FILES + 2 + OTHERS);
	ck_assert_uint_ge(syncs, 1);
	ck_assert_uint_le(syncs, SYNCS);
	ck_assert_int_eq(rig_open(&rig, true), 0);
	has("f0", 0, page[0], BLCKSZ);
}
END_TEST

/* ---- below and above a freeze ---- */

START_TEST(backup_file)
{
	ck_assert_int_eq(put("base/5/16384", BLCKSZ, page[5], BLCKSZ), 0);
	freeze("one");
	has("base/5/16384", 0, page[0], BLCKSZ);
	has("base/5/16384", BLCKSZ, page[5], BLCKSZ);
	ck_assert_int_eq(put("base/5/16384", 2 * BLCKSZ + 100, page[1], 100), 0);
	ck_assert_int_eq(put("base/5/16384", BLCKSZ + 100, page[1], 100), 0);
	reopen(CLEAN);
	has("base/5/16384", BLCKSZ, page[5], 100);
	has("base/5/16384", BLCKSZ + 100, page[1], 100);
	has("base/5/16384", BLCKSZ + 200, page[5] + 200, BLCKSZ - 200);
	has("base/5/16384", 2 * BLCKSZ, page[2], 100);
	has("base/5/16384", 2 * BLCKSZ + 100, page[1], 100);
	reset("one");
	has("base/5/16384", BLCKSZ, page[5], BLCKSZ);
	has("base/5/16384", 2 * BLCKSZ, page[2], BLCKSZ);
}
END_TEST

START_TEST(created_file)
{
	ck_assert_int_eq(make("new", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("new", 0, page, sizeof(page)), 0);
	freeze("one");
	has("new", 3 * BLCKSZ, page[3], BLCKSZ);
	ck_assert_uint_eq(content_files(), 0);
	ck_assert_int_eq(put("new", BLCKSZ, page[4], BLCKSZ), 0);
	ck_assert_uint_eq(content_files(), 1);
	reopen(KILLED);
	has("new", 0, page[0], BLCKSZ);
	has("new", BLCKSZ, page[4], BLCKSZ);
	has("new", 5 * BLCKSZ, page[5], BLCKSZ);
	/* Neither synced nor in the pending log any more: as it was frozen. */
	reopen(BOTH);
	has("new", BLCKSZ, page[1], BLCKSZ);
}
END_TEST

/* Bytes that a layer cut off stay off, though the file grows again, there or above. */
START_TEST(truncations_reach_through)
{
	ck_assert_int_eq(make("new", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("new", 0, page, sizeof(page)), 0);
	freeze("one");
	ck_assert_int_eq(resize("new", BLCKSZ + 1000), 0);
	ck_assert_int_eq(resize("base/5/16384", BLCKSZ + 1000), 0);
	ck_assert_int_eq(resize("conf", 0), 0);
	freeze("two");
	ck_assert_uint_eq(size_of("new"), BLCKSZ + 1000);
	ck_assert_int_eq(resize("new", 4 * BLCKSZ), 0);
	ck_assert_int_eq(resize("base/5/16384", 4 * BLCKSZ), 0);
	ck_assert_int_eq(resize("conf", 5000), 0);
	freeze("three");
	has("new", BLCKSZ, page[1], 1000);
	is_zero("new", BLCKSZ + 1000, BLCKSZ);
	has("base/5/16384", BLCKSZ, page[1], 1000);
	is_zero("base/5/16384", BLCKSZ + 1000, BLCKSZ);
	is_zero("conf", 0, 5000);
	ck_assert_int_eq(put("new", BLCKSZ + 2000, "x", 1), 0);
	ck_assert_int_eq(put("base/5/16384", BLCKSZ + 2000, "x", 1), 0);
	reopen(CLEAN);
	is_zero("new", BLCKSZ + 1000, 1000);
	is_zero("base/5/16384", BLCKSZ + 1000, 1000);
	has("base/5/16384", BLCKSZ, page[1], 1000);
	reset("one");
	has("new", 2 * BLCKSZ, page[2], BLCKSZ);
	has("base/5/16384", 2 * BLCKSZ, page[2], BLCKSZ);
	has("conf", 0, page[2], 5000);
}
END_TEST

START_TEST(names_and_attributes)
{
	struct cow_attr a = { .mode = 0640, .mtime = 5000000000, .atime = 6000000000 };
	char target[PATH_MAX];

	ck_assert_int_eq(make("d", S_IFDIR | 0700), 0);
	ck_assert_int_eq(make("d/link", S_IFLNK | 0777), 0);
	ck_assert_int_eq(put("base/5/16384", 0, page[3], BLCKSZ), 0);
	ck_assert_int_eq(link_path("base/5/16384", "d/second"), 0);
	ck_assert_int_eq(move("conf", "d/conf", 0), 0);
	ck_assert_int_eq(remove_path("PG_VERSION", false), 0);
	ck_assert_int_eq(cow_setattr(rig.cow, id("d/conf"), COW_SET_MODE | COW_SET_MTIME | COW_SET_ATIME, &a), 0);
	freeze("one");
	ck_assert_uint_eq(id("PG_VERSION"), 0);
	ck_assert_uint_eq(id("conf"), 0);
	ck_assert_int_eq(cow_readlink(rig.cow, id("d/link"), target), 0);
	ck_assert_str_eq(target, "../x");
	ck_assert_int_eq(cow_getattr(rig.cow, id("d/conf"), &a), 0);
	ck_assert(a.mode == (S_IFREG | 0640) && a.mtime == 5000000000 && a.atime == 6000000000);
	ck_assert_uint_eq(id("d/second"), id("base/5/16384"));
	ck_assert_int_eq(put("d/second", 0, page[4], BLCKSZ), 0);
	has("base/5/16384", 0, page[4], BLCKSZ);
	ck_assert_int_eq(move("d/conf", "base/5/16384", RENAME_EXCHANGE), 0);
	ck_assert_int_eq(remove_path("d/second", false), 0);
	ck_assert_int_eq(remove_path("d/link", false), 0);
	ck_assert_int_eq(remove_path("d/conf", false), 0);
	ck_assert_int_eq(remove_path("d", true), 0);
	ck_assert_int_eq(make("PG_VERSION", S_IFREG | 0600), 0);
	freeze("two");
	ck_assert_uint_eq(id("d"), 0);
	ck_assert_uint_eq(size_of("PG_VERSION"), 0);
	has("base/5/16384", 0, page[2], 5000);
	reset("one");
	ck_assert_uint_eq(id("PG_VERSION"), 0);
	has("d/second", 0, page[3], BLCKSZ);
	has("d/conf", 0, page[2], 5000);
}
END_TEST

/* A file keeps the time of its last write, in layers above too, and one that was set later is not lost. */
START_TEST(times)
{
	struct cow_attr before, after, set = { .mtime = 7000000000 };

	ck_assert_int_eq(make("new", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("new", 0, page, sizeof(page)), 0);
	ck_assert_int_eq(cow_getattr(rig.cow, id("new"), &before), 0);
	freeze("one");
	ck_assert_int_eq(cow_getattr(rig.cow, id("new"), &after), 0);
	ck_assert_int_eq(before.mtime, after.mtime);
	ck_assert_int_eq(cow_setattr(rig.cow, id("new"), COW_SET_MTIME, &set), 0);
	freeze("two");
	ck_assert_int_eq(cow_getattr(rig.cow, id("new"), &after), 0);
	ck_assert_int_eq(after.mtime, 7000000000);
}
END_TEST

/* The mount goes on: the kernel has files open that have lost their names, cookies, and nodeids. */
START_TEST(frozen_while_mounted)
{
	uint64_t cookie[2], nodeid;
	struct cow_list l;
	struct cow_dirent d;
	unsigned char buf[BLCKSZ];
	int i;

	ck_assert_int_eq(make("open", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("open", 0, page[1], BLCKSZ), 0);
	nodeid = id("open");
	ck_assert_int_eq(make("a", S_IFREG | 0600), 0);
	ck_assert_int_eq(make("b", S_IFREG | 0600), 0);
	ck_assert_int_eq(remove_path("open", false), 0);
	for (i = 0; i < 2; i++) {
		if (i == 1) {
			ck_assert_int_eq(rig_close(&rig), 0);
			ck_assert_int_eq(close(open(at(ONDISK_CHANGES "/" ONDISK_RESERVE), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
			ck_assert_int_eq(layering_freeze(&layering, &rig, "one", true), 0);
			ck_assert_int_eq(access(at(ONDISK_CHANGES "/" ONDISK_RESERVE), F_OK), 0);
			ck_assert_int_ne(access(at("layers/one/" ONDISK_RESERVE), F_OK), 0);
			pending_reset(rig.pending);
			ck_assert_int_eq(rig_open(&rig, false), 0);
		}
		ck_assert_int_eq(cow_list_begin(&l, rig.cow, COW_ROOT, 0), 0);
		while (cow_list_next(&l, &d) == 1)
			if (strcmp(d.name, "b") == 0)
				cookie[i] = d.cookie;
		cow_list_end(&l);
	}
	ck_assert_uint_eq(cookie[0], cookie[1]);
	ck_assert_int_eq(cow_read(rig.cow, nodeid, 0, BLCKSZ, buf, &rig.reader), BLCKSZ);
	ck_assert_mem_eq(buf, page[1], BLCKSZ);
	ck_assert_int_eq(cow_write(rig.cow, nodeid, 0, 1, "x", &rig.reader), 0);
	ck_assert_int_eq(cow_read(rig.cow, nodeid, 0, BLCKSZ, buf, &rig.reader), BLCKSZ);
	ck_assert(buf[0] == 'x' && memcmp(buf + 1, page[1] + 1, BLCKSZ - 1) == 0);
	ck_assert_int_eq(make("c", S_IFREG | 0600), 0);
	ck_assert_uint_gt(id("c"), id("b"));
}
END_TEST

START_TEST(holes)
{
	ck_assert_int_eq(make("new", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("new", 0, page, sizeof(page)), 0);
	freeze("one");
	ck_assert_int_eq(cow_fallocate(rig.cow, id("new"), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1000,
	    2 * BLCKSZ, &rig.reader), 0);
	freeze("two");
	has("new", 0, page[0], 1000);
	is_zero("new", 1000, BLCKSZ);
	has("new", 2 * BLCKSZ + 1000, page[2] + 1000, BLCKSZ - 1000);
	has("new", 3 * BLCKSZ, page[3], BLCKSZ);
}
END_TEST

/* A file with each of its blocks in the newest layer needs none of the others, and no map. */
START_TEST(left_behind)
{
	ck_assert_int_eq(make("new", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("new", 0, page, sizeof(page)), 0);
	freeze("one");
	ck_assert_int_eq(put("new", 0, page[5], BLCKSZ), 0);
	ck_assert_int_eq(put("new", BLCKSZ, page[1], sizeof(page) - BLCKSZ), 0);
	ck_assert_int_eq(sync_path("new"), 0);
	freeze("two");
	has("new", 0, page[5], BLCKSZ);
	ck_assert_int_eq(resize("new", 0), 0);
	ck_assert_int_eq(put("new", BLCKSZ, page[2], 10), 0);
	freeze("three");
	is_zero("new", 0, BLCKSZ);
	has("new", BLCKSZ, page[2], 10);
	reset("two");
	has("new", 2 * BLCKSZ, page[2], BLCKSZ);
}
END_TEST

/* A file of the backup that is opened without a name, and written again, has no old block in its map. */
START_TEST(written_again_without_a_name)
{
	uint64_t nodeid;
	unsigned char buf[BLCKSZ];

	ck_assert_int_eq(put("base/5/16384", 0, page[5], BLCKSZ), 0);
	freeze("one");
	nodeid = id("base/5/16384");
	ck_assert_int_eq(put("base/5/16384", BLCKSZ, page[4], BLCKSZ), 0);
	cow_forget(rig.cow, nodeid, 2);
	ck_assert_int_eq(remove_path("base/5/16384", false), 0);
	ck_assert_int_eq(cow_write(rig.cow, nodeid, 2 * BLCKSZ, BLCKSZ, page[0], &rig.reader), 0);
	ck_assert_int_eq(cow_read(rig.cow, nodeid, 0, BLCKSZ, buf, &rig.reader), BLCKSZ);
	ck_assert_mem_eq(buf, page[5], BLCKSZ);
	ck_assert_int_eq(cow_read(rig.cow, nodeid, BLCKSZ, BLCKSZ, buf, &rig.reader), BLCKSZ);
	ck_assert_mem_eq(buf, page[1], BLCKSZ);
}
END_TEST

/* ---- many ---- */

/* Each layer has one block of a file, the cut of another, and a name; nothing changes in those below. */
START_TEST(twenty)
{
	uint32_t sum[20];
	struct layers_info *all;
	unsigned char mark;
	char name[16];
	size_t n;
	unsigned i;

	ck_assert_int_eq(make("new", S_IFREG | 0600), 0);
	for (i = 0; i < 20; i++) {
		mark = (unsigned char)('a' + i);
		snprintf(name, sizeof(name), "n%u", i);
		ck_assert_int_eq(make(name, S_IFREG | 0600), 0);
		ck_assert_int_eq(put("base/5/16386", i * (uint64_t)BLCKSZ, page[i % PAGES], BLCKSZ), 0);
		ck_assert_int_eq(put("new", i * (uint64_t)BLCKSZ, &mark, 1), 0);
		ck_assert_int_eq(resize("base/5/16384", (PAGES * BLCKSZ) - i * 1000), 0);
		snprintf(name, sizeof(name), "l%u", i);
		freeze(name);
		sum[i] = layering_checksum(&rig, name);
	}
	ck_assert_uint_eq(cow_layers(rig.cow), 20);
	for (i = 0; i < 20; i++) {
		mark = (unsigned char)('a' + i);
		has("new", i * (uint64_t)BLCKSZ, &mark, 1);
		has("base/5/16386", i * (uint64_t)BLCKSZ, page[i % PAGES], BLCKSZ);
	}
	has("base/5/16384", BLCKSZ, page[1], BLCKSZ);
	ck_assert_uint_eq(size_of("base/5/16384"), PAGES * BLCKSZ - 19000);
	reset("l10");
	ck_assert_uint_ne(id("n10"), 0);
	ck_assert_uint_eq(id("n11"), 0);
	ck_assert_int_eq(put("new", 0, page, sizeof(page)), 0);
	reopen(CLEAN);
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "l%u", i);
		ck_assert_msg(layering_checksum(&rig, name) == sum[i], "%s was changed", name);
	}
	ck_assert_int_eq(layers_list(layering.layers_fd, &all, &n), 0);
	ck_assert_uint_eq(n, 20);
	ck_assert_str_eq(all[2].name, "l10");
	ck_assert_str_eq(all[2].parent, "l9");
	ck_assert_uint_eq(all[2].depth, 10);
	ck_assert(!all[0].has_parent && all[0].depth == 0 && all[0].disk_bytes > 0 && all[0].contents == 2);
	free(all);
}
END_TEST

START_TEST(too_many)
{
	struct layers_frozen frozen;
	struct layers_freeze f = { .diff_fd = layering.top_fd, .layers_fd = layering.layers_fd, .name = "last" };
	char name[16];
	unsigned i;

	ck_assert_int_eq(rig_close(&rig), 0);
	for (i = 0; i < SEAL_LAYERS_MAX; i++) {
		snprintf(name, sizeof(name), "l%u", i);
		ck_assert_int_eq(layering_freeze(&layering, &rig, name, false), 0);
	}
	ck_assert_int_eq(rig_open(&rig, true), 0);
	ck_assert_int_eq(rig_close(&rig), 0);
	ck_assert_int_eq(layers_freeze(&f, &frozen), -E2BIG);
	ck_assert_str_eq(last_line, "64 layers stand upon one another, and there can be no more");
	ck_assert_int_eq(rig_open(&rig, true), 0);
}
END_TEST

/* Two active layers over one frozen: neither sees the other. */
START_TEST(branches)
{
	int branch, fd;
	uint32_t sum;

	ck_assert_int_eq(put("base/5/16384", 0, page[5], BLCKSZ), 0);
	freeze("one");
	sum = layering_checksum(&rig, "one");
	ck_assert_int_eq(put("base/5/16384", 0, page[4], BLCKSZ), 0);
	ck_assert_int_eq(rig_close(&rig), 0);
	ck_assert_int_eq(mkdir(at("branch"), 0700), 0);
	ck_assert_int_ge(branch = open(at("branch"), O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0);
	ck_assert_int_eq(layers_reset(branch, layering.layers_fd, "nowhere"), -ENOENT);
	ck_assert_int_eq(layers_reset(branch, layering.layers_fd, "one"), 0);
	ck_assert_int_ge(fd = openat(branch, ONDISK_CHANGES, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0);
	rig.config.diff_fd = fd;
	ck_assert_int_eq(rig_open(&rig, true), 0);
	has("base/5/16384", 0, page[5], BLCKSZ);
	ck_assert_int_eq(put("base/5/16384", 0, page[3], BLCKSZ), 0);
	ck_assert_int_eq(rig_close(&rig), 0);
	rig.config.diff_fd = rig.diff_fd;
	ck_assert_int_eq(rig_open(&rig, true), 0);
	has("base/5/16384", 0, page[4], BLCKSZ);
	ck_assert_uint_eq(layering_checksum(&rig, "one"), sum);
	close(fd);
	close(branch);
}
END_TEST

/* ---- operations ---- */

START_TEST(refused_operations)
{
	static const char *const bad[] = { "", ".x", "-x", "a/b", "..", "a b", "\xc3\xa4" };
	struct layers_freeze f = { .diff_fd = layering.top_fd, .layers_fd = layering.layers_fd, .name = "one" };
	struct layers_frozen frozen;
	char longest[SEAL_NAME_MAX + 2];
	size_t i;
	int fd;

	ck_assert_int_eq(rig_close(&rig), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		f.name = bad[i];
		ck_assert_msg(layers_freeze(&f, &frozen) == -EINVAL, "\"%s\"", bad[i]);
	}
	memset(longest, 'x', sizeof(longest));
	longest[SEAL_NAME_MAX + 1] = '\0';
	ck_assert(!layers_name_is_valid(longest) && layers_name_is_valid(longest + 1));
	f.name = "one";
	ck_assert_int_ge(fd = open(at("changes/" ONDISK_CUT), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), 0);
	close(fd);
	ck_assert_int_eq(layers_freeze(&f, &frozen), -EAGAIN);
	ck_assert_int_eq(cow_settle(&rig.config), 0);
	ck_assert_int_eq(unlink(at("changes/" ONDISK_CUT)), 0);
	ck_assert_int_eq(layering_freeze(&layering, &rig, "one", false), 0);
	ck_assert_int_eq(layers_freeze(&f, &frozen), -EEXIST);
	ck_assert_int_eq(layering_freeze(&layering, &rig, "two", false), 0);
	ck_assert_int_eq(layers_rename(layering.layers_fd, "one", "two"), -EEXIST);
	ck_assert_int_eq(layers_rename(layering.layers_fd, "three", "four"), -ENOENT);
	ck_assert_int_eq(layers_rename(layering.layers_fd, "one", ".four"), -EINVAL);
	ck_assert_int_eq(layers_remove(layering.layers_fd, "three"), -ENOENT);
	ck_assert_int_eq(rig_open(&rig, true), 0);
}
END_TEST

/* Who stands on a layer finds it by its id. */
START_TEST(renamed_and_removed)
{
	struct stat st;

	ck_assert_int_eq(put("base/5/16384", 0, page[5], BLCKSZ), 0);
	freeze("one");
	freeze("two");
	ck_assert_int_eq(rig_close(&rig), 0);
	ck_assert_int_eq(layers_rename(layering.layers_fd, "one", "uno"), 0);
	ck_assert_int_eq(layers_rename(layering.layers_fd, "two", "due"), 0);
	ck_assert_int_eq(layering_follow(&layering, &rig), 0);
	ck_assert_str_eq(layering.chain.layer[0].name, "uno");
	ck_assert_str_eq(layering.chain.layer[1].name, "due");
	/* Whatever has the name that it had is another one. */
	ck_assert_int_eq(mkdir(at("layers/two"), 0700), 0);
	ck_assert_int_eq(layering_follow(&layering, &rig), 0);
	ck_assert_str_eq(layering.chain.layer[1].name, "due");
	ck_assert_int_eq(rmdir(at("layers/two")), 0);
	ck_assert_int_eq(rig_open(&rig, true), 0);
	has("base/5/16384", 0, page[5], BLCKSZ);
	reset("uno");
	ck_assert_int_eq(layers_remove(layering.layers_fd, "due"), 0);
	ck_assert_int_ne(stat(at("layers/due"), &st), 0);
	has("base/5/16384", 0, page[5], BLCKSZ);
	ck_assert_int_eq(rig_close(&rig), 0);
	ck_assert_int_eq(layers_remove(layering.layers_fd, "uno"), 0);
	ck_assert_int_eq(layering_follow(&layering, &rig), -EUCLEAN);
	ck_assert_str_eq(last_line, "the diff directory stands on layer \"uno\", which is missing");
}
END_TEST

/* WAL of --wal=direct and the tree of a detached directory go with the frozen layer, and into the next one. */
START_TEST(what_goes_along)
{
	struct stat st;
	int fd;

	ck_assert_int_eq(rig_close(&rig), 0);
	ck_assert_int_eq(mkdir(at("changes/pg_wal"), 0700), 0);
	ck_assert_int_eq(mkdir(at("changes/pg_wal/archive_status"), 0700), 0);
	ck_assert_int_ge(fd = open(at("changes/pg_wal/000000010000000000000001"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), 0);
	ck_assert_int_eq(write(fd, page, sizeof(page)), sizeof(page));
	close(fd);
	ck_assert_int_ge(fd = open(at("changes/" ONDISK_RESERVE), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), 0);
	close(fd);
	ck_assert_int_ge(fd = open(at("changes/" ONDISK_TREE), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), 0);
	close(fd);
	ck_assert_int_eq(layering_freeze(&layering, &rig, "one", false), 0);
	ck_assert_int_ne(stat(at("layers/one/" ONDISK_RESERVE), &st), 0);
	ck_assert_int_eq(stat(at("layers/one/pg_wal/archive_status"), &st), 0);
	ck_assert_int_eq(stat(at("changes/pg_wal/archive_status"), &st), 0);
	ck_assert_int_eq(stat(at("changes/pg_wal/000000010000000000000001"), &st), 0);
	ck_assert_uint_eq((uint64_t)st.st_size, sizeof(page));
	ck_assert_int_eq(stat(at("changes/" ONDISK_TREE), &st), 0);
	ck_assert_int_eq(unlink(at("changes/pg_wal/000000010000000000000001")), 0);
	ck_assert_int_eq(layering_reset(&layering, &rig, "one"), 0);
	ck_assert_int_eq(stat(at("changes/pg_wal/000000010000000000000001"), &st), 0);
}
END_TEST

/* All of it would have to be copied first. */
/* That an active layer just began is true until a worker serves it, and under the name of today alone. */
START_TEST(begun)
{
	char name[SEAL_NAME_MAX + 1];

	freeze("one");
	ck_assert_msg(!layers_is_begun(layering.top_fd, layering.layers_fd, "one"), "a worker has served it");
	ck_assert_int_eq(rig_close(&rig), 0);
	ck_assert_int_eq(layers_reset(layering.top_fd, layering.layers_fd, "one"), 0);
	ck_assert(layers_is_begun(layering.top_fd, layering.layers_fd, "one"));
	ck_assert_int_eq(layers_rename(layering.layers_fd, "one", "other"), 0);
	ck_assert_msg(!layers_is_begun(layering.top_fd, layering.layers_fd, "one"), "nothing is called so today");
	ck_assert(layers_is_begun(layering.top_fd, layering.layers_fd, "other"));
	ck_assert_int_eq(layers_recover(layering.top_fd, layering.layers_fd, name), LAYERS_RESET);
	/* The old layer is still there when a worker serves: that is no reset without an end. */
	ck_assert_int_eq(layering_follow(&layering, &rig), 0);
	ck_assert_int_eq(rig_open(&rig, true), 0);
	ck_assert_int_eq(rig_close(&rig), 0);
	ck_assert_int_eq(faccessat(layering.top_fd, ONDISK_OLD, F_OK, 0), 0);
	ck_assert_int_eq(layers_recover(layering.top_fd, layering.layers_fd, name), LAYERS_NOTHING);
	ck_assert_int_eq(rig_open(&rig, true), 0);
}
END_TEST

START_TEST(no_hydration)
{
	static struct promote_config promote;
	char error[CHAIN_ERROR_MAX] = "";
	struct promote_figures figures;
	struct hydrate *h;

	freeze("one");
	ck_assert_int_eq(hydrate_begin(rig.cow, &h), -EOPNOTSUPP);
	ck_assert_str_eq(last_line, "could not copy the backup in the background: the diff directory stands on layer \"one\"");
	promote.cow = rig.cow;
	ck_assert_int_eq(promote_build(&promote, &figures, error), -EOPNOTSUPP);
	ck_assert_str_eq(error, "could not make plain directories: the diff directory stands on frozen layers");
}
END_TEST

/* ---- damaged and swapped ---- */

/* Two layers, of which "one" has content with a map. */
static void
two_layers(void)
{
	ck_assert_int_eq(make("new", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("new", 0, page, sizeof(page)), 0);
	ck_assert_int_eq(put("base/5/16384", BLCKSZ, page[5], BLCKSZ), 0);
	freeze("one");
	ck_assert_int_eq(put("new", 0, page[4], BLCKSZ), 0);
	freeze("two");
	rig_kill(&rig);
}

static void
change_byte(const char *path, off_t where)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	unsigned char byte;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, where), 1);
	byte ^= 0x40;
	ck_assert_int_eq(pwrite(fd, &byte, 1, where), 1);
	close(fd);
}

/* The file of the layer that begins a name in data/ and ends like that. */
static const char *
content_of(const char *layer, bool map)
{
	static char path[PATH_MAX];
	const struct dirent *d;
	DIR *dir = opendir(at("layers/%s/data", layer));

	ck_assert_ptr_nonnull(dir);
	while ((d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.' && (strchr(d->d_name, '.') != NULL) == map)
			snprintf(path, sizeof(path), "%s", at("layers/%s/data/%s", layer, d->d_name));
	closedir(dir);
	return path;
}

/* How the directory of a layer was damaged, and a part of the line that tells. */
enum damage { SEAL_BYTE, SEAL_SHORT, SEAL_GONE, JOURNAL_BYTE, JOURNAL_LONGER, JOURNAL_GONE, CONTENT_GONE, CONTENT_LONGER, CONTENT_MORE,
	MAP_GONE, MAP_SHORT, LAYER_GONE, DATA_GONE };

static const struct {
	enum damage damage;
	const char *line;
} damages[] = {
	{ SEAL_BYTE,	"the seal of layer \"one\" is damaged" },
	{ SEAL_SHORT,	"the seal of layer \"one\" is damaged" },
	{ SEAL_GONE,	"layer \"one\" has no seal" },
	{ JOURNAL_BYTE,	"\"journal\" in layer \"one\" is damaged at byte 32" },
	{ JOURNAL_LONGER, "\"journal\" in layer \"one\" has " },
	{ JOURNAL_GONE,	"could not use \"journal\" in layer \"one\"" },
	{ CONTENT_GONE,	"in layer \"one\" is missing" },
	{ CONTENT_LONGER, "in layer \"one\" has not the length" },
	{ CONTENT_MORE,	"\"data/00000000000000ff\" in layer \"one\" was not there" },
	{ MAP_GONE,	".map\" in layer \"one\" is missing" },
	{ MAP_SHORT,	".map\" in layer \"one\" has not the length" },
	{ LAYER_GONE,	"stands on layer \"one\", which is missing" },
	{ DATA_GONE,	"could not open \"data\" in layer \"one\"" },
};

static void
damage(enum damage how)
{
	char other[PATH_MAX];
	int fd;

	switch (how) {
	case SEAL_BYTE:
		change_byte(at("layers/one/seal"), 50);
		break;
	case SEAL_SHORT:
		ck_assert_int_eq(truncate(at("layers/one/seal"), 100), 0);
		break;
	case SEAL_GONE:
		ck_assert_int_eq(unlink(at("layers/one/seal")), 0);
		break;
	case JOURNAL_BYTE:
		change_byte(at("layers/one/journal"), 70);
		break;
	case JOURNAL_LONGER:
		ck_assert_int_ge(fd = open(at("layers/one/journal"), O_WRONLY | O_APPEND | O_CLOEXEC), 0);
		ck_assert_int_eq(write(fd, page, 8), 8);
		close(fd);
		break;
	case JOURNAL_GONE:
		ck_assert_int_eq(unlink(at("layers/one/journal")), 0);
		break;
	case CONTENT_GONE:
	case MAP_GONE:
		ck_assert_int_eq(unlink(content_of("one", how == MAP_GONE)), 0);
		break;
	case CONTENT_LONGER:
		ck_assert_int_eq(truncate(content_of("one", false), 1000000), 0);
		break;
	case CONTENT_MORE:
		ck_assert_int_ge(fd = open(at("layers/one/data/00000000000000ff"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), 0);
		close(fd);
		break;
	case MAP_SHORT:
		ck_assert_int_eq(truncate(content_of("one", true), 10), 0);
		break;
	case LAYER_GONE:
	case DATA_GONE:
		snprintf(other, sizeof(other), "%s", at("layers/.away"));
		ck_assert_int_eq(rename(at(how == DATA_GONE ? "layers/one/data" : "layers/one"), other), 0);
		break;
	}
}

/* The directory cannot be used, and the log says line. */
static void
is_refused(const char *what, const char *line)
{
	int rc = layering_follow(&layering, &rig);

	if (rc == 0)
		rc = rig_open(&rig, true);
	ck_assert_msg(rc == -EUCLEAN, "%s: returned %d", what, rc);
	ck_assert_msg(strstr(last_line, line) != NULL, "\"%s\" says \"%s\"", last_line, line);
}

START_TEST(damaged_layer)
{
	two_layers();
	damage(damages[_i].damage);
	is_refused(damages[_i].line, damages[_i].line);
}
END_TEST

/* Nothing is thrown away for a layer whose own ground is damaged: two stands on one. */
START_TEST(no_reset_to_damaged)
{
	two_layers();
	damage(damages[_i].damage);
	ck_assert_int_lt(layers_reset(layering.top_fd, layering.layers_fd, "two"), 0);
	ck_assert_int_eq(access(at(ONDISK_CHANGES "/" ONDISK_JOURNAL), F_OK), 0);
	ck_assert_int_ne(access(at(ONDISK_OLD), F_OK), 0);
	ck_assert_int_ne(access(at(ONDISK_NEXT), F_OK), 0);
}
END_TEST

/* A file that no seal could name keeps the directory from being frozen, and not from being opened once it is. */
START_TEST(planted_number)
{
	struct layers_frozen frozen;
	struct layers_freeze f = { .diff_fd = layering.top_fd, .layers_fd = layering.layers_fd, .name = "one" };
	int fd;

	ck_assert_int_eq(put("base/5/16384", 0, page[5], BLCKSZ), 0);
	ck_assert_int_eq(rig_close(&rig), 0);
	ck_assert_int_ge(fd = open(at(ONDISK_CHANGES "/data/ffffffffffffffff"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), 0);
	close(fd);
	ck_assert_int_eq(layers_freeze(&f, &frozen), -EUCLEAN);
	ck_assert_str_eq(last_line, "\"data/ffffffffffffffff\" in the diff directory is nothing of pbkfs: remove it");
	ck_assert_int_eq(unlink(at(ONDISK_CHANGES "/data/ffffffffffffffff")), 0);
	ck_assert_int_ge(fd = open(at(ONDISK_CHANGES "/data/00000000000000AB"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), 0);
	close(fd);
	ck_assert_int_eq(layers_freeze(&f, &frozen), 0);
	ck_assert_int_eq(layering_follow(&layering, &rig), 0);
	ck_assert_int_eq(rig_open(&rig, true), 0);
}
END_TEST

static void
swap(const char *a, const char *b)
{
	char from[PATH_MAX], to[PATH_MAX];

	snprintf(from, sizeof(from), "%s", at("%s", a));
	snprintf(to, sizeof(to), "%s", at("%s", b));
	ck_assert_int_eq(renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE), 0);
}

/* Parts of two layers that stand on the same one change places: each is whole, and neither is the other. */
START_TEST(swapped_layer)
{
	static const struct {
		const char *a, *b, *line;
	} swaps[] = {
		{ "layers/two/journal", "layers/three/journal", "\"journal\" in layer \"three\"" },
		{ "layers/two/data", "layers/three/data", "in layer \"three\"" },
		{ "layers/two/seal", "layers/three/seal", "layer \"two\"" },
	};

	freeze("one");
	ck_assert_int_eq(make("two", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("two", 0, page, sizeof(page)), 0);
	freeze("two");
	reset("one");
	ck_assert_int_eq(make("three", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("three", 0, page, 100), 0);
	freeze("three");
	rig_kill(&rig);
	swap(swaps[_i].a, swaps[_i].b);
	is_refused(swaps[_i].a, swaps[_i].line);
}
END_TEST

/* An active layer and a frozen one that do not belong together are refused, whoever passes them. */
START_TEST(wrong_pair)
{
	two_layers();
	rig.config.n_layers = 1;
	ck_assert_int_eq(rig_open(&rig, true), -EUCLEAN);
	ck_assert_msg(strstr(last_line, "the diff directory stands on layer \"two\" as it was at record") != NULL, "%s", last_line);
	rig.config.n_layers = 0;
	ck_assert_int_eq(rig_open(&rig, true), -EUCLEAN);
	ck_assert_str_eq(last_line, "the diff directory stands on layer \"two\", of which nothing is known here");
	rig.config.layers = layering.layer + 1;
	rig.config.n_layers = 1;
	ck_assert_int_eq(rig_open(&rig, true), -EUCLEAN);
	ck_assert_str_eq(last_line, "layer \"two\" stands on layer \"one\", of which nothing is known here");
}
END_TEST

/* Forged seals may say that a layer stands on itself. */
START_TEST(circle)
{
	struct seal s;
	int fd;

	two_layers();
	ck_assert_int_ge(fd = open(at("layers/two"), O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0);
	ck_assert_int_eq(seal_read(fd, "two", &s), 0);
	s.parent = (struct seal_parent){ .id = s.id, .last = s.last, .next_serial = s.next_serial, .name = "two" };
	ck_assert_int_eq(seal_write(fd, &s), 0);
	seal_fini(&s);
	close(fd);
	ck_assert_int_eq(layering_follow(&layering, &rig), -EUCLEAN);
	ck_assert_str_eq(last_line, "layer \"two\" stands on layer \"two\", which is not as deep as it says");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("layers");
	TCase *tc;

	tc = tcase_create("changes");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, backup_file);
	tcase_add_test(tc, created_file);
	tcase_add_test(tc, truncations_reach_through);
	tcase_add_test(tc, names_and_attributes);
	tcase_add_test(tc, times);
	tcase_add_test(tc, frozen_while_mounted);
	tcase_add_test(tc, holes);
	tcase_add_test(tc, left_behind);
	tcase_add_test(tc, written_again_without_a_name);
	tcase_add_test(tc, freeze_costs);
	suite_add_tcase(s, tc);

	tc = tcase_create("many");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, twenty);
	tcase_add_test(tc, too_many);
	tcase_add_test(tc, branches);
	suite_add_tcase(s, tc);

	tc = tcase_create("operations");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, refused_operations);
	tcase_add_test(tc, renamed_and_removed);
	tcase_add_test(tc, what_goes_along);
	tcase_add_test(tc, begun);
	tcase_add_test(tc, no_hydration);
	suite_add_tcase(s, tc);

	tc = tcase_create("damage");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, damaged_layer, 0, ARRAY_SIZE(damages));
	tcase_add_loop_test(tc, no_reset_to_damaged, 0, ARRAY_SIZE(damages));
	tcase_add_test(tc, planted_number);
	tcase_add_loop_test(tc, swapped_layer, 0, 3);
	tcase_add_test(tc, wrong_pair);
	tcase_add_test(tc, circle);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
