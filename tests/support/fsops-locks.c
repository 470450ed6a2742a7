/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files as several processes see them: locks, O_EXCL, shared mappings.
 */
#include "config.h"

#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fsops.h"

static int
try_flock(void *arg)
{
	int fd = open("f", O_RDWR);

	(void)arg;
	if (fd < 0)
		return 2;
	return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno == EWOULDBLOCK ? 1 : 2;
}

static void
test_flock(void)
{
	int fd = fsops_create("f", 1);

	CHECK(flock(fd, LOCK_SH) == 0 && fsops_in_child(try_flock, NULL) == 1);
	CHECK(flock(fd, LOCK_EX) == 0 && fsops_in_child(try_flock, NULL) == 1);
	CHECK(flock(fd, LOCK_UN) == 0 && fsops_in_child(try_flock, NULL) == 0);
	CHECK(flock(fd, LOCK_EX | LOCK_NB) == 0 && close(fd) == 0);
	CHECK(fsops_in_child(try_flock, NULL) == 0);
}

/* Exit status: 0 got it, 1 somebody else has it, 2 error. */
static int
try_range(void *arg)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1 };
	int fd = open("f", O_RDWR), command = *(int *)arg;

	if (fd < 0)
		return 2;
	if (fcntl(fd, command, &l) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? 1 : 2;
}

static int
ask_range(void *arg)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 100, .l_len = 1 };
	int fd = open("f", O_RDWR);

	if (fd < 0 || fcntl(fd, F_GETLK, &l) < 0)
		return 2;
	return l.l_type == F_WRLCK && l.l_pid == *(pid_t *)arg ? 0 : 1;
}

static void
test_fcntl(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 50, .l_len = 100 };
	int fd = fsops_create("f", 1), command = F_SETLK;
	pid_t me = getpid();

	CHECK(fcntl(fd, F_SETLK, &l) == 0);
	CHECK(fsops_in_child(try_range, &command) == 1);
	CHECK(fsops_in_child(ask_range, &me) == 0);
	l.l_type = F_UNLCK;
	CHECK(fcntl(fd, F_SETLK, &l) == 0 && fsops_in_child(try_range, &command) == 0);
}

static void
test_ofd(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0 };
	int fd = fsops_create("f", 1), command = F_OFD_SETLK;

	CHECK(fcntl(fd, F_OFD_SETLK, &l) == 0);
	CHECK(fsops_in_child(try_range, &command) == 1);
	CHECK(close(fd) == 0 && fsops_in_child(try_range, &command) == 0);
}

static int
wait_for_lock(void *arg)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open("f", O_RDWR), *ready = arg;
	char c = 'r';

	if (fd < 0 || write(ready[1], &c, 1) != 1)
		return 2;
	if (fcntl(fd, F_SETLKW, &l) < 0)
		return 2;
	return pread(fd, &c, 1, 0) == 1 && c == 'd' ? 0 : 1;
}

/* The waiter gets the lock when it is released, and sees what was written. */
static void
test_lock_wait(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = fsops_create("f", 1), ready[2], status;
	pid_t pid;
	char c;

	CHECK(pipe(ready) == 0 && fcntl(fd, F_SETLK, &l) == 0);
	CHECK((pid = fork()) >= 0);
	if (pid == 0)
		_exit(wait_for_lock(ready));
	CHECK(read(ready[0], &c, 1) == 1);
	CHECK(waitpid(pid, &status, WNOHANG) == 0);
	CHECK(pwrite(fd, "d", 1, 0) == 1);
	l.l_type = F_UNLCK;
	CHECK(fcntl(fd, F_SETLK, &l) == 0);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

#define RACE_NAMES	200

static void
race(int fd)
{
	char name[32];

	for (int i = 0; i < RACE_NAMES; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		if (open(name, O_WRONLY | O_CREAT | O_EXCL, 0600) >= 0) {
			if (write(fd, "w", 1) != 1)
				_exit(1);
		} else if (errno != EEXIST) {
			_exit(1);
		}
	}
	_exit(0);
}

/* postmaster.pid rests on this: of several creators exactly one succeeds. */
static void
test_excl_race(void)
{
	int wins = open("wins", O_WRONLY | O_CREAT | O_APPEND, 0600), status;
	pid_t pid[3];

	CHECK(wins >= 0);
	for (int i = 0; i < 3; i++) {
		CHECK((pid[i] = fork()) >= 0);
		if (pid[i] == 0)
			race(wins);
	}
	for (int i = 0; i < 3; i++) {
		CHECK(waitpid(pid[i], &status, 0) == pid[i]);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	CHECK(fsops_size(wins) == RACE_NAMES);
}

static int
write_through_mapping(void *arg)
{
	unsigned char *p;
	int fd = open("f", O_RDWR);

	(void)arg;
	if (fd < 0)
		return 1;
	p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return 1;
	p[12000] = 0;
	return 0;
}

static void
test_mmap_between_processes(void)
{
	int fd = fsops_create("f", 16384);
	unsigned char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	CHECK(p != MAP_FAILED && p[12000] != 0);
	CHECK(fsops_in_child(write_through_mapping, NULL) == 0);
	CHECK(p[12000] == 0 && fsops_is_zero(fd, 12000, 1));
}

const struct fsops_test fsops_lock_tests[] = {
	{ "flock between two processes", test_flock },
	{ "fcntl locks between two processes", test_fcntl },
	{ "open file description locks", test_ofd },
	{ "a waiting fcntl lock is granted", test_lock_wait },
	{ "O_EXCL has one winner of three", test_excl_race },
	{ "mmap shared between two processes", test_mmap_between_processes },
	{ NULL, NULL }
};
