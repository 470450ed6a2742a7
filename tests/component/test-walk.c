/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How root finds directories: who could put something else at a name, and links
 * and directories that are exchanged while a name is walked.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/fusemount.h"
#include "supervisor/mountinfo.h"
#include "supervisor/storeaccess.h"
#include "supervisor/walk.h"
#include "support/unit.h"

#define ALICE	4711
#define BOB	4712
#define RACES	20000
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE	2
#endif

static char base[64];

static const char *
at(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned n;
	char *to = path[n++ % 4];

	snprintf(to, PATH_MAX, "%s/%s", base, name);
	return to;
}

static void
make(const char *name, uid_t uid, mode_t mode)
{
	ck_assert_int_eq(mkdir(at(name), 0700), 0);
	ck_assert_int_eq(chown(at(name), uid, uid), 0);
	ck_assert_int_eq(chmod(at(name), mode), 0);
}

static void
make_link(const char *name, const char *target, uid_t uid)
{
	ck_assert_int_eq(symlink(target, at(name)), 0);
	ck_assert_int_eq(lchown(at(name), uid, uid), 0);
}

static void
setup(void)
{
	if (getuid() != 0)
		return;
	snprintf(base, sizeof(base), "/tmp/pbkfs-walk.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(base));
	ck_assert_int_eq(chmod(base, 0755), 0);
	make("root", 0, 0755);
	make("root/dir", 0, 0755);
	make("alice", ALICE, 0755);
	make("alice/dir", ALICE, 0700);
	make("alice/bob", BOB, 0755);
	make("alice/bob/dir", ALICE, 0755);
	make("open", 0, 0777);
	make("open/dir", 0, 0755);
	make("group", 0, 0775);
	make("group/dir", 0, 0755);
	make("sticky", 0, 01777);
	make("sticky/alice", ALICE, 0755);
	make("sticky/dir", 0, 0755);
	make("hers", ALICE, 01777);
	make("hers/dir", ALICE, 0755);
	make_link("root/link", "dir", 0);
	make_link("root/up", "../alice/dir", 0);
	make_link("root/hers", "dir", ALICE);
	make_link("alice/link", "dir", ALICE);
	make_link("alice/roots", "../root", 0);
	make_link("open/link", "dir", 0);
	make_link("sticky/link", "dir", 0);
	make_link("sticky/hers", "dir", ALICE);
	make_link("root/loop", "loop", 0);
}

static void
teardown(void)
{
	char command[128];

	if (getuid() != 0)
		return;
	snprintf(command, sizeof(command), "rm -rf %s", base);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(ways)
{
	static const struct {
		const char *name;
		int	rc;		/* of walk_parent(); 0: a descriptor */
		uid_t	uid;
		bool	shared;
	} cases[] = {
		{ "root/dir", 0, 0, false }, { "root/dir/missing", 0, 0, false },
		{ "alice/dir", 0, ALICE, false }, { "alice/bob", 0, ALICE, false },
		{ "alice/bob/dir", -EPERM, 0, false },
		{ "open/dir", -EPERM, 0, false }, { "open/dir/sub", -EPERM, 0, false },
		{ "group/dir", -EPERM, 0, false }, { "hers/dir", -EPERM, 0, false },
		{ "sticky/dir", 0, 0, true }, { "sticky/alice", 0, 0, true },
		{ "sticky/alice/dir", 0, ALICE, false },
		{ "root/link/sub", -ENOTDIR, 0, false }, { "alice/link/sub", -ENOTDIR, 0, false },
		{ "missing/sub", -ENOENT, 0, false },
	};
	char error[WALK_ERROR_MAX];
	struct walk w;
	size_t i;
	int fd;

	for (i = 0; getuid() == 0 && i < ARRAY_SIZE(cases); i++) {
		fd = walk_parent(at(cases[i].name), &w, error);
		ck_assert_msg(cases[i].rc == 0 ? fd >= 0 : fd == cases[i].rc, "%s: %d %s", cases[i].name, fd, error);
		ck_assert_msg((error[0] != '\0') == (fd < 0), "%s: %s", cases[i].name, error);
		if (fd < 0)
			continue;
		ck_assert_msg(w.uid == cases[i].uid && w.shared == cases[i].shared, "%s", cases[i].name);
		ck_assert_int_eq(walk_check(&w, "x", ALICE, error), 0);
		ck_assert_int_eq(walk_check(&w, "x", BOB, error), w.uid == 0 ? 0 : -EPERM);
		close(fd);
	}
}
END_TEST

START_TEST(links)
{
	static const struct {
		const char *name;
		bool	last;
		int	rc;
		const char *out;
	} cases[] = {
		{ "root/dir", true, 0, "root/dir" }, { "root//dir/", true, 0, "root/dir" },
		{ "root/./dir/../dir", true, 0, "root/dir" }, { "root/link", true, 0, "root/dir" },
		{ "root/link", false, 0, "root/link" }, { "root/link/new", false, 0, "root/dir/new" },
		{ "root/link/new", true, -ENOENT, NULL }, { "root/link/..", false, 0, "root" },
		{ "root/up", true, 0, "alice/dir" }, { "root/hers", true, -ELOOP, NULL },
		{ "alice/dir", true, 0, "alice/dir" }, { "alice/link", true, -ELOOP, NULL },
		{ "alice/link", false, 0, "alice/link" }, { "alice/link/x", false, -ELOOP, NULL },
		{ "alice/roots/dir", true, -ELOOP, NULL }, { "open/link", true, -ELOOP, NULL },
		{ "sticky/link", true, 0, "sticky/dir" }, { "sticky/hers", true, -ELOOP, NULL },
		{ "root/loop", true, -ELOOP, NULL }, { "root/missing/x", false, -ENOENT, NULL },
	};
	char out[PATH_MAX];
	size_t i;
	int rc;

	for (i = 0; getuid() == 0 && i < ARRAY_SIZE(cases); i++) {
		rc = walk_resolve(at(cases[i].name), cases[i].last, out);
		ck_assert_msg(rc == cases[i].rc, "%s: %d", cases[i].name, rc);
		ck_assert_msg(rc != 0 || strcmp(out, at(cases[i].out)) == 0, "%s: %s", cases[i].name, out);
	}
	if (getuid() != 0)
		return;
	ck_assert_int_eq(chdir(at("root")), 0);
	ck_assert_int_eq(walk_resolve("link", true, out), 0);
	ck_assert_str_eq(out, at("root/dir"));
	ck_assert_int_eq(walk_resolve("../..//..", true, out), 0);
	ck_assert_str_eq(out, "/");
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

/* Exchanges a directory of hers with a link, as fast as it goes, until it is killed. */
static pid_t
exchange(const char *a, const char *b)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
	return pid;
}

START_TEST(race)
{
	char error[WALK_ERROR_MAX], out[PATH_MAX], a[PATH_MAX], b[PATH_MAX], path[PATH_MAX];
	struct stat st, root;
	unsigned i, reached = 0;
	struct walk w;
	pid_t racer;
	int fd;

	if (getuid() != 0)
		return;
	make_link("alice/swap", at("root"), ALICE);
	snprintf(a, sizeof(a), "%s", at("alice/dir"));
	snprintf(b, sizeof(b), "%s", at("alice/swap"));
	snprintf(path, sizeof(path), "%s", at("alice/dir/dir"));
	make("alice/dir/dir", ALICE, 0755);
	ck_assert_int_eq(stat(at("root"), &root), 0);
	racer = exchange(a, b);
	for (i = 0; i < RACES; i++) {
		if ((fd = walk_parent(path, &w, error)) >= 0) {
			ck_assert_int_eq(fstat(fd, &st), 0);
			ck_assert_msg(st.st_ino != root.st_ino, "it was led to root's directory");
			ck_assert_uint_eq(w.uid, ALICE);
			reached++;
			close(fd);
		}
		if (walk_resolve(path, true, out) == 0)
			ck_assert_str_eq(out, path);
		if ((fd = storeaccess_open(path, true, &st, error)) >= 0) {
			ck_assert_msg(st.st_uid == ALICE, "a store of root's was opened");
			close(fd);
		}
	}
	kill(racer, SIGKILL);
	waitpid(racer, NULL, 0);
	ck_assert_uint_gt(reached, 0);
}
END_TEST

/* Two mounts side by side: the one whose id is asked for goes, and no other. */
START_TEST(unmount)
{
	char error[FUSEMOUNT_ERROR_MAX], parent[PATH_MAX];
	struct mountinfo m, other;
	int fd;

	if (getuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return;
	snprintf(parent, sizeof(parent), "%s", at("root"));
	make("root/other", 0, 0755);
	ck_assert_int_eq(mount("a", at("root/dir"), "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mount("b", at("root/other"), "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mountinfo_find(at("root/dir"), &m), 0);
	ck_assert_int_eq(mountinfo_find(at("root/other"), &other), 0);
	fd = open(parent, O_PATH | O_DIRECTORY);
	ck_assert_int_eq(mountinfo_id_at(fd, "dir"), m.id);
	ck_assert_int_eq(mountinfo_id_of(fd), m.parent);
	ck_assert_int_eq(fusemount_unmount(fd, "other", at("root/other"), m.id, true, error), -ESTALE);
	ck_assert_int_eq(mountinfo_find(at("root/other"), &other), 0);
	ck_assert_int_eq(fusemount_unmount(fd, "dir", at("root/dir"), m.id, false, error), 0);
	ck_assert_int_eq(mountinfo_find(at("root/dir"), &m), -ENOENT);
	ck_assert_int_eq(fusemount_unmount(fd, "other", at("root/other"), 0, false, error), 0);
	close(fd);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("walk");
	TCase *t = tcase_create("walk");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, ways);
	tcase_add_test(t, links);
	tcase_add_test(t, race);
	tcase_add_test(t, unmount);
	suite_add_tcase(s, t);
	return unit_main(s);
}
