/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opens instances and backups by name, and words the refusal if there is none.
 * It reads no file of a backup.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/util.h"
#include "probackup/chain.h"
#include "probackup/chain_find.h"
#include "probackup/explain.h"

#define LISTED		5	/* names that a message offers */
#define LISTING_MAX	100000	/* directory entries looked at for that */

/* The LISTED first names in the order that the message wants. */
struct listing {
	char	name[LISTED][NAME_MAX + 1];
	unsigned n, total;
};

typedef bool (*name_filter)(const char *name);
typedef int (*name_order)(const char *a, const char *b);

static bool
is_instance_name(const char *name)
{
	return name[0] != '.';
}

static void
listing_add(struct listing *l, const char *name, name_order order)
{
	unsigned at = l->n;

	l->total++;
	while (at > 0 && order(name, l->name[at - 1]) < 0)
		at--;
	if (at == LISTED)
		return;
	if (l->n < LISTED)
		l->n++;
	memmove(l->name[at + 1], l->name[at], (l->n - 1 - at) * sizeof(l->name[0]));
	snprintf(l->name[at], sizeof(l->name[at]), "%s", name);
}

/* Reads the directories of path beneath dirfd; none if it cannot be read. */
static void
listing_read(struct listing *l, int dirfd, const char *path, name_filter wanted, name_order order)
{
	int fd autoclose = io_open_beneath(dirfd, path, O_RDONLY | O_DIRECTORY, 0);
	struct dirent *entry;
	unsigned looked = 0;
	DIR *dir;

	l->n = l->total = 0;
	if (fd < 0 || (dir = fdopendir(fd)) == NULL)
		return;
	steal_fd(&fd);
	while (looked++ < LISTING_MAX && (entry = readdir(dir)) != NULL)
		if ((entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) &&
		    wanted(entry->d_name) && entry->d_name[0] != '.')
			listing_add(l, entry->d_name, order);
	closedir(dir);
}

/* `"a", "b" and 3 more`, cut to size. */
static void
listing_print(const struct listing *l, char *text, size_t size)
{
	size_t used = 0;
	unsigned i;

	text[0] = '\0';
	for (i = 0; i < l->n && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s\"%s\"",
		    i > 0 ? ", " : "", l->name[i]);
	if (l->total > l->n && used < size)
		snprintf(text + used, size - used, " and %u more", l->total - l->n);
}

static int
unknown_instance(int store_fd, const char *store_name, const char *instance, char *error)
{
	char names[256];
	struct listing l;

	listing_read(&l, store_fd, "backups", is_instance_name, strcmp);
	listing_print(&l, names, sizeof(names));
	if (l.n == 0)
		return explain(error, -ENOENT,
		    "instance \"%s\" does not exist in \"%s\", which has no instance: check the store",
		    instance, store_name);
	return explain(error, -ENOENT, "instance \"%s\" does not exist in \"%s\": choose from %s",
	    instance, store_name, names);
}

int
chain_find_instances(int store_fd, const char *store_name, char *error)
{
	int fd = io_open_beneath(store_fd, "backups", O_PATH | O_DIRECTORY, 0);

	if (fd == -ENOENT || fd == -ENOTDIR)
		return explain(error, fd,
		    "\"%s\" is not a pg_probackup catalog, it has no directory \"backups\": check the store",
		    store_name);
	if (fd < 0)
		return explain(error, fd, "could not open \"backups\" in \"%s\": %s",
		    store_name, strerror(-fd));
	return fd;
}

int
chain_find_instance(int store_fd, const char *store_name, const char *instance, char *error)
{
	int backups autoclose = chain_find_instances(store_fd, store_name, error);
	int fd;

	if (backups < 0)
		return backups;
	if (strchr(instance, '/') != NULL || !io_path_is_plain(instance, strlen(instance)))
		return explain(error, -EINVAL, "\"%.100s\" is not a name of an instance: give one name without \"/\"",
		    instance);
	fd = io_open_beneath(backups, instance, O_PATH | O_DIRECTORY, 0);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return unknown_instance(store_fd, store_name, instance, error);
	if (fd == -ELOOP)
		return explain(error, fd,
		    "instance \"%s\" in \"%s\" is a symbolic link, which is not followed: mount from the catalog that it points to",
		    instance, store_name);
	if (fd < 0)
		return explain(error, fd, "could not open instance \"%s\" in \"%s\": %s",
		    instance, store_name, strerror(-fd));
	return fd;
}

static int
unknown_backup(int instance_fd, const char *instance, const char *id, char *error)
{
	char names[256];
	struct listing l;

	listing_read(&l, instance_fd, ".", backup_id_is_valid, backup_id_compare);
	listing_print(&l, names, sizeof(names));
	if (l.n == 0)
		return explain(error, -ENOENT,
		    "backup \"%s\" does not exist, instance \"%s\" has no backup: check the instance",
		    id, instance);
	return explain(error, -ENOENT,
	    "backup \"%s\" of instance \"%s\" does not exist: choose from %s", id, instance, names);
}

int
chain_find_backup(int instance_fd, const char *instance, const char *id, char *error)
{
	int fd = io_open_beneath(instance_fd, id, O_PATH | O_DIRECTORY, 0);

	if (fd == -ENOENT || fd == -ENOTDIR)
		return unknown_backup(instance_fd, instance, id, error);
	if (fd < 0)
		return explain(error, fd, "could not open backup \"%s\" of instance \"%s\": %s",
		    id, instance, fd == -ELOOP ?
		    "it is a symbolic link, which is not followed" : strerror(-fd));
	return fd;
}
