/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/probackup/archive and segstream: which file is found under which name, what
 * is listed, what is accepted.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "probackup/archive.h"
#include "probackup/segstream.h"
#include "support/catalog.h"
#include "support/unit.h"
#include "support/wal.h"

#define SEG1	"000000010000000000000001"
#define SEG2	"000000010000000000000002"

static struct catalog cat;
static struct archive a;
static char dir[512];
static char logged[LOG_LINE_MAX];
static unsigned lines;

static void
keep_line(enum log_level level, const char *text, size_t len)
{
	(void)level;
	memcpy(logged, text, len + 1);
	lines++;
}

static void
set_up(void)
{
	log_set_sink(keep_line);
	catalog_new(&cat);
	catalog_mkdir(&cat, "wal");
	catalog_mkdir(&cat, "wal/main");
	catalog_write(&cat, "backups/main/pg_probackup.conf",
	    "system-identifier = 7711124431891965847\nxlog-seg-size = 1048576\n");
	snprintf(dir, sizeof(dir), "%s/wal/main", cat.dir);
	ck_assert_int_eq(archive_init(&a, cat.fd, "main", 0, 15), 0);
	lines = 0;
}

static void
tear_down(void)
{
	catalog_free(&cat);
}

static int
find(const char *name, struct archive_file *f)
{
	struct walname w;

	ck_assert_int_eq(walname_parse(name, strlen(name), a.seg_size, &w), 0);
	return archive_find(&a, &w, f);
}

START_TEST(archive_settings)
{
	struct archive other;

	ck_assert_uint_eq(a.seg_size, WAL_SEG);
	ck_assert_uint_eq(a.sysid, WAL_SYSID);
	ck_assert_int_eq(archive_init(&other, cat.fd, "main", 16 << 20, 15), 0);
	ck_assert_uint_eq(other.seg_size, 16 << 20);
	ck_assert_int_eq(archive_init(&other, cat.fd, "unknown", 0, 0), 0);
	ck_assert_uint_eq(other.seg_size, ARCHIVE_SEG_SIZE);
	ck_assert_uint_eq(other.sysid, 0);
	ck_assert_int_eq(archive_init(&other, cat.fd, "../main", 0, 0), -EINVAL);
	ck_assert_int_eq(archive_init(&other, cat.fd, "", 0, 0), -EINVAL);
	/* a configuration that cannot be read costs the check, not the archive */
	catalog_write(&cat, "backups/main/pg_probackup.conf", "nonsense\n");
	ck_assert_int_eq(archive_init(&other, cat.fd, "main", WAL_SEG, 0), 0);
	ck_assert_uint_eq(other.sysid, 0);
	ck_assert_msg(strstr(logged, "pg_probackup.conf") != NULL, "%s", logged);
	catalog_write(&cat, "backups/main/pg_probackup.conf",
	    "system-identifier = 99999999999999999999999\nxlog-seg-size = 2MB\n");
	ck_assert_int_eq(archive_init(&other, cat.fd, "main", 0, 0), 0);
	ck_assert_uint_eq(other.sysid, 0);
	ck_assert_uint_eq(other.seg_size, 2 << 20);
}
END_TEST

/* Each file that is added goes before those that were there. */
START_TEST(archive_lookup_order)
{
	static const char *const stored[] = {
		SEG1 ".partial.zst", SEG1 ".partial.lz4", SEG1 ".zst.partial", SEG1 ".lz4.partial",
		SEG1 ".gz.partial", SEG1 ".partial", SEG1 ".zst", SEG1 ".lz4", SEG1 ".gz", SEG1,
	};
	static const enum segstream_format formats[] = {
		SEGSTREAM_ZSTD, SEGSTREAM_LZ4, SEGSTREAM_ZSTD, SEGSTREAM_LZ4, SEGSTREAM_GZIP, SEGSTREAM_PLAIN,
		SEGSTREAM_ZSTD, SEGSTREAM_LZ4, SEGSTREAM_GZIP, SEGSTREAM_PLAIN,
	};
	struct archive_file f;
	size_t i;

	ck_assert_int_eq(find(SEG1, &f), -ENOENT);
	ck_assert_int_eq(find(SEG1 ".partial", &f), -ENOENT);
	for (i = 0; i < ARRAY_SIZE(stored); i++) {
		wal_write(dir, stored[i], "x", 1);
		ck_assert_int_eq(find(SEG1, &f), 0);
		ck_assert_str_eq(f.name, stored[i]);
		ck_assert_int_eq(f.format, formats[i]);
		ck_assert_uint_eq(f.wal.kind, i < 6 ? WAL_PARTIAL : WAL_SEGMENT);
		ck_assert_uint_eq(archive_size(&a, &f), WAL_SEG);
		ck_assert_int_eq(find(SEG1 ".partial", &f), 0);
		ck_assert_str_eq(f.name, stored[MIN(i, 5)]);
	}
	ck_assert_int_eq(find(SEG2, &f), -ENOENT);
}
END_TEST

START_TEST(archive_history)
{
	struct archive_file f;
	char *text;
	size_t len;

	ck_assert_int_eq(find("00000002.history", &f), -ENOENT);
	ck_assert_int_eq(archive_read_history(&a, 2, &text, &len), -ENOENT);
	wal_write(dir, "00000002.history", "1\t0/1\tx\n", 8);
	wal_write(dir, "00000003.history.gz", "x", 1);
	ck_assert_int_eq(find("00000002.history", &f), 0);
	ck_assert_uint_eq(archive_size(&a, &f), 8);
	ck_assert_int_eq(archive_check(&a, &f, NULL), 0);
	ck_assert_int_eq(find("00000003.history", &f), -ENOENT);
	ck_assert_int_eq(archive_read_history(&a, 2, &text, &len), 0);
	ck_assert_str_eq(text, "1\t0/1\tx\n");
	free(text);
}
END_TEST

/* The archive ignores links, directories and pipes, and no link leads out of the store. */
START_TEST(archive_only_files)
{
	struct archive_file f;
	char path[600];

	wal_write(cat.dir, "outside", "x", 1);
	snprintf(path, sizeof(path), "%s/" SEG1, dir);
	ck_assert_int_eq(symlink("../../outside", path), 0);
	snprintf(path, sizeof(path), "%s/" SEG2 ".gz", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/00000002.history", dir);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(find(SEG1, &f), -ENOENT);
	ck_assert_int_eq(find(SEG2, &f), -ENOENT);
	ck_assert_int_eq(find("00000002.history", &f), -ENOENT);
	/* a link that came after the look */
	wal_write(dir, "00000003.history", "x", 1);
	ck_assert_int_eq(find("00000003.history", &f), 0);
	snprintf(path, sizeof(path), "%s/00000003.history", dir);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("../../outside", path), 0);
	ck_assert_int_eq(archive_open(&a, &f), -ELOOP);
	/* an archive that is a link */
	snprintf(path, sizeof(path), "%s/wal/linked", cat.dir);
	ck_assert_int_eq(symlink("main", path), 0);
	ck_assert_int_eq(archive_init(&a, cat.fd, "linked", WAL_SEG, 0), 0);
	ck_assert_int_lt(find(SEG1, &f), 0);
}
END_TEST

/* Lists the names, sorted, with a blank behind each. */
static void
list_from(uint64_t cookie, bool twice, char *text, size_t size)
{
	char names[64][WALNAME_MAX];
	struct archive_entry e;
	struct archive_list l;
	size_t n = 0, i, used = 0;

	ck_assert_int_eq(archive_list_begin(&a, cookie, &l), 0);
	l.twice = twice;
	while (archive_list_next(&l, &e) == 1 && n < 64)
		if (e.wal.kind != WAL_NONE)
			strcpy(names[n++], e.name);
	archive_list_end(&l);
	qsort(names, n, WALNAME_MAX, (int (*)(const void *, const void *))strcmp);
	text[0] = '\0';
	for (i = 0; i < n; i++)
		used += (size_t)snprintf(text + used, size - used, "%s ", names[i]);
}

START_TEST(archive_listing)
{
	static const char *const stored[] = {
		SEG1, SEG1 ".gz", SEG2 ".gz", "000000010000000000000003.gz.partial",
		"000000010000000000000004.partial", "000000010000000000000004.gz.partial",
		"00000002.history", "00000003.history.gz", SEG1 ".00000028.backup", SEG2 ".part",
		SEG2 ".gz.part", SEG2 ".partial.part", SEG2 ".partial.partial", "archive_status",
		"000000010000000000001000", ".gz", ".partial",
		"000000010000000000000005.lz4", "000000010000000000000005.zst", "000000010000000000000006.zst",
		"000000010000000000000007.zst.partial", "000000010000000000000007.partial.lz4",
		SEG2 ".lz4.part", SEG2 ".zst.part", SEG2 ".part.lz4", ".lz4", "00000004.history.zst",
	};
	char text[1024], path[600];
	size_t i;

	list_from(0, false, text, sizeof(text));
	ck_assert_str_eq(text, "");
	for (i = 0; i < ARRAY_SIZE(stored); i++)
		wal_write(dir, stored[i], "x", 1);
	snprintf(path, sizeof(path), "%s/000000010000000000000009", dir);
	ck_assert_int_eq(symlink(SEG1, path), 0);
	list_from(0, false, text, sizeof(text));
	ck_assert_str_eq(text, SEG1 " " SEG2 " 000000010000000000000003.partial "
	    "000000010000000000000004.partial 000000010000000000000005 000000010000000000000006 "
	    "000000010000000000000007.partial 00000002.history ");
	list_from(0, true, text, sizeof(text));
	ck_assert_msg(strstr(text, SEG1 " " SEG1) != NULL, "%s", text);
}
END_TEST

/* A listing that goes on at every cookie tells every name once. */
START_TEST(archive_listing_cookies)
{
	struct archive_entry e;
	struct archive_list l;
	uint64_t cookie = 0;
	bool seen[200] = { false };
	char name[WALNAME_MAX];
	unsigned i, n = 0;
	int r;

	for (i = 0; i < ARRAY_SIZE(seen); i++) {
		walname_format(&(struct walname){ WAL_SEGMENT, 1, i }, WAL_SEG, name);
		wal_write(dir, name, "x", 1);
	}
	for (;;) {
		ck_assert_int_eq(archive_list_begin(&a, cookie, &l), 0);
		r = archive_list_next(&l, &e);
		archive_list_end(&l);
		if (r != 1)
			break;
		cookie = e.cookie;
		if (e.wal.kind == WAL_NONE)
			continue;
		ck_assert_msg(!seen[e.wal.segno], "%s again", e.name);
		seen[e.wal.segno] = true;
		n++;
	}
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(n, ARRAY_SIZE(seen));
}
END_TEST

START_TEST(archive_missing)
{
	struct archive_entry e;
	struct archive_list l;
	struct archive_file f;

	ck_assert_int_eq(archive_init(&a, cat.fd, "later", WAL_SEG, 15), 0);
	ck_assert_int_eq(find(SEG1, &f), -ENOENT);
	ck_assert_int_eq(archive_list_begin(&a, 0, &l), 0);
	ck_assert_ptr_null(l.dir);
	ck_assert_int_eq(archive_list_next(&l, &e), 0);
	archive_list_end(&l);
	catalog_mkdir(&cat, "wal/later");
	catalog_write(&cat, "wal/later/" SEG1, "x");
	ck_assert_int_eq(find(SEG1, &f), 0);
}
END_TEST

START_TEST(archive_checks)
{
	unsigned char *bytes = wal_segment(1, 1, WAL_SEG);
	struct archive_file f;

	wal_write(dir, SEG1, bytes, WAL_SEG);
	ck_assert_int_eq(find(SEG1, &f), 0);
	ck_assert_int_eq(archive_check(&a, &f, bytes), 0);
	ck_assert_uint_eq(lines, 0);
	/* the first page is another segment's: one line, however often */
	wal_write(dir, SEG2, bytes, WAL_SEG);
	ck_assert_int_eq(find(SEG2, &f), 0);
	ck_assert_int_eq(archive_check(&a, &f, bytes), -EUCLEAN);
	ck_assert_int_eq(archive_check(&a, &f, bytes), -EUCLEAN);
	ck_assert_uint_eq(lines, 1);
	ck_assert_str_eq(logged, "could not read WAL file \"" SEG2 "\" of instance \"main\": "
	    "expected the page at 0/200000, found the one at 0/100000");
	/* too short; a compressed one may be that, but not much too long */
	wal_write(dir, "000000010000000000000003", bytes, WAL_SEG - 1);
	ck_assert_int_eq(find("000000010000000000000003", &f), 0);
	ck_assert_int_eq(archive_check(&a, &f, NULL), -EUCLEAN);
	ck_assert_msg(strstr(logged, "expected 1048576 bytes, found 1048575") != NULL, "%s", logged);
	f.format = SEGSTREAM_LZ4;
	ck_assert_int_eq(archive_check(&a, &f, NULL), 0);
	f.st.st_size = 2 * WAL_SEG;
	ck_assert_int_eq(archive_check(&a, &f, NULL), -EUCLEAN);
	free(bytes);
}
END_TEST

/* ---- segstream ---- */

static void
write_packed(enum segstream_format format, const char *name, const void *bytes, size_t len)
{
	switch (format) {
	case SEGSTREAM_GZIP:
		wal_write_gz(dir, name, bytes, len);
		break;
	case SEGSTREAM_LZ4:
		wal_write_lz4(dir, name, bytes, len);
		break;
	case SEGSTREAM_ZSTD:
		wal_write_zst(dir, name, bytes, len, 0);
		break;
	default:
		wal_write(dir, name, bytes, len);
	}
}

static struct segstream *
open_stream(enum segstream_format format, const char *name, uint64_t size)
{
	struct segstream *s;
	char path[600];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ck_assert_int_ge(fd = open(path, O_RDONLY), 0);
	ck_assert_int_eq(segstream_new(format, fd, size, &s), 0);
	return s;
}

/* Reads all in pieces.  Returns 0 or the first error. */
static ssize_t
read_all(struct segstream *s, unsigned char *to, size_t size, size_t piece)
{
	size_t done = 0;
	ssize_t n;

	while (done < size) {
		if ((n = segstream_read(s, to + done, MIN(piece, size - done))) <= 0)
			return n < 0 ? n : -EIO;
		done += (size_t)n;
	}
	return 0;
}

static const enum segstream_format packed[] = { SEGSTREAM_GZIP, SEGSTREAM_LZ4, SEGSTREAM_ZSTD };

START_TEST(stream_pieces)
{
	static const size_t pieces[] = { 1, 4096, 65535, 1 << 20 };
	unsigned char *bytes = wal_segment(1, 1, WAL_SEG), *found = malloc(WAL_SEG);
	struct segstream *s;
	size_t i;

	write_packed(packed[_i], "x", bytes, WAL_SEG);
	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		memset(found, 0, WAL_SEG);
		s = open_stream(packed[_i], "x", WAL_SEG);
		ck_assert_msg(read_all(s, found, WAL_SEG, pieces[i]) == 0, "%zu: %s", pieces[i],
		    segstream_why(s));
		ck_assert_int_eq(memcmp(bytes, found, WAL_SEG), 0);
		ck_assert_int_eq(segstream_read(s, found, 10), 0);
		ck_assert_int_eq(segstream_has_more(s), 0);
		segstream_free(s);
	}
	free(bytes);
	free(found);
}
END_TEST

static const struct {
	enum segstream_format format;
	uint32_t size;		/* expected of it */
	int cut;		/* bytes off its end */
	int flip;		/* byte to change, from the end if negative; 0 = none */
	const char *why;
} damages[] = {
	{ SEGSTREAM_GZIP, WAL_SEG - 5000, 0, 0, "it does not end at byte 1043576 of 1043576" },
	{ SEGSTREAM_GZIP, WAL_SEG - 1, 0, 0, "it does not end at byte 1048575 of 1048575" },
	{ SEGSTREAM_GZIP, WAL_SEG + 1, 0, 0, "it ends at byte 1048576 of 1048577" },
	{ SEGSTREAM_GZIP, WAL_SEG, 8, 0, "it is truncated at byte 1048576" },
	{ SEGSTREAM_GZIP, WAL_SEG, 2000, 0, "it is truncated" },
	{ SEGSTREAM_GZIP, WAL_SEG, 0, 1, "incorrect header check at byte 0" },
	{ SEGSTREAM_GZIP, WAL_SEG, 0, -8, "incorrect data check at byte 1048576" },
	{ SEGSTREAM_GZIP, WAL_SEG, 0, -4, "incorrect length check" },
	{ SEGSTREAM_LZ4, WAL_SEG - 5000, 0, 0, "it does not end at byte 1043576 of 1043576" },
	{ SEGSTREAM_LZ4, WAL_SEG + 1, 0, 0, "it ends at byte 1048576 of 1048577" },
	{ SEGSTREAM_LZ4, WAL_SEG, 4, 0, "it is truncated at byte 1048576" },
	{ SEGSTREAM_LZ4, WAL_SEG, 2000, 0, "it is truncated" },
	{ SEGSTREAM_LZ4, WAL_SEG, 0, 1, "ERROR_frameType_unknown at byte 0" },
	{ SEGSTREAM_LZ4, WAL_SEG, 0, -1, "ERROR_contentChecksum_invalid" },
	{ SEGSTREAM_ZSTD, WAL_SEG - 5000, 0, 0, "it does not end at byte 1043576 of 1043576" },
	{ SEGSTREAM_ZSTD, WAL_SEG + 1, 0, 0, "it ends at byte 1048576 of 1048577" },
	{ SEGSTREAM_ZSTD, WAL_SEG, 4, 0, "it is truncated at byte 1048576" },
	{ SEGSTREAM_ZSTD, WAL_SEG, 2000, 0, "it is truncated" },
	{ SEGSTREAM_ZSTD, WAL_SEG, 0, 1, "Unknown frame descriptor at byte 0" },
	{ SEGSTREAM_ZSTD, WAL_SEG, 0, -1, "doesn't match checksum at byte 10" },
};

START_TEST(stream_damages)
{
	unsigned char *bytes = wal_segment(1, 1, WAL_SEG), *found = malloc(2 * WAL_SEG);
	struct segstream *s;
	char path[600], byte;
	struct stat st;
	off_t at;
	int fd;

	write_packed(damages[_i].format, "x", bytes, WAL_SEG);
	snprintf(path, sizeof(path), "%s/x", dir);
	ck_assert_int_ge(fd = open(path, O_RDWR), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(ftruncate(fd, st.st_size - damages[_i].cut), 0);
	if (damages[_i].flip != 0) {
		at = damages[_i].flip < 0 ? st.st_size + damages[_i].flip : damages[_i].flip - 1;
		ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
		byte ^= 0x55;
		ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
	}
	close(fd);
	s = open_stream(damages[_i].format, "x", damages[_i].size);
	ck_assert_msg(read_all(s, found, damages[_i].size, 100000) == -EUCLEAN, "\"%s\"", damages[_i].why);
	ck_assert_msg(strstr(segstream_why(s), damages[_i].why) != NULL, "\"%s\": %s", damages[_i].why,
	    segstream_why(s));
	ck_assert_int_eq(segstream_read(s, found, 1), -EUCLEAN);	/* for good */
	segstream_free(s);
	free(bytes);
	free(found);
}
END_TEST

/* Puts the file called name behind to, which is made. */
static void
append_file(const char *to, const char *name)
{
	char from_path[600], to_path[600], buf[4096];
	size_t n;
	FILE *in, *out;

	snprintf(from_path, sizeof(from_path), "%s/%s", dir, name);
	snprintf(to_path, sizeof(to_path), "%s/%s", dir, to);
	ck_assert((in = fopen(from_path, "r")) != NULL && (out = fopen(to_path, "a")) != NULL);
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		ck_assert_uint_eq(fwrite(buf, 1, n, out), n);
	fclose(in);
	fclose(out);
}

static const enum segstream_format framed[] = { SEGSTREAM_GZIP, SEGSTREAM_LZ4, SEGSTREAM_ZSTD };

/*
 * Frames as the commands take them: one behind the other, and some that hold nothing
 * between.
 */
START_TEST(stream_frames)
{
	static const unsigned char skipped[] = { 0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'x', 'y', 'z' };
	unsigned char *bytes = wal_segment(1, 1, WAL_SEG), *found = malloc(WAL_SEG);
	bool gzip = framed[_i] == SEGSTREAM_GZIP;
	struct segstream *s;
	size_t piece;

	wal_write(dir, "skipped", skipped, gzip ? 0 : sizeof(skipped));
	write_packed(framed[_i], "empty", bytes, 0);
	write_packed(framed[_i], "first", bytes, 12345);
	write_packed(framed[_i], "second", bytes + 12345, WAL_SEG - 12345);
	append_file("x", "skipped");
	append_file("x", "first");
	append_file("x", "empty");
	append_file("x", "skipped");
	append_file("short", "x");
	append_file("x", "second");
	append_file("x", "skipped");
	for (piece = 1000; piece <= WAL_SEG; piece += WAL_SEG - 1000) {
		s = open_stream(framed[_i], "x", WAL_SEG);
		ck_assert_msg(read_all(s, found, WAL_SEG, piece) == 0, "%s", segstream_why(s));
		ck_assert(memcmp(bytes, found, WAL_SEG) == 0);
		ck_assert_int_eq(segstream_has_more(s), 0);
		segstream_free(s);
	}
	append_file("x", "first");
	s = open_stream(framed[_i], "x", WAL_SEG);
	ck_assert_int_eq(read_all(s, found, WAL_SEG, WAL_SEG), 0);
	ck_assert_int_eq(segstream_has_more(s), 1);
	segstream_free(s);
	s = open_stream(framed[_i], "short", WAL_SEG);
	ck_assert_int_eq(read_all(s, found, WAL_SEG, WAL_SEG), -EUCLEAN);
	ck_assert_str_eq(segstream_why(s), "it ends at byte 12345 of 1048576");
	segstream_free(s);
	free(bytes);
	free(found);
}
END_TEST

/*
 * Frames that a decoder has to take, and those that would cost more memory than a
 * segment is worth.
 */
START_TEST(stream_windows)
{
	unsigned char *bytes = wal_segment(1, 1, WAL_SEG), *found = malloc(WAL_SEG);
	struct segstream *s;
	int r;

	wal_write_zst(dir, "x", bytes, WAL_SEG, _i);
	s = open_stream(SEGSTREAM_ZSTD, "x", WAL_SEG);
	r = (int)read_all(s, found, WAL_SEG, WAL_SEG);
	if (_i <= 23) {
		ck_assert_msg(r == 0 && memcmp(bytes, found, WAL_SEG) == 0, "%s", segstream_why(s));
	} else {
		ck_assert_int_eq(r, -EUCLEAN);
		ck_assert_msg(strstr(segstream_why(s), "too much memory") != NULL, "%s", segstream_why(s));
	}
	segstream_free(s);
	free(bytes);
	free(found);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("archive");
	TCase *tc = tcase_create("archive");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, archive_settings);
	tcase_add_test(tc, archive_lookup_order);
	tcase_add_test(tc, archive_history);
	tcase_add_test(tc, archive_only_files);
	tcase_add_test(tc, archive_listing);
	tcase_add_test(tc, archive_listing_cookies);
	tcase_add_test(tc, archive_missing);
	tcase_add_test(tc, archive_checks);
	tcase_add_loop_test(tc, stream_pieces, 0, ARRAY_SIZE(packed));
	tcase_add_loop_test(tc, stream_damages, 0, ARRAY_SIZE(damages));
	tcase_add_loop_test(tc, stream_frames, 0, ARRAY_SIZE(framed));
	tcase_add_loop_test(tc, stream_windows, 22, 26);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
