/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/pg/outward: the table of settings that reach out of the data directory, and
 * the lists of libraries.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/util.h"
#include "pg/library.h"
#include "pg/outward.h"
#include "pg/pgconf.h"
#include "pg/pgcontrol.h"
#include "probackup/pgautoconf.h"
#include "support/unit.h"

#define FIRST	12
#define LAST	18

static const struct outward *
find(const char *name)
{
	unsigned i;

	for (i = 0; i < outward_n; i++)
		if (strcmp(outward_settings[i].name, name) == 0)
			return &outward_settings[i];
	return NULL;
}

START_TEST(rows_are_whole)
{
	const struct outward *o;
	unsigned i;

	for (i = 0; i < outward_n; i++) {
		o = &outward_settings[i];
		ck_assert_msg(find(o->name) == o, "%s stands there twice", o->name);
		ck_assert_msg(pgconf_name_is_valid(o->name, strlen(o->name)), "%s", o->name);
		ck_assert_msg(o->name[strcspn(o->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0', "%s", o->name);
		ck_assert_msg(o->until == 0 || o->since <= o->until, "%s", o->name);
		ck_assert_msg(o->kind == OUTWARD_SET || o->kind == OUTWARD_INSIDE || o->value[0] != '\0',
		    "%s has no reason", o->name);
		/* An absolute name would be a place that the clone shares. */
		ck_assert_msg(o->kind != OUTWARD_SET || o->value[0] != '/', "%s", o->name);
	}
}
END_TEST

/* A name that a version does not know is FATAL at its start. */
static const struct {
	const char *name;
	unsigned since, until;
} bounds[] = {
	{ "archive_library", 15, LAST }, { "promote_trigger_file", FIRST, 15 },
	{ "stats_temp_directory", FIRST, 14 }, { "ssl_crl_dir", 14, LAST },
	{ "recovery_init_sync_method", 14, LAST }, { "sync_replication_slots", 17, LAST },
	{ "synchronized_standby_slots", 17, LAST }, { "archive_command", FIRST, LAST },
	{ "external_pid_file", FIRST, LAST }, { "log_directory", FIRST, LAST },
	{ "ssl_cert_file", FIRST, LAST }, { "cron.launch_active_jobs", FIRST, LAST },
	{ "timescaledb.max_background_workers", FIRST, LAST },
};

START_TEST(a_clone_sets_what_its_server_knows)
{
	struct pgautoconf a = { 0 };
	char line[80];
	unsigned v;

	for (v = FIRST; v <= LAST; v++) {
		a = (struct pgautoconf){ 0 };
		pgautoconf_comment(&a, "x");
		pgautoconf_set_clone(&a, v, "main", "ID");
		ck_assert_int_eq(a.error, 0);
		snprintf(line, sizeof(line), "\n%s = '", bounds[_i].name);
		ck_assert_msg((strstr(a.text, line) != NULL) ==
		    (v >= bounds[_i].since && v <= bounds[_i].until), "%s in %u", bounds[_i].name, v);
		free(a.text);
	}
}
END_TEST

/* Each setting that leads to files, commands, libraries and hosts has a row. */
START_TEST(nothing_is_forgotten)
{
	static const char *const names[] = {
		"archive_cleanup_command", "archive_command", "archive_library", "bonjour", "bonjour_name",
		"cluster_name", "config_file", "data_directory", "dynamic_library_path", "event_source",
		"extension_control_path", "external_pid_file", "hba_file", "ident_file", "jit_provider",
		"krb_server_keyfile", "listen_addresses", "local_preload_libraries", "log_directory",
		"log_filename", "oauth_validator_libraries", "port", "primary_conninfo", "primary_slot_name",
		"promote_trigger_file", "recovery_end_command", "restore_command",
		"session_preload_libraries", "shared_preload_libraries", "ssl_ca_file", "ssl_cert_file",
		"ssl_crl_dir", "ssl_crl_file", "ssl_dh_params_file", "ssl_key_file", "ssl_passphrase_command",
		"stats_temp_directory", "sync_replication_slots", "synchronized_standby_slots",
		"synchronous_standby_names", "syslog_ident", "unix_socket_directories", "unix_socket_group",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		ck_assert_msg(find(names[i]) != NULL && find(names[i])->kind != OUTWARD_INSIDE, "%s", names[i]);
}
END_TEST

static const struct {
	const char *text;
	const char *name[3];
	int	end;		/* what comes after the names */
} lists[] = {
	{ "", { NULL }, 0 },
	{ " pg_cron ,\tauto_explain", { "pg_cron", "auto_explain", NULL }, 0 },
	{ "\"a, \"\"b\" , $libdir/c", { "a, \"b", "$libdir/c", NULL }, 0 },
	{ "a,", { NULL }, -EINVAL },
	{ ",a", { NULL }, -EINVAL },
	{ "\"a", { NULL }, -EINVAL },
	{ "\"a\" b", { NULL }, -EINVAL },
};

START_TEST(lists_are_read)
{
	char name[LIBRARY_NAME_MAX], again[256] = "";
	const char *rest = lists[_i].text;
	unsigned n;
	int r;

	for (n = 0; lists[_i].name[n] != NULL; n++) {
		ck_assert_int_eq(library_next(&rest, name), 1);
		ck_assert_str_eq(name, lists[_i].name[n]);
		ck_assert_int_eq(library_append(again, sizeof(again), name), 0);
	}
	ck_assert_int_eq(library_next(&rest, name), lists[_i].end);
	/* A written list is read again as it was. */
	for (rest = again, n = 0; (r = library_next(&rest, name)) == 1; n++)
		ck_assert_str_eq(name, lists[_i].name[n]);
	ck_assert_int_eq(r, 0);
	ck_assert_ptr_null(lists[_i].name[n]);
}
END_TEST

START_TEST(long_lists)
{
	char text[LIBRARY_NAME_MAX + 8], name[LIBRARY_NAME_MAX], small[8] = "";
	const char *rest = text;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(library_next(&rest, name), -EINVAL);
	text[0] = '"';
	ck_assert_int_eq(library_next(&rest, name), -EINVAL);
	ck_assert_int_eq(library_append(small, sizeof(small), "12345678"), -ENAMETOOLONG);
	ck_assert_str_eq(small, "");
}
END_TEST

START_TEST(kinds)
{
	ck_assert_int_eq(library_kind("pg_cron"), LIBRARY_ACTS);
	ck_assert_int_eq(library_kind("$libdir/pg_cron.so"), LIBRARY_ACTS);
	ck_assert_int_eq(library_kind("/opt/x/timescaledb"), LIBRARY_NEEDED);
	ck_assert_int_eq(library_kind("pg_stat_statements"), LIBRARY_WATCHES);
	ck_assert_int_eq(library_kind("pg_cro"), LIBRARY_UNKNOWN);
	ck_assert_int_eq(library_kind("pg_cron2"), LIBRARY_UNKNOWN);
	ck_assert_int_eq(library_kind(""), LIBRARY_UNKNOWN);
}
END_TEST

static const struct {
	uint32_t version;
	size_t	crc;
	int	result;
} controls[] = {
	{ 1201, 288, 0 }, { 1300, 288, 0 }, { 1700, 288, 0 }, { 1800, 292, 0 },
	{ 1201, 292, -EUCLEAN }, { 1800, 288, -EUCLEAN },
	{ 1100, 288, -ENOTSUP }, { 1900, 292, -ENOTSUP }, { 0, 288, -ENOTSUP },
};

START_TEST(control_files)
{
	unsigned char data[8192] = { 0 };
	uint32_t value[MINIMUM_COUNT] = { 9, 9, 9, 9, 9 }, v;
	size_t i;

	for (i = 0; i < controls[_i].crc; i++)
		data[i] = (unsigned char)(i * 7 + 1);
	memcpy(data + 8, &controls[_i].version, 4);
	for (i = 0; i < MINIMUM_COUNT; i++) {
		v = (uint32_t)i + 100;
		memcpy(data + 180 + 4 * i, &v, 4);
	}
	v = crc32c(0, data, controls[_i].crc);
	memcpy(data + controls[_i].crc, &v, 4);
	ck_assert_int_eq(pgcontrol_read(data, sizeof(data), value), controls[_i].result);
	for (i = 0; i < MINIMUM_COUNT; i++)
		ck_assert_uint_eq(value[i], controls[_i].result == 0 ? i + 100 : 9);
	if (controls[_i].result != 0)
		return;
	for (i = 0; i < controls[_i].crc + 4; i++)
		ck_assert_int_eq(pgcontrol_read(data, i, value), -EUCLEAN);
	data[200] ^= 1;
	ck_assert_int_eq(pgcontrol_read(data, sizeof(data), value), -EUCLEAN);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("outward");
	TCase *tc = tcase_create("clone");

	tcase_add_test(tc, rows_are_whole);
	tcase_add_loop_test(tc, a_clone_sets_what_its_server_knows, 0, ARRAY_SIZE(bounds));
	tcase_add_test(tc, nothing_is_forgotten);
	tcase_add_loop_test(tc, lists_are_read, 0, ARRAY_SIZE(lists));
	tcase_add_test(tc, long_lists);
	tcase_add_test(tc, kinds);
	tcase_add_loop_test(tc, control_files, 0, ARRAY_SIZE(controls));
	suite_add_tcase(s, tc);
	return unit_main(s);
}
