/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds the directories outside of the data directory, and how much a copy of all takes.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "promote/promote.h"
#include "promote/shown.h"

#define BLOCK	512	/* st_blocks counts these */

static int
survey_one(struct cow *c, const char *dir, struct promote_outside *out)
{
	struct cow_attr attr;
	struct shown e;
	uint64_t cookie = 0;
	int rc;

	if ((rc = cow_find(c, COW_ROOT, dir, &attr)) < 0)
		return rc == -ENOENT ? 0 : rc;
	while ((rc = shown_next(c, attr.nodeid, &cookie, &e)) > 0) {
		if (out->n == PROMOTE_PLACES_MAX)
			return -E2BIG;
		if ((size_t)snprintf(out->shown[out->n], PROMOTE_SHOWN_MAX, "%s/%s", dir, e.name) >= PROMOTE_SHOWN_MAX ||
		    !S_ISDIR(e.attr.mode))
			return -EUCLEAN;
		out->n++;
	}
	return rc;
}

int
promote_survey(struct cow *c, struct promote_outside *out)
{
	int rc;

	*out = (struct promote_outside){ 0 };
	if ((rc = survey_one(c, ONDISK_TABLESPACES, out)) == 0)
		rc = survey_one(c, ONDISK_EXTERNAL, out);
	return rc;
}

/* ---- how much ------------------------------------------------------------------- */

/* Of a file with several names, each has its part.  What cannot be promoted is said by who does it. */
static void
measure_file(struct cow *c, const struct cow_attr *a, struct promote_size *s)
{
	int fd autoclose = cow_open_content(c, a->nodeid);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0)
		s->bytes += MIN((uint64_t)st.st_blocks * BLOCK, a->size) / MAX(a->nlink, 1u);
}

static int	measure_directory(struct cow *c, uint64_t dir, unsigned depth, struct promote_size *s);

static int
measure_one(struct cow *c, uint64_t dir, const struct shown *e, unsigned depth, struct promote_size *s)
{
	if (dir == COW_ROOT && (strcmp(e->name, ONDISK_WAL) == 0 || strcmp(e->name, ONDISK_TABLESPACES) == 0 ||
	    strcmp(e->name, ONDISK_EXTERNAL) == 0))
		return 0;
	s->files++;
	if (S_ISDIR(e->attr.mode))
		return depth == PROMOTE_DEPTH_MAX ? -ELOOP : measure_directory(c, e->attr.nodeid, depth + 1, s);
	if (S_ISREG(e->attr.mode))
		measure_file(c, &e->attr, s);
	return 0;
}

static int
measure_directory(struct cow *c, uint64_t dir, unsigned depth, struct promote_size *s)
{
	uint64_t cookie = 0;
	struct shown e;
	int rc;

	while ((rc = shown_next(c, dir, &cookie, &e)) > 0)
		if ((rc = measure_one(c, dir, &e, depth, s)) < 0)
			return rc;
	return rc;
}

static int
measure_shown(struct cow *c, const char *shown, struct promote_size *s)
{
	struct cow_attr attr;
	int rc = shown_find(c, shown, &attr);

	return rc < 0 ? rc : !S_ISDIR(attr.mode) ? 0 : measure_directory(c, attr.nodeid, 0, s);
}

/* pg_wal of --wal=direct: segments, and directories of marks that hold nothing. */
static int
measure_wal(int wal_fd, struct promote_size *s)
{
	int copy = openat(wal_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *d;
	struct stat st;

	if (dir == NULL) {
		if (copy >= 0)
			close(copy);
		return -errno;
	}
	while ((d = readdir(dir)) != NULL)
		if (fstatat(wal_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			s->files++;
			s->bytes += S_ISREG(st.st_mode) ? MIN((uint64_t)st.st_blocks * BLOCK, (uint64_t)st.st_size) : 0;
		}
	closedir(dir);
	return 0;
}

int
promote_measure(struct cow *c, int wal_fd, const struct promote_outside *out, struct promote_sizes *s)
{
	unsigned i;
	int rc;

	*s = (struct promote_sizes){ 0 };
	rc = wal_fd >= 0 ? measure_wal(wal_fd, &s->wal) : measure_shown(c, ONDISK_WAL, &s->wal);
	if (rc == 0 || rc == -ENOENT)
		rc = measure_directory(c, COW_ROOT, 0, &s->root);
	for (i = 0; i < out->n && rc == 0; i++)
		rc = measure_shown(c, out->shown[i], &s->outside[i]);
	return rc;
}
