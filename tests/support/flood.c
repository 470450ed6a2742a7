/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hostile client of a mount: floods a directory in which it may write, from many
 * processes at once, and asks for what nobody should get.  It judges only its own
 * rights; that the server beside it goes on is the story's to see.
 *
 * flood DIR SECONDS: prints "ATTACK ROUNDS" for each attack; exits with 1 if one of them
 * got what it must not get, after a line about it.
 */
#include "config.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/util.h"

#define CLIENTS		4	/* processes of each attack */
#define FILES		2000	/* that one of them makes in a round, or opens */
#define DEPTH		500	/* directories in one another */
#define NAME_LONGEST	255
#define TARGET_LONGEST	4095

static time_t end;
static unsigned self;		/* number of the process */

static bool
is_over(void)
{
	return clock_monotonic_seconds() >= end;
}

/* Makes a name of the calling process's own, of len bytes or as long as it is. */
static const char *
name(unsigned i, size_t len)
{
	static char text[NAME_LONGEST + 2];
	int n = snprintf(text, sizeof(text), "%u.%u.", self, i);

	if ((size_t)n < len) {
		memset(text + n, 'x', len - (size_t)n);
		text[len] = '\0';
	}
	return text;
}

/* Ends with a line where something succeeded, or failed for another reason than one of these two. */
static void
must_fail(const char *what, long rc, int error, int or_error)
{
	if (rc >= 0)
		errx(1, "%s: done", what);
	if (errno != error && errno != or_error)
		err(1, "%s", what);
}

/* Takes what may as well fail: the directory has its limits, and others are in the way. */
static void
attempt(int rc)
{
	(void)rc;
}

/* ---- names and files ---------------------------------------------------- */

static void
many_opens(void)
{
	static int fd[FILES];
	int i, n = 0;

	for (i = 0; i < FILES && !is_over(); i++)
		if ((fd[n] = open(name((unsigned)i, 0), O_RDWR | O_CREAT, 0600)) >= 0) {
			if (write(fd[n], &i, sizeof(i)) < 0)
				warn("write");
			n++;
		}
	for (i = 0; i < FILES; i++)
		unlink(name((unsigned)i, 0));
	while (n > 0)
		close(fd[--n]);
}

static void
long_names(void)
{
	int i;

	for (i = 0; i < FILES && !is_over(); i++)
		close(open(name((unsigned)i, NAME_LONGEST), O_WRONLY | O_CREAT, 0600));
	must_fail("256 bytes", open(name(0, NAME_LONGEST + 1), O_WRONLY | O_CREAT, 0600), ENAMETOOLONG, 0);
	for (i = 0; i < FILES; i++)
		unlink(name((unsigned)i, NAME_LONGEST));
}

/* In the directory that the others fill and empty. */
static void
listings(void)
{
	DIR *d = opendir(".");
	long at;

	if (d == NULL)
		err(1, "opendir");
	while (readdir(d) != NULL && !is_over())
		;
	at = telldir(d);
	seekdir(d, at / 2);
	readdir(d);
	closedir(d);
}

static void
deep_directories(void)
{
	char up[] = "..";
	int i, n = 0;

	for (i = 0; i < DEPTH && !is_over(); i++)
		if (mkdir(name(0, 200), 0700) != 0 || chdir(name(0, 200)) != 0)
			break;
		else
			n++;
	for (; n > 0; n--)
		if (chdir(up) != 0 || rmdir(name(0, 200)) != 0)
			err(1, "rmdir");
}

static void
wide_directories(void)
{
	int i;

	for (i = 0; i < FILES && !is_over(); i++)
		mkdir(name((unsigned)i, 0), 0700);
	for (i = 0; i < FILES; i++)
		rmdir(name((unsigned)i, 0));
}

/* All processes exchange the same three directories, and move them into one another. */
static void
circles(void)
{
	static const char *const way[] = { "a", "b", "c", "a/b", "b/c", "c/a", "a/b/c" };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(way); i++)
		mkdir(way[i], 0777);
	for (i = 0; i < 500 && !is_over(); i++)
		syscall(SYS_renameat2, AT_FDCWD, way[(unsigned)random() % ARRAY_SIZE(way)], AT_FDCWD,
		    way[(unsigned)random() % ARRAY_SIZE(way)], i % 2 ? RENAME_EXCHANGE : 0);
}

static void
links(void)
{
	char target[TARGET_LONGEST + 1], first[64];
	int i;

	memset(target, '/', TARGET_LONGEST);
	target[TARGET_LONGEST] = '\0';
	snprintf(first, sizeof(first), "%s", name(0, 0));
	close(open(first, O_WRONLY | O_CREAT, 0600));
	for (i = 1; i < FILES && !is_over(); i++)
		if (i % 2 == 0)
			attempt(link(first, name((unsigned)i, 0)));
		else
			attempt(symlink(i % 4 == 1 ? name((unsigned)i, 0) : target, name((unsigned)i, 0)));
	for (i = 0; i < FILES; i++) {
		if (i % 4 == 1)
			must_fail("a link to itself", open(name((unsigned)i, 0), O_RDONLY), ELOOP, ENOENT);
		unlink(name((unsigned)i, 0));
	}
}

/* ---- content ------------------------------------------------------------ */

static sigjmp_buf beyond;

static void
on_bus(int sig)
{
	(void)sig;
	siglongjmp(beyond, 1);
}

static void
maps_cut(void)
{
	size_t size = 64 * 4096, i;
	int fd = open("mapped", O_RDWR | O_CREAT, 0666);
	volatile char *at;

	if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
		err(1, "mapped");
	signal(SIGBUS, on_bus);
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		err(1, "mmap");
	if (sigsetjmp(beyond, 1) == 0)
		for (i = 0; i < size && !is_over(); i += 4096) {
			at[i] = (char)i;
			if (truncate("mapped", (off_t)((size_t)random() % size)) != 0)
				warn("truncate");
		}
	munmap((void *)(uintptr_t)at, size);
}

static void
holes(void)
{
	const char *own = name(0, 0);
	int fd = open(own, O_RDWR | O_CREAT, 0600), i;

	if (fd < 0)
		return;		/* the budget of names may be used up */
	for (i = 20; i < 63 && !is_over(); i++) {
		if (ftruncate(fd, (off_t)1 << i) != 0 || pwrite(fd, "x", 1, ((off_t)1 << i) - 1) < 0)
			break;
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)1 << i);
	}
	must_fail("2^62 bytes for good", fallocate(fd, 0, 0, (off_t)1 << 62), EFBIG, ENOSPC);
	unlink(own);
	close(fd);
}

static void
syncs(void)
{
	int fd = open(name(0, 0), O_RDWR | O_CREAT, 0600), i;

	for (i = 0; i < 50 && fd >= 0 && !is_over(); i++)
		if (pwrite(fd, &i, sizeof(i), i * 5000) < 0 || fsync(fd) != 0)
			warn("fsync");
	close(fd);
	unlink(name(0, 0));
}

/* ---- the rest ----------------------------------------------------------- */

static void
locks(void)
{
	int fd = open("locked", O_RDWR | O_CREAT, 0666), i;
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

	if (fd < 0)
		err(1, "locked");
	for (i = 0; i < FILES && !is_over(); i++) {
		l.l_start = 2 * random();
		fcntl(fd, i % 2 ? F_SETLK : F_OFD_SETLK, &l);
		flock(fd, (i % 2 ? LOCK_EX : LOCK_UN) | LOCK_NB);
		fcntl(fd, F_SETLEASE, F_RDLCK);
	}
	close(fd);
}

static void
attributes(void)
{
	static char big[65536];
	const char *own = name(0, 0);
	int fd = open(own, O_RDWR | O_CREAT, 0600), i, flags = 0;

	for (i = 0; i < 200 && fd >= 0 && !is_over(); i++) {
		must_fail("user.x", fsetxattr(fd, "user.x", big, sizeof(big), 0), EOPNOTSUPP, ENOSPC);
		must_fail("trusted.x", fsetxattr(fd, "trusted.x", big, 20, 0), EPERM, EOPNOTSUPP);
		flistxattr(fd, big, sizeof(big));
		must_fail("FS_IOC_SETFLAGS", ioctl(fd, FS_IOC_SETFLAGS, &flags), ENOTTY, ENOSYS);
		ioctl(fd, (unsigned long)random(), big);
		must_fail("chown", fchown(fd, 0, 0), EPERM, 0);
		if (fchmod(fd, 06777) != 0)
			err(1, "fchmod");
	}
	close(fd);
	unlink(own);
}

static void
nodes(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	must_fail("a device", mknod(name(0, 0), S_IFCHR | 0666, 1), EPERM, 0);
	mkfifo(name(1, 0), 0600);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", name(2, 0));
	bind(s, (struct sockaddr *)&a, sizeof(a));
	close(s);
	unlink(name(1, 0));
	unlink(name(2, 0));
}

/* Whatever the server's user has, which lies beside the directory. */
static void
of_others(void)
{
	static const char *const names[] = {
		"../PG_VERSION", "../global/pg_control", "../base", "../pg_wal", "../.pbkfs/pbkfs.log",
		"../.pbkfs/wal",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		must_fail(names[i], open(names[i], O_RDONLY), EACCES, ENOENT);
		must_fail(names[i], open(names[i], O_RDWR | O_TRUNC), EACCES, EISDIR);
		must_fail(names[i], chmod(names[i], 0777), EPERM, EACCES);
		must_fail(names[i], rename(names[i], "mine"), EACCES, EXDEV);
		must_fail(names[i], unlink(names[i]), EACCES, EISDIR);
		must_fail(names[i], truncate(names[i], 0), EACCES, EISDIR);
	}
	must_fail("a name beside them", open("../new", O_WRONLY | O_CREAT, 0600), EACCES, 0);
	must_fail("the mount's .pbkfs", mkdir("../.pbkfs/x", 0700), EACCES, EROFS);
}

static const struct attack {
	const char *name;
	void	(*run)(void);
} attacks[] = {
	{ "many-opens", many_opens }, { "long-names", long_names }, { "listings", listings },
	{ "deep-directories", deep_directories }, { "wide-directories", wide_directories },
	{ "circles", circles }, { "links", links }, { "maps-cut", maps_cut }, { "holes", holes },
	{ "syncs", syncs }, { "locks", locks }, { "attributes", attributes }, { "nodes", nodes },
	{ "of-others", of_others },
};

/* A child: prints the rounds that it made. */
static int
flood(const struct attack *a, unsigned number)
{
	unsigned rounds = 0;

	self = number;
	srandom(number);
	do {
		a->run();
		rounds++;
	} while (!is_over());
	if (number % CLIENTS == 0)
		printf("%s %u\n", a->name, rounds);
	fflush(stdout);
	return 0;
}

int
main(int argc, char **argv)
{
	struct rlimit fds;
	unsigned i;
	int status, bad = 0;

	if (argc != 3 || chdir(argv[1]) != 0)
		errx(2, "usage: flood DIR SECONDS");
	if (getrlimit(RLIMIT_NOFILE, &fds) == 0) {
		fds.rlim_cur = fds.rlim_max;
		setrlimit(RLIMIT_NOFILE, &fds);
	}
	end = clock_monotonic_seconds() + atoi(argv[2]);
	for (i = 0; i < ARRAY_SIZE(attacks) * CLIENTS; i++)
		switch (fork()) {
		case -1:
			err(2, "fork");
		case 0:
			_exit(flood(&attacks[i / CLIENTS], i));
		}
	while (wait(&status) > 0)
		bad |= status != 0;
	return bad != 0;
}
