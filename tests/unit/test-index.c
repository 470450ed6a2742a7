/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/probackup/index: the tree that lists of a chain give, the lists that are
 * refused, and an index with flipped bits, which is refused or safe to walk.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#include "base/util.h"
#include "probackup/index.h"
#include "support/catalog.h"
#include "support/unit.h"

static struct catalog cat;
static struct index ix;
static int memfd;
static const char *map;	/* tablespace_map of the newest backup, or NULL */

static void
setup(void)
{
	catalog_new(&cat);
	map = NULL;
	memfd = memfd_create("index", MFD_ALLOW_SEALING);
	ck_assert_int_ge(memfd, 0);
}

static void
teardown(void)
{
	index_close(&ix);
	close(memfd);
	catalog_free(&cat);
}

/* The backups are called A (the FULL), B, C ...; lists are given from the FULL on. */
static int
build(const char *const *lists, size_t max, char *error)
{
	char id[2] = "A", parent[2] = "A", path[128];
	struct chain *c;
	unsigned i;
	int r;

	for (i = 0; lists[i] != NULL; i++) {
		id[0] = (char)('A' + i);
		catalog_backup(&cat, id, i > 0 ? parent : NULL, "", lists[i]);
		parent[0] = id[0];
	}
	if (map != NULL) {
		snprintf(path, sizeof(path), "backups/main/%s/database", id);
		catalog_mkdir(&cat, path);
		snprintf(path, sizeof(path), "backups/main/%s/database/tablespace_map", id);
		catalog_write(&cat, path, map);
	}
	ck_assert_msg(chain_open(cat.fd, "store", "main", id, false, &c, error) == 0, "%s", error);
	r = index_build(c, memfd, max, 3, error);
	chain_free(c);
	return r;
}

static void
build_and_open(const char *const *lists)
{
	char error[CHAIN_ERROR_MAX] = "";

	ck_assert_msg(build(lists, MiB, error) == 0, "%s", error);
	ck_assert_int_eq(index_open(memfd, &ix), 0);
}

static const struct index_entry *
entry(const char *path)
{
	uint32_t e = index_lookup(&ix, path, strlen(path));
	char found[PATH_MAX];

	ck_assert_msg(e != INDEX_NONE, "\"%s\" is missing", path);
	ck_assert_int_eq(index_path(&ix, e, found, sizeof(found)), (int)strlen(path));
	ck_assert_str_eq(found, path);
	return &ix.entries[e];
}

/* Returns "0 2" for a file that the mounted backup and its grandparent store. */
static const char *
providers(const char *path)
{
	static char text[64];
	const struct index_entry *e = entry(path);
	size_t used = 0;
	uint32_t i;

	text[0] = '\0';
	for (i = 0; i < e->count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u",
		    i > 0 ? " " : "", ix.providers[e->first + i].backup);
	return text;
}

START_TEST(tree)
{
	static const char *const lists[] = {
		"{\"path\":\"global\",\"size\":\"0\",\"mode\":\"16872\"}\n"
		LINE_DIR("base") LINE_PLAIN("tablespace_map", 5) LINE_PLAIN("database_map", 5)
		LINE_PLAIN("base/tablespace_map", 5) LINE_PLAIN("b", 3) LINE_PLAIN("a/b/c", 3)
		LINE_PLAIN("abcdefgh", 1) LINE_PLAIN("abcdefghi", 1) LINE_PLAIN("abcdefgh-", 1)
		LINE_PLAIN("\xff", 0) LINE_PLAIN(".pbkfs2", 0)
		"{\"path\":\"tool\",\"size\":\"0\",\"mode\":\"36333\"}\n"
		LINE_PLAIN("postmaster.pid", 5) LINE_PLAIN("postmaster.opts", 5)
		"{\"path\":\"ext\",\"size\":\"0\",\"mode\":\"33152\",\"external_dir_num\":\"1\"}\n",
		NULL
	};
	static const char *const root[] = { ".pbkfs-external", ".pbkfs2", "a", "abcdefgh", "abcdefgh-", "abcdefghi",
	    "b", "base", "global", "tool", "\xff" };
	const struct index_entry *r;
	uint32_t i;

	build_and_open(lists);
	r = &ix.entries[INDEX_ROOT];
	ck_assert_uint_eq(r->mode, S_IFDIR | 0750);
	ck_assert_uint_eq(r->count, ARRAY_SIZE(root));
	for (i = 0; i < r->count; i++)
		ck_assert_str_eq(ix.strings + ix.entries[r->first + i].name, root[i]);
	ck_assert_uint_eq(entry("a/b")->mode, S_IFDIR | 0700);
	ck_assert_uint_eq(entry("tool")->mode, S_IFREG | 0755);
	ck_assert_uint_eq(entry("a/b/c")->size, 3);
	entry("base/tablespace_map");
	entry(".pbkfs-external/1/ext");
	ck_assert_uint_eq(entry(".pbkfs-external")->mode, S_IFDIR | 0750);
	ck_assert_uint_eq(index_lookup(&ix, "", 0), INDEX_ROOT);
	ck_assert_uint_eq(index_lookup(&ix, "a/b/x", 5), INDEX_NONE);
	ck_assert_uint_eq(index_lookup(&ix, "b/x", 3), INDEX_NONE);
	ck_assert_uint_eq(index_lookup(&ix, "a//b", 4), INDEX_NONE);
	ck_assert_uint_eq(index_lookup(&ix, "a/", 2), INDEX_NONE);
	ck_assert_uint_eq(ix.server_version, 15);
	ck_assert_str_eq(ix.backups[0].id, "A");
	ck_assert_uint_eq(ix.backups[0].version, 20516);
	ck_assert_uint_eq(ix.backups[0].checksums, 1);
}
END_TEST

/*
 * The files of a tablespace are shown beside PGDATA, behind a link; its location is
 * text.
 */
START_TEST(tablespaces)
{
	static const char *const lists[] = {
		LINE_DIR("pg_tblspc/16384/PG") LINE_DATA("pg_tblspc/16384/PG/1", 10, 2)
		LINE_PLAIN("pg_tblspc/16384/x", 4)
		"{\"path\":\"x\",\"size\":\"9\",\"mode\":\"33152\",\"external_dir_num\":\"2\"}\n",
		LINE_DIR("pg_tblspc") "{\"path\":\"pg_tblspc/16384\",\"size\":\"0\",\"mode\":\"16872\"}\n"
		LINE_DIR("pg_tblspc/16384/PG") LINE_DATA("pg_tblspc/16384/PG/1", 11, 2)
		LINE_PLAIN("pg_tblspc/16384/x", -1)
		LINE_DIR("pg_tblspc/5") LINE_PLAIN("pg_tblspc/5/in_place", 1) LINE_PLAIN("pg_tblspc/163845", 1)
		"{\"path\":\"x\",\"size\":\"-1\",\"mode\":\"33152\",\"external_dir_num\":\"2\"}\n",
		NULL
	};
	char target[64];
	uint32_t e;

	map = "16384 /srv/production/ts 1\n16999 /../../etc\n";
	build_and_open(lists);
	e = index_lookup(&ix, "pg_tblspc/16384", strlen("pg_tblspc/16384"));
	ck_assert_uint_eq(entry("pg_tblspc/16384")->mode, S_IFLNK | 0777);
	ck_assert_int_gt(index_link_target(&ix, e, target, sizeof(target)), 0);
	ck_assert_str_eq(target, "../.pbkfs-tblspc/16384");
	ck_assert_int_eq(index_link_target(&ix, e, target, 22), -ENAMETOOLONG);
	ck_assert_uint_eq(entry(".pbkfs-tblspc/16384")->mode, S_IFDIR | 0750);
	ck_assert_str_eq(providers(".pbkfs-tblspc/16384/PG/1"), "0 1");
	ck_assert_str_eq(providers(".pbkfs-tblspc/16384/x"), "1");
	ck_assert_uint_eq(entry("pg_tblspc/16999")->mode, S_IFLNK | 0777);
	ck_assert_uint_eq(entry(".pbkfs-tblspc/16999")->mode, S_IFDIR | 0700);
	ck_assert_uint_eq(entry("pg_tblspc/5/in_place")->mode, S_IFREG | 0600);
	ck_assert_uint_eq(entry("pg_tblspc/163845")->size, 1);
	ck_assert_str_eq(providers(".pbkfs-external/2/x"), "1");
}
END_TEST

/* Maps that are none, and lists that contradict theirs. */
static const struct {
	const char *map, *list, *reason;
} bad_maps[] = {
	{ "16384 /a", LINE_DIR("base"), "no line feed" },
	{ "16384 a\n", LINE_DIR("base"), "not an OID and a location" },
	{ "1 /a\n16384\n", LINE_DIR("base"), "line 2: \"16384\" is not an OID" },
	{ "../x /a\n", LINE_DIR("base"), "not an OID" },
	{ "01 /a\n", LINE_DIR("base"), "not an OID" },
	{ "12345678901 /a\n", LINE_DIR("base"), "not an OID" },
	{ "7 /a\n8 /b\n7 /c\n", LINE_DIR("base"), "it has OID 7 twice" },
	{ "7 /a\n", LINE_PLAIN("pg_tblspc/7", 1), "is listed twice" },
	{ "7 /a\n", LINE_PLAIN("pg_tblspc", 1), "listed below a file" },
	{ "7 /a\n", "", "lists no file" },
};

START_TEST(refuses_maps)
{
	const char *const lists[] = { bad_maps[_i].list, NULL };
	char error[CHAIN_ERROR_MAX] = "";

	map = bad_maps[_i].map;
	ck_assert_msg(build(lists, MiB, error) == -EUCLEAN, "%s", map);
	ck_assert_msg(strstr(error, bad_maps[_i].reason) != NULL, "%s: %s", map, error);
}
END_TEST

START_TEST(data_files)
{
	static const char *const lists[] = {
		LINE_DATA("all", 10, 9) LINE_DATA("cut", 10, 9) LINE_DATA("skipped", 10, 1)
		LINE_DATA("never", 0, 0) LINE_DATA("old", 10, 0) LINE_PLAIN("kind", 0)
		LINE_DATA("gone", 10, 1),
		LINE_DATA("all", 11, 2) LINE_DATA("cut", 11, 9) LINE_DATA("never", -1, 0)
		LINE_DATA("old", -1, 0) LINE_DATA("kind", 8, 4) LINE_PLAIN("base/5/3000000000", 7),
		LINE_DATA("all", -1, 5) LINE_DATA("cut", 11, 9) LINE_DATA("skipped", 0, 0)
		LINE_DATA("old", -1, 0) LINE_DATA("kind", -1, 4) LINE_DATA("never", -1, 0),
		LINE_DATA("all", 12, 5) LINE_DATA("cut", 0, 0) LINE_DATA("skipped", -1, 3)
		LINE_DATA("old", -1, 0) LINE_DATA("kind", -1, 4) LINE_DATA("never", -1, 0),
		NULL
	};
	static const struct { const char *path; uint64_t size; const char *providers; } expect[] = {
		{ "all", 5 * 8192, "0 2 3" },
		{ "cut", 0, "" },
		{ "skipped", 3 * 8192, "3" },
		{ "never", 0, "" },
		{ "old", INDEX_SIZE_UNKNOWN, "3" },
		{ "kind", 4 * 8192, "2" },
	};
	size_t i;

	build_and_open(lists);
	for (i = 0; i < ARRAY_SIZE(expect); i++) {
		ck_assert_msg(entry(expect[i].path)->size == expect[i].size, "%s", expect[i].path);
		ck_assert_msg(strcmp(providers(expect[i].path), expect[i].providers) == 0,
		    "%s: %s", expect[i].path, providers(expect[i].path));
	}
	ck_assert_uint_eq(index_lookup(&ix, "gone", 4), INDEX_NONE);
	ck_assert_uint_eq(ix.providers[entry("all")->first].stored, 12);
	ck_assert_int_eq(ix.providers[entry("all")->first].alg, CODEC_ZLIB);
}
END_TEST

START_TEST(plain_files)
{
	static const char *const lists[] = {
		LINE_PLAIN("here", 1) LINE_PLAIN("two", 7) LINE_PLAIN("one", 7) LINE_PLAIN("void", 7)
		LINE_PLAIN("empty", 7) LINE_PLAIN("cfs", 7),
		LINE_PLAIN("here", 2) LINE_PLAIN("two", -1) LINE_PLAIN("one", 8) LINE_PLAIN("void", 0)
		LINE_PLAIN("empty", -1) LINE_PLAIN("cfs", -1),
		LINE_PLAIN("here", 3) LINE_PLAIN("two", -1) LINE_PLAIN("one", -1) LINE_PLAIN("void", -1)
		LINE_PLAIN("empty", 0)
		"{\"path\":\"cfs\",\"size\":\"-1\",\"mode\":\"33152\",\"is_datafile\":\"1\",\"is_cfs\":\"1\"}\n",
		NULL
	};
	static const struct { const char *path; uint64_t size; const char *providers; } expect[] = {
		{ "here", 3, "0" }, { "two", 7, "2" }, { "one", 8, "1" }, { "void", 0, "" },
		{ "empty", 0, "" }, { "cfs", 7, "2" },
	};
	size_t i;

	build_and_open(lists);
	for (i = 0; i < ARRAY_SIZE(expect); i++) {
		ck_assert_msg(entry(expect[i].path)->size == expect[i].size, "%s", expect[i].path);
		ck_assert_msg(strcmp(providers(expect[i].path), expect[i].providers) == 0,
		    "%s: %s", expect[i].path, providers(expect[i].path));
		ck_assert_uint_eq(entry(expect[i].path)->flags, 0);
	}
}
END_TEST

static const struct {
	const char *name;
	const char *lists[4];
	const char *reason;
} bad[] = {
	{ "no list", { "" }, "backup \"A\" lists no file" },
	{ "twice", { LINE_PLAIN("a", 1) LINE_DIR("a") }, "backup \"A\": \"a\" is listed twice" },
	{ "twice in a parent", { LINE_DATA("a", 1, 1) LINE_DATA("a", 1, 1), LINE_DATA("a", -1, 1) },
	  "backup \"A\": \"a\" is listed twice" },
	{ "below a file", { LINE_PLAIN("a", 1) LINE_PLAIN("a/b/c", 1) LINE_PLAIN("a/b/d", 1) },
	  "backup \"A\": \"a/b\" is listed below a file" },
	{ "reserved", { LINE_DIR(".pbkfs") }, "\".pbkfs\" is a name that pbkfs needs" },
	{ "below reserved", { LINE_PLAIN(".pbkfs/stat", 1) }, "\".pbkfs/stat\" is a name that pbkfs needs" },
	{ "nowhere", { LINE_PLAIN("a", -1), LINE_PLAIN("a", -1) },
	  "\"a\" is unchanged since the parent of backup \"B\", but backup \"A\" does not store it either" },
	{ "FULL", { LINE_PLAIN("a", -1) }, "backup \"A\" does not store it either" },
	{ "missing between", { LINE_PLAIN("a", 1), LINE_PLAIN("b", 1), LINE_PLAIN("a", -1) },
	  "\"a\" is unchanged since the parent of backup \"C\", but backup \"B\" does not list it" },
	{ "other kind between", { LINE_PLAIN("a", 1), LINE_DATA("a", 1, 1), LINE_PLAIN("a", -1) },
	  "\"a\" is kept as a whole in backup \"C\" and page by page in backup \"B\", as pg_probackup 2.8.0 and 2.8.1" },
	{ "pages over a whole file", { LINE_PLAIN("base/5/3000000000", 8192), LINE_DATA("base/5/3000000000", 8200, 1) },
	  "\"base/5/3000000000\" is kept page by page in backup \"B\" and as a whole in backup \"A\"" },
	{ "a whole file over pages", { LINE_DATA("base/5/3000000000", 8200, 1), LINE_PLAIN("base/5/3000000000", 8192) },
	  "\"base/5/3000000000\" is kept as a whole in backup \"B\" and page by page in backup \"A\"" },
	{ "nothing new over another kind", { LINE_PLAIN("a", 8192), LINE_DATA("a", -1, 1), LINE_DATA("a", -1, 1) },
	  "\"a\" is kept page by page in backup \"C\" and as a whole in backup \"A\"" },
	{ "missing at the end", { LINE_PLAIN("b", 1), LINE_PLAIN("a", -1) }, "backup \"A\" does not list it" },
	{ "damaged", { LINE_PLAIN("a", 1) LINE_PLAIN("b", 1x), LINE_PLAIN("a", -1) },
	  "the file list of backup \"A\" is damaged, line 2: size is \"1x\"" },
	{ "no line feed", { LINE_PLAIN("a", 1) "{" }, "the file list of backup \"A\" is damaged, line 2: it has no line feed" },
};

START_TEST(refuses)
{
	char error[CHAIN_ERROR_MAX] = "";
	int r = build(bad[_i].lists, MiB, error);

	ck_assert_msg(r == -EUCLEAN, "%s: %d %s", bad[_i].name, r, error);
	ck_assert_msg(strstr(error, bad[_i].reason) != NULL, "%s: %s", bad[_i].name, error);
}
END_TEST

/* A damaged list is reported as that, not as its first bad line. */
START_TEST(content_crc)
{
	char error[CHAIN_ERROR_MAX] = "";
	struct chain *c;
	unsigned i;

	catalog_backup(&cat, "A", NULL, "content-crc = 1\n", LINE_PLAIN("a", 1));
	catalog_backup(&cat, "B", NULL, "content-crc = 1\n", "rubbish\n" LINE_PLAIN("a", 1));
	catalog_backup(&cat, "C", NULL, "content-crc = 0\n", LINE_PLAIN("a", 1));
	for (i = 0; i < 3; i++) {
		const char id[2] = { (char)('A' + i), '\0' };

		ck_assert_int_eq(chain_open(cat.fd, "store", "main", id, false, &c, error), 0);
		ck_assert_int_eq(index_build(c, memfd, MiB, 1, error), i < 2 ? -EUCLEAN : 0);
		if (i < 2)
			ck_assert_msg(strstr(error, "does not match its content-crc, expected 1, found") != NULL,
			    "%s", error);
		else
			ck_assert_uint_eq(c->member[0].list_crc,
			    crc32c(0, LINE_PLAIN("a", 1), strlen(LINE_PLAIN("a", 1))));
		chain_free(c);
	}
}
END_TEST

START_TEST(too_deep)
{
	char error[CHAIN_ERROR_MAX] = "", path[4 * INDEX_DEPTH_MAX] = "", list[1024];
	const char *lists[] = { list, NULL };
	int i;

	for (i = 0; i < INDEX_DEPTH_MAX; i++)
		strcat(path, "d/");
	snprintf(list, sizeof(list), "{\"path\":\"%sf\",\"size\":\"1\",\"mode\":\"33152\"}\n", path);
	ck_assert_int_eq(build(lists, MiB, error), -EUCLEAN);
	ck_assert_msg(strstr(error, "has too many directories") != NULL, "%s", error);
}
END_TEST

START_TEST(too_big)
{
	static const char *const lists[] = {
		LINE_PLAIN("a", 1) LINE_PLAIN("b", 1) LINE_PLAIN("c", 1), NULL
	};
	static const size_t max[] = { 0, 64, 100, 200, 64 + 4 * 32 + 3 * 40 + 112 + 6 };
	char error[CHAIN_ERROR_MAX] = "";
	struct chain *c;
	size_t i;

	ck_assert_int_eq(build(lists, max[0], error), -EFBIG);
	for (i = 1; i < ARRAY_SIZE(max); i++) {
		ck_assert_int_eq(chain_open(cat.fd, "store", "main", "A", false, &c, error), 0);
		ck_assert_int_eq(index_build(c, memfd, max[i], 1, error), -EFBIG);
		chain_free(c);
	}
	ck_assert_int_eq(chain_open(cat.fd, "store", "main", "A", false, &c, error), 0);
	ck_assert_int_eq(index_build(c, memfd, max[i - 1] + 1, 1, error), 0);
	chain_free(c);
}
END_TEST

/* Lists larger than the read buffer, in other orders, give one and the same tree. */
START_TEST(large_lists)
{
	enum { FILES = 6000 };
	char error[CHAIN_ERROR_MAX] = "", path[64];
	const char *lists[5] = { NULL };
	char *text;
	size_t used;
	int i, k;

	for (k = 0; k < 4; k++) {
		ck_assert_ptr_nonnull(text = malloc(FILES * 128));
		for (i = 0, used = 0; i < FILES; i++)
			used += (size_t)snprintf(text + used, 128,
			    "{\"path\":\"base/%d/%d\", \"size\":\"%d\", \"mode\":\"33152\", "
			    "\"is_datafile\":\"1\",\"n_blocks\":\"7\"}\n",
			    (i * 7919 + k) % FILES % 10, (i * 7919 + k) % FILES, k * 2 - 1 + (k == 0) * 2);
		lists[k] = text;
	}
	ck_assert_msg(build(lists, 4 * MiB, error) == 0, "%s", error);
	ck_assert_int_eq(index_open(memfd, &ix), 0);
	ck_assert_uint_eq(ix.n_entries, FILES + 12);
	for (i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "base/%d/%d", i % 10, i);
		ck_assert_str_eq(providers(path), "0 1 2 3");
	}
	for (k = 0; k < 4; k++)
		free((void *)(uintptr_t)lists[k]);
}
END_TEST

START_TEST(digest)
{
	static const char *const lists[] = {
		LINE_DIR("d") LINE_DATA("a", 10, 2) LINE_PLAIN("b", 3),
		LINE_PLAIN("b", -1) LINE_DATA("a", -1, 2) LINE_DIR("d"),	/* equal */
		LINE_DIR("d") LINE_DATA("a", -1, 3) LINE_PLAIN("b", -1),	/* longer */
		LINE_DIR("d") LINE_DATA("c", 10, 2) LINE_PLAIN("b", -1),	/* renamed */
		NULL
	};
	char error[CHAIN_ERROR_MAX] = "", id[2] = "A";
	uint64_t found[4];
	struct chain *c;
	int i, fd;

	ck_assert_msg(build(lists, MiB, error) == 0, "%s", error);
	for (i = 0; i < 4; i++) {
		id[0] = (char)('A' + i);
		fd = memfd_create("index", 0);
		ck_assert_int_eq(chain_open(cat.fd, "store", "main", id, false, &c, error), 0);
		ck_assert_int_eq(index_build(c, fd, MiB, 2, error), 0);
		ck_assert_int_eq(index_open(fd, &ix), 0);
		found[i] = ix.tree_digest;
		index_close(&ix);
		chain_free(c);
		close(fd);
	}
	ck_assert_uint_eq(found[0], found[1]);
	ck_assert_uint_ne(found[0], found[2]);
	ck_assert_uint_ne(found[0], found[3]);
}
END_TEST

START_TEST(sizes_can_be_set_until_sealed)
{
	static const char *const lists[] = { LINE_DATA("a", 10, 0) LINE_DATA("b", 10, 1), NULL };
	uint32_t a, b;

	build_and_open(lists);
	a = index_lookup(&ix, "a", 1);
	b = index_lookup(&ix, "b", 1);
	ck_assert_uint_eq(ix.entries[a].size, INDEX_SIZE_UNKNOWN);
	ck_assert_int_eq(index_set_size(memfd, a, 100), -EINVAL);
	ck_assert_int_eq(index_set_size(memfd, b, 8192), -EINVAL);
	ck_assert_int_eq(index_set_size(memfd, ix.n_entries, 8192), -EINVAL);
	ck_assert_int_eq(index_set_size(memfd, a, 16384), 0);
	ck_assert_uint_eq(ix.entries[a].size, 16384);
	ck_assert_int_eq(index_set_size(memfd, a, 16384), -EINVAL);
	ck_assert_int_eq(fcntl(memfd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW), 0);
	index_close(&ix);
	ck_assert_int_eq(index_open(memfd, &ix), 0);
	ck_assert_uint_eq(ix.entries[a].size, 16384);
}
END_TEST

/* Flips each bit of a good index: it is refused or still safe to walk. */
START_TEST(damaged)
{
	static const char *const lists[] = {
		LINE_DIR("d") LINE_DATA("d/a", 10, 2) LINE_PLAIN("b", 3),
		LINE_DIR("d") LINE_DATA("d/a", 11, 2) LINE_PLAIN("b", -1), NULL
	};
	char path[PATH_MAX], target[PATH_MAX];
	struct index other;
	size_t len, at;
	unsigned char byte;
	uint32_t i;
	int bit;

	map = "7 /a\n";
	build_and_open(lists);
	len = ix.map_len;
	index_close(&ix);
	for (at = 0; at < len * 8; at++) {
		bit = 1 << at % 8;
		ck_assert_int_eq(pread(memfd, &byte, 1, (off_t)(at / 8)), 1);
		byte ^= (unsigned char)bit;
		ck_assert_int_eq(pwrite(memfd, &byte, 1, (off_t)(at / 8)), 1);
		if (index_open(memfd, &other) == 0) {
			for (i = 0; i < other.n_entries; i++) {
				ck_assert_int_ge(index_path(&other, i, path, sizeof(path)), 0);
				ck_assert_int_ge(index_link_target(&other, i, target, sizeof(target)), 0);
			}
			index_close(&other);
		}
		byte ^= (unsigned char)bit;
		ck_assert_int_eq(pwrite(memfd, &byte, 1, (off_t)(at / 8)), 1);
	}
	while (len-- > 0) {
		ck_assert_int_eq(ftruncate(memfd, (off_t)len), 0);
		ck_assert_int_eq(index_open(memfd, &other), -EUCLEAN);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("index");
	TCase *tc = tcase_create("build");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, tree);
	tcase_add_test(tc, tablespaces);
	tcase_add_loop_test(tc, refuses_maps, 0, ARRAY_SIZE(bad_maps));
	tcase_add_test(tc, data_files);
	tcase_add_test(tc, plain_files);
	tcase_add_loop_test(tc, refuses, 0, ARRAY_SIZE(bad));
	tcase_add_test(tc, content_crc);
	tcase_add_test(tc, too_deep);
	tcase_add_test(tc, too_big);
	tcase_add_test(tc, large_lists);
	tcase_add_test(tc, digest);
	tcase_add_test(tc, sizes_can_be_set_until_sealed);
	tcase_add_test(tc, damaged);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
