/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Resolves and opens as the caller.  It does not look at what a diff directory or a
 * store holds: the supervisor and the worker do.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ondisk.h"
#include "base/util.h"
#include "cli/branchname.h"
#include "cli/cli.h"
#include "cli/limited.h"
#include "cli/names.h"
#include "supervisor/mountinfo.h"
#include "supervisor/paths.h"
#include "supervisor/storeuser.h"
#include "supervisor/walk.h"

/* ---- names, in the child ------------------------------------------------- */

struct resolution {
	const struct options *o;
	const struct clone_config *p;
	struct names *n;
};

static void
ask_about(struct names *n, const char *what, const char *name)
{
	n->asked = what;
	n->name = name;
}

/* Whether it is mounted, by name alone: nobody may touch a mount that is dead or hangs. */
static bool
is_mounted(const char *name)
{
	struct mountinfo *m autofree = malloc(sizeof(*m));
	char path[PATH_MAX];

	return m != NULL && paths_resolve_parent(name, path) == 0 &&
	    mountinfo_find(path, m) == 0 && strcmp(m->fstype, MOUNT_FSTYPE) == 0;
}

/* A directory that cannot be read may be empty. */
static bool
is_empty(const char *path)
{
	const struct dirent *d;
	DIR *dir = opendir(path);
	bool empty = true;

	while (empty && dir != NULL && (d = readdir(dir)) != NULL)
		empty = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
	if (dir != NULL)
		closedir(dir);
	return empty;
}

static int
resolve_mountpoint(const struct options *o, struct names *n)
{
	struct stat st;
	int rc;

	ask_about(n, "mountpoint", o->mnt);
	if (is_mounted(o->mnt))
		return cli_error("\"%s\" is mounted already, alive or dead:"
		    " pbkfs unmount it first", o->mnt);
	if ((rc = paths_resolve(o->mnt, n->mnt)) == -ENOENT)
		return cli_error("mountpoint \"%s\" does not exist: make that directory first", o->mnt);
	if (rc != 0)
		return cli_error("could not use mountpoint \"%s\": %s", o->mnt, paths_strerror(rc));
	if (stat(n->mnt, &st) != 0 || !S_ISDIR(st.st_mode))
		return cli_error("mountpoint \"%s\" is not a directory", o->mnt);
	if (!is_empty(n->mnt))
		cli_note("mountpoint \"%s\" is not empty: what it holds is hidden while this is mounted", o->mnt);
	return 0;
}

/* A name whose last component need not exist; NULL: none was given. */
static int
resolve_parent(struct names *n, const char *what, const char *name, char out[PATH_MAX])
{
	int rc;

	if (name == NULL)
		return 0;
	ask_about(n, what, name);
	rc = paths_resolve_parent(name, out);
	return rc == 0 ? 0 : cli_error("could not use %s \"%s\": %s", what, name, paths_strerror(rc));
}

/* Whether it is a later mount of a diff directory, which may need no store any more. */
static bool
is_bound(const char *diff)
{
	char path[PATH_MAX];
	struct stat st;

	return snprintf(path, sizeof(path), "%s/" ONDISK_BINDING, diff) < (int)sizeof(path) && lstat(path, &st) == 0;
}

/* The name of what is not there, as far as that can be resolved. */
static void
name_missing_store(const char *name, char out[PATH_MAX])
{
	size_t len;

	if (paths_resolve_parent(name, out) == 0)
		return;
	strlcpy(out, name, PATH_MAX);
	for (len = strlen(out); len > 1 && out[len - 1] == '/'; len--)
		out[len - 1] = '\0';
}

/* The supervisor reads the binding, and tells what is wrong with the store if that matters. */
static int
resolve_store(const struct options *o, struct names *n)
{
	char ways[STOREUSER_WAYS_MAX] = "";
	int rc;

	if (o->store == NULL)
		return 0;
	ask_about(n, "store", o->store);
	if ((rc = storeuser_realpath(o->store, n->store)) == 0)
		return 0;
	if (rc == -EACCES)
		storeuser_ways(o->store, geteuid() == 0 && o->owner == NULL, ways);
	snprintf(n->store_error, sizeof(n->store_error), "could not use store \"%s\": %s%s", o->store,
	    paths_strerror(rc), ways);
	if (!is_bound(n->diff))
		return cli_error("%s", n->store_error);
	name_missing_store(o->store, n->store);
	return 0;
}

/* A branch lies in the diff directory, of which nothing else may be used. */
static int
resolve_diff(const struct options *o, struct names *n)
{
	char next[PATH_MAX];
	struct stat st;
	int rc;

	if ((rc = resolve_parent(n, "diff directory", o->diff, n->whole)) != 0 ||
	    (rc = branchname_path(n->whole, o->branch, n->diff)) != 0)
		return rc;
	n->is_between = snprintf(next, sizeof(next), "%s/" ONDISK_NEXT, n->diff) < PATH_MAX && lstat(next, &st) == 0;
	return 0;
}

static int
resolve_mapped(const struct clone_config *p, struct names *n)
{
	unsigned i;
	int rc;

	for (i = 0; i < p->n_mappings; i++)
		if ((rc = resolve_parent(n, "directory", p->mapping[i].to, n->mapped[i])) != 0)
			return rc;
	return 0;
}

static const char *
or_null(const char *text)
{
	return text[0] != '\0' ? text : NULL;
}

static int
check_overlap(struct names *n)
{
	const struct paths_named paths[] = {
		{ "store", or_null(n->store) }, { "mountpoint", n->mnt },
		{ "diff directory", n->whole }, { "log file", or_null(n->log_file) },
		{ "pid file", or_null(n->pid_file) },
	};
	char error[2 * PATH_MAX + 128];

	if (paths_check_overlap(paths, ARRAY_SIZE(paths), error, sizeof(error)) != 0)
		return cli_error("%s", error);
	return 0;
}

/* Returns the negative of an exit status: a child passes on a number. */
static int
resolve_all(const void *arg)
{
	const struct resolution *r = arg;
	const struct options *o = r->o;
	struct names *n = r->n;
	int rc;

	if ((rc = resolve_diff(o, n)) != 0 ||
	    (rc = resolve_store(o, n)) != 0 || (rc = resolve_mountpoint(o, n)) != 0 ||
	    (rc = resolve_parent(n, "log file", o->log_file, n->log_file)) != 0 ||
	    (rc = resolve_parent(n, "pid file", o->pid_file, n->pid_file)) != 0 ||
	    (rc = resolve_mapped(r->p, n)) != 0)
		return -rc;
	return -check_overlap(n);
}

int
names_resolve(const struct options *o, struct clone_config *p, int64_t until, int64_t seconds,
    struct names *n)
{
	const struct resolution r = { o, p, n };
	int rc = limited_run_until(resolve_all, &r, until, NULL);
	unsigned i;

	if (rc == -ETIMEDOUT)
		return limited_tell(n->asked, n->name, seconds, "nothing was mounted");
	if (rc == -ECANCELED)
		return cli_error("the process that looks at the names was killed");
	if (rc != 0)
		return rc == -EXIT_FAILURE ? EXIT_FAILURE :
		    cli_error("could not start a process: %s", strerror(-rc));
	for (i = 0; i < p->n_mappings; i++)
		p->mapping[i].to = n->mapped[i];
	return 0;
}

/* ---- files, in the supervisor -------------------------------------------- */

/*
 * Opens the directory of a file that the caller named.  Its owner may choose
 * what is there; for root, only root and the owner of the mount may be able to
 * lead us elsewhere.  Returns a descriptor, or -1.
 */
static int
open_directory(const char *path, const char *what, const struct supervisor_config *c,
    char error[NAMES_ERROR_MAX])
{
	char dir[PATH_MAX], why[WALK_ERROR_MAX];
	int parent autoclose = -1, fd autoclose = -1;
	struct walk w;

	walk_split(path, dir);
	parent = walk_parent(dir, &w, why);
	if (parent >= 0 && (fd = openat(parent, dir[1] == '\0' ? "." : strrchr(dir, '/') + 1,
	    O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
		strlcpy(why, strerror(errno), sizeof(why));
	if (fd < 0 || (geteuid() == 0 && (walk_enter(&w, dir, fd, why) != 0 ||
	    walk_check(&w, dir, c->owner_given ? c->uid : 0, why) != 0))) {
		snprintf(error, NAMES_ERROR_MAX, "could not use %s \"%s\": %s", what, path, why);
		return -1;
	}
	return steal_fd(&fd);
}

/* Follows no link at the last component. */
static int
open_named(int dir_fd, const char *path, const char *what, int flags, int *fd,
    char error[NAMES_ERROR_MAX])
{
	int opened autoclose = -1;
	struct stat st;

	opened = openat(dir_fd, strrchr(path, '/') + 1,
	    flags | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (opened < 0 || fstat(opened, &st) != 0) {
		snprintf(error, NAMES_ERROR_MAX, "could not open %s \"%s\": %s", what, path,
		    strerror(errno));
		return -1;
	}
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != geteuid()) {
		snprintf(error, NAMES_ERROR_MAX, "%s \"%s\" is not a plain file of yours", what, path);
		return -1;
	}
	*fd = steal_fd(&opened);
	return 0;
}

int
names_open(const struct names *n, struct supervisor_config *c, char error[NAMES_ERROR_MAX])
{
	c->log_fd = c->log_dir_fd = c->pid_fd = c->pid_dir_fd = -1;
	if (n->log_file[0] != '\0') {
		c->log_name = strrchr(n->log_file, '/') + 1;
		if ((c->log_dir_fd = open_directory(n->log_file, "log file", c, error)) < 0 ||
		    open_named(c->log_dir_fd, n->log_file, "log file", O_WRONLY | O_APPEND,
		    &c->log_fd, error) != 0)
			return -1;
	}
	if (n->pid_file[0] == '\0')
		return 0;
	c->pid_name = strrchr(n->pid_file, '/') + 1;
	if ((c->pid_dir_fd = open_directory(n->pid_file, "pid file", c, error)) < 0)
		return -1;
	return open_named(c->pid_dir_fd, n->pid_file, "pid file", O_WRONLY, &c->pid_fd, error);
}
