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
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/rmtree.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/pgserver.h"
#include "cli/subcommand.h"
#include "cli/workdir.h"
#include "supervisor/mountinfo.h"
#include "supervisor/paths.h"
#include "supervisor/walk.h"

#define TEMPLATE	"pbkfs-run.XXXXXX"
#define SOCKET		"socket"
#define SERVERS		"servers"	/* pid and user of each that was started, a line each */
#define SOCKET_NAME_MAX	sizeof("/.s.PGSQL.65535.lock")
#define SHORT_PARENT	"/tmp"	/* for a socket whose path would not do */
#define MODE_NEW	0700	/* mkdtemp(3); a run changes it when it has the lock */
#define NEW_SECONDS	60	/* so old is none that somebody is about to lock */

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

/* Root's is passed by the server's user, who can change nothing in it; MODE_NEW is none of them. */
static mode_t
finished_mode(void)
{
	return geteuid() == 0 ? 0711 : 01700;
}

/*
 * Makes a directory below parent, with a lock.  Until it has that, it looks like nobody's, and so it
 * has another mode.
 */
static int
make_locked(const char *parent, char out[PATH_MAX], int *lock_fd)
{
	int rc = make_named(parent, out);

	if (rc != 0) {
		out[0] = '\0';
		return rc;
	}
	*lock_fd = open(out, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *lock_fd < 0 || flock(*lock_fd, LOCK_EX | LOCK_NB) != 0 ||
	    fchmod(*lock_fd, finished_mode()) != 0 ? -errno : 0;
}

/* Makes a directory that only the server's user enters. */
static int
give(const struct workdir *w, const char *path)
{
	if (mkdir(path, 0700) != 0)
		return -errno;
	return geteuid() == 0 && lchown(path, w->uid, w->gid) != 0 ? -errno : 0;
}

/* A list of hosts, as libpq takes it, has no way to write a comma. */
static bool
suits_socket(const char *path)
{
	return strlen(path) + SOCKET_NAME_MAX <= sizeof(((struct sockaddr_un *)NULL)->sun_path) &&
	    strchr(path, ',') == NULL;
}

static int
make_socket_directory(struct workdir *w)
{
	int rc;

	if (!put_path(w->sock, w->dir, SOCKET))
		return -ENAMETOOLONG;
	if (suits_socket(w->sock))
		return give(w, w->sock);
	/* It has the form of a run's directory, and is swept as one. */
	if ((rc = make_locked(SHORT_PARENT, w->short_dir, &w->short_lock_fd)) != 0)
		return rc;
	return put_path(w->sock, w->short_dir, SOCKET) ? give(w, w->sock) : -ENAMETOOLONG;
}

static int
make_content(struct workdir *w, bool with_tcp)
{
	int rc;

	if (!put_path(w->mnt, w->dir, "mnt") || !put_path(w->hba, w->dir, "pg_hba.conf") ||
	    !put_path(w->ident, w->dir, "pg_ident.conf") || !put_path(w->log, w->dir, "server.log") ||
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

/*
 * Names below resolved are used again and again: nobody else may change what they mean.  Returns 0, or
 * -EPERM with the reason in error.
 */
static int
check_parent(const char *resolved, char error[WALK_ERROR_MAX])
{
	struct walk walk = { 0 };
	char path[PATH_MAX];
	int fd autoclose = -1;
	struct stat st;

	if (geteuid() == 0) {
		if (!put_path(path, resolved, TEMPLATE))
			return 0;	/* whoever makes it says that */
		fd = walk_parent(path, &walk, error);
		return fd < 0 ? -EPERM : walk_check(&walk, path, 0, error);
	}
	if (stat(resolved, &st) != 0 || (st.st_mode & (S_IWOTH | S_ISVTX)) != S_IWOTH)
		return 0;
	snprintf(error, WALK_ERROR_MAX, "\"%.200s\" can be written by others, and is not sticky", resolved);
	return -EPERM;
}

int
workdir_find(const char *parent, char resolved[PATH_MAX], char why[WORKDIR_WHY_MAX])
{
	char error[WALK_ERROR_MAX];
	int rc;

	parent = choose_parent(parent);
	if ((rc = paths_resolve(parent, resolved)) != 0)
		snprintf(error, sizeof(error), "%s", paths_strerror(rc));
	else if ((rc = check_parent(resolved, error)) == 0)
		return 0;
	snprintf(why, WORKDIR_WHY_MAX, "could not use \"%.1000s\": %s; --workdir names another directory", parent, error);
	return rc;
}

int
workdir_make(struct workdir *w, const char *parent, const char *diff, uid_t uid, gid_t gid,
    bool with_tcp)
{
	char resolved[PATH_MAX], why[WORKDIR_WHY_MAX];
	int rc;

	*w = (struct workdir){ .own_diff = diff == NULL, .uid = uid, .gid = gid, .lock_fd = -1,
	    .short_lock_fd = -1 };
	if (diff != NULL && (rc = paths_resolve_parent(diff, w->diff)) != 0)
		return cli_error("could not use diff directory \"%s\": %s", diff, paths_strerror(rc));
	if (workdir_find(parent, resolved, why) != 0)
		return cli_error("%s", why);
	rc = make_locked(resolved, w->dir, &w->lock_fd);
	if (w->dir[0] == '\0')
		return cli_error("could not make a directory in \"%s\": %s; --workdir names another"
		    " one", resolved, strerror(-rc));
	if (rc != 0 || (rc = make_content(w, with_tcp)) != 0) {
		cli_error("could not make what belongs in \"%s\": %s; --workdir names another"
		    " directory", w->dir, strerror(-rc));
		workdir_remove(w);
		return EXIT_FAILURE;
	}
	return 0;
}

/* Removes what its owner, the server's user, may have filled with anything: with all that it holds. */
static int
remove_given(const char *path)
{
	char parent[PATH_MAX], failed[NAME_MAX + 1];
	const char *name = walk_split(path, parent);
	int fd autoclose = open(parent, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	rc = rmtree(fd, name, failed);
	return rc == 0 ? 0 : cli_error("could not remove \"%s\", which has \"%s\": %s", path, failed, strerror(-rc));
}

void
workdir_note_server(const struct workdir *w, pid_t pid)
{
	char path[PATH_MAX], line[32];
	int fd autoclose = put_path(path, w->dir, SERVERS) ?
	    open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;

	snprintf(line, sizeof(line), "%d %u\n", (int)pid, (unsigned)w->uid);
	if (fd >= 0)
		io_write(fd, line, strlen(line));
}

/* Removes the shared memory of the servers that are noted in dir. */
static void
sweep_servers(const struct workdir *w)
{
	char path[PATH_MAX];
	struct stat began;
	unsigned uid;
	FILE *f;
	int pid;

	if (stat(w->hba, &began) != 0 || !put_path(path, w->dir, SERVERS) || (f = fopen(path, "re")) == NULL)
		return;
	while (fscanf(f, "%d %u\n", &pid, &uid) == 2)
		pgserver_sweep(&pid, 1, uid, began.st_mtime);
	fclose(f);
}

/* Puts its new name before a path that begins with the old one. */
static bool
rename_path(char path[PATH_MAX], const char *old, const char *new)
{
	char text[PATH_MAX];
	size_t n = strlen(old);

	if (strncmp(path, old, n) != 0 || (path[n] != '\0' && path[n] != '/'))
		return true;
	if (snprintf(text, sizeof(text), "%s%s", new, path + n) >= (int)sizeof(text))
		return false;
	memcpy(path, text, sizeof(text));
	return true;
}

/* Whether it is still there, under that name and nobody else's. */
static bool
is_at(const struct workdir *w, const char *path)
{
	struct stat st, named;

	return fstat(w->lock_fd, &st) == 0 && lstat(path, &named) == 0 && st.st_dev == named.st_dev &&
	    st.st_ino == named.st_ino;
}

void
workdir_follow(struct workdir *w)
{
	char *const paths[] = { w->mnt, w->diff, w->sock, w->shm, w->hba, w->ident, w->log };
	char link[64], now[PATH_MAX], old[PATH_MAX], parent[PATH_MAX], error[WALK_ERROR_MAX];
	ssize_t n;
	size_t i;

	if (w->dir[0] == '\0' || is_at(w, w->dir))
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", w->lock_fd);
	if ((n = readlink(link, now, sizeof(now) - 1)) < 0)
		return;
	now[n] = '\0';
	if (!is_at(w, now))
		return;		/* removed: what is left is told by its old name */
	walk_split(now, parent);
	if (check_parent(parent, error) != 0) {
		cli_warn("\"%s\" was moved to \"%s\", and is not followed there: %s", w->dir, now, error);
		return;
	}
	cli_warn("\"%s\" was moved to \"%s\": it is removed there", w->dir, now);
	strlcpy(old, w->dir, sizeof(old));
	strlcpy(w->dir, now, sizeof(w->dir));
	for (i = 0; i < ARRAY_SIZE(paths); i++)
		if (!rename_path(paths[i], old, now))
			return;
}

int
workdir_remove(struct workdir *w)
{
	const char *const given[] = { w->sock, w->shm };
	const char *const directories[] = { w->short_dir, w->mnt, w->own_diff ? w->diff : "", w->dir };
	char path[PATH_MAX];
	int rc = 0;
	size_t i;

	if (w->dir[0] == '\0')
		return 0;
	for (i = 0; i < ARRAY_SIZE(given); i++)
		if (given[i][0] != '\0' && remove_given(given[i]) != 0)
			rc = EXIT_FAILURE;
	if (put_path(path, w->dir, SERVERS))
		unlink(path);
	unlink(w->hba);
	unlink(w->ident);
	unlink(w->log);
	for (i = 0; i < ARRAY_SIZE(directories); i++)
		if (directories[i][0] != '\0' && rmdir(directories[i]) != 0 && errno != ENOENT)
			rc = cli_error("could not remove \"%s\": %s", directories[i], strerror(errno));
	if (rc == 0)
		w->dir[0] = '\0';
	return rc;
}

/* The mark is the bit S_ISUID, which means nothing of a directory. */
int
workdir_keep(const struct workdir *w)
{
	if (fchmod(w->lock_fd, finished_mode() | S_ISUID) != 0 ||
	    (w->short_dir[0] != '\0' && fchmod(w->short_lock_fd, finished_mode() | S_ISUID) != 0))
		return -errno;
	return 0;
}

/* ---- what others left ---------------------------------------------------------- */

/*
 * Whether name is the directory of a run of the caller's that is not to be kept, and nobody of that
 * lives.  Anybody may give such a name to anything in /tmp, a file system that never answers
 * included, so it is not opened before it is known.
 */
static bool
is_left(int parent, const char *name, int *lock_fd)
{
	int fd autoclose = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statx st, of_parent;
	char self[64];

	*lock_fd = -1;
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &st) != 0 ||
	    statx(parent, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &of_parent) != 0 ||
	    st.stx_dev_major != of_parent.stx_dev_major || st.stx_dev_minor != of_parent.stx_dev_minor ||
	    st.stx_uid != geteuid())
		return false;
	if ((st.stx_mode & 07777) != finished_mode() && ((st.stx_mode & 07777) != MODE_NEW ||
	    st.stx_ctime.tv_sec + NEW_SECONDS > time(NULL)))
		return false;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	*lock_fd = open(self, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *lock_fd >= 0 && flock(*lock_fd, LOCK_EX | LOCK_NB) == 0;
}

/* A mount whose processes were killed is dead, and there. */
static void
unmount_left(const struct workdir *w)
{
	const struct options by_force = { .mnt = w->mnt, .diff = w->diff, .force = true };
	static struct mountinfo m;

	if (mountinfo_find(w->mnt, &m) == 0)
		subcommand_run(cmd_unmount, &by_force);
}

static void
remove_left(const char *dir)
{
	struct options all = { 0 };
	struct workdir w = { .own_diff = true };
	struct stat st;

	if (strlcpy(w.dir, dir, sizeof(w.dir)) >= sizeof(w.dir) || !put_path(w.mnt, dir, "mnt") ||
	    !put_path(w.diff, dir, "diff") || !put_path(w.sock, dir, SOCKET) ||
	    !put_path(w.shm, dir, "shm") || !put_path(w.hba, dir, "pg_hba.conf") ||
	    !put_path(w.ident, dir, "pg_ident.conf") || !put_path(w.log, dir, "server.log"))
		return;
	all.diff = w.diff;
	unmount_left(&w);
	if (lstat(w.diff, &st) == 0 && subcommand_run(cmd_cleanup, &all) != 0)
		return;
	sweep_servers(&w);
	if (workdir_remove(&w) == 0)
		cli_note("removed \"%s\": its run was killed", dir);
}

static void
sweep_parent(const char *parent)
{
	static const char prefix[] = "pbkfs-run.";
	char path[PATH_MAX];
	struct dirent *e;
	DIR *dir = opendir(parent);
	int fd;

	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL) {
		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0)
			continue;
		if (is_left(dirfd(dir), e->d_name, &fd) && put_path(path, parent, e->d_name))
			remove_left(path);
		if (fd >= 0)
			close(fd);
	}
	closedir(dir);
}

void
workdir_sweep(const char *parent)
{
	char resolved[PATH_MAX] = "", why[WORKDIR_WHY_MAX], error[WALK_ERROR_MAX];

	if (workdir_find(parent, resolved, why) == 0)
		sweep_parent(resolved);
	if (strcmp(resolved, SHORT_PARENT) != 0 && check_parent(SHORT_PARENT, error) == 0)
		sweep_parent(SHORT_PARENT);
}
