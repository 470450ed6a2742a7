/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/diff/journal: records come back as they were written; a torn tail is cut off,
 * and damaged or forged records are refused.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crc32c.h"
#include "base/io.h"
#include "base/log.h"
#include "base/util.h"
#include "diff/journal.h"
#include "diff/pending.h"
#include "support/tmpdir.h"
#include "support/unit.h"

#define HEADER	32
#define RECORD	112	/* without names */

static char dir[PATH_MAX / 2];
static int dirfd_;

static void
setup(void)
{
	log_set_sink(swallow);
	tmpdir_new(dir, sizeof(dir));
	ck_assert_int_ge(dirfd_ = open(dir, O_RDONLY | O_DIRECTORY), 0);
}

static void
teardown(void)
{
	close(dirfd_);
	tmpdir_remove(dir);
}

static off_t
file_size(void)
{
	struct stat st;

	ck_assert_int_eq(fstatat(dirfd_, "journal", &st, 0), 0);
	return st.st_size;
}

static void
poke(off_t at, unsigned char flip)
{
	int fd autoclose = openat(dirfd_, "journal", O_RDWR);
	unsigned char byte;

	ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
	byte ^= flip;
	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
}

static void
cut(off_t len)
{
	int fd autoclose = openat(dirfd_, "journal", O_RDWR);

	ck_assert_int_eq(ftruncate(fd, len), 0);
}

static char said[LOG_LINE_MAX];

static void
keep_line(enum log_level level, const char *text, size_t len)
{
	(void)level;
	memcpy(said, text, len + 1);
}

static struct journal *
open_journal(void)
{
	struct journal *j;

	ck_assert_int_eq(journal_open(dirfd_, &j), 0);
	return j;
}

/* Reads all; returns how many records there are. */
static unsigned
replay(struct journal *j)
{
	struct journal_record rec;
	unsigned n = 0;
	int r;

	while ((r = journal_next(j, &rec)) > 0)
		ck_assert_uint_eq(rec.seq, ++n);
	ck_assert_int_eq(r, 0);
	return n;
}

static char name[JOURNAL_NAME_MAX + 1];

/* Record i: with names of i bytes, more or less. */
static struct journal_record
sample(unsigned i)
{
	return (struct journal_record){
		.unique = i * 3, .type = (uint16_t)(1 + i % (JOURNAL_TYPE_MAX - 1)), .flags = (uint16_t)i,
		.name_len = (uint16_t)i, .name2_len = (uint16_t)(i / 2), .serial = i + 1,
		.parent = i + 2, .parent2 = i + 3, .content = UINT64_MAX - i, .length = i + 5,
		.mode = i, .uid = i + 7, .gid = i + 8, .valid = i + 9, .time = -(int64_t)i,
		.atime = i, .mtime = INT64_MIN + i, .name = name, .name2 = name + 1,
	};
}

static void
append(struct journal *j, unsigned from, unsigned to)
{
	struct journal_record rec;
	unsigned i;

	for (i = from; i < to; i++) {
		rec = sample(i);
		ck_assert_int_eq(journal_append(j, &rec), 0);
		ck_assert_uint_eq(rec.seq, i + 1);
	}
}

START_TEST(round_trip)
{
	struct journal *j = open_journal();
	struct journal_record rec, was;
	int64_t created = journal_created(j);
	unsigned i;

	for (i = 0; i < sizeof(name); i++)
		name[i] = (char)(i * 7);
	ck_assert_uint_eq(replay(j), 0);
	append(j, 0, 2000);
	ck_assert_uint_eq(journal_last(j), 2000);
	ck_assert_uint_eq(journal_durable(j), 0);
	ck_assert_int_eq(journal_sync(j), 0);
	ck_assert_uint_eq(journal_durable(j), 2000);
	ck_assert_uint_eq(journal_size(j), (uint64_t)file_size());
	journal_close(j);

	j = open_journal();
	ck_assert_int_eq(journal_created(j), created);
	for (i = 0; i < 2000; i++) {
		was = sample(i);
		was.seq = i + 1;
		ck_assert_int_eq(journal_next(j, &rec), 1);
		ck_assert_mem_eq(rec.name, was.name, was.name_len);
		ck_assert_mem_eq(rec.name2, was.name2, was.name2_len);
		rec.name = was.name;
		rec.name2 = was.name2;
		ck_assert_mem_eq(&rec, &was, sizeof(rec));
	}
	ck_assert_int_eq(journal_next(j, &rec), 0);
	ck_assert_int_eq(journal_next(j, &rec), 0);
	append(j, 2000, 2001);
	journal_close(j);
	journal_close(NULL);
}
END_TEST

START_TEST(long_names)
{
	struct journal *j = open_journal();
	struct journal_record rec = {
		.type = JOURNAL_RENAME, .name_len = JOURNAL_NAME_MAX, .name2_len = JOURNAL_NAME_MAX,
		.name = name, .name2 = name,
	}, none = { .type = JOURNAL_MOUNT };
	unsigned i;

	replay(j);
	for (i = 0; i < 200; i++)	/* more than one window */
		ck_assert_int_eq(journal_append(j, &rec), 0);
	ck_assert_int_eq(journal_append(j, &none), 0);
	rec.name_len++;
	ck_assert_int_eq(journal_append(j, &rec), -ENAMETOOLONG);
	rec.name_len = 1;
	rec.name2_len = JOURNAL_NAME_MAX + 1;
	ck_assert_int_eq(journal_append(j, &rec), -ENAMETOOLONG);
	ck_assert_uint_eq(journal_last(j), 201);
	journal_close(j);
	j = open_journal();
	ck_assert_uint_eq(replay(j), 201);
	journal_close(j);
}
END_TEST

/* A file that ends anywhere has all whole records; the rest is cut off. */
START_TEST(torn_tail)
{
	struct journal *j = open_journal();
	off_t end[9], at;
	unsigned i, whole;

	replay(j);
	end[0] = (off_t)journal_size(j);
	for (i = 0; i < 8; i++) {
		append(j, i, i + 1);
		end[i + 1] = (off_t)journal_size(j);
	}
	journal_close(j);
	for (at = end[8]; at >= HEADER; at--) {
		cut(at);
		for (whole = 0; whole < 8 && end[whole + 1] <= at; whole++)
			;
		j = open_journal();
		ck_assert_uint_eq(replay(j), whole);
		ck_assert_int_eq(file_size(), end[whole]);
		append(j, whole, whole + 1);	/* it goes on from there */
		journal_close(j);
		j = open_journal();
		ck_assert_uint_eq(replay(j), whole + 1);
		journal_close(j);
	}
}
END_TEST

/* A header that was never written whole: the journal cannot have any record. */
START_TEST(torn_header)
{
	struct journal *j = open_journal();
	off_t at;

	append(j, 0, 1);
	journal_close(j);
	for (at = HEADER - 1; at >= 0; at--) {
		cut(at);
		j = open_journal();
		ck_assert_uint_eq(replay(j), 0);
		journal_close(j);
	}
}
END_TEST

/* Any bit of a record: it and what follows do not count. */
START_TEST(damaged_record)
{
	struct journal *j = open_journal();
	off_t at, start, end;
	unsigned i;

	replay(j);
	append(j, 0, 3);
	start = (off_t)journal_size(j);
	append(j, 3, 4);
	end = (off_t)journal_size(j);
	append(j, 4, 6);
	ck_assert_int_eq(end - start, RECORD + 8);
	journal_close(j);
	for (at = start; at < end; at++)
		for (i = 0; i < 8; i++) {
			int fd autoclose = openat(dirfd_, "journal", O_RDWR);
			unsigned char tail[4 * RECORD];
			ssize_t n = pread(fd, tail, sizeof(tail), start);

			poke(at, (unsigned char)(1u << i));
			j = open_journal();
			ck_assert_uint_eq(replay(j), 3);
			ck_assert_int_eq(file_size(), start);
			journal_close(j);
			ck_assert_int_eq(pwrite(fd, tail, (size_t)n, start), n);
		}
	j = open_journal();
	ck_assert_uint_eq(replay(j), 6);
	journal_close(j);
}
END_TEST

/* Reads all that can be read; returns what ended it. */
static int
replay_until(struct journal *j, unsigned *n)
{
	struct journal_record rec;
	int rc;

	for (*n = 0; (rc = journal_next(j, &rec)) > 0; ++*n)
		;
	return rc;
}

/* A crash tears nothing that was synced: any wrong bit of that refuses the journal, which stays as it is. */
START_TEST(damage_to_what_was_synced)
{
	struct journal *j = open_journal();
	off_t at, synced, end;
	unsigned i, n;

	replay(j);
	append(j, 0, 4);
	ck_assert_int_eq(journal_sync(j), 0);
	synced = (off_t)journal_size(j);
	append(j, 4, 6);
	journal_mark(j);
	end = (off_t)journal_size(j);
	journal_close(j);
	for (at = HEADER; at < end; at++)
		for (i = 0; i < 8; i += 7) {
			int fd autoclose = openat(dirfd_, "journal", O_RDWR);
			unsigned char all[8 * RECORD];
			ssize_t len = pread(fd, all, sizeof(all), 0);

			poke(at, (unsigned char)(1u << i));
			j = open_journal();
			said[0] = '\0';
			log_set_sink(keep_line);
			ck_assert_int_eq(replay_until(j, &n), at < synced ? -EUCLEAN : 0);
			log_set_sink(swallow);
			journal_close(j);
			if (at < synced) {
				ck_assert_int_eq(file_size(), end);
				ck_assert_msg(strstr(said, "is damaged at byte ") != NULL &&
				    strstr(said, ": put back a copy of it, or ") != NULL, "%s", said);
			} else {
				ck_assert_uint_ge(n, 4);
				ck_assert_int_lt(file_size(), end);
			}
			ck_assert_int_eq(pwrite(fd, all, (size_t)len, 0), len);
		}
	j = open_journal();
	ck_assert_uint_eq(replay(j), 6);
	journal_close(j);
}
END_TEST

/* Nor does a crash make it shorter. */
START_TEST(synced_and_short)
{
	struct journal *j = open_journal();
	off_t at, end;
	unsigned n;

	replay(j);
	append(j, 0, 4);
	ck_assert_int_eq(journal_sync(j), 0);
	journal_mark(j);
	end = file_size();
	journal_close(j);
	for (at = end - 1; at >= HEADER; at--) {
		cut(at);
		j = open_journal();
		ck_assert_int_eq(replay_until(j, &n), -EUCLEAN);
		ck_assert_int_eq(file_size(), at);
		journal_close(j);
	}
}
END_TEST

/* The mark never says more than a sync did, and goes on with it. */
START_TEST(mark_follows_sync)
{
	struct journal *j = open_journal();
	off_t end;
	unsigned n, i;

	replay(j);
	for (i = 0; i < 5; i++) {
		append(j, 2 * i, 2 * i + 1);
		ck_assert_int_eq(journal_sync(j), 0);
		end = (off_t)journal_size(j);
		append(j, 2 * i + 1, 2 * i + 2);
		journal_mark(j);
		journal_close(j);
		/* The record that was not synced may go, the other may not. */
		poke(end, 1);
		j = open_journal();
		ck_assert_int_eq(replay_until(j, &n), 0);
		ck_assert_uint_eq(n, 2 * i + 1);
		journal_close(j);
		poke(end - 1, 1);
		j = open_journal();
		ck_assert_int_eq(replay_until(j, &n), -EUCLEAN);
		journal_close(j);
		poke(end - 1, 1);
		j = open_journal();
		ck_assert_uint_eq(replay(j), 2 * i + 1);
		append(j, 2 * i + 1, 2 * i + 2);
	}
	journal_close(j);
}
END_TEST

/* As the versions before wrote it. */
static void
write_old_header(void)
{
	int fd autoclose = openat(dirfd_, "journal", O_RDWR);
	unsigned char h[HEADER];
	uint32_t format = 1, crc;

	ck_assert_int_eq(pread(fd, h, sizeof(h), 0), HEADER);
	memset(h + 24, 0, 8);
	crc = crc32c(0, h + 16, 16);
	memcpy(h + 8, &format, sizeof(format));
	memcpy(h + 12, &crc, sizeof(crc));
	ck_assert_int_eq(pwrite(fd, h, sizeof(h), 0), HEADER);
}

static uint32_t
format_of_file(void)
{
	int fd autoclose = openat(dirfd_, "journal", O_RDONLY);
	uint32_t format;

	ck_assert_int_eq(pread(fd, &format, sizeof(format), 8), sizeof(format));
	return format;
}

/* An older journal is read; it keeps its format until something is appended. */
START_TEST(older_format)
{
	struct journal *j = open_journal();
	int64_t created;
	unsigned n;

	replay(j);
	append(j, 0, 3);
	created = journal_created(j);
	journal_close(j);
	write_old_header();
	j = open_journal();
	ck_assert_int_eq(journal_created(j), created);
	ck_assert_uint_eq(replay(j), 3);
	ck_assert_int_eq(journal_sync(j), 0);
	journal_mark(j);
	ck_assert_uint_eq(format_of_file(), 1);
	journal_close(j);
	j = open_journal();
	ck_assert_uint_eq(replay(j), 3);
	append(j, 3, 4);
	ck_assert_uint_eq(format_of_file(), 2);
	journal_close(j);
	j = open_journal();
	ck_assert_int_eq(journal_created(j), created);
	ck_assert_uint_eq(replay(j), 4);
	ck_assert_int_eq(journal_sync(j), 0);
	journal_mark(j);
	journal_close(j);
	poke(HEADER + RECORD, 1);
	j = open_journal();
	ck_assert_int_eq(replay_until(j, &n), -EUCLEAN);
	journal_close(j);
}
END_TEST

/* Records with a right checksum that the owner can write, and no journal_append() does. */
static const struct {
	const char *what;
	off_t	at;		/* in the record */
	size_t	size;
	uint64_t value;
	bool	counts;
} forged[] = {
	{ "any flags", 26, 2, UINT16_MAX, true },	/* so the checksum is right */
	{ "type 0", 24, 2, 0, false },
	{ "the first type that there is not", 24, 2, JOURNAL_TYPE_MAX, false },
	{ "the last type", 24, 2, UINT16_MAX, false },
	{ "no length", 4, 4, 0, false },
	{ "a length of the checksum alone", 4, 4, 4, false },
	{ "a length without the names", 4, 4, RECORD, false },
	{ "a length that ends before the record does", 4, 4, RECORD - 8, false },
	{ "a length behind the end of the file", 4, 4, 4 * RECORD, false },
	{ "a length above the greatest", 4, 4, RECORD + 2 * JOURNAL_NAME_MAX + 16, false },
	{ "the greatest length", 4, 4, UINT32_MAX, false },
	{ "a name longer than the record", 28, 2, 9, false },
	{ "the longest name", 28, 2, UINT16_MAX, false },
	{ "a second name longer than the record", 30, 2, 9, false },
	{ "the longest second name", 30, 2, UINT16_MAX, false },
	{ "the number before", 8, 8, 3, false },
	{ "a number left out", 8, 8, 5, false },
	{ "the last number", 8, 8, UINT64_MAX, false },
};

START_TEST(forged_record)
{
	int fd autoclose = -1;
	struct journal *j = open_journal();
	unsigned char bytes[4 * RECORD] = { 0 };
	uint32_t len, crc;
	off_t start;
	ssize_t n;

	replay(j);
	append(j, 0, 3);
	start = (off_t)journal_size(j);
	append(j, 3, 6);
	journal_close(j);
	ck_assert_int_ge(fd = openat(dirfd_, "journal", O_RDWR), 0);
	n = pread(fd, bytes, sizeof(bytes), start);
	ck_assert_int_gt(n, 3 * RECORD);
	memcpy(bytes + forged[_i].at, &forged[_i].value, forged[_i].size);
	memcpy(&len, bytes + 4, sizeof(len));
	len = MIN(MAX(len, 4), (uint32_t)n);
	crc = crc32c(0, bytes + 4, len - 4);
	memcpy(bytes, &crc, sizeof(crc));
	ck_assert_int_eq(pwrite(fd, bytes, (size_t)n, start), n);
	j = open_journal();
	ck_assert_msg(replay(j) == (forged[_i].counts ? 6 : 3), "%s", forged[_i].what);
	ck_assert_msg(forged[_i].counts || file_size() == start, "%s", forged[_i].what);
	journal_close(j);
}
END_TEST

/* Names that fit the record, and are longer than any. */
START_TEST(forged_long_name)
{
	static unsigned char bytes[RECORD + 2 * JOURNAL_NAME_MAX];
	int fd autoclose = -1;
	struct journal *j = open_journal();
	struct journal_record rec = {
		.type = JOURNAL_RENAME, .name_len = JOURNAL_NAME_MAX, .name2_len = JOURNAL_NAME_MAX,
		.name = name, .name2 = name,
	};
	uint16_t lens[2] = { JOURNAL_NAME_MAX, JOURNAL_NAME_MAX };
	uint32_t crc;

	replay(j);
	ck_assert_int_eq(journal_append(j, &rec), 0);
	journal_close(j);
	ck_assert_int_ge(fd = openat(dirfd_, "journal", O_RDWR), 0);
	ck_assert_int_eq(pread(fd, bytes, sizeof(bytes), HEADER), sizeof(bytes));
	lens[_i]++;
	lens[1 - _i]--;
	memcpy(bytes + 28, lens, sizeof(lens));
	crc = crc32c(0, bytes + 4, sizeof(bytes) - 4);
	memcpy(bytes, &crc, sizeof(crc));
	ck_assert_int_eq(pwrite(fd, bytes, sizeof(bytes), HEADER), sizeof(bytes));
	j = open_journal();
	ck_assert_uint_eq(replay(j), 0);
	journal_close(j);
}
END_TEST

/* Any bit of the header, with a mark or without: refused, and left alone. */
START_TEST(damaged_header)
{
	struct journal *j = open_journal();
	off_t at, size;

	append(j, 0, 3);
	if (_i == 1) {
		ck_assert_int_eq(journal_sync(j), 0);
		journal_mark(j);
	}
	size = file_size();
	journal_close(j);
	for (at = 0; at < HEADER * 8; at++) {
		poke(at / 8, (unsigned char)(1u << at % 8));
		ck_assert_msg(journal_open(dirfd_, &j) == -EUCLEAN, "bit %d", (int)at);
		ck_assert_int_eq(file_size(), size);
		poke(at / 8, (unsigned char)(1u << at % 8));
	}
	j = open_journal();
	ck_assert_uint_eq(replay(j), 3);
	journal_close(j);
}
END_TEST

/* A crash can leave the header's length without its data. */
START_TEST(header_of_zeroes)
{
	struct journal *j;

	journal_close(open_journal());
	cut(0);
	cut(HEADER);
	ck_assert_int_eq(journal_open(dirfd_, &j), 0);
	ck_assert_uint_eq(replay(j), 0);
	journal_close(j);
}
END_TEST

START_TEST(not_a_file)
{
	struct journal *j;

	ck_assert_int_eq(symlinkat("elsewhere", dirfd_, "journal"), 0);
	ck_assert_int_lt(journal_open(dirfd_, &j), 0);
	ck_assert_int_eq(faccessat(dirfd_, "elsewhere", F_OK, 0), -1);
	unlinkat(dirfd_, "journal", 0);
	ck_assert_int_eq(mkfifoat(dirfd_, "journal", 0600), 0);
	ck_assert_int_eq(journal_open(dirfd_, &j), -EUCLEAN);
	unlinkat(dirfd_, "journal", 0);
	ck_assert_int_eq(mkdirat(dirfd_, "journal", 0700), 0);
	ck_assert_int_lt(journal_open(dirfd_, &j), 0);
	unlinkat(dirfd_, "journal", AT_REMOVEDIR);
}
END_TEST

#define THREADS	4
#define EACH	500

static struct journal *shared;

static void *
append_many(void *arg)
{
	struct journal_record rec;
	unsigned i;

	(void)arg;
	for (i = 0; i < EACH; i++) {
		rec = sample(i);
		if (journal_append(shared, &rec) < 0 || (i % 50 == 0 && (journal_sync(shared) < 0 ||
		    journal_durable(shared) < rec.seq)))
			abort();
	}
	return NULL;
}

START_TEST(threads)
{
	pthread_t t[THREADS];
	unsigned i;

	shared = open_journal();
	replay(shared);
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&t[i], NULL, append_many, NULL), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	journal_close(shared);
	shared = open_journal();
	ck_assert_uint_eq(replay(shared), THREADS * EACH);
	journal_close(shared);
}
END_TEST

START_TEST(rewriting)
{
	struct journal *j = open_journal(), *fresh;

	replay(j);
	append(j, 0, 10);
	ck_assert_int_eq(journal_rewrite(j, dirfd_, &fresh), 0);
	append(fresh, 0, 4);
	journal_close(fresh);		/* given up: the old one stays */
	ck_assert_int_eq(journal_rewrite(j, dirfd_, &fresh), 0);
	append(fresh, 0, 3);
	ck_assert_int_eq(journal_replace(fresh, dirfd_), 0);
	ck_assert_int_eq(journal_created(fresh), journal_created(j));
	journal_close(fresh);
	journal_close(j);
	j = open_journal();
	ck_assert_uint_eq(replay(j), 3);
	journal_close(j);
	ck_assert_int_eq(faccessat(dirfd_, "journal.new", F_OK, 0), -1);
}
END_TEST

START_TEST(pending)
{
	struct pending *p = calloc(1, sizeof(*p));
	uint32_t i;

	for (i = 0; i < PENDING_MAX; i++)
		ck_assert_int_eq(pending_append(p, i + 1, i, 1), 0);
	ck_assert_int_eq(pending_append(p, 1, 1, 1), -ENOSPC);
	ck_assert_uint_eq(p->n, PENDING_MAX);
	ck_assert_uint_eq(p->entry[PENDING_MAX - 1].content, PENDING_MAX);
	pending_reset(p);
	ck_assert_uint_eq(p->n, 0);
	ck_assert_int_eq(pending_append(p, 7, 8, 9), 0);
	ck_assert_uint_eq(p->entry[0].content, 7);
	ck_assert_uint_eq(p->entry[0].first, 8);
	ck_assert_uint_eq(p->entry[0].count, 9);
	free(p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("journal");
	TCase *tc = tcase_create("journal");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, round_trip);
	tcase_add_test(tc, long_names);
	tcase_add_test(tc, torn_tail);
	tcase_add_test(tc, torn_header);
	tcase_add_test(tc, damaged_record);
	tcase_add_test(tc, damage_to_what_was_synced);
	tcase_add_test(tc, synced_and_short);
	tcase_add_test(tc, mark_follows_sync);
	tcase_add_test(tc, older_format);
	tcase_add_loop_test(tc, forged_record, 0, ARRAY_SIZE(forged));
	tcase_add_loop_test(tc, forged_long_name, 0, 2);
	tcase_add_loop_test(tc, damaged_header, 0, 2);
	tcase_add_test(tc, header_of_zeroes);
	tcase_add_test(tc, not_a_file);
	tcase_add_test(tc, threads);
	tcase_add_test(tc, rewriting);
	tcase_add_test(tc, pending);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
