/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Preloaded into pbkfs, it makes a worker slow or mortal at chosen points.
 *
 *	LD_PRELOAD=inject.so PBKFS_INJECT=KEY=VALUE,... pbkfs mount ...
 *
 *	delay=US	sleeps 0 to 2 US between execution and reply, each time anew
 *	crash=N		dies at one of about N of these points: before and after a write
 *			to the diff directory, before and after a reply
 *			(but not before its 9th reply if its predecessor did not come that
 *			far either: three such deaths would make poison of any request)
 *	switch=FILE	dies as soon as it starts while the file begins with "die"
 *
 * And by what is read or written, wherever a page of 4 KiB begins with it:
 *
 *	PBKFS-DIE-WRITE		every worker dies that stores it
 *	PBKFS-DIE-READ		every worker dies that would answer a read with it
 *	PBKFS-STUCK-READ	the first thread that would answer with it never does
 *	PBKFS-SLOW-READ		it is read from storage for the first time, for 13 s
 *
 * Only threads that serve are concerned.  A worker is executed with an empty
 * environment: it gets this library, and what all workers share, by our fexecve().
 */
#include "config.h"

#include <sys/mman.h>
#include <sys/uio.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/param.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHARED_ENV	"PBKFS_INJECT_SHARED"	/* a descriptor */
#define SLOW_SECONDS	13
#define EARLY_REPLIES	9	/* more than can be taken up from a predecessor */

/* Shared by all workers. */
static struct {
	_Atomic bool stuck, slowed;
	_Atomic bool died_early;	/* the last one that died at a point */
	_Atomic uint64_t random;
} *shared;

static unsigned delay_us, crash_n;
static _Atomic unsigned replies;	/* of this worker */
static const char *switch_bytes;
static _Thread_local bool serves;

static __typeof__(pwrite) *real_pwrite;
static __typeof__(pread) *real_pread;
static __typeof__(writev) *real_writev;
static __typeof__(pthread_create) *real_create;
static __typeof__(fexecve) *real_fexecve;
static int shared_fd;

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void
map_switch(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	if (p != MAP_FAILED)
		switch_bytes = p;
	if (fd >= 0)
		close(fd);
}

static void
parse(char *text)
{
	char *word;

	while ((word = strsep(&text, ",")) != NULL) {
		if (strncmp(word, "delay=", 6) == 0)
			delay_us = (unsigned)atoi(word + 6);
		else if (strncmp(word, "crash=", 6) == 0)
			crash_n = (unsigned)atoi(word + 6);
		else if (strncmp(word, "switch=", 7) == 0)
			map_switch(word + 7);
	}
}

/* Of the first process it is new; a worker has its descriptor. */
static void
share_memory(const char *inherited)
{
	int fd = inherited != NULL ? atoi(inherited) : memfd_create("inject", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, sizeof(*shared)) != 0)
		abort();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		abort();
	if (inherited != NULL) {
		close(fd);
		return;
	}
	shared->random = now_ms();
	shared_fd = fd;
}

__attribute__((constructor)) static void
start(void)
{
	char *text = getenv("PBKFS_INJECT");

	real_pwrite = (__typeof__(real_pwrite))dlsym(RTLD_NEXT, "pwrite");
	real_pread = (__typeof__(real_pread))dlsym(RTLD_NEXT, "pread");
	real_writev = (__typeof__(real_writev))dlsym(RTLD_NEXT, "writev");
	real_create = (__typeof__(real_create))dlsym(RTLD_NEXT, "pthread_create");
	real_fexecve = (__typeof__(real_fexecve))dlsym(RTLD_NEXT, "fexecve");
	share_memory(getenv(SHARED_ENV));
	if (text != NULL && (text = strdup(text)) != NULL)
		parse(text);
}

/* A command closes what it has not opened itself, but for the memory. */
void
closefrom(int first)
{
	if (shared_fd > first)
		syscall(SYS_close_range, first, shared_fd - 1, 0);
	syscall(SYS_close_range, MAX(first, shared_fd + 1), ~0u, 0);
}

/* The supervisor's child has closed the memory: its parent has not. */
int
fexecve(int fd, char *const argv[], char *const envp[])
{
	char path[64], number[64], *add[4] = { NULL };
	int n = 0, memory;

	(void)envp;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getppid(), shared_fd);
	if ((memory = open(path, O_RDWR)) < 0)
		abort();
	snprintf(number, sizeof(number), SHARED_ENV "=%d", memory);
	add[n++] = number;
	for (char **e = environ; *e != NULL && n < 3; e++)
		if (strncmp(*e, "LD_PRELOAD=", 11) == 0 || strncmp(*e, "PBKFS_INJECT=", 13) == 0)
			add[n++] = *e;
	return real_fexecve(fd, argv, add);
}

static unsigned
below(unsigned n)
{
	uint64_t x = atomic_fetch_add(&shared->random, 0x9e3779b97f4a7c15ULL);

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return (unsigned)((x ^ (x >> 31)) >> 16) % n;
}

static _Noreturn void
die(void)
{
	for (;;)
		__builtin_trap();
}

/* A point at which a worker may die. */
static void
point(void)
{
	bool early = replies < EARLY_REPLIES;

	if (!serves || crash_n == 0 || below(crash_n) != 0 || (early && shared->died_early))
		return;
	shared->died_early = early;
	die();
}

static void
sleep_us(unsigned us)
{
	struct timespec ts = { us / 1000000, us % 1000000 * 1000L };

	nanosleep(&ts, NULL);
}

static bool
has(const void *buf, size_t len, const char *word)
{
	size_t at, n = strlen(word);

	for (at = 0; serves && at + n <= len; at += 4096)
		if (memcmp((const char *)buf + at, word, n) == 0)
			return true;
	return false;
}

/* The words must not stand in this file as they are looked for: it is read, too. */
#define WORD(rest)	"PBKFS" "-" rest

ssize_t
pwrite(int fd, const void *buf, size_t len, off_t off)
{
	ssize_t n;

	if (has(buf, len, WORD("DIE-WRITE")))
		die();
	point();
	n = real_pwrite(fd, buf, len, off);
	point();
	return n;
}

ssize_t
pread(int fd, void *buf, size_t len, off_t off)
{
	ssize_t n = real_pread(fd, buf, len, off);

	if (n > 0 && has(buf, (size_t)n, WORD("SLOW-READ")) &&
	    !atomic_exchange(&shared->slowed, true))
		sleep_us(SLOW_SECONDS * 1000000);
	return n;
}

static void
before_reply(const struct iovec *iov, int count)
{
	int i;

	for (i = 1; i < count; i++) {
		if (has(iov[i].iov_base, iov[i].iov_len, WORD("DIE-READ")))
			die();
		if (has(iov[i].iov_base, iov[i].iov_len, WORD("STUCK-READ")) &&
		    !atomic_exchange(&shared->stuck, true))
			for (;;)
				sleep_us(1000000);
	}
	if (delay_us > 0)
		sleep_us(below(2 * delay_us));
	point();
}

ssize_t
writev(int fd, const struct iovec *iov, int count)
{
	bool reply = serves && iov[0].iov_len == sizeof(struct fuse_out_header);
	ssize_t n;

	if (reply)
		before_reply(iov, count);
	n = real_writev(fd, iov, count);
	if (reply) {
		replies++;
		point();
	}
	return n;
}

/* ---- who serves --------------------------------------------------------- */

struct thread {
	void	*(*run)(void *);
	void	*arg;
};

static void *
run_thread(void *p)
{
	struct thread t = *(struct thread *)p;

	free(p);
	serves = true;
	return t.run(t.arg);
}

int
pthread_create(pthread_t *id, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	struct thread *t = malloc(sizeof(*t));

	if (switch_bytes != NULL && strncmp(switch_bytes, "die", 3) == 0)
		die();
	if (t == NULL)
		return ENOMEM;
	*t = (struct thread){ run, arg };
	return real_create(id, attr, run_thread, t);
}
