/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of the copy-on-write file system: what each operation on them returns, and how a
 * directory lists.
 */
#include "config.h"

#include <errno.h>
#include <linux/fs.h>

#include "support/cowpath.h"

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

	/*
	 * No kernel sends these; if one did, the journal must stay one that can be
	 * replayed.
	 */
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

/*
 * A directory of the backup becomes empty one name at a time; after its removal
 * nothing may be made in it.
 */
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
	/* It goes back, with everything below it. */
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
	ck_assert_int_eq(cow_setattr(rig.cow, wal, COW_SET_MODE, &a), -EPERM);
}
END_TEST

START_TEST(stale_nodeids)
{
	static const uint64_t nodeids[] = { 0, 1000000, COW_CREATED, COW_CREATED + 1,
	    COW_CREATED + 999999, COW_NODEID_END, UINT64_MAX };
	struct cow_attr a = { .size = 5 };
	struct cow_list l;
	char buf[PATH_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nodeids); i++) {
		if (nodeids[i] == COW_CREATED + 1)
			continue;	/* the serial of the root */
		ck_assert_int_eq(cow_getattr(rig.cow, nodeids[i], &a), -ESTALE);
		ck_assert_int_eq(cow_lookup(rig.cow, nodeids[i], "x", 1, &a), -ESTALE);
		ck_assert_int_eq(cow_setattr(rig.cow, nodeids[i], COW_SET_SIZE, &a),
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
	ck_assert_int_eq(cow_setattr(rig.cow, id("base"), COW_SET_SIZE, &a), -EISDIR);
	ck_assert_int_eq(cow_setattr(rig.cow, id("link"), COW_SET_SIZE, &a), -EINVAL);
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

int
main(void)
{
	Suite *s = suite_create("cow");
	TCase *tc = tcase_create("names");

	tcase_add_checked_fixture(tc, cowpath_setup, cowpath_teardown);
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
	suite_add_tcase(s, tc);
	return unit_main(s);
}
