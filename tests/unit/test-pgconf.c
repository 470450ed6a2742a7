/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/pg/pgconf: lines of PostgreSQL's configuration files, and the
 * postgresql.auto.conf that a clone gets.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "pg/pgconf.h"
#include "probackup/chain.h"
#include "probackup/pgautoconf.h"
#include "support/unit.h"

/* A line, and the setting that it is; name NULL: none. */
static const struct {
	const char *line, *name, *value;
} lines[] = {
	{ "port = 5433", "port", "5433" },
	{ "  PORT\t5433 # of production", "port", "5433" },
	{ "port=5433", "port", "5433" },
	{ "work_mem = 4MB#x", "work_mem", "4MB" },
	{ "a.b = 'x'", "a.b", "x" },
	{ "log_line_prefix = 'it''s %m # '", "log_line_prefix", "it's %m # " },
	{ "x = 'a\\'b\\\\c\\n\\101'", "x", "a'b\\c\nA" },
	{ "include_dir 'conf.d'", "include_dir", "conf.d" },
	{ "x = ''", "x", "" },
	{ "# port = 5433", NULL, NULL },
	{ "", NULL, NULL },
	{ "port =", NULL, NULL },
	{ "= 5433", NULL, NULL },
	{ "5port = 1", NULL, NULL },
	{ "a..b = 1", NULL, NULL },
	{ "x = 'open", NULL, NULL },
	{ "x = 'a\\", NULL, NULL },
};

START_TEST(scans)
{
	struct pgconf c = { .text = lines[_i].line, .len = strlen(lines[_i].line) };
	struct pgconf_setting *s = malloc(sizeof(*s));

	ck_assert_msg(pgconf_next(&c, s) == (lines[_i].name != NULL), "\"%s\"", lines[_i].line);
	if (lines[_i].name != NULL) {
		ck_assert_str_eq(s->name, lines[_i].name);
		ck_assert_str_eq(s->value, lines[_i].value);
	}
	ck_assert_int_eq(pgconf_next(&c, s), 0);
	free(s);
}
END_TEST

/* Lines that are too long are passed over, and the following ones are read. */
START_TEST(passes_over_what_is_too_long)
{
	struct pgconf_setting *s = malloc(sizeof(*s));
	char text[2 * PGCONF_VALUE_MAX];
	struct pgconf c = { .text = text };

	memset(text, 'x', sizeof(text));
	memcpy(text, "a = '", 5);
	memcpy(text + PGCONF_VALUE_MAX + 6, "'\nb = 1\n", 8);
	c.len = PGCONF_VALUE_MAX + 14;
	ck_assert_int_eq(pgconf_next(&c, s), 1);
	ck_assert_str_eq(s->name, "b");
	memset(text, 'x', sizeof(text));
	c = (struct pgconf){ .text = text, .len = sizeof(text) };
	ck_assert_int_eq(pgconf_next(&c, s), 0);
	free(s);
}
END_TEST

/* A written value is read as it was meant. */
START_TEST(formats)
{
	static const char *const values[] = { "", "a", "it's", "\\", "'\\''", "a#b c" };
	struct pgconf_setting *s = malloc(sizeof(*s));
	struct pgconf c = { 0 };
	char text[64];
	size_t i;
	int len;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		ck_assert_int_gt(len = pgconf_format("name", values[i], text, sizeof(text)), 0);
		ck_assert_int_eq(len, (int)strlen(text));
		c = (struct pgconf){ .text = text, .len = (size_t)len };
		ck_assert_int_eq(pgconf_next(&c, s), 1);
		ck_assert_str_eq(s->value, values[i]);
	}
	ck_assert_int_eq(pgconf_format("name", "12345678", text, 16), -ENAMETOOLONG);
	free(s);
}
END_TEST

START_TEST(auto_conf_of_a_clone)
{
	static const char base[] = "# kept\nwork_mem = 5MB\nrestore_command = 'rm -rf /'\n"
	    "recovery_target_name = 'x'\n#recovery_target = 'kept'\ninclude_if_exists = 'probackup_recovery.conf'\n"
	    "port = 1";
	struct recovery_target target = { .kind = RECOVERY_LSN, .value = "0/5", .timeline = "7" };
	const struct pgautoconf_recovery recovery = {
		.target = &target, .inclusive = "false", .restore_command = "cp %f %p",
	};
	struct pgautoconf a = { 0 };

	pgautoconf_base(&a, base, strlen(base), true);
	pgautoconf_comment(&a, "clone");
	pgautoconf_set_clone(&a, 13, "it's", "ID");
	pgautoconf_set_recovery(&a, &recovery);
	ck_assert_int_eq(a.error, 0);
	ck_assert_ptr_nonnull(strstr(a.text, "# kept\nwork_mem = 5MB\n#recovery_target = 'kept'\nport = 1\n\n# clone\n"));
	ck_assert_ptr_null(strstr(a.text, "rm -rf"));
	ck_assert_ptr_null(strstr(a.text, "recovery_target_name"));
	ck_assert_ptr_nonnull(strstr(a.text, "archive_mode = 'off'\n"));
	ck_assert_ptr_nonnull(strstr(a.text, "cluster_name = 'pbkfs ID it''s'\n"));
	ck_assert_ptr_null(strstr(a.text, "archive_library"));	/* 15 and newer */
	ck_assert_ptr_null(strstr(a.text, "recovery_init_sync_method"));	/* 14 and newer */
	ck_assert_ptr_nonnull(strstr(a.text, "recovery_target_lsn = '0/5'\nrecovery_target_inclusive = 'false'\n"
	    "recovery_target_timeline = '7'\nrecovery_target_action = 'pause'\nrestore_command = 'cp %f %p'\n"));
	free(a.text);
}
END_TEST

/* A recovery names its timeline; a standby leaves that to its server. */
START_TEST(auto_conf_of_a_recovery)
{
	static const struct {
		struct recovery_target t;
		const char *action, *expected;
		bool	standby;
	} cases[] = {
#define REST	"restore_command = 'cp %f %p'\n"
		{ { .kind = RECOVERY_NONE }, NULL,
		    "recovery_target_timeline = 'current'\nrecovery_target_action = 'pause'\n" REST, false },
		{ { .kind = RECOVERY_LATEST }, NULL,
		    "recovery_target_timeline = 'latest'\nrecovery_target_action = 'pause'\n" REST, false },
		{ { .kind = RECOVERY_LATEST, .timeline = "current" }, "promote",
		    "recovery_target_timeline = 'current'\nrecovery_target_action = 'promote'\n" REST, false },
		{ { .kind = RECOVERY_IMMEDIATE }, NULL,
		    "recovery_target = 'immediate'\nrecovery_target_timeline = 'current'\nrecovery_target_action = 'pause'\n" REST, false },
		{ { .kind = RECOVERY_NAME, .value = "it's" }, NULL,
		    "recovery_target_name = 'it''s'\nrecovery_target_timeline = 'current'\nrecovery_target_action = 'pause'\n" REST, false },
		{ { .kind = RECOVERY_NONE }, NULL, REST, true },
		{ { .kind = RECOVERY_NONE, .timeline = "3" }, "shutdown",
		    "recovery_target_timeline = '3'\nrecovery_target_action = 'shutdown'\n" REST, true },
		{ { .kind = RECOVERY_LSN, .value = "0/5" }, NULL,
		    "recovery_target_lsn = '0/5'\nrecovery_target_timeline = 'current'\nrecovery_target_action = 'pause'\n" REST, true },
	};
	char error[CHAIN_ERROR_MAX];
	struct recovery_target t;
	struct pgautoconf a;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct pgautoconf_recovery recovery = {
			.target = &t, .action = cases[i].action, .restore_command = "cp %f %p", .standby = cases[i].standby,
		};

		t = cases[i].t;
		a = (struct pgautoconf){ 0 };
		ck_assert_int_eq(recovery_parse(&t, error), 0);
		pgautoconf_set_recovery(&a, &recovery);
		ck_assert_int_eq(a.error, 0);
		ck_assert_str_eq(a.text, cases[i].expected);
		free(a.text);
	}
	a = (struct pgautoconf){ 0 };
	pgautoconf_set_primary(&a, "host=a password='it''s'", "slot_1");
	ck_assert_str_eq(a.text, "primary_conninfo = 'host=a password=''it''''s'''\nprimary_slot_name = 'slot_1'\n");
	free(a.text);
}
END_TEST

/* A file that nobody has to change stays as it is. */
START_TEST(auto_conf_kept)
{
	static const char base[] = "restore_command = 'x'\n";
	struct pgautoconf a = { 0 };

	pgautoconf_base(&a, base, strlen(base), false);
	ck_assert_str_eq(a.text, base);
	free(a.text);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pgconf");
	TCase *tc = tcase_create("settings");

	tcase_add_loop_test(tc, scans, 0, ARRAY_SIZE(lines));
	tcase_add_test(tc, passes_over_what_is_too_long);
	tcase_add_test(tc, formats);
	tcase_add_test(tc, auto_conf_of_a_clone);
	tcase_add_test(tc, auto_conf_of_a_recovery);
	tcase_add_test(tc, auto_conf_kept);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
