#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/cli.h"
#include "cli/confined.h"
#include "worker/walfetch.h"

/* The directory of path, opened as the caller; *name is what follows it. */
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

int
cmd_archive_get(const struct options *o)
{
	struct walfetch order = {
		.store_name = o->store, .instance = o->instance, .file = o->wal_file,
	};
	struct confined c = {
		.store = o->store, .instance = o->instance, .sandbox = o->sandbox, .debug = o->debug,
	};
	int fd autoclose = -1;

	if (o->store == NULL || o->instance == NULL)
		return cli_error("--pbk-store and --instance are required: see pbkfs archive-get --help");
	if ((fd = open_parent(o->wal_path, &order.name)) < 0)
		return cli_error("could not write \"%s\": %s", o->wal_path, strerror(-fd));
	order.dir_fd = c.write_fd = fd;
	umask(077);
	return confined_run(&c, walfetch, &order);
}
