/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Journals and stores that the copy-on-write file system refuses to open, or bounds.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>

#include "diff/journal.h"
#include "support/cowpath.h"

/* --- what cannot be opened --- */

START_TEST(foreign_journal)
{
	static const char *const journal[] = {
		"something else that is long enough", "pbkfsjnl\3\0\0\0........................",
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
	/* An application cannot make one either. */
	ck_assert_int_eq(make("own", S_IFREG | 04755), 0);
	a = (struct cow_attr){ .mode = 06711 };
	ck_assert_int_eq(cow_setattr(rig.cow, id("own"), COW_SET_MODE, &a), 0);
	ck_assert_uint_eq(a.mode, S_IFREG | 0711);
}
END_TEST

/* Records that no live operation writes. */
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

/* Records with names that no directory can have; their checksums are right. */
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

#define BOUND	1000000		/* serial of "conf"; before it, of a file and a directory */

/*
 * Records with numbers and lengths that no content has, and content of files that
 * have none.
 */
static const struct journal_record forged_contents[] = {
	{ .type = JOURNAL_TRUNCATE, .serial = BOUND, .content = BOUND, .length = UINT64_MAX },
	{ .type = JOURNAL_TRUNCATE, .serial = BOUND, .content = BOUND, .length = (uint64_t)INT64_MAX + 1 },
	{ .type = JOURNAL_TRUNCATE, .serial = BOUND, .content = 0 },
	{ .type = JOURNAL_TRUNCATE, .serial = BOUND, .content = UINT64_MAX },
	{ .type = JOURNAL_TRUNCATE, .serial = BOUND + 1, .content = BOUND },
	{ .type = JOURNAL_TRUNCATED, .serial = BOUND + 1 },
	{ .type = JOURNAL_CONTENT, .serial = BOUND + 1 },
	{ .type = JOURNAL_TRUNCATE, .serial = JOURNAL_ROOT_SERIAL, .content = BOUND },
	{ .type = JOURNAL_TRUNCATED, .serial = JOURNAL_ROOT_SERIAL },
	{ .type = JOURNAL_CONTENT, .serial = JOURNAL_ROOT_SERIAL },
	{ .type = JOURNAL_CONTENT, .serial = UINT64_MAX },
	{ .type = JOURNAL_CONTENT, .serial = BOUND - 1, .content = BOUND },
	{ .type = JOURNAL_TRUNCATE, .serial = BOUND - 1, .content = BOUND - 1 },
	{ .type = JOURNAL_CONTENT, .serial = BOUND - 2, .content = BOUND - 2 },
	{ .type = JOURNAL_SERIAL, .serial = UINT64_MAX },
	{ .type = JOURNAL_BIND, .serial = UINT64_MAX, .name = "empty", .name_len = 5 },
	{ .type = JOURNAL_BIND, .serial = 0, .name = "empty", .name_len = 5 },
	{ .type = JOURNAL_BIND, .serial = BOUND, .name = "empty", .name_len = 5 },
	{ .type = JOURNAL_BIND, .serial = BOUND + 1, .name = "conf", .name_len = 4 },
	{ .type = JOURNAL_BIND, .serial = BOUND + 1, .name = "../conf", .name_len = 7 },
	{ .type = JOURNAL_NODE, .serial = UINT64_MAX, .mode = S_IFREG | 0600 },
	{ .type = JOURNAL_NODE, .serial = BOUND + 1, .mode = S_IFREG | 0600, .valid = UINT32_MAX },
};

static void
forge_bound(void)
{
	rig_kill(&rig);
	forge((struct journal_record){ .type = JOURNAL_CREATE, .serial = BOUND - 1,
	    .parent = JOURNAL_ROOT_SERIAL, .mode = S_IFREG | 0600, .name = "file", .name_len = 4 });
	forge((struct journal_record){ .type = JOURNAL_CREATE, .serial = BOUND - 2,
	    .parent = JOURNAL_ROOT_SERIAL, .mode = S_IFDIR | 0700, .name = "dir", .name_len = 3 });
	forge((struct journal_record){ .type = JOURNAL_BIND, .serial = BOUND, .name = "conf", .name_len = 4 });
}

START_TEST(forged_content)
{
	forge_bound();
	forge(forged_contents[_i]);
	ck_assert_int_eq(rig_open(&rig, true), -EUCLEAN);
}
END_TEST

/*
 * The greatest length is valid, takes no space, and shows zeroes behind the backup's
 * content.
 */
START_TEST(greatest_length)
{
	forge_bound();
	forge((struct journal_record){ .type = JOURNAL_TRUNCATE, .serial = BOUND, .content = BOUND,
	    .length = INT64_MAX, .flags = JOURNAL_CUT });
	ck_assert_int_eq(rig_open(&rig, true), 0);
	ck_assert_uint_eq(size_of("conf"), INT64_MAX);
	has("conf", 0, page[2], 5000);
	is_zero("conf", INT64_MAX - BLCKSZ, BLCKSZ);
	ck_assert_uint_eq(content_files(), 0);
	reopen(CLEAN);
	ck_assert_uint_eq(size_of("conf"), INT64_MAX);
}
END_TEST

static int
make_and_forget(const char *name)
{
	struct cow_attr a;
	int r = cow_create(rig.cow, ++unique, COW_ROOT, name, S_IFREG | 0600, 3, 4, NULL, &a);

	if (r == 0)
		cow_forget(rig.cow, a.nodeid, 1);
	return r;
}

static char said[LOG_LINE_MAX];

static void
keep_line(enum log_level level, const char *text, size_t len)
{
	(void)level;
	memcpy(said, text, len + 1);
}

/* Removes all content from a diff directory that nobody has open. */
static void
take_content_away(void)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/data", rig.diff);
	tmpdir_remove(path);
}

/*
 * Synced content that is gone was taken away: the mount must not show the backup's
 * older data.
 */
START_TEST(missing_content)
{
	const char *path = "base/5/16384";

	ck_assert_int_eq(put(path, BLCKSZ, page[0], BLCKSZ), 0);
	ck_assert_int_eq(sync_path(path), 0);
	ck_assert_int_eq(put("conf", 0, "x", 1), 0);
	/* Content of a file without a name may be gone. */
	ck_assert_int_eq(put("PG_VERSION", 0, "x", 1), 0);
	ck_assert_int_eq(sync_path("PG_VERSION"), 0);
	ck_assert_int_eq(remove_path("PG_VERSION", false), 0);
	rig_kill(&rig);
	take_content_away();
	/* A mount that serves goes on, but for that file. */
	ck_assert_int_eq(rig_open(&rig, false), 0);
	ck_assert_int_eq(put("conf", 0, "x", 1), 0);
	ck_assert_uint_eq(id(path), 0);
	rig_kill(&rig);
	log_set_sink(keep_line);
	ck_assert_int_eq(rig_open(&rig, true), -EUCLEAN);
	ck_assert_msg(strstr(said, "written to \"base/5/16384\", \"data/") != NULL, "%s", said);
	ck_assert_msg(strstr(said, "missing from the diff directory: put it back") != NULL, "%s", said);
}
END_TEST

/* Ways in which content becomes durable that no chain is below. */
static void
sync_made(void)
{
	ck_assert_int_eq(make("base/made", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("base/made", 0, "x", 1), 0);
	ck_assert_int_eq(sync_path("base/made"), 0);
}

static void
sync_moved(void)
{
	sync_made();
	ck_assert_int_eq(make("new", S_IFDIR | 0700), 0);
	ck_assert_int_eq(move("base/made", "new/moved", 0), 0);
	ck_assert_int_eq(move("new", "base/5/new", 0), 0);
}

static void
sync_moved_over(void)
{
	ck_assert_int_eq(make("over", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("over", 0, "y", 1), 0);
	ck_assert_int_eq(sync_path("over"), 0);
	sync_made();
	ck_assert_int_eq(move("base/made", "over", 0), 0);
}

static void
sync_made_again(void)
{
	sync_made();
	ck_assert_int_eq(remove_path("base/made", false), 0);
	sync_made();
}

static void
sync_cut(void)
{
	sync_made();
	ck_assert_int_eq(resize("base/made", 0), 0);
}

static void
sync_empty(void)
{
	ck_assert_int_eq(put("empty", 0, "x", 1), 0);
	ck_assert_int_eq(sync_path("empty"), 0);
}

/* A truncation to nothing gave it another content file. */
static void
sync_renewed(void)
{
	ck_assert_int_eq(put("conf", 0, "x", 1), 0);
	ck_assert_int_eq(sync_path("conf"), 0);
	ck_assert_int_eq(resize("conf", 0), 0);
	ck_assert_int_eq(put("conf", 0, "x", 1), 0);
	ck_assert_int_eq(sync_path("conf"), 0);
}

static void
end_orderly(void)
{
	ck_assert_int_eq(make("left", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("left", 0, "x", 1), 0);
	reopen(CLEAN);
}

/* An earlier worker wrote it, and nobody has asked for it since. */
static void
end_after_another(void)
{
	ck_assert_int_eq(make("left", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("left", 0, "x", 1), 0);
	reopen(BOTH);
	reopen(CLEAN);
}

static void
sync_by_the_next(void)
{
	ck_assert_int_eq(make("left", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("left", 0, "x", 1), 0);
	reopen(KILLED);
	ck_assert_int_eq(sync_path("left"), 0);
}

static void
sync_and_compact(void)
{
	unsigned i;

	sync_made();
	for (i = 0; i < 18000; i++) {
		ck_assert_int_eq(make_and_forget("temporary"), 0);
		ck_assert_int_eq(remove_path("temporary", false), 0);
	}
	/* Killed: orderly, the file would have its times in the journal, and be known by them. */
	reopen(BOTH);
}

static const struct {
	void	(*make_durable)(void);
	const char *path;
} durable[] = {
	{ sync_made, "base/made" }, { sync_moved, "base/5/new/moved" }, { sync_moved_over, "over" },
	{ sync_made_again, "base/made" }, { sync_cut, "base/made" }, { sync_empty, "empty" },
	{ sync_renewed, "conf" }, { end_orderly, "left" }, { end_after_another, "left" },
	{ sync_by_the_next, "left" }, { sync_and_compact, "base/made" },
};

/* A file must not read as empty because somebody has taken away what it had. */
START_TEST(missing_whole)
{
	char text[300];

	durable[_i].make_durable();
	rig_kill(&rig);
	/* With the content there it mounts. */
	ck_assert_int_eq(rig_open(&rig, true), 0);
	rig_kill(&rig);
	take_content_away();
	log_set_sink(keep_line);
	ck_assert_int_eq(rig_open(&rig, true), -EUCLEAN);
	snprintf(text, sizeof(text), "content that was written to \"%s\", \"data/", durable[_i].path);
	ck_assert_msg(strncmp(said, text, strlen(text)) == 0, "%s", said);
	ck_assert_msg(strstr(said, "missing from the diff directory: put it back") != NULL, "%s", said);
}
END_TEST

/* The refusal takes nothing away: what is there stays for when the rest is put back. */
START_TEST(missing_one)
{
	char path[PATH_MAX];
	unsigned i;

	sync_made();
	ck_assert_int_eq(put("conf", 0, "x", 1), 0);
	rig_kill(&rig);
	ck_assert_uint_eq(content_files(), 2);
	for (i = 2; i < 20; i++) {
		snprintf(path, sizeof(path), "%s/data/%016x", rig.diff, i);
		if (unlink(path) == 0)
			break;
	}
	ck_assert_int_eq(rig_open(&rig, true), -EUCLEAN);
	ck_assert_uint_eq(content_files(), 1);
}
END_TEST

/*
 * Content that no sync has covered may be gone after a crash, and so may that of a
 * file without a name.
 */
START_TEST(content_that_may_be_missing)
{
	ck_assert_int_eq(put("conf", 0, "x", 1), 0);
	ck_assert_int_eq(make("made", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("made", 0, "x", 1), 0);
	ck_assert_int_eq(make("never written", S_IFREG | 0600), 0);
	ck_assert_int_eq(sync_path("never written"), 0);
	sync_made();
	ck_assert_int_eq(remove_path("base/made", false), 0);
	ck_assert_int_eq(make("base/made", S_IFREG | 0600), 0);
	ck_assert_int_eq(put("base/made", 0, "x", 1), 0);
	ck_assert_int_eq(put("PG_VERSION", 0, "x", 1), 0);
	ck_assert_int_eq(sync_path("PG_VERSION"), 0);
	ck_assert_int_eq(remove_path("PG_VERSION", false), 0);
	ck_assert_int_eq(put("base/5/16384", 0, page[0], BLCKSZ), 0);
	ck_assert_int_eq(sync_path("base/5/16384"), 0);
	ck_assert_int_eq(resize("base/5/16384", 0), 0);
	rig_kill(&rig);
	take_content_away();
	ck_assert_int_eq(rig_open(&rig, true), 0);
	has("conf", 0, page[2], 5000);
	ck_assert_uint_eq(size_of("base/5/16384"), 0);
	ck_assert_uint_eq(size_of("made"), 0);
	ck_assert_uint_eq(size_of("base/made"), 0);
}
END_TEST

/* A file that is open without a name is synced: the next mount knows no such file, and minds not. */
START_TEST(synced_without_name)
{
	struct cow_attr a;

	ck_assert_int_eq(cow_create(rig.cow, ++unique, COW_ROOT, "open", S_IFREG | 0600, 3, 4, NULL, &a), 0);
	ck_assert_int_eq(cow_write(rig.cow, a.nodeid, 0, 1, "x", &rig.reader), 0);
	ck_assert_int_eq(remove_path("open", false), 0);
	ck_assert_int_eq(cow_fsync(rig.cow, a.nodeid, false), 0);
	reopen(KILLED);
	ck_assert_int_eq(cow_getattr(rig.cow, a.nodeid, &a), 0);
	ck_assert_uint_eq(a.size, 1);
	reopen(BOTH);
	ck_assert_uint_eq(content_files(), 0);
	reopen(CLEAN);
}
END_TEST

/* Names a file with so many letters, and the number. */
static const char *
long_name(unsigned i)
{
	static char name[COW_NAME_MAX + 1];

	snprintf(name, sizeof(name), "%0200u", i);
	return name;
}

/* New names take a bounded amount of memory, and removed ones give it back. */
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

/* A journal with more names is refused by name: no mount with this limit has written it. */
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

/*
 * Without the store the diff directory can still be used; reads of the store are I/O
 * errors.
 */
START_TEST(missing_backup)
{
	char path[PATH_MAX], byte;
	struct cow_attr a;

	rig_kill(&rig);
	snprintf(path, sizeof(path), "%s/backups/main", rig.store);
	tmpdir_remove(path);
	ck_assert_int_eq(rig_open(&rig, true), 0);
	ck_assert_int_eq(cow_lookup(rig.cow, COW_ROOT, "PG_VERSION", strlen("PG_VERSION"), &a), 0);
	ck_assert_int_eq(cow_read(rig.cow, a.nodeid, 0, 1, &byte, &rig.reader), -EIO);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cow");
	TCase *tc = tcase_create("refused");

	tcase_add_checked_fixture(tc, cowpath_setup, cowpath_teardown);
	tcase_add_loop_test(tc, foreign_journal, 0, 2);
	tcase_add_test(tc, forged_privilege);
	tcase_add_test(tc, bounded_tree);
	tcase_add_test(tc, forged_multitude);
	tcase_add_loop_test(tc, forged_inode, 0, ARRAY_SIZE(forged));
	tcase_add_loop_test(tc, forged_name, 0, FORGED_NAMES);
	tcase_add_loop_test(tc, forged_content, 0, ARRAY_SIZE(forged_contents));
	tcase_add_test(tc, greatest_length);
	tcase_add_test(tc, missing_content);
	tcase_add_loop_test(tc, missing_whole, 0, ARRAY_SIZE(durable));
	tcase_add_test(tc, missing_one);
	tcase_add_test(tc, content_that_may_be_missing);
	tcase_add_test(tc, synced_without_name);
	tcase_add_test(tc, missing_backup);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
