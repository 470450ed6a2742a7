/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <sys/stat.h>

#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "stress.h"

/*
 * Files of the backup.  Whatever is done to one of them is done to a copy of it
 * outside of the mount, too, and both have to be the same.  The jobs share the
 * files among themselves by their names.
 */

#define FILES_MAX	512
#define CHUNK		(64u << 10)
#define HALF		4096u		/* the unit in which the kernel writes back */

static struct file {
	char	*path;			/* below both roots */
	int	mnt_fd, ref_fd;		/* -1: not open yet */
} files[FILES_MAX];
static unsigned n_files;
static unsigned char *got, *wanted;

static bool
is_mine(const char *path)
{
	unsigned sum = 0;

	for (; *path != '\0'; path++)
		sum = sum * 31 + (unsigned char)*path;
	return sum % stress_self.of == stress_self.number;
}

static int
visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type != FTW_F || st->st_size < (off_t)(2 * HALF) || n_files == FILES_MAX ||
	    !is_mine(path + strlen(stress_self.ref)))
		return 0;
	files[n_files] = (struct file){ strdup(path + strlen(stress_self.ref) + 1), -1, -1 };
	if (files[n_files++].path == NULL)
		err(2, NULL);
	return 0;
}

static int
open_in(const char *root, const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	return STRESS_OK(open(full, O_RDWR), path);
}

static void
open_both(struct file *f)
{
	if (f->mnt_fd >= 0)
		return;
	f->mnt_fd = open_in(stress_self.mnt, f->path);
	f->ref_fd = open_in(stress_self.ref, f->path);
}

static off_t
size_of(struct file *f)
{
	struct stat mnt, ref;

	STRESS_OK(fstat(f->mnt_fd, &mnt), f->path);
	STRESS_OK(fstat(f->ref_fd, &ref), f->path);
	if (mnt.st_size != ref.st_size)
		stress_fail("size of %s: expected %lld, found %lld", f->path,
		    (long long)ref.st_size, (long long)mnt.st_size);
	return ref.st_size;
}

static void
compare(struct file *f, off_t off, size_t len)
{
	ssize_t n = STRESS_OK(pread(f->ref_fd, wanted, len, off), f->path), i;
	ssize_t m = STRESS_OK(pread(f->mnt_fd, got, len, off), f->path);

	if (n != m)
		stress_fail("%s at %lld: expected %zd bytes, found %zd", f->path,
		    (long long)off, n, m);
	if (memcmp(got, wanted, (size_t)n) == 0)
		return;
	for (i = 0; got[i] == wanted[i]; i++)
		;
	stress_fail("%s at %lld: expected byte %02x, found %02x", f->path,
	    (long long)(off + i), wanted[i], got[i]);
}

static void
change(struct file *f, off_t size)
{
	size_t len = HALF * (1 + stress_below(4));
	off_t off = (off_t)HALF * stress_below((unsigned)(size / HALF) + 2);

	stress_fill(wanted, len, stress_below(1000), (uint32_t)(off / HALF), 1 + stress_below(1000));
	/* Not always whole pages: then the rest of the page is read first. */
	if (stress_one_in(4)) {
		off += 8 * stress_below(HALF / 8);
		len = 8 + 8 * stress_below(600);
	}
	if (STRESS_OK(pwrite(f->ref_fd, wanted, len, off), f->path) != (ssize_t)len ||
	    STRESS_OK(pwrite(f->mnt_fd, wanted, len, off), f->path) != (ssize_t)len)
		stress_fail("pwrite on %s: short", f->path);
}

static void
cut(struct file *f, off_t size)
{
	off_t to = (off_t)stress_below((unsigned)size + 1);

	STRESS_OK(ftruncate(f->ref_fd, to), f->path);
	STRESS_OK(ftruncate(f->mnt_fd, to), f->path);
}

static void
forget(struct file *f)
{
	STRESS_OK(fdatasync(f->mnt_fd), f->path);
	posix_fadvise(f->mnt_fd, 0, 0, POSIX_FADV_DONTNEED);
}

static void
do_something(struct file *f)
{
	off_t size = size_of(f);
	unsigned what = stress_below(100);

	if (what < 40)
		change(f, size);
	else if (what < 85)
		compare(f, (off_t)stress_below((unsigned)size + 1), 1 + stress_below(CHUNK));
	else if (what < 97)
		forget(f);
	else
		cut(f, size);
}

static void
compare_all(struct file *f)
{
	off_t size = size_of(f), off;

	forget(f);
	for (off = 0; off < size; off += CHUNK)
		compare(f, off, CHUNK);
}

void
stress_backup(void)
{
	unsigned i;

	if (stress_self.mnt == NULL || stress_self.ref == NULL)
		errx(2, "the job \"backup\" needs -m and -r");
	got = stress_buffer(CHUNK);
	wanted = stress_buffer(CHUNK);
	if (nftw(stress_self.ref, visit, 16, FTW_PHYS) != 0 || n_files == 0)
		stress_fail("no files in %s", stress_self.ref);
	while (stress_going()) {
		i = stress_below(n_files);
		open_both(&files[i]);
		do_something(&files[i]);
	}
	for (i = 0; i < n_files; i++) {
		open_both(&files[i]);
		compare_all(&files[i]);
	}
}
