/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/probackup/chain: the chains that open, with and without --force, and the error
 * that names what is wrong with the others.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "probackup/chain.h"
#include "support/catalog.h"
#include "support/unit.h"

#define LIST	LINE_DIR("base")

static struct catalog cat;

static void
setup(void)
{
	catalog_new(&cat);
}

static void
teardown(void)
{
	catalog_free(&cat);
}

/* A good chain A1 <- B1 <- C1, and what a case changes in its middle. */
static void
make_chain(const char *extra)
{
	catalog_backup(&cat, "A1", NULL, "", LIST);
	catalog_backup(&cat, "B1", "A1", extra, LIST);
	catalog_backup(&cat, "C1", "B1", "", LIST);
}

static void
expect_refusal(const char *instance, const char *id, const char *reason)
{
	char error[CHAIN_ERROR_MAX] = "";
	struct chain *c = NULL;
	int r = chain_open(cat.fd, "store", instance, id, false, &c, error);

	ck_assert_msg(r < 0, "\"%s\" was not refused", reason);
	ck_assert_ptr_null(c);
	ck_assert_msg(strstr(error, reason) != NULL, "expected \"%s\", found \"%s\"", reason, error);
}

START_TEST(opens)
{
	char error[CHAIN_ERROR_MAX] = "";
	struct chain *c;

	make_chain("");
	catalog_write(&cat, "backups/main/pg_probackup.conf", "xlog-seg-size = 16MB\n");
	ck_assert_msg(chain_open(cat.fd, "store", "main", "c1", false, &c, error) == 0, "%s", error);
	ck_assert_uint_eq(c->n, 3);
	ck_assert_str_eq(c->member[0].id, "C1");
	ck_assert_str_eq(c->member[1].id, "B1");
	ck_assert_str_eq(c->member[2].id, "A1");
	ck_assert_uint_eq(c->xlog_seg_size, 16 << 20);
	ck_assert_uint_eq(c->member[2].list_len, strlen(LIST));
	ck_assert_uint_eq(c->member[2].list_crc, crc32c(0, LIST, strlen(LIST)));
	ck_assert_str_eq(c->warning, "");
	chain_free(c);
}
END_TEST

static const struct {
	const char *name, *extra, *reason;
} bad[] = {
	{ "status", "status = ERROR\n",
	  "backup \"B1\" has status ERROR instead of OK or DONE: validate it with pg_probackup" },
	{ "newer program", "program-version = 2.9.0\n",
	  "backup \"B1\" was made by pg_probackup 2.9.0, and only 2.0 to 2.8 are known: use a newer pbkfs, or mount it with --force" },
	{ "another format", "program-version = 3.0.1\n", "backup \"B1\" was made by pg_probackup 3.0.1, and only" },
	{ "older program", "program-version = 1.1.24\n", "made by pg_probackup 1.1.24" },
	{ "older server", "server-version = 9.6\n", "backup \"B1\" is of PostgreSQL \"9.6\"" },
	{ "block size", "block-size = 4096\n", "backup \"B1\" has blocks of 4096 bytes instead of 8192" },
	{ "codec", "compress-alg = rar\n",
	  "backup \"B1\" is compressed with \"rar\", which is not known: use a newer pbkfs" },
	{ "cycle", "parent-backup-id = C1\n", "backup \"B1\" has \"C1\" as its parent, which is based on it" },
	{ "itself", "parent-backup-id = B1\n", "backup \"B1\" has \"B1\" as its parent" },
	{ "missing parent", "parent-backup-id = A0\n",
	  "backup \"A0\" of instance \"main\" is missing, and \"B1\" is based on it: "
	  "restore the directory, or mount an older backup" },
	{ "truncated", "note = 'x", "backup.control of backup \"B1\" is damaged: it is truncated" },
};

START_TEST(refuses)
{
	make_chain(bad[_i].extra);
	expect_refusal("main", "C1", bad[_i].reason);
}
END_TEST

START_TEST(versions_that_are_fine)
{
	static const char *const extra[] = {
		"program-version = 2.8.99\n", "program-version = 2.6.0\n", "program-version = 2.0.0\n",
		"status = DONE\n", "compress-alg = LZ4\n", "server-version = 18\n",
	};
	char id[8], error[CHAIN_ERROR_MAX] = "";
	struct chain *c;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(extra); i++) {
		snprintf(id, sizeof(id), "A%zu", i);
		catalog_backup(&cat, id, NULL, extra[i], LIST);
		ck_assert_msg(chain_open(cat.fd, "store", "main", id, false, &c, error) == 0,
		    "%s: %s", extra[i], error);
		chain_free(c);
	}
}
END_TEST

START_TEST(force_names_what_it_let_pass)
{
	char error[CHAIN_ERROR_MAX] = "";
	struct chain *c;

	make_chain("status = CORRUPT\n");
	catalog_backup(&cat, "D1", "C1", "status = ORPHAN\n", LIST);
	ck_assert_msg(chain_open(cat.fd, "store", "main", "D1", true, &c, error) == 0, "%s", error);
	ck_assert_str_eq(c->warning, "backup \"D1\" has status ORPHAN; backup \"B1\" has status CORRUPT");
	chain_free(c);
}
END_TEST

START_TEST(force_lets_a_newer_version_pass)
{
	char error[CHAIN_ERROR_MAX] = "";
	struct chain *c;

	make_chain("program-version = 3.0.0\n");
	ck_assert_msg(chain_open(cat.fd, "store", "main", "C1", true, &c, error) == 0, "%s", error);
	ck_assert_str_eq(c->warning,
	    "backup \"B1\" was made by pg_probackup 3.0.0, and only 2.0 to 2.8 are known");
	chain_free(c);
	/* but no other check */
	catalog_backup(&cat, "D1", NULL, "program-version = 3.0.0\nblock-size = 4096\n", LIST);
	ck_assert_int_eq(chain_open(cat.fd, "store", "main", "D1", true, &c, error), -EUCLEAN);
}
END_TEST

/* By version and length alone, as pg_probackup does. */
START_TEST(lists_that_lost_lines)
{
	static const struct { const char *version; off_t len; bool lost; } lists[] = {
		{ "2.1.4", 4096000, true }, { "2.1.5", 5000000, true }, { "2.2.1", 4096000, true },
		{ "2.1.4", 4095999, false }, { "2.1.3", 5000000, false }, { "2.2.0", 5000000, false },
		{ "2.2.2", 5000000, false },
	};
	char id[8], path[512], extra[64], error[CHAIN_ERROR_MAX], expected[CHAIN_ERROR_MAX];
	struct chain *c;
	size_t i;
	int r;

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		snprintf(id, sizeof(id), "A%zu", i);
		snprintf(extra, sizeof(extra), "program-version = %s\n", lists[i].version);
		catalog_backup(&cat, id, NULL, extra, "");
		snprintf(path, sizeof(path), "%s/backups/main/%s/backup_content.control", cat.dir, id);
		ck_assert_int_eq(truncate(path, lists[i].len), 0);
		r = chain_open(cat.fd, "store", "main", id, false, &c, error);
		ck_assert_msg(r == (lists[i].lost ? -EUCLEAN : 0), "%s, %lld bytes: %d", lists[i].version,
		    (long long)lists[i].len, r);
		if (r == 0) {
			chain_free(c);
			continue;
		}
		snprintf(expected, sizeof(expected), "backup \"%s\" is corrupt: pg_probackup %s lost lines of a list "
		    "as long as its backup_content.control: choose another backup, or mount it with --force", id, lists[i].version);
		ck_assert_str_eq(error, expected);
		ck_assert_msg(chain_open(cat.fd, "store", "main", id, true, &c, error) == 0, "%s", error);
		ck_assert_msg(strstr(c->warning, "is corrupt") != NULL, "%s", c->warning);
		chain_free(c);
	}
}
END_TEST

/* A warning tells what the mounted backup lacks; nothing tells what its parents lack. */
START_TEST(versions_that_left_files_out)
{
	char error[CHAIN_ERROR_MAX] = "";
	struct chain *c;

	make_chain("program-version = 2.8.1\n");
	ck_assert_msg(chain_open(cat.fd, "store", "main", "C1", false, &c, error) == 0, "%s", error);
	ck_assert_str_eq(c->warning, "");
	chain_free(c);
	ck_assert_msg(chain_open(cat.fd, "store", "main", "B1", false, &c, error) == 0, "%s", error);
	ck_assert_str_eq(c->warning, "backup \"B1\": pg_probackup 2.8.0 and 2.8.1 may have left databases and tablespaces "
	    "with OIDs of 2147483648 and more out");
	chain_free(c);
}
END_TEST

START_TEST(unknown_names)
{
	static const char *const ids[] = { "TOXCR8", "TOXCRK", "ZZZ", "TOXCRN", "1000000", "TOXCS1" };
	size_t i;

	expect_refusal("main", "C1", "instance \"main\" has no backup");
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		catalog_backup(&cat, ids[i], NULL, "", LIST);
	catalog_mkdir(&cat, "backups/Other");
	expect_refusal("main", "TOXCR9", "backup \"TOXCR9\" of instance \"main\" does not exist: choose from "
	    "\"1000000\", \"TOXCS1\", \"TOXCRN\", \"TOXCRK\", \"TOXCR8\" and 1 more");
	expect_refusal("mian", "TOXCR8",
	    "instance \"mian\" does not exist in \"store\": choose from \"Other\", \"main\"");
	expect_refusal("..", "TOXCR8", "\"..\" is not a name of an instance");
	expect_refusal("main/TOXCR8", "TOXCR8", "is not a name of an instance");
	expect_refusal("main", "../main", "\"../main\" is not a backup id");
	expect_refusal("main", "", "\"\" is not a backup id");
	expect_refusal("main", "TOXCR8TOXCR8TOXCR8", "is not a backup id");
}
END_TEST

START_TEST(not_a_catalog)
{
	char path[512], error[CHAIN_ERROR_MAX] = "";
	struct chain *c;
	int fd;

	snprintf(path, sizeof(path), "%s/backups/main", cat.dir);
	fd = open(path, O_PATH | O_DIRECTORY);
	ck_assert_int_eq(chain_open(fd, "store", "main", "A", false, &c, error), -ENOENT);
	ck_assert_msg(strstr(error, "\"store\" is not a pg_probackup catalog") != NULL, "%s", error);
	close(fd);
}
END_TEST

/* Replaces a file or directory of the store. */
static void
replace_by_link(const char *name, const char *target)
{
	char path[512], aside[600];

	snprintf(path, sizeof(path), "%s/backups/main/%s", cat.dir, name);
	snprintf(aside, sizeof(aside), "%s.aside", path);
	ck_assert_int_eq(rename(path, aside), 0);
	if (target != NULL)
		ck_assert_int_eq(symlink(target, path), 0);
}

START_TEST(links_are_not_followed)
{
	make_chain("");
	replace_by_link("C1/backup.control", "backup.control.aside");
	expect_refusal("main", "C1", "could not read backup.control of backup \"C1\"");
	replace_by_link("B1", "B1.aside");
	expect_refusal("main", "B1", "it is a symbolic link, which is not followed");
}
END_TEST

START_TEST(missing_files)
{
	make_chain("");
	replace_by_link("B1/backup_content.control", NULL);
	expect_refusal("main", "C1", "could not open backup_content.control of backup \"B1\"");
	replace_by_link("B1/backup.control", NULL);
	expect_refusal("main", "C1", "backup \"B1\" has no backup.control, it is being made or broken");
	catalog_write(&cat, "backups/main/B1/backup.control", "");
	expect_refusal("main", "C1", "backup.control of backup \"B1\" is damaged: it is empty");
}
END_TEST

/* Another kind of file in its place is refused by its kind. */
static const struct { const char *name; mode_t type; dev_t dev; } no_files[] = {
	{ "a FIFO", S_IFIFO, 0 }, { "a directory", S_IFDIR, 0 }, { "a device", S_IFCHR, 1 << 8 | 3 },
};

START_TEST(file_is_none)
{
	static const struct { const char *name, *error; } files[] = {
		{ "backup_content.control",
		    "could not open backup_content.control of backup \"C1\": it is not a plain file" },
		{ "backup.control", "could not read backup.control of backup \"C1\": it is not a plain file" },
	};
	mode_t type = no_files[_i].type;
	char path[512], shown[128];
	size_t i;

	if (type == S_IFCHR && getuid() != 0)
		return;
	make_chain("");
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(shown, sizeof(shown), "C1/%s", files[i].name);
		replace_by_link(shown, NULL);
		snprintf(path, sizeof(path), "%s/backups/main/%s", cat.dir, shown);
		ck_assert_int_eq(type == S_IFDIR ? mkdir(path, 0700) :
		    mknod(path, type | 0600, no_files[_i].dev), 0);
		expect_refusal("main", "C1", files[i].error);
		/* With rights that others lack, too. */
		io_admit_only(&(uid_t){ getuid() }, 1);
		expect_refusal("main", "C1", files[i].error);
		io_admit_only(&(uid_t){ 0 }, 0);
	}
}
END_TEST

START_TEST(too_long)
{
	char id[8], parent[8];
	unsigned i;

	catalog_backup(&cat, "A000", NULL, "", LIST);
	for (i = 1; i <= CHAIN_MAX; i++) {
		snprintf(id, sizeof(id), "A%03u", i);
		snprintf(parent, sizeof(parent), "A%03u", i - 1);
		catalog_backup(&cat, id, parent, "", LIST);
	}
	expect_refusal("main", id, "the chain of backup \"A250\" has more than 250 members");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("chain");
	TCase *tc = tcase_create("open");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, opens);
	tcase_add_loop_test(tc, refuses, 0, ARRAY_SIZE(bad));
	tcase_add_test(tc, versions_that_are_fine);
	tcase_add_test(tc, force_names_what_it_let_pass);
	tcase_add_test(tc, force_lets_a_newer_version_pass);
	tcase_add_test(tc, lists_that_lost_lines);
	tcase_add_test(tc, versions_that_left_files_out);
	tcase_add_test(tc, unknown_names);
	tcase_add_test(tc, not_a_catalog);
	tcase_add_test(tc, links_are_not_followed);
	tcase_add_test(tc, missing_files);
	tcase_add_loop_test(tc, file_is_none, 0, ARRAY_SIZE(no_files));
	tcase_add_test(tc, too_long);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
