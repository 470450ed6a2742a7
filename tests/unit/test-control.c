/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/probackup/control and conf: values of backup.control and pg_probackup.conf,
 * and files that are refused.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "probackup/chain.h"
#include "probackup/conf.h"
#include "support/unit.h"

#define HEAD	"block-size = 8192\nprogram-version = 2.5.16\nserver-version = 15\n"
#define FULL	"backup-mode = FULL\n" HEAD
#define DELTA	"backup-mode = DELTA\n" HEAD
#define OK	"status = OK\n"

static const struct {
	const char *name, *text;
	int rc;
	const char *reason;
} cases[] = {
	{ "smallest", FULL OK, 0, NULL },
	{ "comments and blank lines", "#x\n\n  # y = \n" FULL OK "\n", 0, NULL },
	{ "unknown keys", FULL OK "whatever = 'x y'\nprimary_conninfo = 'a=\\'b'\n", 0, NULL },
	{ "quote inside a note", FULL OK "note = 'it's fine'\n", 0, NULL },
	{ "underscores", "backup_mode = FULL\nblock_size = 8192\nprogram_version = 2.5.16\n"
	    "server_version = 15\n" OK, 0, NULL },
	{ "CRLF", "backup-mode = FULL\r\n" HEAD "status = OK\r\n", 0, NULL },
	{ "no patch level", "backup-mode = FULL\nblock-size = 8192\nprogram-version = 2.5\n"
	    "server-version = 15\n" OK, 0, NULL },
	{ "child", DELTA OK "parent-backup-id = 'TOXCR8'\n", 0, NULL },

	{ "empty", "", -EUCLEAN, "it is empty" },
	{ "no status", FULL, -EUCLEAN, "it is truncated, status is missing" },
	{ "no program-version", "backup-mode = FULL\nblock-size = 8192\nserver-version = 15\n" OK,
	    -EUCLEAN, "program-version is missing" },
	{ "no backup-mode", HEAD OK, -EUCLEAN, "backup-mode is missing" },
	{ "cut line", FULL OK "content-crc = 27", -EUCLEAN,
	    "it is truncated, its last line \"content-crc = 27\" has no line feed" },
	{ "cut quote", FULL OK "note = 'abc\n", -EUCLEAN, "line 6: the value of \"note\" has no closing quote" },
	{ "lone quote", FULL OK "note = '\n", -EUCLEAN, "no closing quote" },
	{ "no equals sign", FULL OK "parent-back\n", -EUCLEAN, "line 6: \"parent-back\" is not \"key = value\"" },
	{ "unknown mode", "backup-mode = HALF\n" HEAD OK, -EUCLEAN, "line 1: \"HALF\" is not a valid backup-mode" },
	{ "number with letters", FULL OK "timelineid = 1x\n", -EUCLEAN, "\"1x\" is not a valid timelineid" },
	{ "number too large", FULL OK "content-crc = 4294967296\n", -EUCLEAN, "not a valid content-crc" },
	{ "bad LSN", FULL OK "start-lsn = 0/G\n", -EUCLEAN, "not a valid start-lsn" },
	{ "bad boolean", FULL OK "stream = maybe\n", -EUCLEAN, "not a valid stream" },
	{ "status too long", FULL "status = OKOKOKOKOKOKOKOKOK\n", -EUCLEAN, "not a valid status" },
	{ "size too large", FULL OK "data-bytes = 18446744073709551616\n", -EUCLEAN, "not a valid data-bytes" },
	{ "negative size", FULL OK "wal-bytes = -1\n", -EUCLEAN, "not a valid wal-bytes" },
	{ "status empty", FULL "status = \n", -EUCLEAN, "status is empty" },
	{ "parent is a path", DELTA OK "parent-backup-id = '../x'\n", -EUCLEAN, "not a valid parent-backup-id" },
	{ "parent of a FULL", FULL OK "parent-backup-id = 'A'\n", -EUCLEAN, "a FULL backup has parent-backup-id \"A\"" },
	{ "no parent", DELTA OK, -EUCLEAN, "an incremental backup has no parent-backup-id" },
	{ "version is text", "backup-mode = FULL\nblock-size = 8192\nprogram-version = new\n"
	    "server-version = 15\n" OK, -EUCLEAN, "program-version is \"new\"" },
};

START_TEST(control_cases)
{
	char error[CHAIN_ERROR_MAX] = "";
	struct control c;
	int r = control_parse(cases[_i].text, strlen(cases[_i].text), &c, error);

	ck_assert_msg(r == cases[_i].rc, "%s: %d %s", cases[_i].name, r, error);
	if (cases[_i].reason != NULL)
		ck_assert_msg(strstr(error, cases[_i].reason) != NULL, "%s: %s",
		    cases[_i].name, error);
}
END_TEST

static const char whole[] =
	"#Configuration\nbackup-mode = PTRACK\nstream = true\ncompress-alg = zlib\n"
	"compress-level = 1\nfrom-replica = false\n\n#Compatibility\nblock-size = 8192\n"
	"xlog-block-size = 8192\nchecksum-version = 1\nprogram-version = 2.4.15\n"
	"server-version = 15\n\n#Result backup info\ntimelineid = 3\nstart-lsn = 1A/1F00028\n"
	"stop-lsn = 1a/1F00168\nstart-time = '2026-11-22 22:04:26+05:30'\n"
	"end-time = '2026-11-22 22:04:37+05:30'\nstatus = DONE\nparent-backup-id = 'TOXBZE'\n"
	"recovery-xid = 784\nrecovery-time = '2026-11-22 22:04:27+05:30'\n"
	"data-bytes = 13660038\nwal-bytes = 1048576\nuncompressed-bytes = 53174752\n"
	"pgdata-bytes = 18446744073709551615\nexpire-time = '2027-01-01 00:00:00+00'\n"
	"external-dirs = '/b:/a b'\nnote = 'before the upgrade'\n"
	"primary_conninfo = 'user=postgres port=5603'\ncontent-crc = 2768834389\n";

START_TEST(control_values)
{
	char error[CHAIN_ERROR_MAX] = "";
	struct control c;

	ck_assert_msg(control_parse(whole, strlen(whole), &c, error) == 0, "%s", error);
	ck_assert_int_eq(c.mode, MODE_PTRACK);
	ck_assert(c.stream && !c.from_replica);
	ck_assert_uint_eq(c.block_size, 8192);
	ck_assert_uint_eq(c.checksum_version, 1);
	ck_assert_uint_eq(c.version, 20415);
	ck_assert_str_eq(c.program_version, "2.4.15");
	ck_assert_str_eq(c.server_version, "15");
	ck_assert_str_eq(c.status, "DONE");
	ck_assert_str_eq(c.compress_alg, "zlib");
	ck_assert_str_eq(c.parent, "TOXBZE");
	ck_assert_str_eq(c.start_time, "2026-11-22 22:04:26+05:30");
	ck_assert_uint_eq(c.timeline, 3);
	ck_assert_uint_eq(c.start_lsn, UINT64_C(0x1A01F00028));
	ck_assert_uint_eq(c.stop_lsn, UINT64_C(0x1A01F00168));
	ck_assert(c.has_content_crc);
	ck_assert_uint_eq(c.content_crc, 2768834389U);
	ck_assert_uint_eq(c.recovery_xid, 784);
	ck_assert_str_eq(c.recovery_time, "2026-11-22 22:04:27+05:30");
	ck_assert_uint_eq(c.data_bytes, 13660038);
	ck_assert_uint_eq(c.pgdata_bytes, UINT64_MAX);
	ck_assert_str_eq(c.expire_time, "2027-01-01 00:00:00+00");
	ck_assert_str_eq(c.external_dirs, "/b:/a b");
	ck_assert_str_eq(c.note, "before the upgrade");
	ck_assert_str_eq(c.primary_conninfo, "user=postgres port=5603");
}
END_TEST

/* Of a server that is reached in so many words a mount needs none. */
START_TEST(control_long_conninfo)
{
	static const size_t lengths[] = { CONTROL_CONNINFO_MAX - 1, CONTROL_CONNINFO_MAX, 5000 };
	char text[8192], error[CHAIN_ERROR_MAX];
	struct control c;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		snprintf(text, sizeof(text), "%sprimary_conninfo = '%0*d'\n", FULL OK, (int)lengths[i], 0);
		ck_assert_msg(control_parse(text, strlen(text), &c, error) == 0, "%zu: %s", lengths[i], error);
		ck_assert_uint_eq(strlen(c.primary_conninfo), i == 0 ? lengths[i] : 0);
	}
}
END_TEST

/* A file that was cut anywhere is refused, or says what it said before. */
START_TEST(control_cut_anywhere)
{
	char error[CHAIN_ERROR_MAX];
	struct control c;
	size_t len;

	for (len = 0; len < strlen(whole); len++)
		if (control_parse(whole, len, &c, error) == 0)
			ck_assert_msg(strcmp(c.status, "DONE") == 0 &&
			    strcmp(c.parent, "TOXBZE") == 0, "cut at %zu", len);
}
END_TEST

START_TEST(control_zero_bytes)
{
	char text[512] = FULL OK, error[CHAIN_ERROR_MAX];
	struct control c;

	ck_assert_int_eq(control_parse(text, sizeof(text), &c, error), -EUCLEAN);
	ck_assert_str_eq(error, "it holds zero bytes");
}
END_TEST

static const struct {
	const char *text;
	int rc;
	uint32_t size;
} conf_cases[] = {
	{ "", 0, 0 },
	{ "# Backup instance information\npgdata = /srv/x\nxlog-seg-size = 1048576\n", 0, 1048576 },
	{ "xlog-seg-size = 16MB\n", 0, 16 << 20 },
	{ "xlog_seg_size = 1gb", 0, 1 << 30 },
	{ "xlog-seg-size = 2048 kB\n", 0, 2 << 20 },
	{ "xlog-seg-size = 3MB\n", -EUCLEAN, 0 },
	{ "xlog-seg-size = 512kB\n", -EUCLEAN, 0 },
	{ "xlog-seg-size = 2GB\n", -EUCLEAN, 0 },
	{ "xlog-seg-size = 99999999999999999999\n", -EUCLEAN, 0 },
	{ "xlog-seg-size = 16XB\n", -EUCLEAN, 0 },
	{ "xlog-seg-size = \n", -EUCLEAN, 0 },
};

START_TEST(conf_sizes)
{
	char error[CHAIN_ERROR_MAX] = "";
	struct conf c = { 0 };
	int r = conf_parse(conf_cases[_i].text, strlen(conf_cases[_i].text), &c, error);

	ck_assert_msg(r == conf_cases[_i].rc, "\"%s\": %d %s", conf_cases[_i].text, r, error);
	ck_assert_uint_eq(c.xlog_seg_size, conf_cases[_i].size);
}
END_TEST

static const struct {
	const char *text;
	int rc;
	int64_t seconds;
} times[] = {
	{ "1970-01-01 00:00:00+00", 0, 0 },
	{ "2026-11-22 22:21:20+00", 0, 1795386080 },
	{ "2026-11-22 22:21:20+03", 0, 1795386080 - 3 * 3600 },
	{ "2026-11-22 22:21:20-0330", 0, 1795386080 + 3 * 3600 + 1800 },
	{ "2026-11-22 22:21:20+05:30", 0, 1795386080 - 5 * 3600 - 1800 },
	{ "", -EUCLEAN, 0 },
	{ "2026-11-22 22:21:20", -EUCLEAN, 0 },
	{ "2026-11-22 22:21+00", -EUCLEAN, 0 },
	{ "2026-13-22 22:21:20+00", -EUCLEAN, 0 },
	{ "2026-00-22 22:21:20+00", -EUCLEAN, 0 },
	{ "2026-11-22T22:21:20+00", -EUCLEAN, 0 },
	{ "2026-11-22 22:21:20+00 ", -EUCLEAN, 0 },
	{ "2026-11-22 22:21:20+00:60", -EUCLEAN, 0 },
	{ "99999-11-22 22:21:20+00", -EUCLEAN, 0 },
	{ "now", -EUCLEAN, 0 },
};

START_TEST(control_times)
{
	int64_t seconds = 0;
	int r = control_time(times[_i].text, &seconds);

	ck_assert_msg(r == times[_i].rc && seconds == times[_i].seconds, "\"%s\": %d, %lld",
	    times[_i].text, r, (long long)seconds);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("control");
	TCase *tc = tcase_create("parse");

	tcase_add_loop_test(tc, control_cases, 0, ARRAY_SIZE(cases));
	tcase_add_test(tc, control_values);
	tcase_add_test(tc, control_long_conninfo);
	tcase_add_test(tc, control_cut_anywhere);
	tcase_add_test(tc, control_zero_bytes);
	tcase_add_loop_test(tc, conf_sizes, 0, ARRAY_SIZE(conf_cases));
	tcase_add_loop_test(tc, control_times, 0, ARRAY_SIZE(times));
	suite_add_tcase(s, tc);
	return unit_main(s);
}
