/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes and removes the directory of a run.  It mounts and unmounts nothing.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/subcommand.h"
#include "cli/workdir.h"
#include "supervisor/paths.h"

#define TEMPLATE	"pbkfs-run.XXXXXX"
#define SOCKET_NAME_MAX	sizeof("/.s.PGSQL.65535.lock")
#define SHORT_PARENT	"/tmp"	/* for a socket whose path would be too long */

/* Puts a name below dir.  Returns false if there is no room for it. */
static bool
put_path(char out[PATH_MAX], const char *dir, const char *name)
{
	return snprintf(out, PATH_MAX, "%s/%s", dir, name) < PATH_MAX;
}

static int
make_named(const char *parent, char out[PATH_MAX])
{
	if (!put_path(out, parent, TEMPLATE))
		return -ENAMETOOLONG;
	return mkdtemp(out) != NULL ? 0 : -errno;
}

static int
write_file(const char *path, const char *text)
{
	int fd autoclose = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return -errno;
	if ((rc = io_write(fd, text, strlen(text))) != 0)
		return rc;
	return fchmod(fd, 0644) == 0 ? 0 : -errno;
}

/* Makes a directory that only the server's user enters. */
static int
give(const struct workdir *w, const char *path)
{
	if (mkdir(path, 0700) != 0)
		return -errno;
	return geteuid() == 0 && lchown(path, w->uid, w->gid) != 0 ? -errno : 0;
}

static int
make_socket_directory(struct workdir *w)
{
	int rc;

	if (!put_path(w->sock, w->dir, "socket"))
		return -ENAMETOOLONG;
	if (strlen(w->sock) + SOCKET_NAME_MAX <= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return give(w, w->sock);
	if ((rc = make_named(SHORT_PARENT, w->sock)) != 0)
		return rc;
	return geteuid() == 0 && lchown(w->sock, w->uid, w->gid) != 0 ? -errno : 0;
}

static int
make_content(struct workdir *w, bool with_tcp)
{
	int rc;

	/* Root's is passed by the server's user, who can change nothing in it. */
	if (chmod(w->dir, geteuid() == 0 ? 0711 : 0700) != 0)
		return -errno;
	if (!put_path(w->mnt, w->dir, "mnt") || !put_path(w->hba, w->dir, "pg_hba.conf") ||
	    !put_path(w->ident, w->dir, "pg_ident.conf") ||
	    (w->own_diff && (!put_path(w->diff, w->dir, "diff") || !put_path(w->shm, w->dir, "shm"))))
		return -ENAMETOOLONG;
	if (mkdir(w->mnt, 0755) != 0)
		return -errno;
	if (w->shm[0] != '\0' && (rc = give(w, w->shm)) != 0)
		return rc;
	if ((rc = write_file(w->hba, with_tcp ?
	    "local all all trust\nlocal replication all trust\nhost all all all md5\n" :
	    "local all all trust\nlocal replication all trust\n")) != 0 ||
	    (rc = write_file(w->ident, "")) != 0)
		return rc;
	return make_socket_directory(w);
}

static const char *
choose_parent(const char *parent)
{
	const char *tmp = getenv("TMPDIR");

	return parent != NULL ? parent : tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp";
}

int
workdir_make(struct workdir *w, const char *parent, const char *diff, uid_t uid, gid_t gid,
    bool with_tcp)
{
	char resolved[PATH_MAX];
	int rc;

	*w = (struct workdir){ .own_diff = diff == NULL, .uid = uid, .gid = gid, .lock_fd = -1 };
	parent = choose_parent(parent);
	if (diff != NULL && (rc = paths_resolve_parent(diff, w->diff)) != 0)
		return cli_error("could not use diff directory \"%s\": %s", diff, paths_strerror(rc));
	if ((rc = paths_resolve(parent, resolved)) != 0)
		return cli_error("could not use \"%s\": %s; --workdir names another directory",
		    parent, paths_strerror(rc));
	if ((rc = make_named(resolved, w->dir)) != 0) {
		w->dir[0] = '\0';
		return cli_error("could not make a directory in \"%s\": %s; --workdir names another"
		    " one", resolved, strerror(-rc));
	}
	w->lock_fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	rc = w->lock_fd < 0 || flock(w->lock_fd, LOCK_EX | LOCK_NB) != 0 ? -errno : 0;
	if (rc != 0 || (rc = make_content(w, with_tcp)) != 0) {
		cli_error("could not make what belongs in \"%s\": %s; --workdir names another"
		    " directory", w->dir, strerror(-rc));
		workdir_remove(w);
		return EXIT_FAILURE;
	}
	return 0;
}

/* Removes the files of a directory, and no directory: a link is removed itself. */
static void
empty_flat(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct dirent *e;
	DIR *dir;

	if (fd < 0 || (dir = fdopendir(fd)) == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(dir)) != NULL)
		unlinkat(fd, e->d_name, 0);
	closedir(dir);
}

int
workdir_remove(struct workdir *w)
{
	const char *const directories[] = { w->sock, w->shm, w->mnt, w->own_diff ? w->diff : "", w->dir };
	int rc = 0;
	size_t i;

	if (w->dir[0] == '\0')
		return 0;
	empty_flat(w->sock);
	if (w->shm[0] != '\0')
		empty_flat(w->shm);
	unlink(w->hba);
	unlink(w->ident);
	for (i = 0; i < ARRAY_SIZE(directories); i++)
		if (directories[i][0] != '\0' && rmdir(directories[i]) != 0 && errno != ENOENT)
			rc = cli_error("could not remove \"%s\": %s", directories[i], strerror(errno));
	if (rc == 0)
		w->dir[0] = '\0';
	return rc;
}

/* ---- what others left ---------------------------------------------------------- */

/* Whether dir is of a run of the caller's, and nobody of that lives. */
static bool
is_left(int parent, const char *name, int *lock_fd)
{
	mode_t mode = geteuid() == 0 ? 0711 : 0700;
	struct stat st;

	*lock_fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *lock_fd >= 0 && fstat(*lock_fd, &st) == 0 && st.st_uid == geteuid() &&
	    (st.st_mode & 07777) == mode && flock(*lock_fd, LOCK_EX | LOCK_NB) == 0;
}

static void
remove_left(const char *dir)
{
	struct options all = { 0 };
	struct workdir w = { .own_diff = true };
	struct stat st;

	if (strlcpy(w.dir, dir, sizeof(w.dir)) >= sizeof(w.dir) || !put_path(w.mnt, dir, "mnt") ||
	    !put_path(w.diff, dir, "diff") || !put_path(w.sock, dir, "socket") ||
	    !put_path(w.shm, dir, "shm") || !put_path(w.hba, dir, "pg_hba.conf") ||
	    !put_path(w.ident, dir, "pg_ident.conf"))
		return;
	all.diff = w.diff;
	if (lstat(w.diff, &st) == 0 && subcommand_run(cmd_cleanup, &all) != 0)
		return;
	if (workdir_remove(&w) == 0)
		cli_note("removed \"%s\": its run was killed", dir);
}

void
workdir_sweep(const char *parent)
{
	static const char prefix[] = "pbkfs-run.";
	char resolved[PATH_MAX], path[PATH_MAX];
	struct dirent *e;
	DIR *dir;
	int fd;

	if (paths_resolve(choose_parent(parent), resolved) != 0 || (dir = opendir(resolved)) == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0)
			continue;
		if (is_left(dirfd(dir), e->d_name, &fd) && put_path(path, resolved, e->d_name))
			remove_left(path);
		if (fd >= 0)
			close(fd);
	}
	closedir(dir);
}
