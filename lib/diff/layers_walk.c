/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Goes through the files of a layer by descriptors; follows no link.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "diff/content.h"
#include "diff/disk.h"
#include "diff/layers_walk.h"

#define DEPTH_MAX	4		/* pg_wal and what is in it */
#define COPY_STEP	(8 * MiB)

/* ---- contents ------------------------------------------------------------------- */

static int
add_number(struct seal *s, size_t *room, uint64_t number)
{
	struct seal_content *more;

	if (s->n_contents == *room) {
		*room = MAX(*room * 2, (size_t)256);
		if ((more = reallocarray(s->content, *room, sizeof(*more))) == NULL)
			return -ENOMEM;
		s->content = more;
	}
	s->content[s->n_contents++] = (struct seal_content){ .number = number };
	return 0;
}

static int
compare_numbers(const void *a, const void *b)
{
	uint64_t x = ((const struct seal_content *)a)->number, y = ((const struct seal_content *)b)->number;

	return (x > y) - (x < y);
}

/* Fills in the lengths of one; *removed: it was a map without content. */
static int
measure(struct contents *c, struct seal_content *one, uint64_t *disk, bool *removed)
{
	struct stat st;
	int rc = content_stat(c, one->number, &st);

	if ((*removed = rc == -ENOENT))
		return content_remove(c, one->number);
	if (rc < 0 || !S_ISREG(st.st_mode))
		return rc < 0 ? rc : -EUCLEAN;
	one->length = (uint64_t)st.st_size;
	*disk += (uint64_t)st.st_blocks * 512;
	if ((rc = content_map_stat(c, one->number, &st)) == -ENOENT)
		return 0;
	if (rc < 0 || !S_ISREG(st.st_mode))
		return rc < 0 ? rc : -EUCLEAN;
	one->map_length = (uint64_t)st.st_size;
	*disk += (uint64_t)st.st_blocks * 512;
	/* An empty map was never written: it says nothing, and has to be told from none. */
	if (one->map_length == 0)
		rc = content_map_remove(c, one->number);
	return rc;
}

static int
measure_all(struct contents *c, struct seal *s)
{
	size_t i, kept = 0;
	bool removed;
	int rc;

	for (i = 0; i < s->n_contents; i++) {
		if (kept > 0 && s->content[i].number == s->content[kept - 1].number)
			continue;	/* content and map */
		s->content[kept] = s->content[i];
		if ((rc = measure(c, &s->content[kept], &s->disk_bytes, &removed)) < 0)
			return rc;
		kept += !removed;
	}
	s->n_contents = kept;
	return contents_sync_names(c);
}

/* Adds what name takes, a directory with all in it. */
static int
add_disk(int dir_fd, const char *name, unsigned depth, uint64_t *disk)
{
	const struct dirent *d;
	struct stat st;
	int fd, rc = 0;
	DIR *dir;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -errno;
	*disk += (uint64_t)st.st_blocks * 512;
	if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
		return 0;
	if ((fd = io_open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY, 0)) < 0)
		return fd;
	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return -ENOMEM;
	}
	while (rc == 0 && (d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			rc = add_disk(fd, d->d_name, depth + 1, disk);
	closedir(dir);
	return rc;
}

int
layers_walk_contents(int changes_fd, struct seal *s)
{
	struct content_list *list;
	struct contents *c;
	uint64_t number;
	size_t room = 0;
	bool map;
	int rc;

	if ((rc = contents_open(changes_fd, NULL, &c)) < 0)
		return rc;
	if ((rc = contents_list(c, &list)) == 0) {
		while ((rc = content_list_next(list, &number, &map)) > 0 && (rc = add_number(s, &room, number)) == 0)
			;
		content_list_free(list);
	}
	if (rc == 0 && s->n_contents > 0)
		qsort(s->content, s->n_contents, sizeof(*s->content), compare_numbers);
	if (rc == 0)
		rc = measure_all(c, s);
	contents_close(c);
	if (rc == 0 && (rc = add_disk(changes_fd, ONDISK_JOURNAL, 0, &s->disk_bytes)) == 0 &&
	    (rc = add_disk(changes_fd, ONDISK_TREE, 0, &s->disk_bytes)) == 0)
		rc = add_disk(changes_fd, ONDISK_WAL, 0, &s->disk_bytes);
	return rc;
}

/* ---- leftovers ------------------------------------------------------------------ */

static bool
is_leftover(const char *name)
{
	size_t len = strlen(name);

	return strncmp(name, ONDISK_RESERVE, strlen(ONDISK_RESERVE)) == 0 ||
	    strncmp(name, ONDISK_SEGMENTS, strlen(ONDISK_SEGMENTS)) == 0 ||
	    (len > 4 && (strcmp(name + len - 4, ".new") == 0 || strcmp(name + len - 4, ".tmp") == 0));
}

int
layers_walk_clean(int changes_fd)
{
	int fd = openat(changes_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	const struct dirent *d;
	DIR *dir;

	if (fd < 0)
		return -errno;
	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return -ENOMEM;
	}
	while (rc == 0 && (d = readdir(dir)) != NULL)
		if (is_leftover(d->d_name) && (rc = disk_unlink(changes_fd, d->d_name)) == -EISDIR)
			rc = 0;
	closedir(dir);
	return rc;
}

/* ---- copies --------------------------------------------------------------------- */

static int
copy_file(int from_fd, int to_fd, const char *name, uint64_t *bytes)
{
	int from autoclose = -1, to autoclose = -1, rc;
	struct timespec times[2];
	off_t at = 0;
	struct stat st;
	ssize_t n;

	if ((from = io_open_plain(from_fd, name, &st)) < 0)
		return from == -EINVAL ? -EUCLEAN : from;
	if ((to = disk_open(to_fd, name, O_RDWR | O_CREAT | O_EXCL)) < 0)
		return to;
	while ((n = io_copy(from, to, at, COPY_STEP)) > 0)
		at += n;
	if (n < 0 || (rc = disk_truncate(to, (uint64_t)st.st_size)) < 0)
		return n < 0 ? (int)n : rc;
	*bytes += (uint64_t)st.st_size;
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	if (futimens(to, times) != 0)
		return -errno;
	return disk_sync_all(to);
}

static int	copy(int from_fd, int to_fd, const char *name, unsigned depth, uint64_t *bytes);

static int
copy_directory(int from_fd, int to_fd, const char *name, unsigned depth, uint64_t *bytes)
{
	int from = -1, to autoclose = -1, rc;
	const struct dirent *d;
	DIR *dir;

	if (depth == DEPTH_MAX)
		return -EUCLEAN;
	if ((rc = disk_mkdir(to_fd, name)) < 0 ||
	    (rc = to = io_open_beneath(to_fd, name, O_RDONLY | O_DIRECTORY, 0)) < 0 ||
	    (rc = from = io_open_beneath(from_fd, name, O_RDONLY | O_DIRECTORY, 0)) < 0)
		return rc;
	if ((dir = fdopendir(from)) == NULL) {
		close(from);
		return -ENOMEM;
	}
	rc = 0;
	while (rc == 0 && (d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			rc = copy(from, to, d->d_name, depth + 1, bytes);
	closedir(dir);
	return rc < 0 ? rc : disk_sync_all(to);
}

static int
copy(int from_fd, int to_fd, const char *name, unsigned depth, uint64_t *bytes)
{
	struct stat st;

	if (fstatat(from_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -errno;
	return S_ISDIR(st.st_mode) ? copy_directory(from_fd, to_fd, name, depth, bytes) :
	    copy_file(from_fd, to_fd, name, bytes);
}

int
layers_walk_copy(int from_fd, int to_fd, const char *name, uint64_t *bytes)
{
	return copy(from_fd, to_fd, name, 0, bytes);
}
