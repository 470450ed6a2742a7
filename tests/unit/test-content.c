/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/diff/content: content files and their block maps; damaged maps and planted
 * files are refused.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "diff/content.h"
#include "support/mapbytes.h"
#include "support/tmpdir.h"
#include "support/unit.h"

#define MAP_HEADER	64
#define NUMBER		UINT64_C(0xabc)
#define CONTENT_NAME	"data/0000000000000abc"
#define MAP_NAME	CONTENT_NAME ".map"

static char dir[PATH_MAX / 2];
static int dirfd_;
static struct fdcache *fds;
static struct contents *contents;

static void
setup(void)
{
	log_set_sink(swallow);
	tmpdir_new(dir, sizeof(dir));
	ck_assert_int_ge(dirfd_ = open(dir, O_RDONLY | O_DIRECTORY), 0);
	ck_assert_ptr_nonnull(fds = fdcache_new(16));
	ck_assert_int_eq(contents_open(dirfd_, fds, &contents), 0);
}

static void
teardown(void)
{
	contents_close(contents);
	fdcache_free(fds);
	close(dirfd_);
	tmpdir_remove(dir);
}

static bool
exists(const char *path)
{
	return faccessat(dirfd_, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

START_TEST(files)
{
	struct fdref *ref;
	struct stat st;
	int fd;

	ck_assert_int_eq(content_fd(contents, NUMBER, false, &ref), -ENOENT);
	ck_assert_int_eq(content_stat(contents, NUMBER, &st), -ENOENT);
	ck_assert_int_eq(content_remove(contents, NUMBER), 0);
	ck_assert_int_ge(fd = content_fd(contents, NUMBER, true, &ref), 0);
	ck_assert(exists(CONTENT_NAME));
	ck_assert_int_eq(io_pwrite(fd, "12345", 5, 0), 0);
	fdcache_put(fds, ref);
	ck_assert_int_eq(content_stat(contents, NUMBER, &st), 0);
	ck_assert_int_eq(st.st_size, 5);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(content_fd(contents, NUMBER, false, &ref), fd);
	fdcache_put(fds, ref);
	ck_assert_int_eq(contents_sync_names(contents), 0);
	ck_assert_int_eq(content_remove(contents, NUMBER), 0);
	ck_assert(!exists(CONTENT_NAME));
	ck_assert_int_eq(content_fd(contents, NUMBER, false, &ref), -ENOENT);
}
END_TEST

START_TEST(map_in_pieces)
{
	uint8_t full[10], kinds[40];
	bool created = false;
	unsigned i;

	memset(full, CONTENT_FULL, sizeof(full));
	memset(kinds, 77, sizeof(kinds));
	ck_assert_int_eq(map_read_bytes(contents, NUMBER, kinds, 30), 0);
	for (i = 0; i < 30; i++)
		ck_assert_uint_eq(kinds[i], CONTENT_CHAIN);
	ck_assert_uint_eq(kinds[30], 77);
	ck_assert_int_eq(map_write_bytes(contents, NUMBER, full, 20, 3, &created), 0);
	ck_assert(created);
	ck_assert_int_eq(map_write_bytes(contents, NUMBER, full, 5, 10, &created), 0);
	ck_assert(!created);
	ck_assert_int_eq(map_read_bytes(contents, NUMBER, kinds, 40), 0);
	for (i = 0; i < 40; i++)
		ck_assert_uint_eq(kinds[i], (i >= 5 && i < 15) || (i >= 20 && i < 23));
	/* A file that was cut since has fewer blocks than its map. */
	ck_assert_int_eq(map_read_bytes(contents, NUMBER, kinds, 7), 0);
	ck_assert_int_eq(map_read_bytes(contents, NUMBER, kinds, 0), 0);
	ck_assert_int_eq(content_remove(contents, NUMBER), 0);
	ck_assert(!exists(MAP_NAME));
}
END_TEST

static void
write_map(void)
{
	static const uint8_t kinds[] = { CONTENT_FULL, CONTENT_CHAIN, CONTENT_FULL };
	bool created;

	ck_assert_int_eq(map_write_bytes(contents, NUMBER, kinds, 0, sizeof(kinds), &created), 0);
}

/* Any bit of the header: the map is refused, for reading and for writing. */
START_TEST(damaged_map_header)
{
	int fd autoclose = -1;
	unsigned char byte;
	uint8_t kinds[3] = { 9, 9, 9 };
	bool created;
	off_t bit;

	write_map();
	ck_assert_int_ge(fd = openat(dirfd_, MAP_NAME, O_RDWR), 0);
	for (bit = 0; bit < MAP_HEADER * 8; bit++) {
		ck_assert_int_eq(pread(fd, &byte, 1, bit / 8), 1);
		byte ^= (unsigned char)(1u << bit % 8);
		ck_assert_int_eq(pwrite(fd, &byte, 1, bit / 8), 1);
		ck_assert_msg(map_read_bytes(contents, NUMBER, kinds, 3) == -EUCLEAN, "bit %d",
		    (int)bit);
		ck_assert_int_eq(map_write_bytes(contents, NUMBER, kinds, 0, 3, &created), -EUCLEAN);
		byte ^= (unsigned char)(1u << bit % 8);
		ck_assert_int_eq(pwrite(fd, &byte, 1, bit / 8), 1);
	}
	ck_assert_int_eq(map_read_bytes(contents, NUMBER, kinds, 3), 0);
	ck_assert_uint_eq(kinds[0], CONTENT_FULL);
}
END_TEST

START_TEST(unknown_kind)
{
	int fd autoclose = -1;
	uint8_t kinds[3];

	write_map();
	ck_assert_int_ge(fd = openat(dirfd_, MAP_NAME, O_RDWR), 0);
	ck_assert_int_eq(pwrite(fd, "\2", 1, MAP_HEADER + 1), 1);
	ck_assert_int_eq(map_read_bytes(contents, NUMBER, kinds, 3), -EUCLEAN);
	ck_assert_int_eq(map_read_bytes(contents, NUMBER, kinds, 1), 0);
}
END_TEST

/* A map that a crash left without its header names nothing, and can be written. */
START_TEST(unfinished_map)
{
	static const off_t sizes[] = { 0, 1, MAP_HEADER - 1, MAP_HEADER, MAP_HEADER + 3, 4096 };
	uint8_t kinds[3], full = CONTENT_FULL;
	bool created;
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ck_assert_int_ge(fd = openat(dirfd_, MAP_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600), 0);
		ck_assert_int_eq(ftruncate(fd, sizes[i]), 0);
		close(fd);
		ck_assert_int_eq(map_read_bytes(contents, NUMBER, kinds, 3), 0);
		ck_assert_uint_eq(kinds[0], CONTENT_CHAIN);
		ck_assert_int_eq(map_write_bytes(contents, NUMBER, &full, 1, 1, &created), 0);
		ck_assert(created);
		ck_assert_int_eq(map_read_bytes(contents, NUMBER, kinds, 3), 0);
		ck_assert(kinds[0] == CONTENT_CHAIN && kinds[1] == CONTENT_FULL);
	}
}
END_TEST

/* A map that was put in the place of another's. */
START_TEST(map_of_another)
{
	uint8_t kinds[3];

	write_map();
	ck_assert_int_eq(renameat(dirfd_, MAP_NAME, dirfd_, "data/0000000000000abd.map"), 0);
	ck_assert_int_eq(map_read_bytes(contents, NUMBER + 1, kinds, 3), -EUCLEAN);
}
END_TEST

/* The owner of the diff directory may put other things in the place of files. */
START_TEST(not_a_file)
{
	struct fdref *ref;
	uint8_t kinds[3];

	ck_assert_int_eq(symlinkat("/etc/passwd", dirfd_, CONTENT_NAME), 0);
	ck_assert_int_eq(symlinkat("/etc/passwd", dirfd_, MAP_NAME), 0);
	ck_assert_int_lt(content_fd(contents, NUMBER, false, &ref), 0);
	ck_assert_int_lt(content_fd(contents, NUMBER, true, &ref), 0);
	ck_assert_int_lt(map_read_bytes(contents, NUMBER, kinds, 3), 0);
	ck_assert_int_eq(content_remove(contents, NUMBER), 0);
	ck_assert_int_eq(mkfifoat(dirfd_, CONTENT_NAME, 0600), 0);
	ck_assert_int_eq(mkfifoat(dirfd_, MAP_NAME, 0600), 0);
	ck_assert_int_eq(content_fd(contents, NUMBER, true, &ref), -EUCLEAN);
	ck_assert_int_lt(map_read_bytes(contents, NUMBER, kinds, 3), 0);
	ck_assert_int_eq(content_remove(contents, NUMBER), 0);
	ck_assert_int_eq(mkdirat(dirfd_, CONTENT_NAME, 0700), 0);
	ck_assert_int_lt(content_fd(contents, NUMBER, true, &ref), 0);
	unlinkat(dirfd_, CONTENT_NAME, AT_REMOVEDIR);
}
END_TEST

START_TEST(listing)
{
	static const char *const others[] = { "x", "0abc", "0000000000000abc.tmp",
	    "0000000000000abc0", "zzzzzzzzzzzzzzzz" };
	struct content_list *list;
	unsigned n = 0, maps = 0;
	struct fdref *ref;
	uint64_t number;
	char path[64];
	size_t i;
	bool map;
	int fd;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		snprintf(path, sizeof(path), "data/%s", others[i]);
		ck_assert_int_ge(fd = openat(dirfd_, path, O_CREAT | O_RDWR, 0600), 0);
		close(fd);
	}
	write_map();
	for (number = 1; number < 100; number++) {
		ck_assert_int_ge(content_fd(contents, number << 56, true, &ref), 0);
		fdcache_put(fds, ref);
	}
	ck_assert_int_eq(contents_list(contents, &list), 0);
	while (content_list_next(list, &number, &map) > 0) {
		ck_assert(map ? number == NUMBER : number << 8 == 0);
		maps += map;
		n++;
	}
	content_list_free(list);
	ck_assert_uint_eq(n, 100);
	ck_assert_uint_eq(maps, 1);
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		snprintf(path, sizeof(path), "data/%s", others[i]);
		unlinkat(dirfd_, path, 0);
	}
}
END_TEST

START_TEST(no_directory)
{
	struct contents *other;
	int fd autoclose = openat(dirfd_, "data", O_RDONLY);

	ck_assert_int_eq(symlinkat("..", fd, "data"), 0);
	ck_assert_int_lt(contents_open(fd, fds, &other), 0);
	unlinkat(fd, "data", 0);
	contents_close(NULL);
}
END_TEST

/* Returns how many bytes the heap has given out. */
static size_t
heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* Lengths at which the tree has one more level, and their edges. */
static const uint32_t lengths[] = {
	1, 4095, 4096, 4097, 4096 * 512, 4096 * 512 + 1, 4096u * 512 * 512 - 1, UINT32_MAX
};

START_TEST(kinds_in_segments)
{
	uint32_t n = lengths[_i], at[] = { 0, n / 3, n / 2, n - 1 }, i;
	size_t before = heap();
	struct kinds *k = kinds_new(n, CONTENT_CHAIN);
	struct kinds_part *parts, *p;

	ck_assert(k != NULL && kinds_count(k) == n && !kinds_changed(k) && !kinds_all_full(k, n));
	ck_assert_int_eq(kinds_get(k, n - 1), CONTENT_CHAIN);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		ck_assert_int_eq(kinds_reserve(k, at[i], 1), 0);
		kinds_set_full(k, at[i], 1);
	}
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		ck_assert_int_eq(kinds_get(k, at[i]), CONTENT_FULL);
		if (n > 4096)
			ck_assert_int_eq(kinds_get(k, at[i] ^ 1), CONTENT_CHAIN);
	}
	ck_assert_msg(heap() - before < 100000, "%u blocks take %zu bytes", n, heap() - before);
	ck_assert(kinds_changed(k));
	ck_assert_int_eq(kinds_take_changed(k, &parts), 0);
	ck_assert(!kinds_changed(k));
	for (p = parts, i = 0; p != NULL; p = p->next, i++)
		ck_assert(p->n <= KINDS_SEGMENT && p->first % KINDS_SEGMENT == 0 &&
		    (p->next == NULL || p->first + p->n <= p->next->first));
	ck_assert_uint_le(i, ARRAY_SIZE(at));
	kinds_put_back(k, parts);
	ck_assert(kinds_changed(k));
	kinds_parts_free(parts);
	kinds_free(k);
}
END_TEST

START_TEST(kinds_all)
{
	struct kinds *k = kinds_new(10000, CONTENT_CHAIN);

	ck_assert_int_eq(kinds_reserve(k, 0, 10000), 0);
	kinds_set_full(k, 0, 5000);
	ck_assert(kinds_all_full(k, 0) && kinds_all_full(k, 5000) && !kinds_all_full(k, 5001));
	kinds_set_full(k, 5001, 4999);
	ck_assert(!kinds_all_full(k, 10000));
	kinds_set_full(k, 5000, 1);
	ck_assert(kinds_all_full(k, 10000));
	kinds_free(k);
}
END_TEST

/* The last block of a map of 4 GiB: on disk and in memory it takes a few pages. */
START_TEST(map_of_a_claim)
{
	size_t before = heap();
	struct kinds *k = kinds_new(UINT32_MAX, CONTENT_CHAIN);
	struct kinds_part *parts;
	struct stat st;
	bool created;

	ck_assert_int_eq(kinds_reserve(k, UINT32_MAX - 5, 2), 0);
	kinds_set_full(k, UINT32_MAX - 5, 2);
	ck_assert_int_eq(kinds_take_changed(k, &parts), 0);
	ck_assert_int_eq(content_map_write(contents, NUMBER, parts, &created), 0);
	kinds_parts_free(parts);
	kinds_free(k);
	ck_assert_int_eq(fstatat(dirfd_, MAP_NAME, &st, 0), 0);
	ck_assert_int_lt(st.st_blocks, 2048);
	k = kinds_new(UINT32_MAX, CONTENT_CHAIN);
	ck_assert_int_eq(content_map_read(contents, NUMBER, k, UINT32_MAX, CONTENT_FULL), 0);
	ck_assert_int_eq(kinds_get(k, UINT32_MAX - 4), CONTENT_FULL);
	ck_assert_int_eq(kinds_get(k, UINT32_MAX - 3), CONTENT_CHAIN);
	ck_assert_uint_lt(heap() - before, 200000);
	kinds_free(k);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("content");
	TCase *tc = tcase_create("content");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, files);
	tcase_add_test(tc, map_in_pieces);
	tcase_add_loop_test(tc, kinds_in_segments, 0, ARRAY_SIZE(lengths));
	tcase_add_test(tc, kinds_all);
	tcase_add_test(tc, map_of_a_claim);
	tcase_add_test(tc, damaged_map_header);
	tcase_add_test(tc, unknown_kind);
	tcase_add_test(tc, unfinished_map);
	tcase_add_test(tc, map_of_another);
	tcase_add_test(tc, not_a_file);
	tcase_add_test(tc, listing);
	tcase_add_test(tc, no_directory);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
