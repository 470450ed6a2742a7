/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls that have to work inside of the sandbox, and the limits of a supervisor.
 */
#include "config.h"

#ifdef ENABLE_SANDBOX

#include <dirent.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "sandbox-try.h"

/* ---- what must work ---- */

TRY(can_read_store)
{
	char buf[8];
	int fd = openat(have.store, "file", O_RDONLY);

	if (fd < 0)
		return -errno;
	return pread(fd, buf, sizeof(buf), 0) == 5 ? 0 : -EIO;
}

TRY(can_read_open_store)
{
	char buf[8];

	return pread(have.store_file, buf, sizeof(buf), 0) == 5 ? 0 : -errno;
}

TRY(can_open_beneath)
{
	int fd = io_open_beneath(have.store, "dir/deep", O_RDONLY, 0);

	return fd < 0 ? fd : 0;
}

TRY(can_read_infodir)	{ return answer(openat(have.infodir, "worker.pid", O_RDONLY)); }

TRY(can_list_store)
{
	int fd = openat(have.store, ".", O_RDONLY | O_DIRECTORY), n = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL)
		return -errno;
	while (readdir(dir) != NULL)
		n++;
	return closedir(dir) == 0 && n >= 4 ? 0 : -EIO;
}

TRY(can_stat)
{
	struct stat st;
	struct statfs sfs;

	if (fstat(have.diff_file, &st) != 0 || fstatat(have.store, "file", &st, 0) != 0 ||
	    fstatfs(have.diff, &sfs) != 0)
		return -errno;
	return 0;
}

TRY(can_write_diff)
{
	int fd = openat(have.diff, "work", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct iovec v[2] = { { root, 4 }, { root, 4 } };

	if (fd < 0)
		return -errno;
	if (pwrite(fd, "abc", 3, 8192) != 3 || pwritev(fd, v, 2, 0) != 8 ||
	    write(fd, "x", 1) != 1 || lseek(fd, 0, SEEK_HOLE) < 0 ||
	    ftruncate(fd, 16384) != 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM) != 0 ||
	    fdatasync(fd) != 0 || fsync(fd) != 0 || close(fd) != 0)
		return -errno;
	return 0;
}

TRY(can_truncate_diff)	{ return answer(openat(have.diff, "file", O_WRONLY | O_TRUNC)); }

TRY(can_allocate_diff)
{
	if (fallocate(have.diff_file, 0, 0, 65536) != 0 && errno != EOPNOTSUPP)
		return -errno;
	if (fallocate(have.diff_file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 8192) != 0 &&
	    errno != EOPNOTSUPP)
		return -errno;
	return 0;
}

TRY(can_copy_to_diff)
{
	off_t from = 0, to = 0;

	if (ioctl(have.diff_file, FICLONE, have.store_file) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EXDEV && errno != EINVAL)
		return -errno;
	return answer(copy_file_range(have.store_file, &from, have.diff_file, &to, 5, 0));
}

TRY(can_rename_diff)
{
	if (renameat(have.diff, "file", have.diff, "renamed") != 0 ||
	    renameat2(have.diff, "renamed", have.diff, "file", RENAME_NOREPLACE) != 0)
		return -errno;
	return 0;
}

int
can_move_diff(void)
{
	if (renameat(have.diff, "file", have.diff, "sub/file") != 0)
		return -errno;
	return answer(renameat(have.diff, "sub/file", have.diff, "file"));
}

TRY(can_unlink_diff)
{
	if (mkdirat(have.diff, "d", 0700) != 0 || unlinkat(have.diff, "d", AT_REMOVEDIR) != 0)
		return -errno;
	return answer(unlinkat(have.diff, "file", 0));
}

TRY(can_lock)
{
	struct flock lock = { .l_type = F_WRLCK };

	return answer(fcntl(have.diff_file, F_SETLK, &lock));
}

static void *
touch_memory(void *size)
{
	char *p = malloc(*(size_t *)size);

	if (p == NULL)
		return NULL;
	memset(p, 1, *(size_t *)size);
	p = realloc(p, 2 * *(size_t *)size);
	free(p);
	return p == NULL ? NULL : size;
}

TRY(can_use_memory)
{
	size_t size = 64 * MiB;

	return touch_memory(&size) != NULL ? 0 : -ENOMEM;
}

int
can_start_threads(void)
{
	pthread_t t[8];
	size_t size = 1 * MiB, i;
	void *ret;
	int r;

	for (i = 0; i < ARRAY_SIZE(t); i++)
		if ((r = pthread_create(&t[i], NULL, touch_memory, &size)) != 0)
			return -r;
	for (i = 0; i < ARRAY_SIZE(t); i++)
		if ((r = pthread_join(t[i], &ret)) != 0 || ret == NULL)
			return r != 0 ? -r : -ENOMEM;
	return 0;
}

TRY(can_tell_time)
{
	struct timespec ts, ms = { 0, 1000000 };
	struct timeval tv;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0 || gettimeofday(&tv, NULL) != 0 ||
	    syscall(SYS_clock_gettime, CLOCK_REALTIME, &ts) != 0)
		return -errno;
	return -clock_nanosleep(CLOCK_MONOTONIC, 0, &ms, NULL);
}

TRY(can_know_itself)
{
	struct rlimit limit;
	struct rusage usage;
	cpu_set_t set;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || getrusage(RUSAGE_SELF, &usage) != 0 ||
	    sched_getaffinity(0, sizeof(set), &set) != 0 ||
	    prctl(PR_SET_NAME, "worker", 0, 0, 0) != 0 || getpid() <= 0)
		return -errno;
	return 0;
}

static void
do_nothing(int sig)
{
	(void)sig;
}

TRY(can_signal_itself)
{
	signal(SIGUSR1, do_nothing);
	return answer(raise(SIGUSR1) != 0 ? -1 : 0);
}

/* ---- the supervisor, to whom a worker that lies talks ---- */

TRY(store_read)		{ return answer(openat(have.store, "file", O_RDONLY)); }
TRY(store_list)		{ return answer(openat(have.store, ".", O_RDONLY | O_DIRECTORY)); }
TRY(write_sysctl)	{ return answer(open("/proc/sys/kernel/core_pattern", O_WRONLY)); }
TRY(priv_seteuid)	{ return answer(syscall(SYS_setresuid, -1, 0, -1)); }
TRY(read_processes)	{ return answer(open("/proc/1/status", O_RDONLY)); }

TRY(can_read_of_itself)
{
	int fd autoclose = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	int other autoclose = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);

	return answer(MIN(fd, other));
}

TRY(can_talk)
{
	int pipes[2];
	char byte = 'x';

	return answer(pipe2(pipes, O_CLOEXEC) != 0 || write(pipes[1], &byte, 1) != 1 ||
	    read(pipes[0], &byte, 1) != 1 ? -1 : 0);
}

TRY(can_wait)		{ return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? 0 : -errno; }

/* ---- the tables ---- */

const struct attempt worker_controls[] = {
	{ "read the store", can_read_store, 0 },
	{ "read the store by a descriptor opened before", can_read_open_store, 0 },
	{ "open beneath the store", can_open_beneath, 0 },
	{ "list the store", can_list_store, 0 },
	{ "read .pbkfs/ of the diff directory", can_read_infodir, 0 },
	{ "stat", can_stat, 0 },
	{ "create, write, sync in the diff directory", can_write_diff, 0 },
	{ "truncate in the diff directory", can_truncate_diff, 0 },
	{ "fallocate in the diff directory", can_allocate_diff, 0 },
	{ "copy from the store to the diff directory", can_copy_to_diff, 0 },
	{ "rename within a directory of the diff directory", can_rename_diff, 0 },
	{ "rename between directories of the diff directory", can_move_diff, 0 },
	{ "mkdir, rmdir, unlink in the diff directory", can_unlink_diff, 0 },
	{ "lock a file of the diff directory", can_lock, 0 },
	{ "64 MiB of memory", can_use_memory, 0 },
	{ "start threads", can_start_threads, 0 },
	{ "tell the time, sleep", can_tell_time, 0 },
	{ "ask about itself, name a thread", can_know_itself, 0 },
	{ "signal itself", can_signal_itself, 0 },
	{ NULL, NULL, 0 },
};

const struct attempt supervisor_attempts[] = {
	{ "store: open for reading", store_read, 0 },
	{ "store: list", store_list, 0 },
	{ "write a setting of the kernel's", write_sysctl, 0 },
	{ "seteuid(0)", priv_seteuid, 0 },
	{ "read of another process in /proc", read_processes, 0 },
	{ NULL, NULL, 0 },
};

const struct attempt supervisor_controls[] = {
	{ "read of itself in /proc", can_read_of_itself, 0 },
	{ "make a pipe", can_talk, 0 },
	{ "wait for children", can_wait, 0 },
	{ "truncate in the diff directory", can_truncate_diff, 0 },
	{ "rename within a directory of the diff directory", can_rename_diff, 0 },
	{ "mkdir, rmdir, unlink in the diff directory", can_unlink_diff, 0 },
	{ "lock a file of the diff directory", can_lock, 0 },
	{ "64 MiB of memory", can_use_memory, 0 },
	{ "tell the time, sleep", can_tell_time, 0 },
	{ "ask about itself", can_know_itself, 0 },
	{ "signal itself", can_signal_itself, 0 },
	{ NULL, NULL, 0 },
};

#endif
