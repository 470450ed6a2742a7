/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The command archive-get: fetches one WAL file for restore_command.  For a
 * server on a mount of ours it takes what the mount serves, else it reads the
 * archive in a confined child.
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

#include "base/json.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/confined.h"
#include "cli/limited.h"
#include "cli/snapshot.h"
#include "supervisor/binding.h"
#include "supervisor/mountinfo.h"
#include "supervisor/paths.h"
#include "worker/walfetch.h"

/*
 * Opens the directory of path with the rights of the caller; *name becomes the
 * last component.  Returns a descriptor or negative errno.
 */
static int
open_parent(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX] = ".";
	int fd;

	if (strlen(path) >= sizeof(parent))
		return -ENAMETOOLONG;
	*name = slash != NULL ? slash + 1 : path;
	if (**name == '\0' || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
		return -EISDIR;
	if (slash != NULL)
		snprintf(parent, sizeof(parent), "%.*s", (int)MAX(slash - path, 1), path);
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* ---- a server on a mount of ours ---- */

/*
 * WAL names the directories of tablespaces on the production server, and a
 * server that replays CREATE TABLESPACE would write there.  So a clone gets the
 * WAL that its mount serves, where no record names a place.
 */

static bool
is_on_mount(const char *path, struct mountinfo *m)
{
	return mountinfo_of(path, m) == 0 && strcmp(m->fstype, MOUNT_FSTYPE) == 0;
}

/*
 * Finds the mount that the server is on: it runs restore_command in its data
 * directory, and pg_wal may lie beside the mount.
 */
static bool
find_mount(int dir_fd, struct mountinfo *m)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	if (getcwd(path, sizeof(path)) != NULL && is_on_mount(path, m))
		return true;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir_fd);
	if ((n = readlink(link, path, sizeof(path) - 1)) <= 0)
		return false;
	path[n] = '\0';
	return is_on_mount(path, m);
}

/* Whether the mount serves the archive that the caller named. */
static bool
is_of_archive(int mnt_fd, const struct options *o)
{
	struct json_node *nodes autofree = calloc(SNAPSHOT_NODES, sizeof(*nodes));
	const char *store, *instance;
	char *text autofree = NULL, named[PATH_MAX];
	size_t len;

	if (nodes == NULL || snapshot_read(mnt_fd, &text, &len) != 0 ||
	    json_parse(text, len, nodes, SNAPSHOT_NODES) < 0)
		return false;
	store = json_string(json_get(nodes, nodes, "store"));
	instance = json_string(json_get(nodes, nodes, "instance"));
	return store != NULL && instance != NULL && strcmp(instance, o->instance) == 0 &&
	    (strcmp(store, o->store) == 0 ||
	    (paths_resolve(o->store, named) == 0 && strcmp(store, named) == 0));
}

static int
get_served(const struct options *o, const struct walfetch *order, const struct mountinfo *m)
{
	int mnt autoclose = -1, fd autoclose = -1;
	char path[NAME_MAX + 16];

	mnt = open(m->mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mnt < 0 || !is_of_archive(mnt, o))
		return cli_error("the server on \"%s\" gets WAL from its mount alone, or CREATE TABLESPACE"
		    " in it would lead to production's directories: restore_command = 'cp"
		    " .pbkfs/wal/%%f \"%%p\"'", m->mountpoint);
	if (strchr(o->wal_file, '/') != NULL || snprintf(path, sizeof(path), ONDISK_INFODIR "/" ONDISK_ARCHIVEDIR "/%s",
	    o->wal_file) >= (int)sizeof(path))
		return cli_error("\"%.100s\" is not a name of a WAL file", o->wal_file);
	if ((fd = openat(mnt, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) < 0)
		return errno == ENOENT ?
		    cli_error("\"%s\" is not in the WAL archive of instance \"%s\"", o->wal_file,
		    o->instance) :
		    cli_error("could not read \"%s\" of the mount: %s", o->wal_file, strerror(errno));
	log_set_sink(confined_log);
	return walfetch_served(order, fd);
}

/* Whether this is pg_wal of a diff directory, while the caller is not in the mount. */
static bool
is_in_diff(int dir_fd)
{
	return faccessat(dir_fd, "../../" ONDISK_BINDING, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Runs in a child: the archive, PATH and the data directory may not answer. */
static int
get(void *arg)
{
	const struct options *o = arg;
	struct walfetch order = {
		.store_name = o->store, .instance = o->instance, .file = o->wal_file,
	};
	struct confined c = {
		.store = o->store, .instance = o->instance, .sandbox = o->sandbox, .debug = o->debug,
		.so_what = "no WAL was fetched",
	};
	struct mountinfo *m autofree = malloc(sizeof(*m));
	int fd autoclose = -1;

	if (m == NULL)
		return cli_error("out of memory");
	if ((fd = open_parent(o->wal_path, &order.name)) < 0)
		return cli_error("could not write \"%s\": %s", o->wal_path, strerror(-fd));
	order.dir_fd = c.write_fd = fd;
	umask(077);
	if (find_mount(fd, m))
		return get_served(o, &order, m);
	if (is_in_diff(fd))
		return cli_error("\"%s\" is pg_wal of a mount: fetch WAL for it in the data directory",
		    o->wal_path);
	return confined_run(&c, walfetch, &order);
}

int
cmd_archive_get(const struct options *o)
{
	const struct cli_need need[] = {
		{ "--pbk-store", o->store != NULL }, { "--instance", o->instance != NULL },
	};
	struct options copy = *o;
	int rc;

	if ((rc = cli_require(need, ARRAY_SIZE(need))) != 0)
		return rc;
	if ((rc = limited_program(get, &copy, LIMITED_SECONDS, NULL)) == -ETIMEDOUT)
		return limited_tell("file", o->wal_path, LIMITED_SECONDS, "no WAL was fetched");
	return rc >= 0 ? rc : cli_error("could not get WAL: %s", strerror(-rc));
}
