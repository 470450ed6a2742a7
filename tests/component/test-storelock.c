/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pg_probackup's lock files, as the supervisor takes and leaves them, in directories
 * in which others left or planted files.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/storelock.h"
#include "support/tmpdir.h"
#include "support/unit.h"

#define SOMEBODY	4711	/* the owner of the backups, if root runs this */

static char base[64];
static int store_fd = -1;
static pid_t living, dead;

static const char *const ids[] = { "TOX002", "TOX001" };

/* ---- what lies in the store --------------------------------------------- */

static const char *
path_of(const char *id, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/backups/main/%s/%s", base, id, name);
	return path;
}

static void
put(const char *id, const char *name, const char *text)
{
	FILE *fp = fopen(path_of(id, name), "w");

	ck_assert_ptr_nonnull(fp);
	fputs(text, fp);
	fclose(fp);
}

static void
put_pids(const char *id, const char *name, pid_t a, pid_t b)
{
	char text[64];

	snprintf(text, sizeof(text), b != 0 ? "%d\n%d\n" : "%d\n", (int)a, (int)b);
	put(id, name, text);
}

static bool
is_there(const char *id, const char *name)
{
	return access(path_of(id, name), F_OK) == 0;
}

/* Asserts that the file has these lines; 0 = none. */
static void
expect_pids(const char *id, const char *name, pid_t a, pid_t b)
{
	char want[64] = "", found[64] = "";
	FILE *fp = fopen(path_of(id, name), "r");

	if (a != 0)
		snprintf(want, sizeof(want), b != 0 ? "%d\n%d\n" : "%d\n", (int)a, (int)b);
	if (fp != NULL) {
		found[fread(found, 1, sizeof(found) - 1, fp)] = '\0';
		fclose(fp);
	}
	ck_assert_msg(strcmp(want, found) == 0, "%s of %s is \"%s\", not \"%s\"", name, id,
	    found, want);
}

static void
expect_clean(void)
{
	static const char *const names[] = { "backup.pid", "backup_ro.pid", "backup_ro.pidtmp" };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(ids); i++)
		for (j = 0; j < ARRAY_SIZE(names); j++)
			ck_assert_msg(!is_there(ids[i], names[j]), "%s is left in %s", names[j], ids[i]);
}

static void
make_store(void)
{
	char path[128];
	size_t i;

	tmpdir_new(base, sizeof(base));
	ck_assert_int_eq(chmod(base, 0755), 0);
	snprintf(path, sizeof(path), "%s/backups", base);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/backups/main", base);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		ck_assert_int_eq(mkdir(path_of(ids[i], ""), 0700), 0);
		put(ids[i], "backup.control", "status = OK\n");
		put(ids[i], "backup_content.control", "");
		if (geteuid() == 0)
			ck_assert_int_eq(chown(path_of(ids[i], ""), SOMEBODY, SOMEBODY), 0);
	}
	store_fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(store_fd, 0);
	if ((dead = fork()) == 0)
		_exit(0);
	waitpid(dead, NULL, 0);
	if ((living = fork()) == 0)
		for (;;)
			pause();
}

static void
remove_store(void)
{
	char command[192];

	kill(living, SIGKILL);
	waitpid(living, NULL, 0);
	close(store_fd);
	snprintf(command, sizeof(command), "chmod -R u+w %s; rm -rf %s", base, base);
	ck_assert_int_eq(system(command), 0);
}

static void
begin(struct storelock *l)
{
	size_t i;

	memset(l, 0, sizeof(*l));
	clock_gettime(CLOCK_REALTIME, &l->since);
	ck_assert_int_eq(storelock_init(l, store_fd, "main"), 0);
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		ck_assert_int_eq(storelock_add(l, ids[i]), 0);
}

/* ---- the way it goes ---------------------------------------------------- */

START_TEST(holds_and_gives_back)
{
	struct storelock l;
	struct stat st;
	size_t i;

	begin(&l);
	ck_assert_int_eq(storelock_try(&l), 0);
	ck_assert_int_eq(l.state, STORELOCK_HELD);
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		expect_pids(ids[i], "backup_ro.pid", getpid(), 0);
		ck_assert(!is_there(ids[i], "backup.pid"));
		ck_assert_int_eq(stat(path_of(ids[i], "backup_ro.pid"), &st), 0);
		ck_assert_int_eq(st.st_mode, S_IFREG | 0600);
		ck_assert_int_eq(st.st_uid, geteuid() == 0 ? SOMEBODY : geteuid());
	}
	storelock_release(&l);
	expect_clean();
	storelock_release(&l);
	expect_clean();
}
END_TEST

START_TEST(keeps_other_readers)
{
	struct storelock l;

	put_pids("TOX001", "backup_ro.pid", dead, living);
	put("TOX002", "backup_ro.pid", "garbage\n-1\n0\n99999999999\n\n");
	begin(&l);
	ck_assert_int_eq(storelock_try(&l), 0);
	expect_pids("TOX001", "backup_ro.pid", living, getpid());
	expect_pids("TOX002", "backup_ro.pid", getpid(), 0);
	storelock_release(&l);
	expect_pids("TOX001", "backup_ro.pid", living, 0);
	ck_assert(!is_there("TOX002", "backup_ro.pid"));
}
END_TEST

/* A crash left our own pid, or a list without its last line feed. */
START_TEST(writes_itself_once)
{
	char text[32];
	struct storelock l;

	put_pids("TOX001", "backup_ro.pid", getpid(), getpid());
	put_pids("TOX001", "backup.pid", getpid(), 0);
	snprintf(text, sizeof(text), "%d", (int)living);
	put("TOX002", "backup_ro.pid", text);
	begin(&l);
	ck_assert_int_eq(storelock_try(&l), 0);
	expect_pids("TOX001", "backup_ro.pid", getpid(), 0);
	expect_pids("TOX002", "backup_ro.pid", living, getpid());
	storelock_release(&l);
	expect_pids("TOX002", "backup_ro.pid", living, 0);
}
END_TEST

/* ---- somebody is in the way --------------------------------------------- */

START_TEST(waits_for_the_living)
{
	struct storelock l;

	put_pids("TOX002", "backup.pid", living, 0);
	begin(&l);
	ck_assert_int_eq(storelock_try(&l), -EAGAIN);
	ck_assert_int_eq(l.blocker, living);
	ck_assert_str_eq(storelock_id(&l), "TOX002");
	expect_pids("TOX001", "backup_ro.pid", getpid(), 0);	/* the oldest came first */
	ck_assert(!is_there("TOX002", "backup_ro.pid"));
	expect_pids("TOX002", "backup.pid", living, 0);
	ck_assert_int_eq(unlink(path_of("TOX002", "backup.pid")), 0);
	ck_assert_int_eq(storelock_try(&l), 0);
	expect_pids("TOX002", "backup_ro.pid", getpid(), 0);
	storelock_release(&l);
	expect_clean();
}
END_TEST

START_TEST(gives_back_what_it_has)
{
	struct storelock l;

	put_pids("TOX002", "backup.pid", living, 0);
	begin(&l);
	ck_assert_int_eq(storelock_try(&l), -EAGAIN);
	storelock_release(&l);
	expect_pids("TOX002", "backup.pid", living, 0);
	ck_assert_int_eq(unlink(path_of("TOX002", "backup.pid")), 0);
	expect_clean();
}
END_TEST

static const char *const stale[] = { "", "garbage", "0\n", "-5\n", "99999999999999999999\n" };

START_TEST(ignores_the_dead)
{
	struct storelock l;

	if (_i == 0)
		put_pids("TOX001", "backup.pid", dead, 0);
	else
		put("TOX001", "backup.pid", stale[_i]);
	begin(&l);
	ck_assert_msg(storelock_try(&l) == 0, "\"%s\"", stale[_i]);
	expect_pids("TOX001", "backup_ro.pid", getpid(), 0);
	storelock_release(&l);
	expect_clean();
}
END_TEST

START_TEST(waits_for_a_pid_to_be_written)
{
	struct storelock l;

	put("TOX001", "backup.pid", "");
	begin(&l);
	ck_assert_int_eq(storelock_try(&l), -EAGAIN);
	ck_assert_int_eq(l.blocker, 0);
	ck_assert_int_eq(storelock_try(&l), -EAGAIN);
	l.empty_since -= STORELOCK_EMPTY_SECONDS * 1000000000ULL;
	ck_assert_int_eq(storelock_try(&l), 0);
	storelock_release(&l);
	expect_clean();
}
END_TEST

/* The process that waits for us has backup.pid: we would wait a minute for it in turn. */
START_TEST(leaves_while_somebody_waits)
{
	struct timespec from, to;
	struct storelock l;

	begin(&l);
	ck_assert_int_eq(storelock_try(&l), 0);
	put_pids("TOX001", "backup.pid", living, 0);
	put_pids("TOX002", "backup.pid", living, 0);
	clock_gettime(CLOCK_MONOTONIC, &from);
	storelock_release(&l);
	clock_gettime(CLOCK_MONOTONIC, &to);
	ck_assert_int_le(to.tv_sec - from.tv_sec, 5);
	expect_pids("TOX001", "backup.pid", living, 0);
	ck_assert(!is_there("TOX001", "backup_ro.pid"));
	ck_assert(!is_there("TOX002", "backup_ro.pid"));
}
END_TEST

/* ---- what is planted ---------------------------------------------------- */

static const struct planted {
	const char *name;
	enum { LINK, FIFO, DIRECTORY, LARGE } what;
	int	rc;
} planted[] = {
	{ "backup.pid",		LINK,		-ELOOP },
	{ "backup.pid",		FIFO,		-EINVAL },
	{ "backup.pid",		DIRECTORY,	-EINVAL },
	{ "backup.pid",		LARGE,		-EFBIG },
	{ "backup_ro.pid",	LINK,		-ELOOP },
	{ "backup_ro.pid",	FIFO,		-EINVAL },
	{ "backup_ro.pid",	DIRECTORY,	-EINVAL },
	{ "backup_ro.pid",	LARGE,		-EFBIG },
	{ "backup_ro.pidtmp",	LINK,		0 },	/* replaced */
	{ "backup_ro.pidtmp",	FIFO,		0 },
	{ "backup_ro.pidtmp",	DIRECTORY,	-EISDIR },
	{ "backup_ro.pidtmp",	LARGE,		0 },
};

static void
plant(const struct planted *p)
{
	char target[128];

	snprintf(target, sizeof(target), "%s/precious", base);
	if (p->what == LINK)
		ck_assert_int_eq(symlink(target, path_of("TOX001", p->name)), 0);
	else if (p->what == FIFO)
		ck_assert_int_eq(mkfifo(path_of("TOX001", p->name), 0666), 0);
	else if (p->what == DIRECTORY)
		ck_assert_int_eq(mkdir(path_of("TOX001", p->name), 0777), 0);
	else
		put("TOX001", p->name, "");
	if (p->what == LARGE)
		ck_assert_int_eq(truncate(path_of("TOX001", p->name), 64 * 1024 + 1), 0);
	if (p->what != LINK && geteuid() == 0)
		ck_assert_int_eq(chown(path_of("TOX001", p->name), SOMEBODY, SOMEBODY), 0);
}

START_TEST(follows_nothing)
{
	const struct planted *p = &planted[_i];
	char target[128];
	struct storelock l;
	struct stat st;
	FILE *fp;
	int rc;

	snprintf(target, sizeof(target), "%s/precious", base);
	ck_assert_ptr_nonnull(fp = fopen(target, "w"));
	fprintf(fp, "%d\n", (int)dead);
	fclose(fp);
	ck_assert_int_eq(chmod(target, 0666), 0);
	ck_assert_int_eq(stat(target, &st), 0);
	plant(p);
	begin(&l);
	rc = storelock_try(&l);
	ck_assert_msg(rc == p->rc, "%s (kind %d): %d, not %d", p->name, p->what, rc, p->rc);
	ck_assert_str_eq(storelock_id(&l), rc == 0 ? "TOX002" : "TOX001");
	if (strcmp(p->name, "backup.pid") != 0)
		ck_assert(!is_there("TOX001", "backup.pid"));
	storelock_release(&l);
	ck_assert_msg(!is_there("TOX002", "backup_ro.pid"), "not given back");
	ck_assert_int_eq(access(target, F_OK), 0);
	ck_assert_int_eq(stat(target, &st), 0);
	ck_assert_int_gt(st.st_size, 0);
}
END_TEST

static const struct { const char *id; int rc; } hostile[] = {
	{ "",			-EINVAL },
	{ ".",			-EINVAL },
	{ "..",			-EINVAL },
	{ "../TOX001",		-EINVAL },
	{ "TOX001/",		-EINVAL },
	{ "TOX 01",		-EINVAL },
	{ "tox001",		-EINVAL },
	{ "TOX001\n",		-EINVAL },
	{ "AAAAAAAAAAAAAAAA",	-EINVAL },
	{ "AAAAAAAAAAAAAAA",	0 },
	{ "Z",			0 },
};

START_TEST(accepts_ids_only)
{
	struct storelock l;

	begin(&l);
	ck_assert_msg(storelock_add(&l, hostile[_i].id) == hostile[_i].rc, "\"%s\"", hostile[_i].id);
}
END_TEST

START_TEST(accepts_instances_only)
{
	static const char *const names[] = { "", ".", "..", "main/..", "../main", "/main", ".x" };
	struct storelock l = { .store_fd = -1 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		ck_assert_msg(storelock_init(&l, store_fd, names[i]) == -EINVAL, "\"%s\"", names[i]);
}
END_TEST

START_TEST(bounds_the_chain)
{
	struct storelock l;
	size_t i;

	begin(&l);
	for (i = ARRAY_SIZE(ids); i < CHAIN_MAX; i++)
		ck_assert_int_eq(storelock_add(&l, "Z"), 0);
	ck_assert_int_eq(storelock_add(&l, "Z"), -E2BIG);
}
END_TEST

START_TEST(enters_no_linked_backup)
{
	char path[128];
	struct storelock l;

	snprintf(path, sizeof(path), "%s/backups/main/TOX003", base);
	ck_assert_int_eq(symlink("TOX001", path), 0);
	begin(&l);
	ck_assert_int_eq(storelock_add(&l, "TOX003"), 0);
	ck_assert_int_eq(storelock_try(&l), -ELOOP);
	storelock_release(&l);
	expect_clean();
}
END_TEST

/* ---- a store that cannot be locked, or changes -------------------------- */

START_TEST(says_what_is_not_writable)
{
	struct storelock l;

	ck_assert_int_eq(chmod(path_of("TOX002", ""), 0500), 0);
	begin(&l);
	ck_assert_int_eq(storelock_try(&l), 0);
	ck_assert_int_eq(l.state, STORELOCK_NOT_WRITABLE);
	ck_assert_int_eq(l.why, -EACCES);
	expect_pids("TOX001", "backup_ro.pid", getpid(), 0);
	storelock_release(&l);
	expect_clean();

	begin(&l);
	l.insist = true;
	ck_assert_int_eq(storelock_try(&l), -EACCES);
	ck_assert_str_eq(storelock_id(&l), "TOX002");
	storelock_release(&l);
	expect_clean();
}
END_TEST

START_TEST(refuses_a_chain_that_changed)
{
	struct storelock l;

	begin(&l);
	l.since.tv_sec -= 60;	/* the store was made since */
	ck_assert_int_eq(storelock_try(&l), -ESTALE);
	ck_assert_str_eq(storelock_id(&l), "TOX001");
	storelock_release(&l);
	expect_clean();

	begin(&l);
	ck_assert_int_eq(unlink(path_of("TOX002", "backup_content.control")), 0);
	ck_assert_int_eq(storelock_try(&l), -ESTALE);
	storelock_release(&l);
	expect_clean();

	begin(&l);
	ck_assert_int_eq(storelock_add(&l, "TOX009"), 0);
	ck_assert_int_eq(storelock_try(&l), -ESTALE);
	storelock_release(&l);
	expect_clean();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("storelock");
	TCase *tc = tcase_create("storelock");

	tcase_add_checked_fixture(tc, make_store, remove_store);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, holds_and_gives_back);
	tcase_add_test(tc, keeps_other_readers);
	tcase_add_test(tc, writes_itself_once);
	tcase_add_test(tc, waits_for_the_living);
	tcase_add_test(tc, gives_back_what_it_has);
	tcase_add_loop_test(tc, ignores_the_dead, 0, (int)ARRAY_SIZE(stale));
	tcase_add_test(tc, waits_for_a_pid_to_be_written);
	tcase_add_test(tc, leaves_while_somebody_waits);
	tcase_add_loop_test(tc, follows_nothing, 0, (int)ARRAY_SIZE(planted));
	tcase_add_loop_test(tc, accepts_ids_only, 0, (int)ARRAY_SIZE(hostile));
	tcase_add_test(tc, accepts_instances_only);
	tcase_add_test(tc, bounds_the_chain);
	tcase_add_test(tc, enters_no_linked_backup);
	tcase_add_test(tc, says_what_is_not_writable);
	tcase_add_test(tc, refuses_a_chain_that_changed);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
