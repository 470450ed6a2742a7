/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes, finds and ends the mark.  Each step is a rename or a durable file; a step that is done twice
 * changes nothing.
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

#include "base/io.h"
#include "base/ondisk.h"
#include "base/rmtree.h"
#include "base/util.h"
#include "restore/mark.h"

#define BOOT_ID		"/proc/sys/kernel/random/boot_id"
#define BOOT_MAX	64
#define NEW		".new"

static int
open_mark(int pgdata_fd)
{
	int fd = openat(pgdata_fd, ONDISK_RESTORE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? (errno == ELOOP ? -ENOTDIR : -errno) : fd;
}

static bool
has(int dir_fd, const char *name)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int
mark_find(int pgdata_fd)
{
	int fd autoclose = open_mark(pgdata_fd);
	char failed[NAME_MAX + 1];

	if (fd < 0)
		return fd == -ENOENT ? MARK_NONE : fd;
	if (has(fd, MARK_COMPLETE) || has(fd, MARK_STATE))
		return has(fd, MARK_COMPLETE) ? MARK_DONE_ALL : MARK_UNFINISHED;
	/* It was being made, or was going: what is around it is as if there were none. */
	return rmtree(pgdata_fd, ONDISK_RESTORE, failed);
}

static int
read_text(int dir_fd, const char *name, char **text, size_t *len)
{
	struct stat st;
	int fd autoclose = io_open_plain(dir_fd, name, &st);

	return fd < 0 ? fd : io_read_file(fd, MARK_STATE_MAX, text, len);
}

int
mark_read_complete(int pgdata_fd, char **state)
{
	int fd autoclose = open_mark(pgdata_fd);
	size_t len;

	return fd < 0 ? fd : read_text(fd, MARK_COMPLETE, state, &len);
}

/* Replaces a file in one step. */
static int
write_text(int dir_fd, const char *name, const char *text)
{
	char temporary[NAME_MAX + 1];
	int fd autoclose = -1, rc;

	snprintf(temporary, sizeof(temporary), "%s" NEW, name);
	unlinkat(dir_fd, temporary, 0);
	fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if ((rc = io_write(fd, text, strlen(text))) != 0)
		return rc;
	if (fsync(fd) != 0 || renameat(dir_fd, temporary, dir_fd, name) != 0)
		return -errno;
	return io_sync(dir_fd, true);
}

int
mark_make(int pgdata_fd, const char *state, char **other)
{
	int fd autoclose = -1, rc;
	char *found autofree = NULL;
	size_t len;

	*other = NULL;
	if (mkdirat(pgdata_fd, ONDISK_RESTORE, 0700) != 0 && errno != EEXIST)
		return -errno;
	if ((fd = open_mark(pgdata_fd)) < 0)
		return fd;
	if ((rc = io_sync(pgdata_fd, true)) != 0)
		return rc;
	if ((rc = read_text(fd, MARK_STATE, &found, &len)) == -ENOENT) {
		/* Nothing was copied before this was durable. */
		rc = write_text(fd, MARK_STATE, state);
		return rc != 0 ? rc : steal_fd(&fd);
	}
	if (rc != 0)
		return rc;
	if (strcmp(found, state) != 0) {
		*other = steal_pointer(&found);
		return -EEXIST;
	}
	return steal_fd(&fd);
}

int
mark_replace(int pgdata_fd, const char *state)
{
	int fd autoclose = open_mark(pgdata_fd), rc;

	if (fd < 0)
		return fd;
	if (unlinkat(fd, MARK_DONE, 0) != 0 && errno != ENOENT)
		return -errno;
	if ((rc = io_sync(fd, true)) != 0 || (rc = write_text(fd, MARK_STATE, state)) != 0)
		return rc;
	return steal_fd(&fd);
}

static int
read_boot(char boot[BOOT_MAX])
{
	int fd autoclose = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, boot, BOOT_MAX - 1);

	if (n <= 0)
		return -ENOENT;
	boot[n] = '\0';
	return 0;
}

bool
mark_is_of_this_boot(int mark_fd)
{
	char boot[BOOT_MAX], *found autofree = NULL;
	size_t len;

	if (read_boot(boot) != 0)
		return false;
	if (read_text(mark_fd, MARK_BOOT, &found, &len) == 0 && strcmp(found, boot) == 0)
		return true;
	/* A file of another kernel's goes before this one's name comes. */
	if (unlinkat(mark_fd, MARK_DONE, 0) == 0 || errno == ENOENT)
		write_text(mark_fd, MARK_BOOT, boot);
	return false;
}

static int
move_control(int from_fd, const char *from, int to_fd, const char *to)
{
	return renameat(from_fd, from, to_fd, to) == 0 || errno == ENOENT ? 0 : -errno;
}

static int
open_global(int pgdata_fd)
{
	int fd = openat(pgdata_fd, "global", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int
mark_disarm(int pgdata_fd, int mark_fd)
{
	int global autoclose = open_global(pgdata_fd), rc;

	if (global < 0)
		return global == -ENOENT ? 0 : global;
	if ((rc = move_control(global, "pg_control", mark_fd, MARK_OLD)) != 0 ||
	    (rc = io_sync(mark_fd, true)) != 0)
		return rc;
	return io_sync(global, true);
}

/* The name of the state says whether there is still something to do but this. */
static int
complete(int mark_fd)
{
	if (renameat(mark_fd, MARK_STATE, mark_fd, MARK_COMPLETE) != 0 && errno != ENOENT)
		return -errno;
	return io_sync(mark_fd, true);
}

int
mark_finish(int pgdata_fd)
{
	int mark autoclose = open_mark(pgdata_fd), global autoclose = -1, rc;
	char failed[NAME_MAX + 1];

	if (mark < 0)
		return mark;
	if ((rc = complete(mark)) != 0)
		return rc;
	if ((global = open_global(pgdata_fd)) < 0)
		return global;
	if ((rc = move_control(mark, MARK_CONTROL, global, "pg_control")) != 0 ||
	    (rc = io_sync(global, true)) != 0 || (rc = io_sync(pgdata_fd, true)) != 0)
		return rc;
	if ((rc = rmtree(pgdata_fd, ONDISK_RESTORE, failed)) != 0)
		return rc;
	return io_sync(pgdata_fd, true);
}
