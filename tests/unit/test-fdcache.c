/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/base/fdcache: a bounded number of descriptors, of which none in use is closed.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "base/fdcache.h"
#include "base/io.h"
#include "base/util.h"
#include "support/unit.h"

/* A descriptor of a file that holds key, so that a mix-up shows. */
static int
file_of(uint64_t key)
{
	int fd = memfd_create("fdcache", MFD_CLOEXEC);

	if (fd >= 0 && io_pwrite(fd, &key, sizeof(key), 0) < 0)
		abort();
	return fd;
}

static bool
holds(int fd, uint64_t key)
{
	uint64_t found = ~key;

	return io_pread(fd, &found, sizeof(found), 0) == sizeof(found) && found == key;
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

START_TEST(find_and_add)
{
	static const uint64_t keys[] = { 0, 1, 16, 4096, UINT64_C(1) << 63, UINT64_MAX };
	struct fdcache *c = fdcache_new(1000);
	struct fdref *ref, *again;
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		ck_assert_int_eq(fdcache_find(c, keys[i], &ref), -1);
		fd = fdcache_add(c, keys[i], file_of(keys[i]), &ref);
		ck_assert(fd >= 0 && holds(fd, keys[i]) && fdref_fd(ref) == fd);
		ck_assert_int_eq(fdcache_find(c, keys[i], &again), fd);
		ck_assert_ptr_eq(again, ref);
		fdcache_put(c, again);
		fdcache_put(c, ref);
		ck_assert_uint_eq(fdcache_count(c), i + 1);
	}
	fdcache_free(c);
	ck_assert(!is_open(fd));
}
END_TEST

/* Two threads open the same file: the second descriptor is not needed. */
START_TEST(added_twice)
{
	struct fdcache *c = fdcache_new(16);
	struct fdref *one, *two;
	int first = file_of(7), second = file_of(7);

	ck_assert_int_eq(fdcache_add(c, 7, first, &one), first);
	ck_assert_int_eq(fdcache_add(c, 7, second, &two), first);
	ck_assert_ptr_eq(one, two);
	ck_assert(!is_open(second));
	fdcache_put(c, one);
	fdcache_put(c, two);
	ck_assert_uint_eq(fdcache_count(c), 1);
	fdcache_free(c);
}
END_TEST

START_TEST(bounded)
{
	struct fdcache *c = fdcache_new(32);
	struct fdref *ref;
	uint64_t key;

	for (key = 0; key < 5000; key++) {
		ck_assert_int_ge(fdcache_add(c, key, file_of(key), &ref), 0);
		fdcache_put(c, ref);
		ck_assert_uint_le(fdcache_count(c), 32);
	}
	fdcache_free(c);
}
END_TEST

/*
 * Descriptors in use stay, however many; of the others the least recently used goes
 * first.
 */
START_TEST(in_use_stays)
{
	struct fdcache *c = fdcache_new(16);
	struct fdref *ref[200], *other;
	uint64_t key;
	int fd;

	for (key = 0; key < 200; key++)
		ck_assert_int_ge(fdcache_add(c, key, file_of(key), &ref[key]), 0);
	ck_assert_uint_eq(fdcache_count(c), 200);
	for (key = 0; key < 200; key++) {
		ck_assert_int_eq(fdcache_find(c, key, &other), fdref_fd(ref[key]));
		ck_assert(holds(fdref_fd(other), key));
		fdcache_put(c, other);
		fdcache_put(c, ref[key]);
	}
	for (; key < 2000; key++) {
		ck_assert_int_ge(fd = fdcache_add(c, key, file_of(key), &other), 0);
		ck_assert(holds(fd, key));
		fdcache_put(c, other);
	}
	ck_assert_uint_le(fdcache_count(c), 16);
	fdcache_free(c);
}
END_TEST

START_TEST(dropped)
{
	struct fdcache *c = fdcache_new(16);
	struct fdref *ref, *fresh;
	int fd = fdcache_add(c, 5, file_of(5), &ref);

	fdcache_drop(c, 6);
	fdcache_drop(c, 5);
	ck_assert_int_eq(fdcache_find(c, 5, &fresh), -1);
	ck_assert_uint_eq(fdcache_count(c), 0);
	ck_assert(is_open(fd) && holds(fdref_fd(ref), 5));	/* until its last use ends */
	ck_assert_int_ge(fdcache_add(c, 5, file_of(5), &fresh), 0);
	ck_assert_ptr_ne(fresh, ref);
	fdcache_put(c, ref);
	ck_assert(!is_open(fd));
	ck_assert(holds(fdref_fd(fresh), 5));
	fdcache_put(c, fresh);
	fdcache_drop(c, 5);
	ck_assert_uint_eq(fdcache_count(c), 0);
	fdcache_free(c);
	fdcache_free(NULL);
}
END_TEST

#define THREADS	4

static struct fdcache *shared;
static atomic_uint mixed_up;

static void *
hammer(void *arg)
{
	uint32_t state = (uint32_t)(uintptr_t)arg + 1, i;
	struct fdref *ref;
	uint64_t key;
	int fd;

	for (i = 0; i < 20000; i++) {
		state = state * 1664525 + 1013904223;
		key = state >> 16 & 127;
		if ((fd = fdcache_find(shared, key, &ref)) < 0)
			fd = fdcache_add(shared, key, file_of(key), &ref);
		if (fd < 0 || !holds(fd, key))
			mixed_up++;
		else
			fdcache_put(shared, ref);
		if (state >> 28 == 0)
			fdcache_drop(shared, state >> 8 & 127);
	}
	return NULL;
}

START_TEST(threads)
{
	pthread_t t[THREADS];
	uintptr_t i;

	shared = fdcache_new(32);
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, hammer, (void *)i), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	ck_assert_uint_eq(mixed_up, 0);
	ck_assert_uint_le(fdcache_count(shared), 32 + THREADS);
	fdcache_free(shared);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fdcache");
	TCase *tc = tcase_create("cache");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, find_and_add);
	tcase_add_test(tc, added_twice);
	tcase_add_test(tc, bounded);
	tcase_add_test(tc, in_use_stays);
	tcase_add_test(tc, dropped);
	tcase_add_test(tc, threads);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
