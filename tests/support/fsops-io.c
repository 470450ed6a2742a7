/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Content and length of files.
 */
#include "config.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fsops.h"

static void
test_create(void)
{
	int fd = open("f", O_RDWR | O_CREAT, 0640);
	struct stat st;
	char c;

	CHECK(fd >= 0);
	CHECK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode));
	CHECK((st.st_mode & 07777) == 0640 && st.st_size == 0 && st.st_nlink == 1);
	CHECK(st.st_uid == geteuid() || geteuid() == 0);
	CHECK(read(fd, &c, 1) == 0);
	CHECK_ERR(open("missing/f", O_RDWR | O_CREAT, 0600), ENOENT);
	CHECK_ERR(open("f/x", O_RDWR | O_CREAT, 0600), ENOTDIR);
	CHECK_ERR(open("missing", O_RDWR), ENOENT);
	CHECK_ERR(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	CHECK_ERR(open(".", O_WRONLY), EISDIR);
}

static void
test_create_excl(void)
{
	CHECK(open("f", O_RDWR | O_CREAT | O_EXCL, 0600) >= 0);
	CHECK_ERR(open("f", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK(symlink("nowhere", "l") == 0);
	CHECK_ERR(open("l", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK(mkdir("d", 0700) == 0);
	CHECK_ERR(open("d", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK(unlink("f") == 0);
	CHECK(open("f", O_RDWR | O_CREAT | O_EXCL, 0600) >= 0);
}

/* The mode applies to later opens, not to the descriptor that creates. */
static void
test_create_readonly_mode(void)
{
	int fd = open("f", O_RDWR | O_CREAT | O_EXCL, 0400);

	CHECK(fd >= 0);
	CHECK(write(fd, "x", 1) == 1);
	CHECK(fsops_size(fd) == 1);
}

static void
test_trunc_on_open(void)
{
	int old = fsops_create("f", 20000), fd;

	CHECK((fd = open("f", O_RDWR | O_TRUNC)) >= 0);
	CHECK(fsops_size(fd) == 0 && fsops_size(old) == 0);
	CHECK(pwrite(fd, "x", 1, 9999) == 1);
	CHECK(fsops_is_zero(old, 0, 9999));
}

static void
test_append(void)
{
	int a = open("f", O_RDWR | O_CREAT | O_APPEND, 0600), b, i;
	char text[2001];

	CHECK(a >= 0 && (b = open("f", O_WRONLY | O_APPEND)) >= 0);
	for (i = 0; i < 1000; i++)
		CHECK(write(i % 2 ? b : a, i % 2 ? "b" : "a", 1) == 1);
	CHECK(lseek(a, 0, SEEK_SET) == 0);
	for (i = 0; i < 1000; i++)
		CHECK(write(a, "c", 1) == 1);
	CHECK(fsops_size(a) == 2000 && pread(a, text, sizeof(text), 0) == 2000);
	for (i = 0; i < 2000; i++)
		CHECK(text[i] == (i >= 1000 ? 'c' : i % 2 ? 'b' : 'a'));
}

static void
test_extend_by_blocks(void)
{
	unsigned char buf[8192];
	int fd = open("f", O_RDWR | O_CREAT, 0600);

	CHECK(fd >= 0);
	for (off_t off = 0; off < 200 * 8192; off += 8192) {
		CHECK(lseek(fd, 0, SEEK_END) == off);
		fsops_fill(buf, sizeof(buf), off);
		CHECK(pwrite(fd, buf, sizeof(buf), off) == (ssize_t)sizeof(buf));
	}
	CHECK(fsops_is_filled(fd, 0, 200 * 8192));
}

static void
test_sparse_write(void)
{
	int fd = fsops_create("f", 5000);
	struct stat st;

	CHECK(pwrite(fd, "end", 3, (off_t)3 << 30) == 3);
	CHECK(fsops_size(fd) == ((off_t)3 << 30) + 3);
	CHECK(fsops_is_filled(fd, 0, 5000));
	CHECK(fsops_is_zero(fd, 5000, 100000));
	CHECK(fsops_is_zero(fd, 1500000000, 100000));
	CHECK(fsops_is_zero(fd, ((off_t)3 << 30) - 10000, 10000));
	CHECK(fsync(fd) == 0 && fstat(fd, &st) == 0);
	CHECK(ftruncate(fd, 5000) == 0 && fsops_is_filled(fd, 0, 5000));
}

static void
test_read_at_end(void)
{
	int fd = fsops_create("f", 10000);
	char buf[8192];

	CHECK(pread(fd, buf, sizeof(buf), 9000) == 1000);
	CHECK(pread(fd, buf, sizeof(buf), 10000) == 0);
	CHECK(pread(fd, buf, sizeof(buf), 1 << 20) == 0);
	CHECK(pread(fd, buf, 0, 0) == 0);
	CHECK(pwrite(fd, buf, 0, 50000) == 0 && fsops_size(fd) == 10000);
	CHECK_ERR(pread(fd, buf, 1, -1), EINVAL);
}

static void
test_vectors(void)
{
	unsigned char a[100], b[8192], c[1];
	struct iovec v[] = { { a, sizeof(a) }, { b, sizeof(b) }, { c, sizeof(c) } };
	int fd = fsops_create("f", 0);

	fsops_fill(a, sizeof(a), 0);
	fsops_fill(b, sizeof(b), 100);
	fsops_fill(c, sizeof(c), 8292);
	CHECK(pwritev(fd, v, 3, 0) == 8293);
	CHECK(fsops_is_filled(fd, 0, 8293));
	memset(b, 0, sizeof(b));
	CHECK(preadv(fd, v, 3, 0) == 8293 && b[0] == 101 && b[8191] == 1 + 8291 % 251);
}

static void
test_big_write(void)
{
	int fd = fsops_create("f", (5 << 20) + 4321);

	CHECK(fsops_size(fd) == (5 << 20) + 4321);
	CHECK(fsops_is_filled(fd, 0, (5 << 20) + 4321));
	CHECK(fsync(fd) == 0);
	CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	CHECK(fsops_is_filled(fd, 0, (5 << 20) + 4321));
}

/* Cut off content never comes back, not even the rest of a page. */
static void
test_truncate(void)
{
	int fd = fsops_create("f", 100000);

	CHECK(ftruncate(fd, 10001) == 0 && fsops_size(fd) == 10001);
	CHECK(fsops_is_filled(fd, 0, 10001));
	CHECK(ftruncate(fd, 50001) == 0 && fsops_size(fd) == 50001);
	CHECK(fsops_is_filled(fd, 0, 10001) && fsops_is_zero(fd, 10001, 40000));
	CHECK(truncate("f", 0) == 0 && fsops_size(fd) == 0);
	CHECK(truncate("f", 8192) == 0 && fsops_is_zero(fd, 0, 8192));
	CHECK_ERR(truncate("missing", 0), ENOENT);
	CHECK_ERR(truncate(".", 0), EISDIR);
	CHECK_ERR(ftruncate(fd, -1), EINVAL);
	CHECK_ERR(ftruncate(open("f", O_RDONLY), 0), EINVAL);
}

static void
test_truncate_then_write(void)
{
	int fd = fsops_create("f", 65536);

	CHECK(ftruncate(fd, 4097) == 0);
	CHECK(pwrite(fd, "x", 1, 60000) == 1);
	CHECK(fsync(fd) == 0);
	CHECK(fsops_is_filled(fd, 0, 4097) && fsops_is_zero(fd, 4097, 60000 - 4097));
}

static void
test_fallocate(void)
{
	int fd = fsops_create("f", 10000);

	CHECK(fallocate(fd, 0, 5000, 100000) == 0);
	CHECK(fsops_size(fd) == 105000);
	CHECK(fsops_is_filled(fd, 0, 10000) && fsops_is_zero(fd, 10000, 95000));
	CHECK(posix_fallocate(fd, 105000, 8192) == 0 && fsops_size(fd) == 113192);
	CHECK(fsops_is_zero(fd, 105000, 8192));
	CHECK_ERR(fallocate(fd, 0, 0, 0), EINVAL);
	CHECK_ERR(fallocate(open("f", O_RDONLY), 0, 0, 10), EBADF);
}

static void
test_fallocate_keep_size(void)
{
	int fd = fsops_create("f", 10000);

	CHECK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 5000, 100000) == 0);
	CHECK(fsops_size(fd) == 10000 && fsops_is_filled(fd, 0, 10000));
	CHECK(ftruncate(fd, 50000) == 0 && fsops_is_zero(fd, 10000, 40000));
}

static void
test_fallocate_punch(void)
{
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	int fd = fsops_create("f", 100000);

	CHECK(fallocate(fd, punch, 5001, 40000) == 0);
	CHECK(fsops_size(fd) == 100000);
	CHECK(fsops_is_filled(fd, 0, 5001) && fsops_is_zero(fd, 5001, 40000));
	CHECK(fsops_is_filled(fd, 45001, 54999));
	CHECK(fallocate(fd, punch, 90000, 1 << 20) == 0 && fsops_size(fd) == 100000);
	CHECK(fsops_is_filled(fd, 45001, 44999) && fsops_is_zero(fd, 90000, 10000));
	CHECK_ERR(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096), EOPNOTSUPP);
}

static void
test_fallocate_zero(void)
{
	int fd = fsops_create("f", 100000);

	CHECK(fallocate(fd, FALLOC_FL_ZERO_RANGE, 5001, 40000) == 0);
	CHECK(fsops_is_filled(fd, 0, 5001) && fsops_is_zero(fd, 5001, 40000));
	CHECK(fsops_is_filled(fd, 45001, 54999));
	CHECK(fallocate(fd, FALLOC_FL_ZERO_RANGE, 95000, 10000) == 0);
	CHECK(fsops_size(fd) == 105000 && fsops_is_zero(fd, 95000, 10000));
	CHECK(fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 104000, 10000) == 0);
	CHECK(fsops_size(fd) == 105000);
}

static void
test_fallocate_refused(void)
{
	int fd = fsops_create("f", 65536);

	if (fsops_native)
		return;
	CHECK_ERR(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 8192), EOPNOTSUPP);
	CHECK_ERR(fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, 8192), EOPNOTSUPP);
	CHECK_ERR(fallocate(fd, FALLOC_FL_UNSHARE_RANGE, 0, 8192), EOPNOTSUPP);
	CHECK(fsops_size(fd) == 65536 && fsops_is_filled(fd, 0, 65536));
}

static void
test_fsync(void)
{
	int fd = fsops_create("f", 100000), dir;

	CHECK(fsync(fd) == 0 && fdatasync(fd) == 0);
	CHECK((dir = open(".", O_RDONLY | O_DIRECTORY)) >= 0);
	CHECK(fsync(dir) == 0 && fdatasync(dir) == 0 && syncfs(dir) == 0);
	CHECK(fsync(open("f", O_RDONLY)) == 0);
	CHECK(sync_file_range(fd, 0, 8192, SYNC_FILE_RANGE_WRITE) == 0);
	CHECK(unlink("f") == 0 && pwrite(fd, "x", 1, 0) == 1 && fsync(fd) == 0);
}

static void
test_sync_flags(void)
{
	int fd = open("f", O_RDWR | O_CREAT | O_DSYNC, 0600);

	CHECK(fd >= 0 && write(fd, "dsync", 5) == 5);
	CHECK(close(fd) == 0 && (fd = open("f", O_RDWR | O_SYNC)) >= 0);
	CHECK(pwrite(fd, "sync", 4, 5) == 4 && fsops_size(fd) == 9);
}

static void
test_direct(void)
{
	int fd = open("f", O_RDWR | O_CREAT | O_DIRECT, 0600), cached;
	unsigned char *buf = aligned_alloc(4096, 65536);

	CHECK(fd >= 0 && buf != NULL && (cached = open("f", O_RDWR)) >= 0);
	fsops_fill(buf, 65536, 0);
	CHECK(pwrite(fd, buf, 65536, 0) == 65536);
	CHECK(fsops_is_filled(cached, 0, 65536));
	fsops_fill(buf, 4096, 8192);
	CHECK(pwrite(cached, buf, 4096, 0) == 4096);
	CHECK(pread(fd, buf, 65536, 0) == 65536);
	CHECK(buf[0] == 1 + 8192 % 251 && buf[4096] == 1 + 4096 % 251);
	CHECK(pread(fd, buf, 8192, 65536) == 0);
}

static void
test_mmap_shared(void)
{
	int fd = fsops_create("f", 20000);
	unsigned char *p = mmap(NULL, 20000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), b[4];

	CHECK(p != MAP_FAILED && p[0] == 1 && p[19999] == 1 + 19999 % 251);
	memcpy(p + 8190, "abcd", 4);
	CHECK(msync(p, 20000, MS_SYNC) == 0);
	CHECK(pread(fd, b, 4, 8190) == 4 && memcmp(b, "abcd", 4) == 0);
	CHECK(pwrite(fd, "efgh", 4, 12286) == 4 && memcmp(p + 12286, "efgh", 4) == 0);
	CHECK(munmap(p, 20000) == 0 && close(fd) == 0);
	CHECK((fd = open("f", O_RDONLY)) >= 0 && pread(fd, b, 4, 8190) == 4);
	CHECK(memcmp(b, "abcd", 4) == 0 && fsops_size(fd) == 20000);
	CHECK(fsops_is_filled(fd, 0, 8190) && fsops_is_filled(fd, 8194, 4000));
}

static void
test_mmap_after_close_and_unlink(void)
{
	int fd = fsops_create("f", 16384);
	unsigned char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	CHECK(p != MAP_FAILED && close(fd) == 0 && unlink("f") == 0);
	CHECK(p[9000] == 1 + 9000 % 251);
	p[9000] = 0;
	CHECK(msync(p, 16384, MS_SYNC) == 0 && p[9000] == 0);
}

static void
test_mmap_private(void)
{
	int fd = fsops_create("f", 8192);
	unsigned char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	CHECK(p != MAP_FAILED);
	memset(p, 0, 8192);
	CHECK(fsops_is_filled(fd, 0, 8192));
}

static void
test_mmap_tail_is_zero(void)
{
	int fd = fsops_create("f", 8192);
	unsigned char *p;

	CHECK(ftruncate(fd, 5000) == 0);
	CHECK((p = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0)) != MAP_FAILED);
	for (int i = 5000; i < 8192; i++)
		CHECK(p[i] == 0);
}

static void
test_seek(void)
{
	int fd = fsops_create("f", 30000);

	CHECK(lseek(fd, 0, SEEK_END) == 30000);
	CHECK(lseek(fd, 0, SEEK_DATA) == 0 && lseek(fd, 29999, SEEK_DATA) == 29999);
	CHECK(lseek(fd, 0, SEEK_HOLE) == 30000);
	CHECK_ERR(lseek(fd, 30000, SEEK_DATA), ENXIO);
	CHECK_ERR(lseek(fd, 30000, SEEK_HOLE), ENXIO);
}

/* With holes the answers may be coarse, but must not hide data. */
static void
test_seek_sparse(void)
{
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	off_t data, hole;

	CHECK(fd >= 0 && pwrite(fd, "x", 1, 1 << 20) == 1 && fsync(fd) == 0);
	CHECK((data = lseek(fd, 0, SEEK_DATA)) >= 0 && data <= 1 << 20);
	CHECK((hole = lseek(fd, 0, SEEK_HOLE)) == 0 || hole == (1 << 20) + 1);
	CHECK(lseek(fd, 1 << 20, SEEK_DATA) == 1 << 20);
	CHECK(lseek(fd, 1 << 20, SEEK_HOLE) == (1 << 20) + 1);
}

static void
test_copy_file_range(void)
{
	int from = fsops_create("f", 300000), to = open("g", O_RDWR | O_CREAT, 0600);
	loff_t in = 0, out = 0;

	CHECK(to >= 0);
	while (in < 300000)
		CHECK(copy_file_range(from, &in, to, &out, 300000 - (size_t)in, 0) > 0);
	CHECK(out == 300000 && fsops_size(to) == 300000 && fsops_is_filled(to, 0, 300000));
	in = 300000;
	CHECK(copy_file_range(from, &in, to, &out, 1000, 0) == 0);
}

/* Writes of half a page over old content: the other half must stay. */
static void
test_unaligned_writes(void)
{
	int fd = fsops_create("f", 131072);
	unsigned char zero[8192] = { 0 };

	CHECK(fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	for (off_t off = 1000; off + 3000 < 131072; off += 9001) {
		CHECK(pwrite(fd, zero, 3000, off) == 3000);
		CHECK(off % 2 == 0 || fdatasync(fd) == 0);
	}
	CHECK(fsync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	for (off_t off = 1000; off + 9001 < 131072; off += 9001) {
		CHECK(fsops_is_zero(fd, off, 3000));
		CHECK(fsops_is_filled(fd, off + 3000, 6001));
	}
	CHECK(fsops_is_filled(fd, 0, 1000));
}

static void
test_unlinked_open(void)
{
	int fd = fsops_create("f", 30000);
	struct stat st;

	CHECK(unlink("f") == 0 && !fsops_exists("f"));
	CHECK(fsops_is_filled(fd, 0, 30000));
	CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 30000);
	CHECK(pwrite(fd, "x", 1, 40000) == 1 && fsops_size(fd) == 40001);
	CHECK(fsops_is_zero(fd, 30000, 10000) && fsync(fd) == 0);
	CHECK(ftruncate(fd, 100) == 0 && fsops_size(fd) == 100);
	CHECK(fallocate(fd, 0, 0, 8192) == 0 && fsops_size(fd) == 8192);
	CHECK(fchmod(fd, 0400) == 0 && close(fd) == 0);
}

/* The new file of the same name has nothing of the old one, nor the reverse. */
static void
test_unlinked_and_replaced(void)
{
	int old = fsops_create("f", 30000), fd;

	CHECK(unlink("f") == 0);
	CHECK((fd = open("f", O_RDWR | O_CREAT | O_EXCL, 0600)) >= 0);
	CHECK(fsops_size(fd) == 0 && pwrite(fd, "new", 3, 20000) == 3);
	CHECK(fsops_is_zero(fd, 0, 20000));
	CHECK(fsops_size(old) == 30000 && fsops_is_filled(old, 0, 30000));
	CHECK(unlink("f") == 0 && fsops_is_filled(old, 0, 30000));
}

static void
test_many_open_unlinked(void)
{
	int fd[200];
	char name[16];

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		fd[i] = fsops_create(name, 1000);
		CHECK(unlink(name) == 0);
	}
	for (int i = 0; i < 200; i++)
		CHECK(fsops_is_filled(fd[i], 0, 1000));
}

const struct fsops_test fsops_io_tests[] = {
	{ "create a file", test_create },
	{ "O_CREAT with O_EXCL", test_create_excl },
	{ "O_CREAT with a read-only mode", test_create_readonly_mode },
	{ "O_TRUNC empties the file", test_trunc_on_open },
	{ "O_APPEND through two descriptors", test_append },
	{ "extend block by block", test_extend_by_blocks },
	{ "write far beyond the end", test_sparse_write },
	{ "read at and beyond the end", test_read_at_end },
	{ "pwritev and preadv", test_vectors },
	{ "one write of 5 MiB", test_big_write },
	{ "truncate down and up to odd lengths", test_truncate },
	{ "truncate, then write beyond", test_truncate_then_write },
	{ "fallocate extends and keeps data", test_fallocate },
	{ "fallocate KEEP_SIZE", test_fallocate_keep_size },
	{ "fallocate PUNCH_HOLE", test_fallocate_punch },
	{ "fallocate ZERO_RANGE", test_fallocate_zero },
	{ "fallocate COLLAPSE, INSERT, UNSHARE: EOPNOTSUPP", test_fallocate_refused },
	{ "fsync of files and directories", test_fsync },
	{ "O_DSYNC and O_SYNC", test_sync_flags },
	{ "O_DIRECT agrees with the page cache", test_direct },
	{ "mmap shared: write, msync, read back", test_mmap_shared },
	{ "mmap outlives close and unlink", test_mmap_after_close_and_unlink },
	{ "mmap private leaves the file alone", test_mmap_private },
	{ "mmap: zeroes after the end", test_mmap_tail_is_zero },
	{ "SEEK_DATA and SEEK_HOLE", test_seek },
	{ "SEEK_DATA and SEEK_HOLE of a sparse file", test_seek_sparse },
	{ "copy_file_range", test_copy_file_range },
	{ "unaligned writes over old content", test_unaligned_writes },
	{ "read and write an unlinked open file", test_unlinked_open },
	{ "a new file under the name of an open unlinked one", test_unlinked_and_replaced },
	{ "200 open unlinked files", test_many_open_unlinked },
	{ NULL, NULL }
};
