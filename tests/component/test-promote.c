/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Promotion without a mount: a diff directory that needs no backup becomes plain directories which
 * are equal to what it showed; killed anywhere, it goes on or is taken back.
 */
#include "config.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>

#include "base/io.h"
#include "base/ondisk.h"
#include "cow/origins.h"
#include "promote/promote.h"
#include "promote/promote_conf.h"
#include "supervisor/diffdir.h"
#include "support/promoted.h"

#define KILLS		10	/* or what the environment says: PBKFS_KILLS */

/* ---- what is promoted ------------------------------------------------------------- */

/* Writes all that a file has anew, upon which it needs no backup. */
static void
own(const char *path)
{
	unsigned char buf[BLCKSZ];
	uint64_t size = size_of(path), off;
	ssize_t n;

	for (off = 0; off < size; off += (uint64_t)n) {
		n = cow_read(rig.cow, id(path), off, MIN(size - off, sizeof(buf)), buf, &rig.reader);
		ck_assert_int_gt(n, 0);
		ck_assert_int_eq(put(path, off, buf, (size_t)n), 0);
	}
	ck_assert_int_eq(sync_path(path), 0);
}

static void
own_all(void)
{
	own("PG_VERSION");
	own("conf");
	own("base/5/16384");
	own("pg_wal/000000010000000000000001");
	ck_assert_int_eq(resize("base/5/16386", 0), 0);
}

/* ---- tests -------------------------------------------------------------------------------- */

START_TEST(equal_to_what_was_shown)
{
	ck_assert_msg(promote_it() == 0, "%s", pro.error);
	is_promoted();
}
END_TEST

/* Runs promote_it() in a child; kills it when it enters or leaves the kernel for the n-th time.  Returns how often that was. */
static unsigned
run_child(unsigned n)
{
	unsigned count = 0;
	int status;
	pid_t pid;

	ck_assert_int_ge(pid = fork(), 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(2);	/* stopped, it would be nobody's */
		raise(SIGSTOP);
		_exit(promote_it() == 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	for (; WIFSTOPPED(status); count++) {
		if (count == n)
			kill(pid, SIGKILL);
		else
			ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	}
	ck_assert_msg(WIFSIGNALED(status) ? n < UINT_MAX : WEXITSTATUS(status) == 0, "the child ended with %x", status);
	return count;
}

static unsigned
kills(void)
{
	const char *n = getenv("PBKFS_KILLS");

	return n != NULL ? (unsigned)strtoul(n, NULL, 10) : KILLS;
}

/* The number of stops of one that is not killed: of another directory, with the same content. */
static unsigned
count_stops(void)
{
	static unsigned all;

	if (all == 0) {
		promoted_setup();
		all = run_child(UINT_MAX);
		cowpath_teardown();
	}
	return all;
}

static void
kill_at(unsigned all, unsigned i)
{
	promoted_setup();
	run_child((unsigned)((uint64_t)all * (2 * i + 1) / (2 * kills())));
	/* A second one that is killed finds what the first has left. */
	if (i % 2 != 0)
		run_child(all / 3);
	ck_assert_msg(promote_it() == 0, "%s", pro.error);
	is_promoted();
	cowpath_teardown();
}

START_TEST(killed_anywhere)
{
	unsigned all = count_stops(), i;

	ck_assert_uint_gt(all, 200);
	for (i = 0; i < kills(); i++)
		kill_at(all, i);
}
END_TEST

static void
take_back(void)
{
	struct promotion *p autofree = calloc(1, sizeof(*p));

	ck_assert_int_eq(promotion_load(pro.outer_fd, p), 0);
	ck_assert_int_eq(p->step, PROMOTION_BUILDING);
	ck_assert_int_eq(promotion_take_back(pro.outer_fd, p, pro.parent_fd), 0);
	ck_assert_int_eq(promotion_load(pro.outer_fd, p), -ENOENT);
}

/* The inodes of files that a temporary directory has; they stay open, so that no number is given again. */
static void
list_inodes(int dir_fd, struct tree *t)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY);
	DIR *dir = fdopendir(fd);
	const struct dirent *d;
	struct stat st;

	while ((d = readdir(dir)) != NULL)
		if (fstatat(dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
		    strcmp(d->d_name, CONF) != 0 && openat(dir_fd, d->d_name, O_RDONLY | O_CLOEXEC) >= 0)
			ck_assert_int_gt(asprintf(&t->line[t->n++], "%s %" PRIu64, d->d_name, (uint64_t)st.st_ino), 0);
	closedir(dir);
}

/* Takes the line that begins so from the other tree. */
static void
replace_line(struct tree *t, const char *begin, const struct tree *from)
{
	unsigned i, k;

	for (i = 0; i < t->n; i++)
		for (k = 0; k < from->n && strncmp(t->line[i], begin, strlen(begin)) == 0; k++)
			if (strncmp(from->line[k], begin, strlen(begin)) == 0) {
				free(t->line[i]);
				t->line[i] = strdup(from->line[k]);
				return;
			}
}

/* Only a file that is not whole is copied again. */
START_TEST(copies_are_kept)
{
	struct promotion *p autofree = calloc(1, sizeof(*p));
	struct tree first = { 0 }, second = { 0 };
	struct stat st, other;
	int fd[2];

	pro.copy = true;
	plan_it(p);
	ck_assert_int_eq(promotion_store(pro.outer_fd, p), 0);
	ck_assert_msg(build_it(p, fd) == 0, "%s", pro.error);
	/* As one that was being copied: its time is not the one that it is to have. */
	ck_assert_int_eq(unlinkat(fd[0], "cut", 0), 0);
	close(openat(fd[0], "cut", O_WRONLY | O_CREAT, 0600));
	list_inodes(fd[0], &first);
	list_inodes(fd[1], &first);
	ck_assert_uint_ge(first.n, 4);
	ck_assert_int_eq(fstatat(fd[0], "cut", &st, 0), 0);
	ck_assert_msg(build_it(p, fd) == 0, "%s", pro.error);
	ck_assert_int_eq(fstatat(fd[0], "cut", &other, 0), 0);
	ck_assert_int_ne(st.st_ino, other.st_ino);
	list_inodes(fd[0], &second);
	list_inodes(fd[1], &second);
	/* That one has another inode, and no more than that. */
	replace_line(&first, "cut ", &second);
	are_equal(&first, &second);
	forget_tree(&first);
	forget_tree(&second);
	ck_assert_msg(promote_it() == 0, "%s", pro.error);
	is_promoted();
}
END_TEST

/* All was built, and is taken back: the diff directory is what it was, can be changed, and promoted then. */
START_TEST(taken_back)
{
	struct promotion *p autofree = calloc(1, sizeof(*p));
	struct tree again = { 0 };
	char path[PATH_MAX], name[NAME_MAX + 1];
	struct stat st;
	int fd[2];

	plan_it(p);
	ck_assert_int_eq(promotion_store(pro.outer_fd, p), 0);
	ck_assert_msg(build_it(p, fd) == 0, "%s", pro.error);
	take_back();
	ck_assert_int_eq(promotion_temporary(pro.outer_fd, pro.target, name), 0);
	join_path(path, rig.dir, name);
	ck_assert_int_eq(stat(path, &st), -1);
	ck_assert_int_eq(rig_open(&rig, true), 0);
	list_all_shown(&again);
	are_equal(&pro.before, &again);
	forget_tree(&again);
	ck_assert_int_eq(put("readonly", 0, "w", 1), 0);
	list_all_shown(&pro.before);
	ck_assert_int_eq(rig_close(&rig), 0);
	ck_assert_int_eq(rig_open(&rig, true), 0);
	list_all_shown(&pro.before);
	ck_assert_int_eq(rig_close(&rig), 0);
	ck_assert_msg(promote_it() == 0, "%s", pro.error);
	is_promoted();
}
END_TEST

START_TEST(only_forwards_once_it_is_whole)
{
	struct promotion *p autofree = calloc(1, sizeof(*p));
	char path[PATH_MAX];
	int fd[2];

	plan_it(p);
	ck_assert_int_eq(promotion_store(pro.outer_fd, p), 0);
	ck_assert_int_eq(build_it(p, fd), 0);
	ck_assert_int_eq(promotion_ready(pro.outer_fd, p, fd), 0);
	ck_assert_int_eq(promotion_take_back(pro.outer_fd, p, pro.parent_fd), -EBUSY);
	/* Somebody has put something there: nothing of it is touched, and it goes on once that is away. */
	ck_assert_int_eq(mkdir(pro.target, 0700), 0);
	join_path(path, pro.target, "mine");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(promote_it(), -ENOTEMPTY);
	ck_assert_ptr_nonnull(strstr(pro.error, pro.target));
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_msg(promote_it() == 0, "%s", pro.error);
	is_promoted();
}
END_TEST

/* No mount takes a directory with the file of a promotion. */
START_TEST(no_mount_takes_it)
{
	char foreign[NAME_MAX + 1] = "";
	struct diffdir d = { .fd = pro.outer_fd };
	struct promotion *p autofree = calloc(1, sizeof(*p));

	plan_it(p);
	ck_assert_int_ne(diffdir_content(&d, foreign), DIFFDIR_PROMOTING);
	ck_assert_int_eq(promotion_store(pro.outer_fd, p), 0);
	ck_assert_int_eq(diffdir_content(&d, foreign), DIFFDIR_PROMOTING);
}
END_TEST

/* Builds, which has to be refused with rc and a line that says this. */
static void
is_refused(int rc, const char *says)
{
	struct promotion *p autofree = calloc(1, sizeof(*p));
	int fd[2];

	plan_it(p);
	ck_assert_int_eq(promotion_store(pro.outer_fd, p), 0);
	ck_assert_int_eq(build_it(p, fd), rc);
	ck_assert_msg(strstr(pro.error, says) != NULL, "\"%s\" does not say \"%s\"", pro.error, says);
	take_back();
}

START_TEST(a_part_is_the_backups)
{
	make_tablespace();
	ck_assert_int_eq(rig_close(&rig), 0);
	is_refused(-ENODATA, "the backup still has a part of it");
	ck_assert_int_eq(rig_open(&rig, true), 0);
	own_all();
	ck_assert_int_eq(rig_close(&rig), 0);
	ck_assert_msg(promote_it() == 0, "%s", pro.error);
}
END_TEST

START_TEST(a_tablespace_without_a_place)
{
	ck_assert_int_eq(rig_open(&rig, true), 0);
	make_own(".pbkfs-tblspc/16401", S_IFDIR | 0700);
	ck_assert_int_eq(rig_close(&rig), 0);
	is_refused(-ENOENT, ".pbkfs-tblspc/16401");
}
END_TEST

/* Finds the content file of "holes", the only one that long. */
static void
find_content(char path[PATH_MAX])
{
	const struct dirent *d;
	char data[PATH_MAX];
	struct stat st;
	DIR *dir;

	join_path(data, rig.diff, "data");
	ck_assert_ptr_nonnull(dir = opendir(data));
	while ((d = readdir(dir)) != NULL)
		if (fstatat(dirfd(dir), d->d_name, &st, 0) == 0 && st.st_size == 1000001)
			join_path(path, data, d->d_name);
	closedir(dir);
}

/* The owner may have done this to the diff directory. */
START_TEST(content_that_is_not_ours)
{
	char path[PATH_MAX] = "", other[PATH_MAX];

	find_content(path);
	join_path(other, rig.dir, "other");
	ck_assert_int_eq(link(path, other), 0);
	is_refused(-EMLINK, "could not make \"holes\": its content has another name");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink(other, path), 0);
	is_refused(-EUCLEAN, "could not make \"holes\"");
	ck_assert_int_eq(rename(other, path), 0);
	ck_assert_msg(promote_it() == 0, "%s", pro.error);
	is_promoted();
}
END_TEST

static const struct {
	const char *text;
} wrong[] = {
	{ "" }, { "pbkfs-promote 2\nstep building\nplace 0 - /a\n" }, { "pbkfs-promote 1\nstep done\nplace 0 - /a\n" },
	{ "pbkfs-promote 1\nstep building\n" }, { "pbkfs-promote 1\nstep building\nplace 0 - a\n" },
	{ "pbkfs-promote 1\nstep building\nplace 0 pg_wal /a\n" },
	{ "pbkfs-promote 1\nstep building\nplace 0 - /a\nplace 0 - /b\n" },
	{ "pbkfs-promote 1\nstep building\nplace x - /a\n" },
};

START_TEST(files_of_others)
{
	struct promotion *p autofree = calloc(1, sizeof(*p));
	int fd autoclose = openat(pro.outer_fd, ONDISK_PROMOTE, O_WRONLY | O_CREAT, 0600);

	ck_assert_int_eq(io_write(fd, wrong[_i].text, strlen(wrong[_i].text)), 0);
	ck_assert_int_eq(promotion_load(pro.outer_fd, p), -EUCLEAN);
}
END_TEST

static const struct {
	const char *text;
	bool	external;
	const char *name, *path;	/* NULL: not known */
} origins[] = {
	{ "pbkfs-origins 1\n", false, "1", NULL },
	{ "pbkfs-origins 2\ntablespace 1 /a\n", false, "1", NULL },
	{ "tablespace 1 /a\n", false, "1", NULL },
	{ "pbkfs-origins 1\ntablespace 1 /a b\nexternal 1 /c\n", false, "1", "/a b" },
	{ "pbkfs-origins 1\ntablespace 1 /a b\nexternal 1 /c", true, "1", "/c" },
	{ "pbkfs-origins 1\ntablespace 11 /a\n", false, "1", NULL },
	{ "pbkfs-origins 1\ntablespace 1 a\n", false, "1", NULL },
	{ "pbkfs-origins 1\ntablespace 1 \n", false, "1", NULL },
	{ "pbkfs-origins 1\ntablespace 1", false, "1", NULL },
};

START_TEST(origins_of_others)
{
	int fd autoclose = openat(rig.diff_fd, ONDISK_ORIGINS, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	char *text autofree = NULL, path[PATH_MAX] = "";
	bool found;

	ck_assert_int_eq(io_write(fd, origins[_i].text, strlen(origins[_i].text)), 0);
	found = origins_find(text = origins_load(rig.diff_fd), origins[_i].external, origins[_i].name, path);
	ck_assert_int_eq(found, origins[_i].path != NULL);
	if (found)
		ck_assert_str_eq(path, origins[_i].path);
}
END_TEST

/* The catalog of this test has neither: a list that is empty is not none. */
START_TEST(origins_of_a_backup)
{
	char *text autofree = origins_load(rig.diff_fd), path[PATH_MAX];

	ck_assert_ptr_nonnull(text);
	ck_assert(!origins_find(text, false, "1", path));
}
END_TEST

/* --wal=direct: what PostgreSQL has written there is linked, file by file, with the marks of archiving. */
START_TEST(wal_beside_the_tree)
{
	struct promote_config config = { .server_version = 15, .n_places = 2 };
	struct promote_figures f;
	char path[PATH_MAX];
	struct stat st;

	ck_assert_int_eq(mkdirat(pro.outer_fd, ONDISK_CHANGES "/pg_wal", 0700), 0);
	ck_assert_int_eq(mkdirat(pro.outer_fd, ONDISK_CHANGES "/pg_wal/archive_status", 0700), 0);
	close(openat(pro.outer_fd, ONDISK_CHANGES "/pg_wal/000000010000000000000007", O_WRONLY | O_CREAT, 0600));
	close(openat(pro.outer_fd, ONDISK_CHANGES "/pg_wal/archive_status/x.ready", O_WRONLY | O_CREAT, 0600));
	config.wal_fd = openat(pro.outer_fd, ONDISK_CHANGES "/pg_wal", O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(rig_open(&rig, true), 0);
	config.cow = rig.cow;
	config.place[0] = (struct promote_place){ "", pro.target, rig_open_directory(pro.target) };
	config.place[1] = (struct promote_place){ SPACE, pro.space, rig_open_directory(pro.space) };
	ck_assert_msg(promote_build(&config, &f, pro.error) == 0, "%s", pro.error);
	join_path(path, pro.target, "pg_wal/000000010000000000000007");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_nlink, 2);
	join_path(path, pro.target, "pg_wal/archive_status/x.ready");
	ck_assert_int_eq(stat(path, &st), 0);
	join_path(path, pro.target, "pg_wal/000000010000000000000001");
	ck_assert_int_eq(stat(path, &st), -1);
	close(config.wal_fd);
}
END_TEST

/* ---- settings ---------------------------------------------------------------------------- */

#define CLONE	"# " PGAUTOCONF_OF_CLONE "T1\narchive_mode = 'off'\nport = '7'\n"

static const struct {
	const char *text, *plain;
} settings[] = {
	{ "", "" },
	{ "work_mem = '1MB'\n", "work_mem = '1MB'\n" },
	{ "a = 1\narchive_mode = off\n\n" CLONE, "a = 1\narchive_mode = off\n" },	/* the first is production's */
	{ "\n" CLONE, "" },
	{ "a = 1\n\n" CLONE "\n# " PGAUTOCONF_OF_RECOVERY "\nrestore_command = 'x'\n", "a = 1\n" },
	{ "a = 1\n\n# " PGAUTOCONF_OF_USER "\nfsync = off\n# mine\nb = 2", "a = 1\n# mine\nb = 2\n" },
	/* ALTER SYSTEM has taken the comments away. */
	{ "a = '1'\narchive_mode = 'off'\nhuge_pages = 'on'\ncluster_name = 'pbkfs T1 main'\n", "a = '1'\nhuge_pages = 'on'\n" },
	{ "restore_command = 'cp \".pbkfs/wal/%f\" \"%p\"'\nlisten_addresses = ''\nb = 2\n", "b = 2\n" },
	{ "restore_command = 'cp /a/%f %p'\nlisten_addresses = '*'\n", "restore_command = 'cp /a/%f %p'\nlisten_addresses = '*'\n" },
};

START_TEST(settings_of_a_clone)
{
	struct pgautoconf a = { 0 };

	promote_conf_plain(&a, settings[_i].text, strlen(settings[_i].text), 15);
	ck_assert_int_eq(a.error, 0);
	ck_assert_str_eq(a.text != NULL ? a.text : "", settings[_i].plain);
	free(a.text);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("promote");
	TCase *whole = tcase_create("whole"), *bare = tcase_create("bare"), *none = tcase_create("none");

	tcase_add_checked_fixture(whole, promoted_setup, cowpath_teardown);
	tcase_add_test(whole, equal_to_what_was_shown);
	tcase_add_test(whole, taken_back);
	tcase_add_test(whole, copies_are_kept);
	tcase_add_test(whole, only_forwards_once_it_is_whole);
	tcase_add_test(whole, no_mount_takes_it);
	tcase_add_test(whole, a_tablespace_without_a_place);
	tcase_add_test(whole, content_that_is_not_ours);
	tcase_add_test(whole, wal_beside_the_tree);
	tcase_add_loop_test(bare, files_of_others, 0, ARRAY_SIZE(wrong));
	tcase_add_loop_test(bare, origins_of_others, 0, ARRAY_SIZE(origins));
	tcase_add_test(whole, origins_of_a_backup);
	tcase_add_checked_fixture(bare, promoted_setup_bare, cowpath_teardown);
	tcase_add_test(bare, a_part_is_the_backups);
	tcase_add_test(none, killed_anywhere);
	tcase_add_loop_test(none, settings_of_a_clone, 0, ARRAY_SIZE(settings));
	tcase_set_timeout(whole, 120);
	tcase_set_timeout(bare, 120);
	tcase_set_timeout(none, 1200);
	suite_add_tcase(s, whole);
	suite_add_tcase(s, bare);
	suite_add_tcase(s, none);
	return unit_main(s);
}
