/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything is opened and nothing read: the supervisor reads no file of a backup but its lock.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/storeaccess.h"
#include "supervisor/walk.h"

int
storeaccess_open(const char *path, bool check, struct stat *st, char *error)
{
	int parent autoclose = -1, fd autoclose = -1, rc;
	struct walk w;

	if ((parent = walk_parent(path, check ? &w : NULL, error)) < 0)
		return parent;
	fd = openat(parent, path[1] == '\0' ? "." : strrchr(path, '/') + 1,
	    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, st) != 0) {
		rc = -errno;
		snprintf(error, WALK_ERROR_MAX, "%s", strerror(-rc));
		return rc;
	}
	if (check && ((rc = walk_enter(&w, path, fd, error)) != 0 ||
	    (rc = walk_check(&w, path, st->st_uid, error)) != 0))
		return rc;
	return steal_fd(&fd);
}

static bool
file_is_denied(int dir_fd, const char *name)
{
	int fd autoclose = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 && errno == EACCES;
}

/* How many entries of a directory are closed. */
struct tally {
	bool	closed;		/* the directory itself, and so all of them */
	size_t	n, denied;
};

/* Asks of up to max entries.  A directory that is not there has none. */
static struct tally
take_tally(int dir_fd, const char *name, bool (*entry_is_denied)(int fd, const char *entry),
    size_t max)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct tally t = { .closed = fd < 0 && errno == EACCES };
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return t;
	}
	while (t.n < max && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		t.n++;
		t.denied += entry_is_denied(fd, entry->d_name);
	}
	closedir(dir);
	return t;
}

static bool
some_is_denied(struct tally t)
{
	return t.closed || t.denied > 0;
}

static bool
all_is_denied(struct tally t)
{
	return t.closed || (t.n > 0 && t.denied == t.n);
}

static bool
backup_is_denied(int instance_fd, const char *id)
{
	int fd autoclose = openat(instance_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == EACCES;
	return file_is_denied(fd, "backup.control") ||
	    file_is_denied(fd, "backup_content.control") || file_is_denied(fd, "database");
}

static bool
instance_is_denied(int backups_fd, const char *instance)
{
	return some_is_denied(take_tally(backups_fd, instance, backup_is_denied, SIZE_MAX));
}

static bool
instance_is_closed(int backups_fd, const char *instance)
{
	return all_is_denied(take_tally(backups_fd, instance, backup_is_denied, SIZE_MAX));
}

/* The archive is needed by who recovers; each of its files is made by the same user. */
static bool
archive_is_denied(int wal_fd, const char *instance)
{
	return some_is_denied(take_tally(wal_fd, instance, file_is_denied, 1));
}

/* Asks of one instance; a part that is not there is not closed. */
static bool
ask_instance(int store_fd, const char *part, const char *instance,
    bool (*ask)(int part_fd, const char *instance))
{
	int fd autoclose = -1;

	if (strchr(instance, '/') != NULL)	/* refused by whoever reads it */
		return false;
	fd = openat(store_fd, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? errno == EACCES : ask(fd, instance);
}

bool
storeaccess_is_denied(int store_fd, const char *instance)
{
	if (instance != NULL)
		return ask_instance(store_fd, "backups", instance, instance_is_denied) ||
		    ask_instance(store_fd, "wal", instance, archive_is_denied);
	return some_is_denied(take_tally(store_fd, "backups", instance_is_denied, SIZE_MAX)) ||
	    some_is_denied(take_tally(store_fd, "wal", archive_is_denied, SIZE_MAX));
}

bool
storeaccess_is_closed(int store_fd, const char *instance)
{
	if (instance != NULL)
		return ask_instance(store_fd, "backups", instance, instance_is_closed);
	return all_is_denied(take_tally(store_fd, "backups", instance_is_closed, SIZE_MAX));
}
