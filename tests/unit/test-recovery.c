/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/probackup/recovery: how targets are written, and which of them an archive
 * lets a server reach.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "probackup/recovery.h"
#include "support/catalog.h"
#include "support/unit.h"
#include "support/walwriter.h"
#include "support/wal.h"

#define S(seconds)	((int64_t)(seconds) * 1000000)

static const struct {
	struct recovery_target t;
	const char *why;	/* NULL: accepted, and as expected */
	int64_t time_us;
	uint64_t number;	/* xid, LSN or timeline */
} parses[] = {
#define TIME(text)	{ .kind = RECOVERY_TIME, .value = (text) }
#define XID(text)	{ .kind = RECOVERY_XID, .value = (text) }
#define LSN(text)	{ .kind = RECOVERY_LSN, .value = (text) }
#define NAME(text)	{ .kind = RECOVERY_NAME, .value = (text) }
#define TLI(text)	{ .kind = RECOVERY_IMMEDIATE, .timeline = (text) }
	{ TIME("1970-01-01 00:00:00+00"), NULL, 0, 0 },
	{ TIME("2026-11-22 22:21:09+00"), NULL, S(1795386069), 0 },
	{ TIME("2026-11-22 22:21:09.5+00"), NULL, S(1795386069) + 500000, 0 },
	{ TIME("2026-11-22 22:21:09.123456-03"), NULL, S(1795386069 + 3 * 3600) + 123456, 0 },
	{ TIME("2026-11-22 22:21:09+05:30"), NULL, S(1795386069 - 19800), 0 },
	{ TIME("2026-11-22 22:21:09 +05:30"), NULL, S(1795386069 - 19800), 0 },
	{ TIME("2028-02-29 00:00:00+00"), NULL, S(1835395200), 0 },
	/* without a zone: the process's, which is Tokyo's here */
	{ TIME("2026-11-22 22:21:09"), NULL, S(1795386069 - 9 * 3600), 0 },
	{ TIME("2026-02-29 00:00:00+00"), "is not a time", 0, 0 },
	{ TIME("2026-13-01 00:00:00+00"), "is not a time", 0, 0 },
	{ TIME("2026-11-22 24:00:00+00"), "is not a time", 0, 0 },
	{ TIME("2026-11-22 22:60:00+00"), "is not a time", 0, 0 },
	{ TIME("2026-11-22 22:21:09+0"), "is not a time", 0, 0 },
	{ TIME("2026-11-22 22:21:09+00:"), "is not a time", 0, 0 },
	{ TIME("2026-11-22 22:21:09."), "is not a time", 0, 0 },
	{ TIME("2026-11-22 22:21:09.1234567"), "is not a time", 0, 0 },
	{ TIME("2026-11-22 22:21:09 UTC"), NULL, S(1795386069), 0 },
	{ TIME("2026-11-22T22:21:09Z"), NULL, S(1795386069), 0 },
	{ TIME("2026-11-22 22:21+00"), NULL, S(1795386060), 0 },
	{ TIME("2026-11-22 22:21:09+0530"), NULL, S(1795386069 - 19800), 0 },
	{ TIME("2026-11-22 22:21:09+00:00:30"), NULL, S(1795386069 - 30), 0 },
	{ TIME("2026-11-22 22:21:09 CET"), "time zone \"CET\" is not known, write an offset", 0, 0 },
	{ TIME("2026-11-22 22:21:09 IST"), "time zone \"IST\" is not known", 0, 0 },
	{ TIME("2026-11-22 22:21:09 Nowhere/City"), "time zone \"Nowhere/City\" is not known", 0, 0 },
	{ TIME("2026-11-22 22:21:09 ../../../etc/passwd"), "is not a time", 0, 0 },
	{ TIME("2026-11-22 22:21:09 /etc/passwd"), "is not known", 0, 0 },
	{ TIME("2026-11-22 22:21:09 PM"), "time zone \"PM\" is not known", 0, 0 },
	{ TIME("22 Nov 2026 22:21:09"), "is not a time", 0, 0 },
	{ TIME("now"), "is not a time", 0, 0 },
	{ TIME("2026-11-22"), "is not a time", 0, 0 },
	{ TIME("26-11-22 22:21:09"), "is not a time", 0, 0 },
	{ TIME("yesterday"), "\"yesterday\" is not a time", 0, 0 },
	{ TIME(""), "is not a time", 0, 0 },
	{ TIME(NULL), "no value", 0, 0 },
	{ XID("784"), NULL, 0, 784 },
	{ XID("4294967295"), NULL, 0, UINT32_MAX },
	{ XID("4294967296"), "is not a transaction id", 0, 0 },
	{ XID("2"), "is not a transaction id", 0, 0 },
	{ XID("-5"), "is not a transaction id", 0, 0 },
	{ XID("0x10"), "is not a transaction id", 0, 0 },
	{ XID("12 "), "is not a transaction id", 0, 0 },
	{ XID(""), "is not a transaction id", 0, 0 },
	{ LSN("0/1D000B8"), NULL, 0, 0x1D000B8 },
	{ LSN("fFfFfFfF/0"), NULL, 0, UINT64_C(0xFFFFFFFF00000000) },
	{ LSN("100000000/0"), "is not an LSN", 0, 0 },
	{ LSN("0/100000000"), "is not an LSN", 0, 0 },
	{ LSN("0"), "is not an LSN", 0, 0 },
	{ LSN("/1"), "is not an LSN", 0, 0 },
	{ LSN("1/"), "is not an LSN", 0, 0 },
	{ LSN("0/G"), "is not an LSN", 0, 0 },
	{ LSN("0/1/2"), "is not an LSN", 0, 0 },
	{ NAME("before upgrade"), NULL, 0, 0 },
	{ NAME(""), "is not the name of a restore point", 0, 0 },
	{ NAME("1234567890123456789012345678901234567890123456789012345678901234"), "1 to 63 bytes", 0, 0 },
	{ TLI("current"), NULL, 0, 0 },
	{ TLI("latest"), NULL, 0, 0 },
	{ TLI("7"), NULL, 0, 7 },
	{ TLI("0xA"), NULL, 0, 10 },
	{ TLI("0"), "is not a timeline", 0, 0 },
	{ TLI("010"), "is not a timeline", 0, 0 },
	{ TLI("-1"), "is not a timeline", 0, 0 },
	{ TLI("newest"), "is not a timeline", 0, 0 },
	{ TLI(""), "is not a timeline", 0, 0 },
};

START_TEST(recovery_targets)
{
	struct recovery_target t = parses[_i].t;
	char error[CHAIN_ERROR_MAX] = "";
	int r;

	ck_assert_int_eq(setenv("TZ", "JST-9", 1), 0);
	tzset();
	r = recovery_parse(&t, error);
	ck_assert_msg(r == (parses[_i].why == NULL ? 0 : -EINVAL), "\"%s\" \"%s\": %d %s", t.value,
	    t.timeline, r, error);
	if (r < 0) {
		ck_assert_msg(strstr(error, parses[_i].why) != NULL, "\"%s\": %s", t.value, error);
		return;
	}
	ck_assert_int_eq(t.time_us, parses[_i].time_us);
	ck_assert_uint_eq(t.kind == RECOVERY_LSN ? t.lsn : t.kind == RECOVERY_XID ? t.xid : t.tli,
	    parses[_i].number);
	if (t.kind == RECOVERY_IMMEDIATE)
		ck_assert_uint_eq(t.tli_kind, parses[_i].number != 0 ? RECOVERY_TLI_NUMBER :
		    t.timeline[0] == 'l' ? RECOVERY_TLI_LATEST : RECOVERY_TLI_CURRENT);
}
END_TEST

/*
 * Zones by the rules of POSIX, which need no files: Central Europe, where clocks go from 2 to 3
 * on 2026-03-29 and from 3 to 2 on 2026-10-25; an hour behind a half one; none.
 */
#define CENTRAL	"CET-1CEST,M3.5.0,M10.5.0/3"
static const struct {
	const char *zone, *text;
	const char *written;	/* NULL: refused */
	const char *why;
} local[] = {
	{ CENTRAL, "2026-07-01 12:00:00", "2026-07-01 12:00:00+02", NULL },
	{ CENTRAL, "2026-12-01 12:00:00", "2026-12-01 12:00:00+01", NULL },
	{ CENTRAL, "2026-12-01 12:00:00.250+00", "2026-12-01 13:00:00.25+01", NULL },
	{ CENTRAL, "2026-10-25 01:59:59", "2026-10-25 01:59:59+02", NULL },
	{ CENTRAL, "2026-10-25 02:30:00", NULL, "comes twice, since clocks are put back over it: write \"2026-10-25 02:30:00+02\" or \"2026-10-25 02:30:00+01\"" },
	{ CENTRAL, "2026-10-25 02:30:00+02", "2026-10-25 02:30:00+02", NULL },
	{ CENTRAL, "2026-10-25 02:30:00+01", "2026-10-25 02:30:00+01", NULL },
	{ CENTRAL, "2026-10-25 03:00:00", "2026-10-25 03:00:00+01", NULL },
	{ CENTRAL, "2026-03-29 01:59:59", "2026-03-29 01:59:59+01", NULL },
	{ CENTRAL, "2026-03-29 02:30:00", NULL, "does not exist, since clocks are put forward over it" },
	{ CENTRAL, "2026-03-29 03:00:00", "2026-03-29 03:00:00+02", NULL },
	{ CENTRAL, "2026-03-29 12:00:00", "2026-03-29 12:00:00+02", NULL },
	{ "IST-5:30", "2026-07-01 12:00:00.000001", "2026-07-01 12:00:00.000001+05:30", NULL },
	{ "NST3:30", "2026-07-01 12:00:00", "2026-07-01 12:00:00-03:30", NULL },
	{ "XXX0:00:20", "2026-07-01 12:00:00", "2026-07-01 12:00:00-00:00:20", NULL },
	{ "FAR+30", "2026-07-01 12:00:00", "2026-07-02 12:00:00+00", NULL },
	{ "right/UTC", "2026-07-01 12:00:00", "2026-07-01 12:00:00+00", NULL },
	{ "right/UTC", "2026-07-01 12:00:00+02", "2026-07-01 10:00:00+00", NULL },
	{ "UTC0", "9999-12-31 23:59:59", "9999-12-31 23:59:59+00", NULL },
};

START_TEST(recovery_zones)
{
	struct recovery_target t = TIME(local[_i].text), again = { .kind = RECOVERY_TIME };
	char error[CHAIN_ERROR_MAX] = "", utc[RECOVERY_TIME_MAX];
	int r;

	ck_assert_int_eq(setenv("TZ", local[_i].zone, 1), 0);
	r = recovery_parse(&t, error);
	ck_assert_msg((r == 0) == (local[_i].written != NULL), "%s: %d %s", t.value, r, error);
	if (r < 0) {
		ck_assert_msg(strstr(error, local[_i].why) != NULL, "%s", error);
		return;
	}
	ck_assert_str_eq(t.written, local[_i].written);
	/* Whoever reads it elsewhere finds the same moment, and formatting leaves the zone alone. */
	ck_assert_int_eq(recovery_time_format(t.time_us, "UTC", utc), 0);
	ck_assert_str_eq(getenv("TZ"), local[_i].zone);
	ck_assert_int_eq(setenv("TZ", "JST-9", 1), 0);
	again.value = t.written;
	ck_assert_msg(recovery_parse(&again, error) == 0, "%s", error);
	ck_assert_int_eq(again.time_us, t.time_us);
	again.value = utc;
	ck_assert_msg(recovery_parse(&again, error) == 0, "%s", error);
	ck_assert_int_eq(again.time_us, t.time_us);
	ck_assert_int_eq(recovery_time_format(t.time_us, "Nowhere/City", utc), -EINVAL);
	ck_assert_int_eq(recovery_time_format(t.time_us, "../zoneinfo/UTC", utc), -EINVAL);
}
END_TEST

/* Names, from a directory that the test makes: a file of version 1 with one zone. */
START_TEST(recovery_named_zone)
{
	static const unsigned char file[] =
	    "TZif\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\4"
	    "\0\0\x2a\x30\0\0EET";
	struct recovery_target t = TIME("2026-11-22 22:21:09 Some/Where");
	char error[CHAIN_ERROR_MAX] = "", path[320], text[RECOVERY_TIME_MAX];
	struct catalog cat;
	FILE *fp;

	catalog_new(&cat);
	catalog_mkdir(&cat, "Some");
	snprintf(path, sizeof(path), "%s/Some/Where", cat.dir);
	ck_assert_ptr_nonnull(fp = fopen(path, "wb"));
	ck_assert_uint_eq(fwrite(file, 1, sizeof(file), fp), sizeof(file));
	ck_assert_int_eq(fclose(fp), 0);
	ck_assert_int_eq(setenv("TZDIR", cat.dir, 1) | setenv("TZ", "JST-9", 1), 0);
	ck_assert_msg(recovery_parse(&t, error) == 0, "%s", error);
	ck_assert_int_eq(t.time_us, S(1795386069 - 3 * 3600));
	ck_assert_str_eq(t.written, "2026-11-23 04:21:09+09");
	ck_assert_int_eq(recovery_time_format(t.time_us, "Some/Where", text), 0);
	ck_assert_str_eq(text, "2026-11-22 22:21:09+03");
	catalog_free(&cat);
}
END_TEST

/*
 * The archive: segments as TIMELINE:FROM-TO (decimal, 1 MB each), a suffix of
 * the last one behind "+".  The backup begins in segment 10 and ends in 12 of
 * timeline 1 unless said otherwise.
 */
struct story {
	const char *what, *segments;
	const char *history2, *history3;
	bool	stream;
	struct recovery_target t;
	const char *error, *warning;	/* parts; NULL: none */
};

#define H2	"1\t0/F00000\tx\n"		/* leaves 1 at the beginning of segment 15 */
#define H2_INSIDE	"1\t0/F80000\tx\n"	/* in the middle of it */
#define H2_EARLY	"1\t0/B80000\tx\n"	/* in segment 11 */
#define H2_STOP	"1\t0/C80000\tx\n"		/* in segment 12, behind the backup's end */
#define NONE	{ .kind = RECOVERY_NONE }
#define ON(k, v, tl)	{ .kind = RECOVERY_##k, .value = (v), .timeline = (tl) }
#define MISSING_1(n)	"\"0000000100000000000000" n "\" is missing from the archive of instance \"main\""
#define MISSING_2(n)	"\"0000000200000000000000" n "\" is missing from the archive of instance \"main\""

static const struct story stories[] = {
	/* what the backup itself needs */
	{ "all there", "1:10-12", NULL, NULL, false, NONE, NULL, NULL },
	{ "first missing", "1:11-12", NULL, NULL, false, NONE, MISSING_1("0A"), NULL },
	{ "middle missing", "1:10-10 1:12-12", NULL, NULL, false, ON(IMMEDIATE, NULL, NULL), MISSING_1("0B"), NULL },
	{ "last missing", "1:10-11", NULL, NULL, false, ON(IMMEDIATE, NULL, NULL), MISSING_1("0C"), NULL },
	{ "last compressed", "1:10-12+.gz", NULL, NULL, false, NONE, NULL, NULL },
	{ "last as LZ4", "1:10-12+.lz4", NULL, NULL, false, NONE, NULL, NULL },
	{ "last as zstd", "1:10-12+.zst", NULL, NULL, false, NONE, NULL, NULL },
	{ "last partial as zstd", "1:10-12+.zst.partial", NULL, NULL, false, NONE, NULL, NULL },
	{ "last partial", "1:10-12+.gz.partial", NULL, NULL, false, NONE, NULL, NULL },
	{ "last unfinished", "1:10-12+.part", NULL, NULL, false, NONE, MISSING_1("0C"), NULL },
	{ "of another timeline", "2:10-12", NULL, NULL, false, NONE, MISSING_1("0A"), NULL },
	{ "empty", "", NULL, NULL, false, NONE, MISSING_1("0A"), NULL },
	{ "stream, empty", "", NULL, NULL, true, NONE, NULL, NULL },
	{ "stream, immediate", "", NULL, NULL, true, ON(IMMEDIATE, NULL, NULL), NULL, NULL },
	/* times */
	{ "time before the end", "1:10-20", NULL, NULL, false, ON(TIME, "2026-11-22 22:21:08+00", NULL),
	    "recovery target time \"2026-11-22 22:21:08+00\" is before the end of the backup, which holds commits up to 2026-11-22 22:21:09+00", NULL },
	{ "time at the end", "1:10-20", NULL, NULL, false, ON(TIME, "2026-11-22 22:21:09+00", NULL), NULL, NULL },
	{ "time, gap", "1:10-14 1:16-20", NULL, NULL, false, ON(TIME, "2026-11-23 00:00:00+00", NULL), NULL, MISSING_1("0F") },
	{ "time, the backup's own gap", "1:10-11 1:13-20", NULL, NULL, false, ON(TIME, "2026-11-23 00:00:00+00", NULL), MISSING_1("0C"), NULL },
	{ "time, stream, no archive", "", NULL, NULL, true, ON(TIME, "2026-11-23 00:00:00+00", NULL), NULL, "has no WAL behind the backup" },
	{ "xid, stream, older archive", "1:1-5", NULL, NULL, true, ON(XID, "900", NULL), NULL, "has no WAL behind the backup" },
	{ "time, stream, gap at the end", "1:13-20", NULL, NULL, true, ON(TIME, "2026-11-23 00:00:00+00", NULL), NULL, MISSING_1("0C") },
	/* transactions */
	{ "xid before the end", "1:10-20", NULL, NULL, false, ON(XID, "783", NULL),
	    "recovery target xid 783 is before the end of the backup, which holds transactions up to 784", NULL },
	{ "xid at the end", "1:10-20", NULL, NULL, false, ON(XID, "784", NULL), NULL, NULL },
	{ "xid gone round", "1:10-20", NULL, NULL, false, ON(XID, "4294967290", NULL), "is before the end", NULL },
	{ "xid, gap", "1:10-12 1:14-20", NULL, NULL, false, ON(XID, "900", NULL), NULL, MISSING_1("0D") },
	/* names */
	{ "name", "1:10-20", NULL, NULL, false, ON(NAME, "point", NULL), NULL, NULL },
	{ "name, gap", "1:10-12 1:14-20", NULL, NULL, false, ON(NAME, "point", NULL), NULL, MISSING_1("0D") },
	/* LSNs */
	{ "lsn before the end", "1:10-20", NULL, NULL, false, ON(LSN, "0/C00080", NULL),
	    "recovery target LSN 0/C00080 is before the end of the backup at 0/C00100", NULL },
	{ "lsn at the end, stream, no archive", "", NULL, NULL, true, ON(LSN, "0/C00100", NULL), NULL, NULL },
	{ "lsn behind the end, stream, no archive", "", NULL, NULL, true, ON(LSN, "0/C00108", NULL), MISSING_1("0C"), NULL },
	{ "lsn in a segment that is there", "1:10-14", NULL, NULL, false, ON(LSN, "0/EFFFFF", NULL), NULL, NULL },
	{ "lsn beyond it", "1:10-14", NULL, NULL, false, ON(LSN, "0/F00000", NULL), MISSING_1("0F"), NULL },
	{ "lsn behind a gap", "1:10-12 1:14-20", NULL, NULL, false, ON(LSN, "0/1000000", NULL), MISSING_1("0D"), NULL },
	{ "lsn before a gap", "1:10-15 1:17-20", NULL, NULL, false, ON(LSN, "0/F00000", NULL), NULL, NULL },
	{ "lsn far away", "1:10-14", NULL, NULL, false, ON(LSN, "FFFFFFFF/FFFFFFFF", NULL), MISSING_1("0F"), NULL },
	/* the end of the archive */
	{ "latest", "1:10-20", NULL, NULL, false, ON(LATEST, NULL, NULL), NULL, NULL },
	{ "latest, gap", "1:10-12 1:14-20", NULL, NULL, false, ON(LATEST, NULL, NULL), MISSING_1("0D"), NULL },
	{ "latest, nothing newer", "1:10-12", NULL, NULL, false, ON(LATEST, NULL, NULL), NULL, NULL },
	{ "latest, stream, only older", "1:1-5", NULL, NULL, true, ON(LATEST, NULL, NULL), NULL, NULL },
	{ "latest, a gap before the backup", "1:1-5 1:10-20", NULL, NULL, false, ON(LATEST, NULL, NULL), NULL, NULL },
	{ "latest, ends partial", "1:10-20+.partial", NULL, NULL, false, ON(LATEST, NULL, NULL), NULL, NULL },
	/* timelines */
	{ "own timeline, others ignored", "1:10-20 2:15-30", H2, NULL, false, ON(LATEST, NULL, "current"), NULL, NULL },
	{ "own timeline by number", "1:10-20", NULL, NULL, false, ON(LATEST, NULL, "1"), NULL, NULL },
	{ "unknown timeline", "1:10-20", NULL, NULL, false, ON(LATEST, NULL, "2"),
	    "timeline 2 is not known: \"00000002.history\" is missing", NULL },
	{ "unknown timeline, stream, no target", "", NULL, NULL, true, ON(NONE, NULL, "2"), "timeline 2 is not known", NULL },
	{ "a stranger, stream, no target", "", H2, "# nothing\n", true, ON(NONE, NULL, "latest"), "timeline 3 does not descend", NULL },
	{ "own timeline, stream, no target", "", NULL, NULL, true, ON(NONE, NULL, "current"), NULL, NULL },
	{ "unknown timeline, stream", "", NULL, NULL, true, ON(IMMEDIATE, NULL, "2"), "timeline 2 is not known", NULL },
	{ "damaged history", "1:10-20", "1\t0/1\n1\t0/1\n", NULL, false, ON(LATEST, NULL, "2"),
	    "\"00000002.history\" of instance \"main\" is damaged at line 2", NULL },
	{ "no ancestor", "1:10-20 2:1-20", "# nothing\n", NULL, false, ON(LATEST, NULL, "2"),
	    "timeline 2 does not descend from timeline 1", NULL },
	{ "left before the end", "1:10-20 2:11-20", H2_EARLY, NULL, false, ON(LATEST, NULL, "2"),
	    "timeline 2 leaves timeline 1 at 0/B80000, before the end of the backup at 0/C00100", NULL },
	{ "followed", "1:10-14 2:15-20", H2, NULL, false, ON(LATEST, NULL, "2"), NULL, NULL },
	{ "followed inside a segment", "1:10-14 2:15-20", H2_INSIDE, NULL, false, ON(LATEST, NULL, "2"), NULL, NULL },
	{ "the older copy is no substitute", "1:10-15 2:16-20", H2_INSIDE, NULL, false, ON(LATEST, NULL, "2"), MISSING_2("0F"), NULL },
	{ "but is for an lsn before the switch", "1:10-15", H2_INSIDE, NULL, false, ON(LSN, "0/F40000", "2"), NULL, NULL },
	{ "and not for one behind it", "1:10-15 2:16-20", H2_INSIDE, NULL, false, ON(LSN, "0/FC0000", "2"), MISSING_2("0F"), NULL },
	{ "older segments behind the switch do not count", "1:10-20 2:15-16 2:18-20", H2, NULL, false, ON(LATEST, NULL, "2"), MISSING_2("11"), NULL },
	{ "gap before the switch", "1:10-13 2:15-20", H2, NULL, false, ON(LATEST, NULL, "2"), MISSING_1("0E"), NULL },
	{ "gap before the switch, time", "1:10-13 2:15-20", H2, NULL, false, ON(TIME, "2026-11-23 00:00:00+00", "2"), NULL, MISSING_1("0E") },
	{ "nothing of that timeline", "1:10-20", H2, NULL, false, ON(LATEST, NULL, "2"),
	    "has no WAL of timeline 2", NULL },
	{ "left in the last segment of the backup", "1:10-11 2:12-20", H2_STOP, NULL, false, ON(LATEST, NULL, "2"), NULL, NULL },
	{ "the same, partial copy only", "1:10-12+.partial", H2_STOP, NULL, false, ON(IMMEDIATE, NULL, "2"), NULL, NULL },
	{ "the same, no copy", "1:10-11", H2_STOP, NULL, false, ON(IMMEDIATE, NULL, "2"), MISSING_1("0C"), NULL },
	{ "grandchild", "1:10-14 2:15-17 3:18-20", H2, H2 "2\t0/1200000\ty\n", false, ON(LATEST, NULL, "3"), NULL, NULL },
	{ "grandchild, gap in between", "1:10-14 2:15-16 3:18-20", H2, H2 "2\t0/1200000\ty\n", false, ON(LATEST, NULL, "3"), MISSING_2("11"), NULL },
	{ "the latest timeline", "1:10-14 2:15-17 3:18-20", H2, H2 "2\t0/1200000\ty\n", false, ON(LATEST, NULL, "latest"), NULL, NULL },
	{ "the latest timeline is the own", "1:10-14", NULL, NULL, false, ON(LATEST, NULL, "latest"), NULL, NULL },
	{ "the latest timeline is a stranger", "1:10-14 2:15-17", H2, "# nothing\n", false, ON(LATEST, NULL, "latest"), "timeline 3 does not descend", NULL },
};

static void
make_segments(const struct catalog *cat, const char *text)
{
	char name[WALNAME_MAX], path[128], suffix[16];
	struct walname w = { .kind = WAL_SEGMENT };
	unsigned from, to;
	int used;

	while (sscanf(text, "%u:%u-%u%n", &w.timeline, &from, &to, &used) == 3) {
		text += used;
		suffix[0] = '\0';
		if (*text == '+') {
			ck_assert_int_eq(sscanf(text + 1, "%15s", suffix), 1);
			text += 1 + strlen(suffix);
		}
		for (w.segno = from; w.segno <= to; w.segno++) {
			walname_format(&w, WAL_SEG, name);
			snprintf(path, sizeof(path), "wal/main/%s%s", name, w.segno == to ? suffix : "");
			catalog_write(cat, path, "");
		}
	}
	ck_assert_msg(*text == '\0', "%s", text);
}

/*
 * Histories beyond two: what "latest" and numbers find among timelines 2 to 6 of which some
 * are missing.  Segment 15 is where timeline 1 is left.
 */
static const struct branches {
	const char *what, *segments, *history[7];
	struct recovery_target t;
	const char *error, *warning;
} branches[] = {
#define THREE	{ [2] = H2_INSIDE, [3] = H2_INSIDE, [4] = H2_INSIDE }
	{ "three from one place, the latest", "1:10-14 2:15-16 3:15-15 4:15-17", THREE, ON(LATEST, NULL, "latest"), NULL, NULL },
	{ "the one in the middle", "1:10-14 2:15-16 3:15-15 4:15-17", THREE, ON(LATEST, NULL, "3"), NULL, NULL },
	{ "the first one", "1:10-14 2:15-16 3:15-15 4:15-17", THREE, ON(LATEST, NULL, "2"), NULL, NULL },
	{ "none of them", "1:10-15 2:15-16 3:15-15 4:15-17", THREE, ON(LATEST, NULL, "current"), NULL, NULL },
	{ "a sister's segments are no substitute", "1:10-14 2:15-17 3:15-17 4:16-17", THREE, ON(LATEST, NULL, "4"),
	    "\"00000004000000000000000F\" is missing", NULL },
	{ "nor do they count as its gap", "1:10-14 2:15-20 4:15-16", THREE, ON(LATEST, NULL, "4"), NULL, NULL },
	{ "an LSN behind the switch", "1:10-14 2:15-16 3:15-15 4:15-17", THREE, ON(LSN, "0/1080000", "4"), NULL, NULL },
	{ "an LSN that the sister has", "1:10-14 2:15-16 3:15-15 4:15-17", THREE, ON(LSN, "0/1080000", "3"),
	    "\"000000030000000000000010\" is missing", NULL },
	/* the segment of the switch is only there as the partial one of the parent */
	{ "partial, all of the children's", "1:10-15+.partial 2:15-16 4:15-17", THREE, ON(LATEST, NULL, "latest"), NULL, NULL },
	{ "partial, an LSN before the switch", "1:10-15+.partial", THREE, ON(LSN, "0/F40000", "4"), NULL, NULL },
	{ "partial and compressed, the same", "1:10-15+.gz.partial", THREE, ON(LSN, "0/F40000", "4"), NULL, NULL },
	{ "partial, an LSN behind the switch", "1:10-15+.partial", THREE, ON(LSN, "0/FC0000", "4"),
	    "\"00000004000000000000000F\" is missing", NULL },
	{ "partial, and nothing of the child yet", "1:10-15+.partial", THREE, ON(LATEST, NULL, "4"),
	    "has no WAL of timeline 4", NULL },
	{ "no partial, an LSN before the switch", "1:10-14", THREE, ON(LSN, "0/F40000", "4"),
	    "\"00000001000000000000000F\" is missing", NULL },
	/* numbers with gaps: the server stops at the first one that is missing */
	{ "latest before a gap", "1:10-14 2:15-16 5:15-17", { [2] = H2_INSIDE, [5] = H2_INSIDE }, ON(LATEST, NULL, "latest"),
	    NULL, "timeline 5 is in the archive, but the server takes 2 for the latest" },
	{ "a gap right behind the own", "1:10-15 3:15-17", { [3] = H2_INSIDE }, ON(LATEST, NULL, "latest"),
	    NULL, "timeline 3 is in the archive, but the server takes 1 for the latest" },
	{ "behind a gap by number", "1:10-14 2:15-16 5:15-17", { [2] = H2_INSIDE, [5] = H2_INSIDE }, ON(LATEST, NULL, "5"), NULL, NULL },
	{ "a history with a gap in it", "1:10-14 4:15-15 6:16-17", { [4] = H2_INSIDE, [6] = H2_INSIDE "4\t0/1000000\ty\n" }, ON(LATEST, NULL, "6"), NULL, NULL },
	{ "and its own in between missing", "1:10-14 6:16-17", { [6] = H2_INSIDE "4\t0/1000000\ty\n" }, ON(LATEST, NULL, "6"),
	    "\"00000004000000000000000F\" is missing", NULL },
	{ "the gap itself", "1:10-14 2:15-16 5:15-17", { [2] = H2_INSIDE, [5] = H2_INSIDE }, ON(LATEST, NULL, "3"),
	    "timeline 3 is not known: \"00000003.history\" is missing", NULL },
};

static struct control
backup_of(bool stream)
{
	return (struct control){
		.stream = stream, .timeline = 1, .start_lsn = 0xA00028, .stop_lsn = 0xC00100,
		.recovery_xid = 784, .recovery_time = "2026-11-22 22:21:09+00",
	};
}

static void
compare(const struct story *s, const char *what, const char *expected, const char *found)
{
	ck_assert_msg(expected == NULL ? found[0] == '\0' : strstr(found, expected) != NULL,
	    "%s: %s \"%s\", expected \"%s\"", s->what, what, found, expected != NULL ? expected : "");
}

/* Makes a catalog whose WAL archive has these segments; catalog_free() removes it. */
static void
make_archive(struct catalog *cat, struct archive *a, const char *segments)
{
	catalog_new(cat);
	catalog_mkdir(cat, "wal");
	catalog_mkdir(cat, "wal/main");
	make_segments(cat, segments);
	ck_assert_int_eq(archive_init(a, cat->fd, "main", WAL_SEG, 15), 0);
}

START_TEST(recovery_stories)
{
	const struct story *s = &stories[_i];
	char error[CHAIN_ERROR_MAX] = "", warning[CHAIN_ERROR_MAX] = "left over";
	struct control backup = backup_of(s->stream);
	struct recovery_target t = s->t;
	struct catalog cat;
	struct archive a;
	int r;

	ck_assert_int_eq(setenv("TZ", "UTC0", 1), 0);
	make_archive(&cat, &a, s->segments);
	if (s->history2 != NULL)
		catalog_write(&cat, "wal/main/00000002.history", s->history2);
	if (s->history3 != NULL)
		catalog_write(&cat, "wal/main/00000003.history", s->history3);
	ck_assert_int_eq(recovery_parse(&t, error), 0);
	r = recovery_check(&backup, &a, &t, error, warning);
	ck_assert_msg(r == (s->error == NULL ? 0 : -EUCLEAN), "%s: %d %s", s->what, r, error);
	compare(s, "error", s->error, r < 0 ? error : "");
	compare(s, "warning", s->warning, warning);
	catalog_free(&cat);
}
END_TEST

/* Whether the archive is found to reach a target, with the error or the warning that is expected; NULL: none. */
static void
check_target(const char *what, const struct archive *a, struct recovery_target t, const char *refusal, const char *doubt)
{
	char error[CHAIN_ERROR_MAX] = "", warning[CHAIN_ERROR_MAX] = "";
	const struct story s = { .what = what };
	struct control backup = backup_of(false);
	int r;

	ck_assert_int_eq(recovery_parse(&t, error), 0);
	r = recovery_check(&backup, a, &t, error, warning);
	ck_assert_msg(r == (refusal == NULL ? 0 : -EUCLEAN), "%s: %d %s", what, r, error);
	compare(&s, "error", refusal, r < 0 ? error : "");
	compare(&s, "warning", doubt, warning);
}

START_TEST(recovery_branches)
{
	const struct branches *b = &branches[_i];
	struct catalog cat;
	struct archive a;
	char path[64];
	unsigned i;

	make_archive(&cat, &a, b->segments);
	for (i = 0; i < ARRAY_SIZE(b->history); i++) {
		if (b->history[i] == NULL)
			continue;
		snprintf(path, sizeof(path), "wal/main/%08X.history", i);
		catalog_write(&cat, path, b->history[i]);
	}
	check_target(b->what, &a, b->t, b->error, b->warning);
	catalog_free(&cat);
}
END_TEST

/*
 * The end of an archive tells of a target: the newest segment, and others before it, have records of
 * transactions; the next id is said in one of them, or nowhere.
 */
#define SEGMENTS	3	/* 12 to 14 */
static const struct end {
	const char *what;
	struct { uint32_t xid, next; int64_t time; } segment[SEGMENTS];
	struct recovery_target t;
	const char *error, *warning;
} ends[] = {
#define T0	INT64_C(1795386069)	/* 2026-11-22 22:21:09+00 */
#define AT_END	{ { 800, 0, T0 + 10 }, { 850, 860, T0 + 20 }, { 900, 0, T0 + 30 } }
	{ "the last transaction", AT_END, XID("900"), NULL, NULL },
	{ "one before it", AT_END, XID("820"), NULL, NULL },
	{ "the next one", AT_END, XID("901"), "recovery target xid 901 is not in the archive of instance \"main\", whose last transaction is 900", NULL },
	{ "one far away", AT_END, XID("1000000"), "whose last transaction is 900", NULL },
	{ "nothing but a bound", { { 0, 0, 0 }, { 0, 860, 0 }, { 0, 0, 0 } }, XID("860"), "whose last transaction is 859", NULL },
	{ "a bound that was higher", { { 0, 0, 0 }, { 0, 860, 0 }, { 700, 0, 0 } }, XID("855"), NULL, NULL },
	{ "no bound", { { 800, 0, 0 }, { 850, 0, 0 }, { 900, 0, 0 } }, XID("1000000"), NULL, NULL },
	{ "the last time", AT_END, TIME("2026-11-22 22:21:39+00"), NULL, NULL },
	{ "a later time", AT_END, TIME("2026-11-22 22:21:40+00"), NULL, "the last transaction in the archive of instance \"main\" is of 2026-11-22 22:21:39+00" },
	{ "a later time, and nothing at the end", { { 800, 0, T0 + 10 }, { 0, 0, 0 }, { 0, 0, 0 } }, TIME("2026-11-22 22:21:20+00"), NULL, "is of 2026-11-22 22:21:19+00" },
	{ "no times", { { 800, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 } }, TIME("2026-11-22 22:21:20+00"), NULL, NULL },
};

static void
append_record(struct walwriter *w, unsigned char rmid, unsigned char info, uint32_t xid, unsigned at, uint64_t value)
{
	unsigned char rec[128] = { 0 };

	walwriter_put(rec + 4, xid, 4);
	rec[16] = info;
	rec[17] = rmid;
	rec[24] = 255;
	rec[25] = 72;
	walwriter_put(rec + 26 + at, value, at == 0 ? 8 : 4);
	walwriter_record(w, rec, 26 + 72);
}

static void
write_segment(const struct catalog *cat, uint64_t segno, const struct end *e, unsigned i)
{
	struct walwriter w = {
		.bytes = calloc(1, WAL_SEG), .size = WAL_SEG, .lsn = segno * WAL_SEG, .page = 8192, .segment = WAL_SEG,
		.timeline = 1,
	};
	char path[320];
	FILE *fp;

	ck_assert_ptr_nonnull(w.bytes);
	append_record(&w, WALWRITER_RM_OTHER, 0, 0, 0, 0);
	if (e->segment[i].next != 0)
		append_record(&w, 8, 0x10, 0, 12, e->segment[i].next);
	if (e->segment[i].xid != 0)
		append_record(&w, e->segment[i].time != 0 ? 1 : WALWRITER_RM_OTHER, 0, e->segment[i].xid, 0, e->segment[i].time == 0 ? 0 :
		    (uint64_t)(e->segment[i].time - INT64_C(946684800)) * 1000000);
	snprintf(path, sizeof(path), "%s/wal/main/00000001%08X%08X", cat->dir, 0, (unsigned)segno);
	ck_assert_ptr_nonnull(fp = fopen(path, "wb"));
	ck_assert_uint_eq(fwrite(w.bytes, 1, WAL_SEG, fp), WAL_SEG);
	ck_assert_int_eq(fclose(fp), 0);
	free(w.bytes);
}

START_TEST(recovery_ends)
{
	const struct end *e = &ends[_i];
	struct catalog cat;
	struct archive a;
	unsigned i;

	ck_assert_int_eq(setenv("TZ", "UTC0", 1), 0);
	make_archive(&cat, &a, "1:10-11");
	for (i = 0; i < SEGMENTS; i++)
		write_segment(&cat, 12 + i, e, i);
	check_target(e->what, &a, e->t, e->error, e->warning);
	catalog_free(&cat);
}
END_TEST

/* The end of the archive is that of the latest timeline, unless one is named. */
START_TEST(latest_follows_the_latest)
{
	struct recovery_target latest = ON(LATEST, NULL, NULL), own = ON(LATEST, NULL, "current"), time = TIME("2026-11-22 22:21:09+00");
	char error[CHAIN_ERROR_MAX];

	ck_assert_int_eq(recovery_parse(&latest, error), 0);
	ck_assert_int_eq(latest.tli_kind, RECOVERY_TLI_LATEST);
	ck_assert_str_eq(latest.timeline, "latest");
	ck_assert_int_eq(recovery_parse(&own, error), 0);
	ck_assert_int_eq(own.tli_kind, RECOVERY_TLI_CURRENT);
	ck_assert_int_eq(recovery_parse(&time, error), 0);
	ck_assert_ptr_null(time.timeline);
}
END_TEST

/* A stop LSN at a boundary is in the segment before it. */
START_TEST(recovery_boundary)
{
	char error[CHAIN_ERROR_MAX] = "", warning[CHAIN_ERROR_MAX];
	struct recovery_target t = NONE;
	struct control backup = backup_of(false);
	struct catalog cat;
	struct archive a;

	make_archive(&cat, &a, "1:10-11");
	backup.stop_lsn = 0xC00000;
	ck_assert_msg(recovery_check(&backup, &a, &t, error, warning) == 0, "%s", error);
	backup.stop_lsn = 0xC00001;
	ck_assert_int_eq(recovery_check(&backup, &a, &t, error, warning), -EUCLEAN);
	catalog_free(&cat);
}
END_TEST

/* Many segments take moments, and the gap is found among them. */
START_TEST(recovery_many)
{
	char error[CHAIN_ERROR_MAX] = "", warning[CHAIN_ERROR_MAX];
	struct recovery_target t = ON(LATEST, NULL, NULL);
	struct control backup = backup_of(false);
	struct catalog cat;
	struct archive a;

	make_archive(&cat, &a, "1:10-20000");
	ck_assert_msg(recovery_check(&backup, &a, &t, error, warning) == 0, "%s", error);
	make_segments(&cat, "1:20002-20002");
	ck_assert_int_eq(recovery_check(&backup, &a, &t, error, warning), -EUCLEAN);
	ck_assert_msg(strstr(error, "\"000000010000000400000E21\"") != NULL, "%s", error);
	catalog_free(&cat);
}
END_TEST

/* Which segments a recovery takes of an archive, and which of these are missing: "FIRST-LAST N, FIRST*N...". */
static const struct {
	const char *what, *segments, *history2;
	bool	stream;
	struct recovery_target t;
	const char *own, *rest;
} surveys[] = {
	{ "all there", "1:10-20", NULL, false, ON(LATEST, NULL, NULL), "1.0A-1.0C 3", "1.0D-1.14 8" },
	{ "not asked for more", "1:10-20", NULL, false, ON(IMMEDIATE, NULL, NULL), "1.0A-1.0C 3", "" },
	{ "its own WAL", "1:12-20", NULL, true, ON(LATEST, NULL, NULL), "", "1.0C-1.14 9" },
	{ "its own WAL, and no archive", "", NULL, true, ON(LATEST, NULL, NULL), "", "" },
	{ "three gaps", "1:10-11 1:14-15 1:18-20", NULL, false, ON(LATEST, NULL, NULL), "1.0A-1.0C 3, 1.0C*1", "1.0D-1.14 8, 1.0D*1, 1.10*2" },
	{ "none of its own", "1:13-20", NULL, false, ON(LATEST, NULL, NULL), "1.0A-1.0C 3, 1.0A*3", "1.0D-1.14 8" },
	{ "nothing", "", NULL, false, NONE, "1.0A-1.0C 3, 1.0A*3", "" },
	{ "an LSN far away", "1:10-14", NULL, false, ON(LSN, "1/0", NULL), "1.0A-1.0C 3", "1.0D-1.00 4084, 1.0F*4082" },
	{ "more gaps than are kept", "1:10-13 1:15-15 1:17-17 1:19-19 1:21-21 1:23-23 1:25-25 1:27-27 1:29-29 1:31-31 1:33-33", NULL, false,
	    ON(LATEST, NULL, NULL), "1.0A-1.0C 3", "1.0D-1.21 21, 1.0E*1, 1.10*1, 1.12*1, 1.14*1, 1.16*1, 1.18*1, 1.1A*1, 1.1C*1 of 10" },
	{ "another timeline", "1:10-13 2:15-20", H2, false, ON(LATEST, NULL, "2"), "1.0A-1.0C 3", "1.0D-2.14 8, 1.0E*1" },
};

static void
say_range(const struct recovery_range *r, char text[512])
{
	size_t n = 0, i;
	uint64_t told = 0;

	text[0] = '\0';
	if (r->n == 0)
		return;
	n += (size_t)snprintf(text + n, 512 - n, "%c.%s-%c.%s %llu", r->first[7], r->first + 22, r->last[7], r->last + 22,
	    (unsigned long long)r->n);
	for (i = 0; i < r->n_gaps; i++) {
		n += (size_t)snprintf(text + n, 512 - n, ", %c.%s*%llu", r->gap[i].first[7], r->gap[i].first + 22,
		    (unsigned long long)r->gap[i].n);
		told += r->gap[i].n;
	}
	ck_assert_int_eq(r->more_gaps, told != r->missing);
	if (r->more_gaps)
		snprintf(text + n, 512 - n, " of %llu", (unsigned long long)r->missing);
}

START_TEST(recovery_surveys)
{
	char error[CHAIN_ERROR_MAX] = "", warning[CHAIN_ERROR_MAX] = "", text[512];
	struct control backup = backup_of(surveys[_i].stream);
	struct recovery_target t = surveys[_i].t;
	struct recovery_need need;
	struct catalog cat;
	struct archive a;
	int r;

	make_archive(&cat, &a, surveys[_i].segments);
	if (surveys[_i].history2 != NULL)
		catalog_write(&cat, "wal/main/00000002.history", surveys[_i].history2);
	ck_assert_int_eq(recovery_parse(&t, error), 0);
	r = recovery_survey(&backup, &a, &t, &need, error, warning);
	say_range(&need.own, text);
	ck_assert_msg(strcmp(text, surveys[_i].own) == 0, "%s: own \"%s\"", surveys[_i].what, text);
	say_range(&need.rest, text);
	ck_assert_msg(strcmp(text, surveys[_i].rest) == 0, "%s: rest \"%s\"", surveys[_i].what, text);
	ck_assert_msg((r != 0) == (need.own.missing + need.rest.missing > 0), "%s: %d", surveys[_i].what, r);
	catalog_free(&cat);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("recovery");
	TCase *tc = tcase_create("recovery");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, recovery_targets, 0, ARRAY_SIZE(parses));
	tcase_add_loop_test(tc, recovery_zones, 0, ARRAY_SIZE(local));
	tcase_add_test(tc, recovery_named_zone);
	tcase_add_loop_test(tc, recovery_stories, 0, ARRAY_SIZE(stories));
	tcase_add_loop_test(tc, recovery_ends, 0, ARRAY_SIZE(ends));
	tcase_add_test(tc, latest_follows_the_latest);
	tcase_add_loop_test(tc, recovery_branches, 0, ARRAY_SIZE(branches));
	tcase_add_test(tc, recovery_boundary);
	tcase_add_test(tc, recovery_many);
	tcase_add_loop_test(tc, recovery_surveys, 0, ARRAY_SIZE(surveys));
	suite_add_tcase(s, tc);
	return unit_main(s);
}
