/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Goes through the files of a layer by descriptors; follows no link.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "diff/content.h"
#include "diff/disk.h"
#include "diff/layers_walk.h"

#define DEPTH_MAX	4		/* pg_wal and what is in it */
#define COPY_STEP	(8 * MiB)

/* ---- contents ------------------------------------------------------------------- */

/* A name in data/. */
struct name {
	uint64_t number;
	bool	map;
};

struct names {
	struct name *name;
	size_t	n, room;
};

static int
add_name(struct names *all, uint64_t number, bool map)
{
	struct name *more;

	if (all->n == all->room) {
		all->room = MAX(all->room * 2, (size_t)256);
		if ((more = reallocarray(all->name, all->room, sizeof(*more))) == NULL)
			return -ENOMEM;
		all->name = more;
	}
	all->name[all->n++] = (struct name){ .number = number, .map = map };
	return 0;
}

/* By number, the content before its map. */
static int
compare_names(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return x->number != y->number ? (x->number > y->number) - (x->number < y->number) : x->map - y->map;
}

/* Returns 0 with all of data/ in order, or negative errno. */
static int
list_names(struct contents *c, struct names *all)
{
	struct content_list *list;
	uint64_t number;
	bool map;
	int rc;

	if ((rc = contents_list(c, &list)) < 0)
		return rc;
	while ((rc = content_list_next(list, &number, &map)) > 0 && (rc = add_name(all, number, map)) == 0)
		;
	content_list_free(list);
	if (rc == 0 && all->n > 0)
		qsort(all->name, all->n, sizeof(*all->name), compare_names);
	return rc;
}

/* The length of what has that name. */
static int
measure(struct contents *c, const struct name *name, uint64_t *length, uint64_t *disk)
{
	struct stat st;
	int rc = name->map ? content_map_stat(c, name->number, &st) : content_stat(c, name->number, &st);

	if (rc < 0 || !S_ISREG(st.st_mode))
		return rc < 0 ? rc : -EUCLEAN;
	*length = (uint64_t)st.st_size;
	*disk += (uint64_t)st.st_blocks * 512;
	return 0;
}

/* Takes a map up, whose content is the newest in s if there is one. */
static int
take_map(struct contents *c, const struct name *name, struct seal *s)
{
	struct seal_content *one = s->n_contents > 0 ? &s->content[s->n_contents - 1] : NULL;
	int rc;

	if (one == NULL || one->number != name->number)
		return content_map_remove(c, name->number);
	/* An empty map was never written: it says nothing, and has to be told from none. */
	rc = measure(c, name, &one->map_length, &s->disk_bytes);
	return rc == 0 && one->map_length == 0 ? content_map_remove(c, name->number) : rc;
}

static int
measure_all(struct contents *c, const struct names *all, struct seal *s)
{
	size_t i;
	int rc = 0;

	if (all->n > 0 && (s->content = calloc(all->n, sizeof(*s->content))) == NULL)
		return -ENOMEM;
	for (i = 0; i < all->n && rc == 0; i++) {
		if (all->name[i].map) {
			rc = take_map(c, &all->name[i], s);
			continue;
		}
		if (!content_number_is_valid(all->name[i].number)) {
			log_error("\"data/%016" PRIx64 "\" in the diff directory is nothing of pbkfs: remove it",
			    all->name[i].number);
			return -EUCLEAN;
		}
		s->content[s->n_contents].number = all->name[i].number;
		rc = measure(c, &all->name[i], &s->content[s->n_contents++].length, &s->disk_bytes);
	}
	return rc < 0 ? rc : contents_sync_names(c);
}

/* Adds what name takes, a directory with all in it. */
static int
add_disk(int dir_fd, const char *name, unsigned depth, uint64_t *disk)
{
	const struct dirent *d;
	struct stat st;
	DIR *dir;
	int rc;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -errno;
	*disk += (uint64_t)st.st_blocks * 512;
	if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
		return 0;
	if ((rc = io_opendir(dir_fd, name, &dir)) < 0)
		return rc;
	while ((rc = io_readdir(dir, &d)) > 0 && (rc = add_disk(dirfd(dir), d->d_name, depth + 1, disk)) == 0)
		;
	closedir(dir);
	return rc;
}

int
layers_walk_contents(int changes_fd, struct seal *s)
{
	struct names all = { 0 };
	struct contents *c;
	int rc;

	if ((rc = contents_open(changes_fd, NULL, &c)) < 0)
		return rc;
	if ((rc = list_names(c, &all)) == 0)
		rc = measure_all(c, &all, s);
	free(all.name);
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
layers_walk_clean(int changes_fd, bool keep_reserve)
{
	const struct dirent *d;
	DIR *dir;
	int rc;

	if ((rc = io_opendir(changes_fd, ".", &dir)) < 0)
		return rc;
	while ((rc = io_readdir(dir, &d)) > 0)
		if (is_leftover(d->d_name) && !(keep_reserve && strcmp(d->d_name, ONDISK_RESERVE) == 0) && (rc = disk_unlink(changes_fd, d->d_name)) < 0 && rc != -EISDIR)
			break;
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
	int to autoclose = -1, rc;
	const struct dirent *d;
	DIR *dir;

	if (depth == DEPTH_MAX)
		return -EUCLEAN;
	if ((rc = disk_mkdir(to_fd, name)) < 0 ||
	    (rc = to = io_open_beneath(to_fd, name, O_RDONLY | O_DIRECTORY, 0)) < 0 ||
	    (rc = io_opendir(from_fd, name, &dir)) < 0)
		return rc;
	while ((rc = io_readdir(dir, &d)) > 0 && (rc = copy(dirfd(dir), to, d->d_name, depth + 1, bytes)) == 0)
		;
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
