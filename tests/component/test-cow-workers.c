/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * State that outlives a worker of the copy-on-write file system: files without
 * names, and the outcome of requests that are sent again; and the modes of a mount.
 */
#include "config.h"

#include <errno.h>

#include "support/cowpath.h"

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

/* The content of a file goes once it is forgotten and nameless, and not before that. */
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

/* The content of a file without a name survives the worker, not the mount. */
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
	/*
	 * The next mount counts requests from the start: there these numbers mean
	 * others.
	 */
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

int
main(void)
{
	Suite *s = suite_create("cow");
	TCase *tc = tcase_create("workers");

	tcase_add_checked_fixture(tc, cowpath_setup, cowpath_teardown);
	tcase_add_test(tc, orphans);
	tcase_add_test(tc, forgotten);
	tcase_add_test(tc, orphans_survive_the_worker);
	tcase_add_test(tc, lookups_of_an_earlier_worker);
	tcase_add_test(tc, outcomes);
	tcase_add_test(tc, outcomes_twice);
	tcase_add_test(tc, no_wal);
	tcase_add_test(tc, no_sync);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
