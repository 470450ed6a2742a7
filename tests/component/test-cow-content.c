/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Content and attributes of the copy-on-write file system: reads, writes, cuts and
 * holes, and which of them survive each kind of end.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <linux/falloc.h>

#include "support/cowpath.h"

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

/* The chain's last block is a part of one, and what was written behind it another source's: one request for both. */
START_TEST(behind_the_end)
{
	unsigned char expected[BLCKSZ] = { 0 };

	memcpy(expected + BLCKSZ - 6000, page[1], 6000);
	ck_assert_int_eq(put("conf", BLCKSZ, page[1], BLCKSZ), 0);
	has("conf", 6000, expected, BLCKSZ);
	has("conf", 0, page[2], 5000);
}
END_TEST

/*
 * The journal says nothing about a file that was empty in the backup, but that it
 * was touched.
 */
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
 * The machine stops after a file was cut, before the journal says so; later the file
 * grows and is synced.  The next mount must not cut it then.
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

/* The pending log fills up again and again, and nothing gets lost. */
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
		    &(struct cow_attr){ .mode = 01751, .uid = 11, .gid = 12, .atime = 5, .mtime = 6 }), 0);
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
	ck_assert_int_eq(cow_setattr(rig.cow, id("conf"), COW_SET_MTIME, &a), 0);
	ck_assert_int_eq(a.mtime, when);
	reopen(CLEAN);
	ck_assert_int_eq(cow_getattr(rig.cow, id("conf"), &a), 0);
	ck_assert_int_eq(a.mtime, when);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cow");
	TCase *tc = tcase_create("content");

	tcase_add_checked_fixture(tc, cowpath_setup, cowpath_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, as_in_the_backup);
	tcase_add_test(tc, half_blocks);
	tcase_add_test(tc, behind_the_end);
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
	return unit_main(s);
}
