/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compressed segments as serving threads read them: in any order, several at
 * once, more of them than are kept, and replaced meanwhile.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "support/catalog.h"
#include "support/unit.h"
#include "support/wal.h"
#include "worker/segcache.h"

#define SEGMENTS	24u	/* more than are kept */
#define THREADS		8u
#define READS		150u

static struct catalog cat;
static struct archive a;
static struct segcache *cache;
static unsigned char *bytes[SEGMENTS];
static char archive_dir[512];
static int diff_fd = -1;
static unsigned lines;

static void
count_lines(enum log_level level, const char *text, size_t len)
{
	(void)level;
	(void)text;
	(void)len;
	__atomic_add_fetch(&lines, 1, __ATOMIC_RELAXED);
}

/* Each form in turn. */
static const char *const suffixes[] = { ".gz", ".lz4", ".zst" };

static void
name_of(uint64_t segno, char name[WALNAME_MAX + 4])
{
	walname_format(&(struct walname){ WAL_SEGMENT, 1, segno }, WAL_SEG, name);
	strcat(name, suffixes[segno % 3]);
}

static void
put_segment(const char *dir, const char *name, uint64_t segno)
{
	if (segno % 3 == 0)
		wal_write_gz(dir, name, bytes[segno], WAL_SEG);
	else if (segno % 3 == 1)
		wal_write_lz4(dir, name, bytes[segno], WAL_SEG);
	else
		wal_write_zst(dir, name, bytes[segno], WAL_SEG, 0);
}

static void
set_up(void)
{
	char name[WALNAME_MAX + 4], path[600];
	uint64_t i;

	lines = 0;
	log_set_sink(count_lines);
	catalog_new(&cat);
	catalog_mkdir(&cat, "wal");
	catalog_mkdir(&cat, "wal/main");
	catalog_mkdir(&cat, "diff");
	snprintf(archive_dir, sizeof(archive_dir), "%s/wal/main", cat.dir);
	for (i = 0; i < SEGMENTS; i++) {
		bytes[i] = wal_segment(1, i, WAL_SEG);
		name_of(i, name);
		put_segment(archive_dir, name, i);
	}
	snprintf(path, sizeof(path), "%s/diff", cat.dir);
	ck_assert_int_ge(diff_fd = open(path, O_RDONLY | O_DIRECTORY), 0);
	catalog_write(&cat, "diff/walcache.0", "left over");
	catalog_write(&cat, "diff/walcache.15", "left over");
	ck_assert_int_eq(archive_init(&a, cat.fd, "main", WAL_SEG, 15), 0);
	ck_assert_int_eq(segcache_new(diff_fd, &a, &cache), 0);
}

static void
tear_down(void)
{
	unsigned i;

	segcache_free(cache);
	for (i = 0; i < SEGMENTS; i++)
		free(bytes[i]);
	close(diff_fd);
	catalog_free(&cat);
}

static ssize_t
read_at(uint64_t segno, uint64_t off, size_t size, unsigned char *buf)
{
	struct walname w = { WAL_SEGMENT, 1, segno };
	struct archive_file f;
	int r;

	if ((r = archive_find(&a, &w, &f)) < 0)
		return r;
	return segcache_read(cache, &f, off, size, buf);
}

static bool
is_right(uint64_t segno, uint64_t off, size_t size)
{
	unsigned char *buf = malloc(size);
	size_t expected = off >= WAL_SEG ? 0 : MIN(size, (size_t)(WAL_SEG - off));
	ssize_t n = read_at(segno, off, size, buf);
	bool right = n == (ssize_t)expected && memcmp(buf, bytes[segno] + MIN(off, WAL_SEG), expected) == 0;

	free(buf);
	return right;
}

/* Files that are open and have lost their name, and the bytes in them. */
static unsigned
nameless(uint64_t *size)
{
	DIR *dir = opendir("/proc/self/fd");
	char target[600], path[600];
	const struct dirent *d;
	struct stat st;
	unsigned n = 0;
	ssize_t len;

	snprintf(path, sizeof(path), "%s/diff/walcache.", cat.dir);
	ck_assert_ptr_nonnull(dir);
	for (*size = 0; (d = readdir(dir)) != NULL;) {
		len = readlinkat(dirfd(dir), d->d_name, target, sizeof(target) - 1);
		if (len < 0 || strncmp(target, path, strlen(path)) != 0)
			continue;
		ck_assert_int_eq(fstatat(dirfd(dir), d->d_name, &st, 0), 0);
		*size += (uint64_t)st.st_size;
		n++;
	}
	closedir(dir);
	return n;
}

START_TEST(segcache_any_order)
{
	static const struct { uint64_t off; size_t size; } reads[] = {
		{ 0, 1 }, { 4096, 4096 }, { 900000, 100000 }, { 131072, 131072 }, { 100, 5000 },
		{ WAL_SEG - 1, 1 }, { WAL_SEG - 10, 100 }, { WAL_SEG, 10 }, { UINT64_MAX, 10 },
		{ 0, WAL_SEG }, { 4095, 2 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(reads); i++)
		ck_assert_msg(is_right(7, reads[i].off, reads[i].size), "read %zu", i);
	ck_assert_uint_eq(lines, 0);
}
END_TEST

/* The cache keeps only segments that were asked for, and they have no name. */
START_TEST(segcache_no_further)
{
	uint64_t size;
	DIR *dir;
	const struct dirent *d;

	ck_assert(is_right(3, 0, 65536));
	ck_assert_uint_eq(nameless(&size), 1);
	ck_assert_uint_eq(size, 65536);
	ck_assert(is_right(3, 4096, 4096));
	nameless(&size);
	ck_assert_uint_eq(size, 65536);
	ck_assert(is_right(3, 200000, 5000));
	nameless(&size);
	ck_assert_uint_ge(size, 205000);
	ck_assert_uint_lt(size, 205000 + 8192);
	ck_assert_ptr_nonnull(dir = fdopendir(dup(diff_fd)));
	while ((d = readdir(dir)) != NULL)
		ck_assert_msg(d->d_name[0] == '.', "%s", d->d_name);
	closedir(dir);
}
END_TEST

START_TEST(segcache_bounded)
{
	uint64_t size, i;

	for (i = 0; i < SEGMENTS; i++)
		ck_assert_msg(is_right(i, WAL_SEG / 2, 4096), "segment %u", (unsigned)i);
	ck_assert_uint_eq(nameless(&size), 16);
	/* those that were let go are decompressed again */
	for (i = 0; i < SEGMENTS; i++)
		ck_assert_msg(is_right(i, 0, WAL_SEG), "segment %u", (unsigned)i);
	segcache_idle(cache);
	ck_assert_uint_eq(nameless(&size), 16);	/* they were just used */
}
END_TEST

/* The same name with other bytes is another file. */
START_TEST(segcache_replaced)
{
	char name[WALNAME_MAX + 4], from[600], to[600];

	ck_assert(is_right(2, 0, 4096));
	bytes[2][5000] ^= 0xFF;
	put_segment(cat.dir, "new", 2);
	name_of(2, name);
	snprintf(from, sizeof(from), "%s/new", cat.dir);
	snprintf(to, sizeof(to), "%s/%s", archive_dir, name);
	ck_assert_int_eq(rename(from, to), 0);
	ck_assert(is_right(2, 0, 8192));
}
END_TEST

START_TEST(segcache_damaged)
{
	char name[WALNAME_MAX + 4], path[600];
	unsigned char buf[4096];
	unsigned i;

	name_of(5, name);
	snprintf(path, sizeof(path), "%s/%s", archive_dir, name);
	ck_assert_int_eq(truncate(path, 3000), 0);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(read_at(5, WAL_SEG - 4096, sizeof(buf), buf), -EUCLEAN);
	ck_assert_uint_eq(lines, 1);
	ck_assert(is_right(6, 0, WAL_SEG));
	/* bytes of another segment */
	put_segment(archive_dir, name, 4);
	ck_assert_int_eq(read_at(5, 0, sizeof(buf), buf), -EUCLEAN);
}
END_TEST

static void *
read_at_random(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg, i;

	for (i = 0; i < READS; i++) {
		uint64_t segno = (unsigned)rand_r(&seed) % SEGMENTS;
		uint64_t off = (uint64_t)((unsigned)rand_r(&seed) % (WAL_SEG / 4096)) * 4096;

		if (!is_right(segno, off, 4096 << rand_r(&seed) % 6))
			return arg;
	}
	return NULL;
}

START_TEST(segcache_threads)
{
	pthread_t id[THREADS];
	uintptr_t i;
	void *failed;

	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&id[i], NULL, read_at_random, (void *)(i + 1)), 0);
	for (i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(id[i], &failed), 0);
		ck_assert_msg(failed == NULL, "thread %u", (unsigned)i);
	}
	ck_assert_uint_eq(lines, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("segcache");
	TCase *tc = tcase_create("segcache");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, segcache_any_order);
	tcase_add_test(tc, segcache_no_further);
	tcase_add_test(tc, segcache_bounded);
	tcase_add_test(tc, segcache_replaced);
	tcase_add_test(tc, segcache_damaged);
	tcase_add_test(tc, segcache_threads);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
