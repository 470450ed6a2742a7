/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/pg/waltime and lib/probackup/archive_last: the time of the last WAL, wherever its record
 * lies, and which segment of an archive is the last.
 */
#include "config.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/util.h"
#include "pg/waltime.h"
#include "probackup/archive_last.h"
#include "support/catalog.h"
#include "support/unit.h"
#include "support/walwriter.h"

#define SEGMENT	(1024u * 1024)
#define T0	INT64_C(1795386069)	/* 2026-11-22 22:21:09+00 */
#define OURS(t)	(uint64_t)(t)
#define POSTGRES(t)	(uint64_t)(((t) - INT64_C(946684800)) * 1000000 + 999999)

/* Records with a time, and some that look like it. */
static const struct {
	const char *what;
	unsigned char rmid, info, at;
	uint64_t value;
	int64_t expected;
} cases[] = {
	{ "commit", 1, 0x00, 0, POSTGRES(T0), T0 },
	{ "commit with flags", 1, 0x80, 0, POSTGRES(T0), T0 },
	{ "abort", 1, 0x20, 0, POSTGRES(T0), T0 },
	{ "prepare", 1, 0x10, 0, POSTGRES(T0), 0 },
	{ "commit prepared", 1, 0x30, 0, POSTGRES(T0), T0 },
	{ "abort prepared", 1, 0x40, 0, POSTGRES(T0), T0 },
	{ "assignment", 1, 0x50, 0, POSTGRES(T0), 0 },
	{ "shutdown", 0, 0x00, 64, OURS(T0), T0 },
	{ "checkpoint", 0, 0x10, 64, OURS(T0), T0 },
	{ "next oid", 0, 0x30, 0, OURS(T0), 0 },
	{ "restore point", 0, 0x70, 0, POSTGRES(T0), T0 },
	{ "end of recovery", 0, 0x90, 0, POSTGRES(T0), T0 },
	{ "of another manager", 10, 0x00, 0, POSTGRES(T0), 0 },
	{ "before 1970", 0, 0x10, 64, (uint64_t)-5, 0 },
};

/* Appends a record of len bytes of data, which has the value at that place. */
static uint64_t
append(struct walwriter *w, unsigned char rmid, unsigned char info, unsigned at, uint64_t value, uint32_t len)
{
	unsigned char rec[2048] = { 0 };

	rec[16] = info;
	rec[17] = rmid;
	rec[24] = 255;
	rec[25] = (unsigned char)len;
	walwriter_put(rec + 26 + at, value, 8);
	return walwriter_record(w, rec, 26 + len);
}

static struct walwriter
new_segment(uint64_t segno)
{
	struct walwriter w = {
		.bytes = calloc(1, SEGMENT), .size = SEGMENT, .lsn = segno * SEGMENT, .page = 8192,
		.segment = SEGMENT, .timeline = 1,
	};

	ck_assert_ptr_nonnull(w.bytes);
	return w;
}

static int64_t
latest(const struct walwriter *w)
{
	const struct walrecord_window v = {
		.bytes = w->bytes, .len = w->size, .lsn = w->lsn, .page_size = w->page, .seg_size = w->segment,
	};

	return waltime_latest(&v);
}

/* Whatever the distance of its beginning from the end of a page. */
START_TEST(kinds_of_records)
{
	struct walwriter w;
	uint32_t before;
	uint64_t lsn;

	for (before = 0; before < 160; before += 8) {
		w = new_segment(5);
		append(&w, 10, 0, 0, 0, 8);
		while (w.at % w.page < w.page - 240 - before)
			append(&w, 10, 0, 0, 0, 38);	/* 64 bytes in all */
		append(&w, 1, 0, 0, POSTGRES(T0 - 100), 8);
		lsn = append(&w, cases[_i].rmid, cases[_i].info, cases[_i].at, cases[_i].value, 80);
		append(&w, 1, 0, 0, POSTGRES(T0 - 50), 8);
		ck_assert_msg(latest(&w) == (cases[_i].expected != 0 ? T0 : T0 - 50), "%s, %u: %lld", cases[_i].what, before,
		    (long long)latest(&w));
		w.bytes[lsn - w.lsn + 23] ^= 1;		/* its checksum, if that is in the same page */
		ck_assert_msg((lsn - w.lsn) % w.page + 24 > w.page || latest(&w) == T0 - 50, "%s, damaged", cases[_i].what);
		free(w.bytes);
	}
}
END_TEST

/* A segment of the archive with one commit at that time; 0: none. */
static void
put_segment(struct catalog *cat, const char *name, uint64_t segno, int64_t when)
{
	struct walwriter w = new_segment(segno);
	char path[320];
	FILE *fp;

	append(&w, 10, 0, 0, 0, 8);
	if (when != 0)
		append(&w, 1, 0, 0, POSTGRES(when), 8);
	snprintf(path, sizeof(path), "%s/wal/main/%s", cat->dir, name);
	ck_assert_ptr_nonnull(fp = fopen(path, "wb"));
	ck_assert_uint_eq(fwrite(w.bytes, 1, SEGMENT, fp), SEGMENT);
	ck_assert_int_eq(fclose(fp), 0);
	free(w.bytes);
}

START_TEST(last_of_archive)
{
	struct archive_last last;
	struct catalog cat;
	struct archive a;

	catalog_new(&cat);
	catalog_mkdir(&cat, "wal");
	ck_assert_int_eq(archive_init(&a, cat.fd, "main", SEGMENT, 15), 0);
	ck_assert_int_eq(archive_last_find(&a, &last), 0);
	ck_assert_msg(last.wal.kind == WAL_NONE, "without an archive");
	catalog_mkdir(&cat, "wal/main");
	ck_assert_int_eq(archive_last_find(&a, &last), 0);
	ck_assert_msg(last.wal.kind == WAL_NONE, "of an empty archive");

	put_segment(&cat, "000000010000000000000004", 4, T0);
	put_segment(&cat, "000000010000000000000005", 5, T0 + 60);
	put_segment(&cat, "000000010000000000000006.partial", 6, T0 + 600);
	put_segment(&cat, "000000010000000000000007.part", 7, T0 + 600);
	ck_assert_int_eq(archive_last_find(&a, &last), 0);
	ck_assert_str_eq(last.name, "000000010000000000000005");
	ck_assert_msg(last.by_record && last.time == T0 + 60, "%lld", (long long)last.time);

	/* A timeline that began earlier is the newest all the same; what has no time is passed over. */
	put_segment(&cat, "000000020000000000000003", 3, T0 + 120);
	put_segment(&cat, "000000020000000000000004", 4, 0);
	ck_assert_int_eq(archive_last_find(&a, &last), 0);
	ck_assert_str_eq(last.name, "000000020000000000000004");
	ck_assert_msg(last.by_record && last.time == T0 + 120, "%lld", (long long)last.time);

	/* A damaged one is as old as its file. */
	catalog_write(&cat, "wal/main/000000030000000000000009", "no WAL");
	ck_assert_int_eq(archive_last_find(&a, &last), 0);
	ck_assert_str_eq(last.name, "000000030000000000000009");
	ck_assert_msg(!last.by_record && last.time > time(NULL) - 600, "%lld", (long long)last.time);
	catalog_free(&cat);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("waltime");
	TCase *tc = tcase_create("waltime");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, kinds_of_records, 0, ARRAY_SIZE(cases));
	tcase_add_test(tc, last_of_archive);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
