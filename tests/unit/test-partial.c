/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/probackup/partial: database_map, and which files a part of a cluster has.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "probackup/partial.h"
#include "support/catalog.h"
#include "support/unit.h"

#define DB(oid, name)	"{\"dbOid\":\"" oid "\", \"datname\":\"" name "\"}\n"
#define LIST	LINE_DIR("base")
#define MAP	DB("5", "postgres") DB("16548", "db_old") DB("4294967295", "a \"} b")

static const struct {
	const char *text, *why;	/* NULL: accepted */
	uint32_t oid;		/* of the last one */
	const char *name;
} maps[] = {
	{ DB("5", "postgres"), NULL, 5, "postgres" },
	{ DB("5", "postgres") DB("4294967295", "big"), NULL, UINT32_MAX, "big" },
	{ "{\"dbOid\":\"7\",\"datname\":\"tight\"}\n", NULL, 7, "tight" },
	{ DB("7", "with \"quotes\" and \"} inside"), NULL, 7, "with \"quotes\" and \"} inside" },
	{ DB("7", "back\\slash\ttab"), NULL, 7, "back\\slash\ttab" },
	{ "", "it is empty", 0, NULL },
	{ "{\"dbOid\":\"5\", \"datname\":\"x\"}", "it is truncated", 0, NULL },
	{ DB("5", "postgres") "{\"dbOid\":\"5\"}\n", "line 2: \"{\"dbOid\":\"5\"}\" is not an OID and a name", 0, NULL },
	{ DB("0", "x"), "line 1", 0, NULL },
	{ DB("4294967296", "x"), "line 1", 0, NULL },
	{ DB("99999999999999999999999", "x"), "line 1", 0, NULL },
	{ DB("-1", "x"), "line 1", 0, NULL },
	{ DB("", "x"), "line 1", 0, NULL },
	{ DB("5", ""), "line 1", 0, NULL },
	{ "\n", "line 1", 0, NULL },
};

START_TEST(partial_maps)
{
	char error[CHAIN_ERROR_MAX] = "";
	struct database_map m = { 0 };
	int r = database_map_parse(maps[_i].text, strlen(maps[_i].text), &m, error);

	ck_assert_msg(r == (maps[_i].why == NULL ? 0 : -EUCLEAN), "%s: %d %s", maps[_i].text, r, error);
	if (r < 0) {
		ck_assert_msg(strstr(error, maps[_i].why) != NULL, "%s: %s", maps[_i].text, error);
		return;
	}
	ck_assert_uint_eq(m.at[m.n - 1].oid, maps[_i].oid);
	ck_assert_str_eq(m.at[m.n - 1].name, maps[_i].name);
	database_map_fini(&m);
}
END_TEST

static const struct story {
	const char *what, *map;		/* NULL: there is none */
	bool	include;
	const char *names[3];
	const char *error, *note;	/* parts; error NULL: accepted */
	const char *out, *in;		/* a path that is left out, and one that is not */
} stories[] = {
	{ "include", MAP, true, { "postgres" }, NULL, "left out: databases \"db_old\", \"a \"} b\", whose",
	  "base/16548/1259", "base/5/1259" },
	{ "the templates stay", MAP, true, { "postgres" }, NULL, "", "base/4294967295/PG_VERSION", "base/1/1259" },
	{ "exclude", MAP, false, { "db_old" }, NULL, "left out: database \"db_old\", whose", "base/16548/112", "base/5/112" },
	{ "exclude two", MAP, false, { "postgres", "db_old" }, NULL, "\"postgres\", \"db_old\"", "base/5/112", "base/4294967295/112" },
	{ "in a tablespace", MAP, false, { "db_old" }, NULL, "", "pg_tblspc/16400/PG_15_202209061/16548/17000", "pg_tblspc/16548/PG_15_202209061/5/17000" },
	{ "not a longer number", MAP, false, { "postgres" }, NULL, "", "base/5/1", "base/50/1" },
	{ "not the directory itself", MAP, false, { "postgres" }, NULL, "", "base/5/pg_filenode.map", "base/5" },
	{ "not elsewhere", MAP, false, { "postgres" }, NULL, "", "base/5/1", "global/5/1" },
	{ "a name of its own kind", MAP, false, { "a \"} b" }, NULL, "", "base/4294967295/1", "base/5/1" },
	{ "a name twice", MAP, true, { "postgres", "postgres" }, NULL, "", "base/16548/1", "base/5/1" },
	{ "an unknown name", MAP, true, { "postgres", "db_new" }, "backup \"A1\" has no database \"db_new\": choose from \"postgres\", \"db_old\"", NULL, NULL, NULL },
	{ "an unknown name to exclude", MAP, false, { "Postgres" }, "has no database \"Postgres\"", NULL, NULL, NULL },
	{ "a template", MAP, true, { "template1" }, "\"template1\" is never left out", NULL, NULL, NULL },
	{ "nothing left out", DB("5", "postgres"), true, { "postgres" }, "all databases of backup \"A1\" are named", NULL, NULL, NULL },
	{ "no map", NULL, true, { "postgres" }, "backup \"A1\" has no database_map", NULL, NULL, NULL },
	{ "a damaged map", "x\n", true, { "postgres" }, "could not use database_map of backup \"A1\": line 1: \"x\"", NULL, NULL, NULL },
};

START_TEST(partial_stories)
{
	const struct story *s = &stories[_i];
	char error[CHAIN_ERROR_MAX] = "", note[CHAIN_ERROR_MAX] = "";
	struct catalog cat;
	struct chain *c;
	unsigned n = 0;
	int r;

	while (n < ARRAY_SIZE(s->names) && s->names[n] != NULL)
		n++;
	catalog_new(&cat);
	catalog_backup(&cat, "A1", NULL, "", LIST);
	catalog_mkdir(&cat, "backups/main/A1/database");
	if (s->map != NULL)
		catalog_write(&cat, "backups/main/A1/database/database_map", s->map);
	ck_assert_msg(chain_open(cat.fd, "store", "main", "A1", false, &c, error) == 0, "%s", error);
	ck_assert(!partial_leaves_out(c, "base/5/1", 8));
	r = partial_choose(c, s->include, s->names, n, note, error);
	ck_assert_msg((r < 0) == (s->error != NULL), "%s: %d %s", s->what, r, error);
	if (s->error != NULL) {
		ck_assert_msg(strstr(error, s->error) != NULL, "%s: %s", s->what, error);
	} else {
		ck_assert_msg(strstr(note, s->note) != NULL, "%s: %s", s->what, note);
		ck_assert_msg(partial_leaves_out(c, s->out, strlen(s->out)), "%s: %s", s->what, s->out);
		ck_assert_msg(!partial_leaves_out(c, s->in, strlen(s->in)), "%s: %s", s->what, s->in);
	}
	chain_free(c);
	catalog_free(&cat);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("partial");
	TCase *tc = tcase_create("partial");

	tcase_add_loop_test(tc, partial_maps, 0, ARRAY_SIZE(maps));
	tcase_add_loop_test(tc, partial_stories, 0, ARRAY_SIZE(stories));
	suite_add_tcase(s, tc);
	return unit_main(s);
}
