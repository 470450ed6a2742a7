/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The pin holds the mount that it is asked for, or none: while what lies at its place is
 * exchanged with another mount, with a link to one, or with a plain directory.
 *
 * Nobody can move a mountpoint in a namespace where it is one.  Whoever owns the directories
 * can do so from a namespace of his own: there it is none, and here the mounts go with them.
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
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "ipc/fdpass.h"
#include "supervisor/mountinfo.h"
#include "supervisor/pin.h"
#include "support/tmpdir.h"
#include "support/unit.h"

#define RACES	2000
#define SOMEBODY	4711
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE	2
#endif

static char base[128];
static int base_fd = -1;

static void
mount_at(const char *name, struct mountinfo *m)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(mount("test", path, "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mountinfo_find(path, m), 0);
}

/* The base is a file system of its own, which has no copy outside of our namespace. */
static void
setup(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	tmpdir_new(base, sizeof(base));
	ck_assert_int_eq(chmod(base, 0755), 0);
	ck_assert_int_eq(mount("test", base, "tmpfs", 0, "mode=0755"), 0);
	base_fd = open(base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(base_fd, 0);
}

static void
teardown(void)
{
	close(base_fd);
	ck_assert_int_eq(umount2(base, MNT_DETACH), 0);
	tmpdir_remove(base);
}

/* Exchanges "mnt" with another name as fast as it goes, until it is killed. */
static pid_t
exchange(const char *other)
{
	int ready[2];
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	if ((pid = fork()) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		    chdir(base) != 0 || umount2("mnt", MNT_DETACH) != 0 ||
		    (umount2("other", MNT_DETACH) != 0 && errno != EINVAL && errno != ENOENT) ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			if (syscall(SYS_renameat2, AT_FDCWD, "mnt", AT_FDCWD, other, RENAME_EXCHANGE) != 0)
				_exit(1);
	}
	ck_assert_int_eq(read(ready[0], &(char){ 0 }, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/* Returns the device of what the pin holds. */
static dev_t
device_of(const struct pin *p)
{
	struct stat st;
	int fd;

	ck_assert_int_eq(fdpass_receive(p->sock[0], &(char){ 0 }, 1, &fd), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	close(fd);
	return st.st_dev;
}

static const struct {
	const char *with;	/* the name that is exchanged with the mount's */
	bool	mounted;	/* "other" is a mount */
} cases[] = { { "other", true }, { "link", true }, { "plain", false } };

/* Pins the mount again and again while it is raced. */
static void
pin_raced(const struct pin_mount *asked, const char *with)
{
	unsigned i, pinned = 0, refused = 0;
	struct pin p;
	int rc;

	for (i = 0; i < RACES || (i < 100 * RACES && (pinned == 0 || refused == 0)); i++) {
		pin_init(&p);
		if ((rc = pin_take(&p, asked)) == 0) {
			ck_assert_msg(device_of(&p) == makedev(asked->major, asked->minor),
			    "%s: another file system is pinned", with);
			pinned++;
		} else {
			ck_assert_msg(rc == -ESTALE || rc == -ENOTDIR || rc == -ELOOP || rc == -EINVAL,
			    "%s: %s", with, strerror(-rc));
			refused++;
		}
		ck_assert_int_eq(pin_is_taken(&p), rc == 0);
		pin_forget(&p);
	}
	ck_assert_uint_gt(pinned, 0);
	ck_assert_uint_gt(refused, 0);
}

/* The same as an ordinary user, who pins in a namespace of users of his own. */
static void
pin_raced_as_user(const struct pin_mount *asked, const char *with)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (setgid(SOMEBODY) != 0 || setuid(SOMEBODY) != 0)
			_exit(1);
		pin_raced(asked, with);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "%s: as an ordinary user: status %d", with, status);
}

START_TEST(race)
{
	struct mountinfo m, other;
	char path[160];
	struct pin_mount asked;
	pid_t racer;
	int rc;

	mount_at("mnt", &m);
	if (cases[_i].mounted)
		mount_at("other", &other);
	ck_assert_int_eq(mkdirat(base_fd, "plain", 0755), 0);
	ck_assert_int_eq(symlinkat("other", base_fd, "link"), 0);
	snprintf(path, sizeof(path), "%s/mnt", base);
	asked = (struct pin_mount){
		.path = path, .base = "mnt", .parent_fd = base_fd, .id = m.id,
		.major = m.major, .minor = m.minor,
	};
	racer = exchange(cases[_i].with);
	pin_raced(&asked, cases[_i].with);
	pin_raced_as_user(&asked, cases[_i].with);
	ck_assert_int_eq(kill(racer, SIGKILL), 0);
	ck_assert_int_eq(waitpid(racer, &rc, 0), racer);
	ck_assert_msg(WIFSIGNALED(rc), "%s: nobody raced", cases[_i].with);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pin");
	TCase *t = tcase_create("pin");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	if (getuid() == 0)	/* who is not makes no mounts that others could move */
		tcase_add_loop_test(t, race, 0, (int)ARRAY_SIZE(cases));
	suite_add_tcase(s, t);
	return unit_main(s);
}
