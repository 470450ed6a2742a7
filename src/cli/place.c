/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Root resolves names that only root and the owner can change, and gives away what is its own and
 * empty; beneath that, and where others than the user say where to go, it has the owner's rights alone.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "base/util.h"
#include "cli/cli.h"
#include "cli/place.h"
#include "supervisor/identity.h"
#include "supervisor/mountinfo.h"
#include "supervisor/paths.h"
#include "supervisor/username.h"
#include "supervisor/walk.h"

#define POSTMASTER_PID	"postmaster.pid"
#define BLOCK		4096	/* of a file system, about */
#define FILE_COST	512	/* of an inode and its name, about */

const char *
place_kind_name(const struct place *p)
{
	static const char *const names[] = {
		[PLACE_PGDATA] = "target", [PLACE_WAL] = "WAL directory",
		[PLACE_TABLESPACE] = "tablespace", [PLACE_EXTERNAL] = "external directory",
	};

	return names[p->kind];
}

/* The way out for a place that the catalog has named, as the rest of a sentence. */
const char *
place_way_out(const struct place *p)
{
	if (p->named)
		return "";
	return p->kind == PLACE_TABLESPACE ? ": -T maps it elsewhere" :
	    ": --external-mapping maps it elsewhere, --skip-external-dirs leaves it out";
}

int
place_resolve(struct place *p)
{
	struct mountinfo *m autofree = malloc(sizeof(*m));
	int rc = m == NULL ? -ENOMEM : paths_resolve_parent(p->given, p->path);

	if (rc != 0)
		return cli_error("could not use %s \"%s\": %s%s", place_kind_name(p), p->given, paths_strerror(rc),
		    place_way_out(p));
	if (p->path[1] == '\0')
		return cli_error("the root directory cannot be the %s", place_kind_name(p));
	if (mountinfo_of(p->path, m) == 0 && strcmp(m->fstype, MOUNT_FSTYPE) == 0)
		return cli_error("%s \"%s\" is on a mount of pbkfs, \"%s\"", place_kind_name(p), p->path, m->mountpoint);
	return 0;
}

int
place_resolve_all(struct place *places, unsigned n, const char *what, const char *path)
{
	struct paths_named *paths autofree = calloc(n + 1, sizeof(*paths));
	char error[2 * PATH_MAX + 128];
	unsigned i;

	if (paths == NULL)
		return cli_error("out of memory");
	paths[0] = (struct paths_named){ what, path };
	for (i = 0; i < n; i++) {
		if (places[i].path[0] == '\0' && place_resolve(&places[i]) != 0)
			return EXIT_FAILURE;
		paths[i + 1] = (struct paths_named){ place_kind_name(&places[i]), places[i].path };
	}
	return paths_check_overlap(paths, n + 1, error, sizeof(error)) == 0 ? 0 : cli_error("%s", error);
}

/* ---- opening and making -------------------------------------------------------------- */

/* Returns the first name that a directory holds, but for what a file system has there; "" if there is none. */
int
place_first_name(int fd, char name[NAME_MAX + 1])
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *d;

	name[0] = '\0';
	if (dir == NULL) {
		if (copy >= 0)
			close(copy);
		return -errno;
	}
	while (name[0] == '\0' && (d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 &&
		    strcmp(d->d_name, "lost+found") != 0)
			strlcpy(name, d->d_name, NAME_MAX + 1);
	closedir(dir);
	return 0;
}

static int
make(struct place *p, const char *base, uid_t uid, gid_t gid)
{
	int rc;

	if (mkdirat(p->parent_fd, base, 0700) == 0)
		return 0;
	if ((errno != EACCES && errno != EPERM) || !identity_is_root() || !p->named)
		return -errno;
	identity_raise();
	p->made_by_root = true;
	rc = mkdirat(p->parent_fd, base, 0700) == 0 &&
	    fchownat(p->parent_fd, base, uid, gid, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : -errno;
	identity_drop();
	return rc;
}

/* Whether it is root's own directory, which nobody else can write to, and empty. */
static bool
may_be_given(const struct place *p, const struct stat *st, uid_t uid)
{
	char name[NAME_MAX + 1];
	int rc;

	if (!identity_is_root() || !p->named || st->st_uid != 0 || uid == 0 || (st->st_mode & 022) != 0)
		return false;
	identity_raise();
	rc = place_first_name(p->fd, name);
	identity_drop();
	return rc == 0 && name[0] == '\0';
}

int
place_take(const struct place *p, uid_t uid, gid_t gid)
{
	char user[USERNAME_MAX];
	struct stat st;
	int rc;

	if (!p->is_roots)
		return 0;
	if (fstat(p->fd, &st) != 0 || !may_be_given(p, &st, uid))
		return cli_error("%s \"%s\" has changed meanwhile", place_kind_name(p), p->path);
	identity_raise();
	rc = fchown(p->fd, uid, gid) == 0 ? 0 : -errno;
	identity_drop();
	return rc == 0 ? 0 : cli_error("could not give %s \"%s\" to user %s: %s", place_kind_name(p), p->path,
	    username_of(uid, user), strerror(-rc));
}

static int
check_opened(struct place *p, struct walk *w, uid_t uid)
{
	char error[WALK_ERROR_MAX], his[USERNAME_MAX], name[USERNAME_MAX];
	struct stat st;

	if (fstat(p->fd, &st) != 0)
		return cli_error("could not stat %s \"%s\": %s", place_kind_name(p), p->path, strerror(errno));
	if (identity_is_root() && (walk_enter(w, p->path, p->fd, error) != 0 ||
	    walk_check(w, p->path, uid, error) != 0))
		return cli_error("could not use %s \"%s\": %s", place_kind_name(p), p->path, error);
	if (st.st_uid != uid && !(p->is_roots = may_be_given(p, &st, uid)))
		return cli_error("%s \"%s\" belongs to user %s, not to user %s%s", place_kind_name(p), p->path,
		    username_of(st.st_uid, his), username_of(uid, name),
		    p->named ? ": name an empty directory, one of that user, or one that does not exist" : place_way_out(p));
	if ((st.st_mode & 022) != 0)
		return cli_error("%s \"%s\" can be written by others: chmod go-w it first", place_kind_name(p),
		    p->path);
	return 0;
}

static int
open_parent(struct place *p, struct walk *w, uid_t uid)
{
	char error[WALK_ERROR_MAX];

	if ((p->parent_fd = walk_parent(p->path, w, error)) < 0)
		return cli_error("could not use %s \"%s\": %s%s", place_kind_name(p), p->path, error, place_way_out(p));
	if (identity_is_root() && walk_check(w, p->path, uid, error) != 0)
		return cli_error("could not use %s \"%s\": %s", place_kind_name(p), p->path, error);
	return 0;
}

int
place_open_parent(struct place *p, uid_t uid)
{
	struct walk w;

	return open_parent(p, &w, uid);
}

int
place_open(struct place *p, uid_t uid, gid_t gid)
{
	static const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	const char *base = strrchr(p->path, '/') + 1;
	char name[USERNAME_MAX];
	struct walk w;
	int rc;

	if (open_parent(p, &w, uid) != 0)
		return EXIT_FAILURE;
	p->fd = openat(p->parent_fd, base, flags);
	if (p->fd < 0 && errno == ENOENT) {
		if ((rc = make(p, base, uid, gid)) != 0)
			return cli_error("could not create %s \"%s\" as user %s: %s%s", place_kind_name(p), p->path,
			    username_of(uid, name), strerror(-rc), place_way_out(p));
		p->made = true;
		p->fd = openat(p->parent_fd, base, flags);
	}
	if (p->fd < 0 && errno == EACCES && p->named) {
		identity_raise();
		p->fd = openat(p->parent_fd, base, flags);
		identity_drop();
	}
	if (p->fd < 0) {
		rc = errno;
		return cli_error("could not open %s \"%s\" as user %s: %s", place_kind_name(p), p->path,
		    username_of(uid, name), rc == ENOTDIR || rc == ELOOP ? "it is a link, or no directory" :
		    strerror(rc));
	}
	return check_opened(p, &w, uid);
}

int
place_check_empty(const struct place *p)
{
	char name[NAME_MAX + 1];
	int rc;

	if (p->is_roots)
		return 0;
	if ((rc = place_first_name(p->fd, name)) != 0)
		return cli_error("could not read %s \"%s\": %s", place_kind_name(p), p->path, strerror(-rc));
	if (name[0] == '\0')
		return 0;
	return cli_error("%s \"%s\" is not empty: it holds \"%s\"%s", place_kind_name(p), p->path, name,
	    p->kind == PLACE_PGDATA ? p->if_not_empty : place_way_out(p));
}

/* The process that postmaster.pid names; 0: the file says nothing. */
static pid_t
postmaster_of(int fd)
{
	char text[32] = "";
	ssize_t n = io_pread(fd, text, sizeof(text) - 1, 0);
	long pid = n <= 0 ? 0 : strtol(text, NULL, 10);

	return pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

static bool
lives(pid_t pid)
{
	return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

pid_t
place_server(int dir_fd)
{
	struct stat st;
	int fd autoclose = io_open_plain(dir_fd, POSTMASTER_PID, &st);
	pid_t pid = fd >= 0 ? postmaster_of(fd) : 0;

	return lives(pid) ? pid : 0;
}

int
place_check_no_server(const struct place *p)
{
	struct stat st;
	int fd autoclose = io_open_plain(p->fd, POSTMASTER_PID, &st);
	pid_t pid;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return cli_error("could not read \"%s/" POSTMASTER_PID "\": %s", p->path, io_plain_error(fd));
	pid = postmaster_of(fd);
	if (lives(pid))
		return cli_error("a server runs in \"%s\" (pid %d): stop it first", p->path, (int)pid);
	return cli_error("a server that runs in \"%s\" has crashed, or cannot be seen from here: make sure, then"
	    " remove \"%s/" POSTMASTER_PID "\"", p->path, p->path);
}

/* ---- room ------------------------------------------------------------------------------ */

static uint64_t
needs(const struct place *p)
{
	return p->bytes + p->files * (BLOCK / 2 + FILE_COST);
}

static int
no_room(const struct place *p, const char *what, uint64_t need, uint64_t room)
{
	struct mountinfo *m autofree = malloc(sizeof(*m));
	char wanted[TEXT_NUMBER_MAX], left[TEXT_NUMBER_MAX];
	bool known = m != NULL && mountinfo_of(p->path, m) == 0;

	text_size(need, wanted);
	text_size(room, left);
	return cli_error("the %s needs %s, and the file system \"%s\" of %s \"%s\" has %s left", what, wanted,
	    known ? m->mountpoint : "?", place_kind_name(p), p->path, left);
}

/* Adds up what the places on one file system need. */
static int
check_room(const struct place *places, unsigned n, unsigned first, const char *what)
{
	struct stat st, other;
	struct statvfs v;
	uint64_t sum = 0, room;
	unsigned i;

	if (fstat(places[first].fd, &st) != 0 || fstatvfs(places[first].fd, &v) != 0)
		return 0;
	for (i = 0; i < n; i++)
		if (fstat(places[i].fd, &other) == 0 && other.st_dev == st.st_dev) {
			if (i < first)
				return 0;
			sum += needs(&places[i]);
		}
	room = (uint64_t)v.f_bavail * v.f_frsize;
	return sum <= room ? 0 : no_room(&places[first], what, sum, room);
}

int
place_check_rooms(const struct place *places, unsigned n, const char *what)
{
	unsigned i;
	int rc = 0;

	for (i = 0; i < n && rc == 0; i++)
		rc = check_room(places, n, i, what);
	return rc;
}

/* ---- the end ----------------------------------------------------------------------------- */

void
place_close(struct place *p, bool keep)
{
	if (p->fd >= 0)
		close(p->fd);
	/* One that is not empty stays. */
	if (p->made && !keep) {
		if (p->made_by_root)
			identity_raise();
		unlinkat(p->parent_fd, strrchr(p->path, '/') + 1, AT_REMOVEDIR);
		if (p->made_by_root)
			identity_drop();
	}
	if (p->parent_fd >= 0)
		close(p->parent_fd);
	p->fd = p->parent_fd = -1;
}
