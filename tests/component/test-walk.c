/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How root finds directories: it names who could put something else at a name, and
 * holds against links and directories that somebody exchanges while it walks.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/fusemount.h"
#include "supervisor/mountinfo.h"
#include "supervisor/storeaccess.h"
#include "supervisor/walk.h"
#include "support/tmpdir.h"
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
	tmpdir_new(base, sizeof(base));
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
	ck_assert_int_eq(walk_resolve("../../../../..//../..", true, out), 0);
	ck_assert_str_eq(out, "/");
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

/* Exchanges a directory of hers with a link, as fast as possible, until it is killed. */
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

/* Two mounts side by side: the one whose id is named goes, and no other. */
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

/* ---- a file system of a user's ------------------------------------------ */

/* Serves "fs" at a name with options of passthrough.  Returns the server once it is mounted. */
static pid_t
serve(const char *name, const char *options)
{
	struct pollfd table = { .fd = open(MOUNTINFO_SELF, O_RDONLY), .events = POLLPRI };
	struct mountinfo *m = malloc(sizeof(*m));
	char command[3 * PATH_MAX];
	pid_t pid;

	snprintf(command, sizeof(command), "exec '%s/tests/bench/passthrough' %s '%s' '%s'",
	    getenv("builddir") != NULL ? getenv("builddir") : ".", options, at("fs"), at(name));
	if ((pid = fork()) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	while (mountinfo_find(at(name), m) != 0) {
		ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
		poll(&table, 1, 1000);
	}
	close(table.fd);
	free(m);
	return pid;
}

static void
stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Its directories say that they belong to root. */
static void
make_served(void)
{
	make("fs", 0, 0755);
	make("fs/dir", 0, 0755);
	make("fs/dir/sub", 0, 0755);
	make("fs/sticky", 0, 01777);
	make_link("fs/link", "dir", 0);
	make("sticky/fuse", ALICE, 0755);
	make("root/fuse", 0, 0755);
	make("alice/fuse", ALICE, 0755);
	make("alice/bob/fuse", BOB, 0755);
}

static bool
can_mount(void)
{
	if (getuid() != 0 || access("/dev/fuse", F_OK) != 0)
		return false;
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	return true;
}

/* A way through it, and what is known of its end once that is open. */
static int
go(const char *name, struct walk *w, char *error)
{
	int parent autoclose = walk_parent(at(name), w, error), fd autoclose = -1;
	int rc;

	if (parent < 0)
		return parent;
	fd = openat(parent, strrchr(name, '/') + 1, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	ck_assert_msg(fd >= 0, "%s", name);
	if ((rc = walk_enter(w, at(name), fd, error)) != 0)
		return rc;
	return steal_fd(&fd);
}

START_TEST(users_file_system)
{
	static const struct {
		const char *at, *options, *name;
		int	rc;
		uid_t	uid;
	} cases[] = {
		{ "sticky/fuse", "-a -u 4711:4711 -c 0", "sticky/fuse", 0, ALICE },
		{ "sticky/fuse", "-a -u 4711:4711 -c 0", "sticky/fuse/dir", 0, ALICE },
		{ "sticky/fuse", "-a -u 4711:4711 -c 0", "sticky/fuse/dir/sub", 0, ALICE },
		{ "sticky/fuse", "-a -u 4711:4711 -c 0", "sticky/fuse/sticky/new", -EPERM, 0 },
		{ "sticky/fuse", "-a -u 4711:4711 -c 4711", "sticky/fuse/dir/sub", 0, ALICE },
		{ "sticky/fuse", "-a -u 4711:4711 -c 4712", "sticky/fuse/dir/sub", -EPERM, 0 },
		{ "alice/fuse", "-a -u 4711:4711 -c 0", "alice/fuse/dir/sub", 0, ALICE },
		{ "alice/fuse", "-a -u 4712:4712 -c 0", "alice/fuse/dir", -EPERM, 0 },
		{ "root/fuse", "-a -u 4711:4711 -c 0", "root/fuse/dir", 0, ALICE },
		/* Who mounts it counts, not who serves it. */
		{ "root/fuse", "-a -u 0:0 -c 0", "root/fuse/dir/sub", 0, 0 },
		{ "root/fuse", "-u 4711:4711", "root/fuse/dir/sub", 0, 0 },
		{ "sticky/fuse", "-a -u 0:0 -c 4711", "sticky/fuse/dir/sub", 0, ALICE },
	};
	char error[WALK_ERROR_MAX];
	struct walk w;
	pid_t server;
	size_t i;
	int fd;

	if (!can_mount())
		return;
	make_served();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		server = serve(cases[i].at, cases[i].options);
		fd = go(cases[i].name, &w, error);
		ck_assert_msg(cases[i].rc == 0 ? fd >= 0 : fd == cases[i].rc, "%s, %s: %d %s", cases[i].name,
		    cases[i].options, fd, error);
		ck_assert_msg(fd < 0 || w.uid == cases[i].uid, "%s, %s: user %u", cases[i].name,
		    cases[i].options, (unsigned)w.uid);
		ck_assert_int_eq(umount2(at(cases[i].at), MNT_DETACH), 0);
		/* Nobody says whose it was. */
		if (fd >= 0) {
			ck_assert_int_eq(walk_enter(&w, "gone", fd, error), -EPERM);
			ck_assert_ptr_nonnull(strstr(error, "who has mounted"));
			close(fd);
		}
		stop(server);
	}
}
END_TEST

/* By a file system of hers nobody is led away, and no store of another user's is found in it. */
START_TEST(users_claims)
{
	static const struct {
		const char *options;
		bool	is_believed;
	} cases[] = {
		{ "-a -u 4711:4711 -c 0", false }, { "-a -u 0:0 -c 0", true },
	};
	char error[WALK_ERROR_MAX], out[PATH_MAX];
	struct stat st;
	pid_t server;
	size_t i;
	int fd;

	if (!can_mount())
		return;
	make_served();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		server = serve("sticky/fuse", cases[i].options);
		ck_assert_int_eq(walk_resolve(at("sticky/fuse/link"), true, out),
		    cases[i].is_believed ? 0 : -ELOOP);
		ck_assert_int_eq(walk_resolve(at("sticky/fuse/dir"), true, out), 0);
		fd = storeaccess_open(at("sticky/fuse"), true, &st, error);
		ck_assert_msg(cases[i].is_believed ? fd >= 0 : fd == -EPERM, "%d %s", fd, error);
		close(fd);
		fd = storeaccess_open(at("sticky/fuse/dir"), true, &st, error);
		ck_assert_msg(cases[i].is_believed ? fd >= 0 : fd == -EPERM, "%d %s", fd, error);
		close(fd);
		ck_assert_int_eq(umount2(at("sticky/fuse"), MNT_DETACH), 0);
		stop(server);
	}
}
END_TEST

/* The text of a mount's options that others can choose says nothing of the user. */
START_TEST(users_options)
{
	static const struct {
		const char *line;
		bool	has_user, is_private;
		uid_t	uid;
	} cases[] = {
		{ "9 1 0:5 / /m rw - fuse.x s rw,user_id=7,group_id=8", true, true, 7 },
		{ "9 1 0:5 / /m rw - fuse.x s rw,user_id=7,group_id=8,allow_other", true, false, 7 },
		{ "9 1 0:5 / /m rw - fuse s rw,context=\"x,user_id=0\",user_id=7,group_id=8", true, true, 7 },
		{ "9 1 0:5 / /m rw - fuse.user_id=0 user_id=0 rw,user_id=7,group_id=8", true, true, 7 },
		{ "9 1 0:5 / /m rw - fuse s rw,xuser_id=0,group_id=8", false, false, 0 },
		{ "9 1 0:5 / /m rw - virtiofs s rw,user_id=7,group_id=8", false, false, 0 },
		{ "9 1 8:5 / /m rw - fuseblk s rw,user_id=0,group_id=0,allow_other,blksize=512", true, false, 0 },
	};
	struct mountinfo m;
	char line[256];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		strcpy(line, cases[i].line);
		ck_assert_int_eq(mountinfo_parse(line, &m), 0);
		ck_assert_msg(m.has_user == cases[i].has_user && m.is_private == cases[i].is_private &&
		    (!m.has_user || m.uid == cases[i].uid), "%s", cases[i].line);
	}
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
	tcase_add_test(t, users_file_system);
	tcase_add_test(t, users_claims);
	tcase_add_test(t, users_options);
	suite_add_tcase(s, t);
	return unit_main(s);
}
