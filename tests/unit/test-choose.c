/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/probackup/choose: which backup "latest" is, and which one a target takes.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "probackup/choose.h"
#include "support/catalog.h"
#include "support/unit.h"

#define LIST	LINE_DIR("base")
#define NONE	{ .kind = RECOVERY_NONE }
#define ON(k, v, tl)	{ .kind = RECOVERY_##k, .value = (v), .timeline = (tl) }

/*
 * A chain A1 <- B1 <- C1 on timeline 1, D1 a FULL on timeline 2, which begins at
 * 0/3800000; E1 on timeline 3, which begins at the same place.  They end at
 * 1, 2, 3, 4 and 5 o'clock, at 0/1000000 and so on, with transactions up to 100...
 */
static const char *const fields[] = {
	"timelineid = 1\nstop-lsn = 0/1000000\nrecovery-xid = 100\nrecovery-time = '2026-11-22 01:00:00+00'\n",
	"timelineid = 1\nstop-lsn = 0/2000000\nrecovery-xid = 200\nrecovery-time = '2026-11-22 02:00:00+00'\n",
	"timelineid = 1\nstop-lsn = 0/3000000\nrecovery-xid = 300\nrecovery-time = '2026-11-22 03:00:00+00'\n",
	"timelineid = 2\nstop-lsn = 0/4000000\nrecovery-xid = 400\nrecovery-time = '2026-11-22 04:00:00+00'\n",
	"timelineid = 3\nstop-lsn = 0/5000000\nrecovery-xid = 500\nend-time = '2026-11-22 05:00:00+00'\n",
};

struct story {
	const char *what;
	const char *status[5];	/* NULL: OK; "" no such backup; with '=' a line of its own */
	struct recovery_target t;
	const char *id;		/* NULL: refused */
	const char *text;	/* part of what is said */
	const char *warning;	/* part; NULL: none */
};

static const struct story stories[] = {
	{ "the newest", { 0 }, NONE, "E1", "backup E1 is the newest that can be mounted", NULL },
	{ "running", { [4] = "RUNNING" }, NONE, "D1",
	  "backup D1 is the newest that can be mounted; passed over: E1 (RUNNING)", NULL },
	{ "error and corrupt", { [3] = "CORRUPT", [4] = "ERROR" }, NONE, "C1",
	  "; passed over: E1 (ERROR), D1 (CORRUPT)", NULL },
	{ "done is as good as ok", { [4] = "DONE" }, NONE, "E1", "E1 is the newest", NULL },
	{ "orphan", { [3] = "", [4] = "", [2] = "ORPHAN" }, NONE, "B1", "C1 (ORPHAN)", NULL },
	{ "a parent is corrupt", { [1] = "CORRUPT", [3] = "", [4] = "" }, NONE, "A1",
	  "C1 (based on B1, CORRUPT), B1 (CORRUPT)", NULL },
	{ "a parent is missing", { [1] = "", [3] = "", [4] = "" }, NONE, "A1",
	  "C1 (without its parent)", NULL },
	{ "unknown version", { [4] = "program-version = 9.0.0" }, NONE, "D1", "E1 (unfit)", NULL },
	{ "unreadable", { [4] = "block-size = many" }, NONE, "D1", "E1 (unreadable)", NULL },
	{ "a circle", { "=", [3] = "", [4] = "", [1] = "parent-backup-id = C1" }, NONE, "A1",
	  "C1 (no chain), B1 (no chain)", NULL },
	{ "none is fit", { "ERROR", "ERROR", "ERROR", "ERROR", "ERROR" }, NONE, NULL,
	  "no backup of instance \"main\" can be mounted: E1 (ERROR), D1 (ERROR), C1 (ERROR), B1 (ERROR), ...; pbkfs show", NULL },
	{ "none at all", { "", "", "", "", "" }, NONE, NULL, "instance \"main\" has no backup", NULL },
	/* the target */
	{ "time", { 0 }, ON(TIME, "2026-11-22 02:30:00+00", NULL), "B1",
	  "backup B1 is the newest that can be mounted and ends before the recovery target; passed over: E1 (ends behind the target), D1 (ends behind the target), C1 (ends behind the target)", NULL },
	{ "time, at the end", { 0 }, ON(TIME, "2026-11-22 03:00:00+00", NULL), "C1", "", NULL },
	{ "time, just before it", { 0 }, ON(TIME, "2026-11-22 02:59:59.999999+00", NULL), "B1", "", NULL },
	{ "time, its end-time alone is known", { 0 }, ON(TIME, "2026-11-22 04:59:59+00", NULL), "D1", "E1 (ends behind", NULL },
	{ "time, in another zone", { 0 }, ON(TIME, "2026-11-22 02:30:00-01", NULL), "C1", "", NULL },
	{ "time, and the one that fits is corrupt", { [1] = "CORRUPT" }, ON(TIME, "2026-11-22 02:30:00+00", NULL), "A1",
	  "B1 (CORRUPT)", NULL },
	{ "time before all", { 0 }, ON(TIME, "2026-11-22 00:30:00+00", NULL), NULL,
	  "no backup of instance \"main\" ends before the recovery target: the oldest that can be mounted, A1, ends at 0/1000000 with commits up to 2026-11-22 01:00:00+00", NULL },
	{ "xid", { 0 }, ON(XID, "350", NULL), "C1", "", NULL },
	{ "xid, the last", { 0 }, ON(XID, "400", NULL), "D1", "", NULL },
	{ "lsn", { 0 }, ON(LSN, "0/2FFFFFF", NULL), "B1", "", NULL },
	{ "lsn, at the end", { 0 }, ON(LSN, "0/3000000", NULL), "C1", "", NULL },
	{ "lsn before all", { 0 }, ON(LSN, "0/FFFFFF", NULL), NULL, "ends before the recovery target", NULL },
	{ "immediate", { 0 }, ON(IMMEDIATE, NULL, NULL), "E1", "newest that can be mounted", NULL },
	{ "latest", { 0 }, ON(LATEST, NULL, NULL), "B1", "E1 (timeline 3), D1 (timeline 2), C1 (timeline 1)", NULL },
	{ "latest of its own timeline", { 0 }, ON(LATEST, NULL, "current"), "E1", "", NULL },
	{ "name", { 0 }, ON(NAME, "rp", NULL), "E1", "", "restore point \"rp\"" },
	/* the timeline */
	{ "timeline 1", { 0 }, ON(LATEST, NULL, "1"), "C1", "E1 (timeline 3), D1 (timeline 2)", NULL },
	{ "timeline 2", { 0 }, ON(LATEST, NULL, "2"), "D1", "E1 (timeline 3)", NULL },
	{ "timeline 2, time before its own backup", { 0 }, ON(TIME, "2026-11-22 03:59:00+00", "2"), "C1", "", NULL },
	{ "timeline 4, from the same place", { 0 }, ON(LATEST, NULL, "4"), "C1", "", NULL },
	{ "timeline 5, left before C1 ends", { 0 }, ON(LATEST, NULL, "5"), "B1", "C1 (timeline 1)", NULL },
	{ "timeline 7, behind a gap", { 0 }, ON(LATEST, NULL, "7"), "D1", "", NULL },
	{ "the latest timeline, of the backup's", { 0 }, ON(LATEST, NULL, "latest"), "B1", "E1 (timeline 3), D1 (timeline 2), C1 (timeline 1)", NULL },
	{ "an unknown timeline", { 0 }, ON(LATEST, NULL, "9"), NULL,
	  "no backup of instance \"main\" fits the recovery target: timeline 9 is not known: \"00000009.history\" is missing", NULL },
};

static void
add_backup(const struct catalog *cat, const struct story *s, unsigned i)
{
	static const char *const ids[] = { "A1", "B1", "C1", "D1", "E1" };
	const char *status = s->status[i];
	char extra[512];

	if (status != NULL && status[0] == '\0')
		return;
	snprintf(extra, sizeof(extra), "%s%s%s\n", fields[i],
	    status == NULL || strchr(status, '=') != NULL ? "" : "status = ",
	    status == NULL || strcmp(status, "=") == 0 ? "" : status);
	catalog_backup(cat, ids[i], i == 1 || i == 2 ? ids[i - 1] : NULL, extra, LIST);
}

static void
add_histories(const struct catalog *cat)
{
	static const char *const text[] = {
		[2] = "1\t0/3800000\tx\n", [3] = "1\t0/3800000\tx\n", [4] = "1\t0/3800000\tx\n",
		[5] = "1\t0/2800000\tx\n", [7] = "1\t0/3800000\tx\n2\t0/6000000\ty\n",
	};
	char path[64];
	unsigned i;

	catalog_mkdir(cat, "wal");
	catalog_mkdir(cat, "wal/main");
	for (i = 0; i < ARRAY_SIZE(text); i++) {
		if (text[i] == NULL)
			continue;
		snprintf(path, sizeof(path), "wal/main/%08X.history", i);
		catalog_write(cat, path, text[i]);
	}
}

START_TEST(choose_stories)
{
	const struct story *s = &stories[_i];
	char error[CHAIN_ERROR_MAX] = "";
	struct recovery_target t = s->t;
	struct choice c = { .id = "-" };
	struct catalog cat;
	unsigned i;
	int r;

	catalog_new(&cat);
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		add_backup(&cat, s, i);
	add_histories(&cat);
	ck_assert_msg(recovery_parse(&t, error) == 0, "%s: %s", s->what, error);
	r = choose_backup(cat.fd, "store", "main", &t, &c, error);
	ck_assert_msg(r == (s->id != NULL ? 0 : -ENOENT), "%s: %d %s", s->what, r, error);
	if (s->id == NULL) {
		ck_assert_msg(strstr(error, s->text) != NULL, "%s: %s", s->what, error);
	} else {
		ck_assert_msg(strcmp(c.id, s->id) == 0, "%s: %s", s->what, c.text);
		ck_assert_msg(strstr(c.text, s->text) != NULL, "%s: %s", s->what, c.text);
		ck_assert_msg(s->warning == NULL ? c.warning[0] == '\0' :
		    strstr(c.warning, s->warning) != NULL, "%s: %s", s->what, c.warning);
	}
	catalog_free(&cat);
}
END_TEST

/* Without an archive there are only the timelines of the backups. */
START_TEST(choose_no_archive)
{
	char error[CHAIN_ERROR_MAX] = "";
	struct recovery_target t = ON(IMMEDIATE, NULL, "latest");
	struct choice c;
	struct catalog cat;

	catalog_new(&cat);
	catalog_backup(&cat, "A1", NULL, fields[0], LIST);
	ck_assert_int_eq(choose_backup(cat.fd, "store", "none", NULL, &c, error), -ENOENT);
	ck_assert_msg(strstr(error, "instance \"none\" does not exist") != NULL, "%s", error);
	ck_assert_int_eq(recovery_parse(&t, error), 0);
	ck_assert_msg(choose_backup(cat.fd, "store", "main", &t, &c, error) == 0, "%s", error);
	ck_assert_str_eq(c.id, "A1");
	ck_assert_int_eq(choose_backup(cat.fd, "store", "main", NULL, &c, error), 0);
	catalog_free(&cat);
}
END_TEST

/* The word is in lower case: in capitals it is an id like others. */
START_TEST(choose_word)
{
	ck_assert(choose_is_asked("latest"));
	ck_assert(!choose_is_asked("LATEST"));
	ck_assert(!choose_is_asked("Latest"));
	ck_assert(!choose_is_asked("latest1"));
	ck_assert(backup_id_is_valid("LATEST"));
}
END_TEST

static const struct id {
	const char *typed, *id;	/* NULL: none */
} ids[] = {
	{ "TOXC0I", "TOXC0I" }, { "toxc0i", "TOXC0I" }, { "tOXc0i", "TOXC0I" }, { "0", "0" },
	{ "ABCDEFGHIJKLMNO", "ABCDEFGHIJKLMNO" }, { "ABCDEFGHIJKLMNOP", NULL }, { "", NULL },
	{ "A/B", NULL }, { "..", NULL }, { "A B", NULL }, { "A\n", NULL }, { "\xc3\x84", NULL }, { "-1", NULL },
};

START_TEST(choose_id)
{
	const struct id *c = &ids[_i];
	char out[BACKUP_ID_MAX] = "as it was";

	ck_assert_int_eq(backup_id_normalize(c->typed, out), c->id != NULL ? 0 : -EINVAL);
	ck_assert_str_eq(out, c->id != NULL ? c->id : "as it was");
	ck_assert_int_eq(backup_id_is_valid(c->typed), c->id != NULL && strcmp(c->typed, c->id) == 0);
}
END_TEST

/* A worker may send an id without an end. */
START_TEST(choose_id_without_end)
{
	char *id = malloc(BACKUP_ID_MAX);

	ck_assert_ptr_nonnull(id);
	memset(id, 'A', BACKUP_ID_MAX);
	ck_assert(!backup_id_is_valid(id));
	free(id);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("choose");
	TCase *tc = tcase_create("choose");

	tcase_add_loop_test(tc, choose_stories, 0, ARRAY_SIZE(stories));
	tcase_add_test(tc, choose_no_archive);
	tcase_add_test(tc, choose_word);
	tcase_add_loop_test(tc, choose_id, 0, ARRAY_SIZE(ids));
	tcase_add_test(tc, choose_id_without_end);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
