/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fills pg_wal in the diff directory from the backup, for --wal=direct.  With
 * --wal=mount nobody comes here.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/ondisk.h"
#include "base/rmtree.h"
#include "base/text.h"
#include "base/io.h"
#include "base/util.h"
#include "worker/copyout.h"
#include "worker/walfill.h"

#define TEMPORARY	ONDISK_WAL ".tmp"

/* Removes what an interrupted filling left behind. */
static int
remove_temporary(int diff_fd)
{
	char failed[NAME_MAX + 1];
	int rc = rmtree(diff_fd, TEMPORARY, failed);

	if (rc != 0)
		log_error("could not remove \"%s\" of \"%s\": %s", failed, TEMPORARY, strerror(-rc));
	return rc;
}

static int
fill(struct copyout *c, uint32_t wal, int diff_fd)
{
	int fd autoclose = -1;

	if (mkdirat(diff_fd, TEMPORARY, 0700) != 0)
		return -errno;
	fd = openat(diff_fd, TEMPORARY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : copyout_children(c, wal, fd);
}

static int
fill_and_rename(struct copyout *c, uint32_t wal, int diff_fd)
{
	int rc;

	if ((rc = remove_temporary(diff_fd)) < 0 ||
	    (rc = fill(c, wal, diff_fd)) < 0)
		return rc;
	return renameat(diff_fd, TEMPORARY, diff_fd, ONDISK_WAL) != 0 ? -errno : io_sync(diff_fd, true);
}

int
walfill(const struct job *job, const struct store *s, struct reader *rd, uint64_t *copied)
{
	uint32_t wal = index_child(&s->ix, INDEX_ROOT, "pg_wal", strlen("pg_wal"));
	struct copyout c = { .store = s, .rd = rd };
	char size[TEXT_NUMBER_MAX];
	struct stat st;
	int rc;

	if (fstatat(job->diff_fd, ONDISK_WAL, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISDIR(st.st_mode))
			return 0;
		log_error("\"pg_wal\" in the diff directory is not a directory");
		return -EUCLEAN;
	}
	if (!job->fresh) {
		log_error("\"pg_wal\" is missing from the diff directory");
		return -EUCLEAN;
	}
	if (wal == INDEX_NONE || !(s->ix.entries[wal].flags & INDEX_DIR)) {
		log_error("the backup has no directory pg_wal");
		return -EUCLEAN;
	}
	c.progress.total = copyout_size(&s->ix, wal);
	rc = fill_and_rename(&c, wal, job->diff_fd);
	if (rc < 0) {
		remove_temporary(job->diff_fd);	/* or what is free would not count it */
		text_size(c.progress.total, size);
		log_error("could not copy %s of WAL into the diff directory: %s", size, strerror(-rc));
	}
	*copied += c.progress.done;
	return rc;
}
