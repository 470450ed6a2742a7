/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lib/base/io: opening and reading of plain files; links, directories, pipes and
 * devices are refused.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "support/unit.h"

/* Returns the answer of io_plain() and io_read_file() for fd, and closes it. */
static int
plain(int fd)
{
	char *text autofree = NULL;
	struct stat st;
	size_t len;
	int rc = io_plain(fd, &st);

	ck_assert_int_eq(io_read_file(fd, 100, &text, &len), rc);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* A file system that does not answer is not taken for one that has something else there. */
START_TEST(plain_files)
{
	int ends[2], fd = memfd_create("io", MFD_CLOEXEC);
	struct stat st;

	ck_assert_int_eq(io_pwrite(fd, "text", 4, 0), 0);
	ck_assert_int_eq(io_plain(fd, &st), 0);
	ck_assert_int_eq(st.st_size, 4);
	ck_assert_int_eq(plain(fd), 0);
	ck_assert_int_eq(plain(-1), -EBADF);
	ck_assert_int_eq(plain(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), -EINVAL);
	ck_assert_int_eq(plain(open("/dev/null", O_RDONLY | O_CLOEXEC)), -EINVAL);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(plain(ends[0]), -EINVAL);
	close(ends[1]);
	ck_assert_str_eq(io_plain_error(-EINVAL), "it is not a plain file");
	ck_assert_str_eq(io_plain_error(-EIO), strerror(EIO));
}
END_TEST

START_TEST(whole_files)
{
	int fd autoclose = memfd_create("io", MFD_CLOEXEC);
	char *text autofree = NULL;
	size_t len;

	ck_assert_int_eq(io_pwrite(fd, "a\0text", 6, 0), 0);
	ck_assert_int_eq(io_read_file(fd, 5, &text, &len), -EFBIG);
	ck_assert_int_eq(io_read_file(fd, 6, &text, &len), 0);
	ck_assert_uint_eq(len, 6);
	ck_assert_mem_eq(text, "a\0text", 7);
}
END_TEST

START_TEST(plain_paths)
{
	static const char *const good[] = { "a", "a/b", "...", "a/..b", ".a", " " };
	static const char *const bad[] = {
		"", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/.", "a/../b", "a/..",
	};
	char name[NAME_MAX + 2];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++)
		ck_assert_msg(io_path_is_plain(good[i], strlen(good[i])), "%s", good[i]);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_msg(!io_path_is_plain(bad[i], strlen(bad[i])), "%s", bad[i]);
	ck_assert(!io_path_is_plain("a\0b", 3));
	memset(name, 'n', sizeof(name));
	ck_assert(io_path_is_plain(name, NAME_MAX));
	ck_assert(!io_path_is_plain(name, NAME_MAX + 1));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("io");
	TCase *tc = tcase_create("io");

	tcase_add_test(tc, plain_files);
	tcase_add_test(tc, whole_files);
	tcase_add_test(tc, plain_paths);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
