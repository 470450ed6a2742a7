/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Only names and files that the supervisor keeps.  The journal and the contents are the worker's, and
 * nothing here reads them; that the directory is in use is known by lock.c.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/ondisk.h"
#include "base/rmtree.h"
#include "base/text.h"
#include "base/util.h"
#include "supervisor/binding.h"
#include "supervisor/diffdir.h"
#include "supervisor/lock.h"
#include "supervisor/paths.h"
#include "supervisor/username.h"

/* Everything that pbkfs puts into a diff directory.  "x*" stands for a prefix. */
static const char *const our_names[] = {
	ONDISK_BINDING "*",	/* and its temporary file */
	ONDISK_LOCK,
	ONDISK_DIRTY "*",	/* and OLD_CUT */
	ONDISK_INFODIR,
	ONDISK_CHANGES,
	ONDISK_NEXT,
	ONDISK_OLD,
	ONDISK_PROTECTED,
	ONDISK_RUN,
	ONDISK_PROMOTE ".tmp",
	ONDISK_LAYERS,
	ONDISK_BRANCHES,
};

#define OLD_CUT	ONDISK_DIRTY "-cut"

/* Versions before ONDISK_CHANGES put these beside it; they are the worker's now. */
static const char *const moved_names[] = {
	ONDISK_JOURNAL "*",
	ONDISK_CONTENT,
	ONDISK_RESERVE "*",
	ONDISK_WAL "*",	/* and its temporary directory */
	ONDISK_SEGMENTS "*",
	OLD_CUT,
};

static bool
name_is_in(const char *name, const char *const *names, size_t n_names)
{
	size_t i, n;

	for (i = 0; i < n_names; i++) {
		n = strlen(names[i]);
		if (names[i][n - 1] == '*' ? strncmp(name, names[i], n - 1) == 0 :
		    strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static bool
name_is_moved(const char *name)
{
	return name_is_in(name, moved_names, ARRAY_SIZE(moved_names));
}

static bool
name_is_ours(const char *name)
{
	return name_is_in(name, our_names, ARRAY_SIZE(our_names)) || name_is_moved(name);
}

/* A file system's own directory at its root, and the two that are always there. */
static bool
name_is_nobodys(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	    strcmp(name, "lost+found") == 0;
}

static DIR *
open_listing(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir;

	if (fd < 0)
		return NULL;
	if ((dir = fdopendir(fd)) == NULL)
		close(fd);
	return dir;
}

static int
open_or_make(struct diffdir *d, bool create, const char **what)
{
	static const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

	d->fd = openat(d->parent_fd, d->base, flags);
	if (d->fd >= 0 || errno != ENOENT || !create)
		return d->fd < 0 ? -errno : 0;
	*what = "create";
	if (mkdirat(d->parent_fd, d->base, 0700) != 0)
		return -errno;
	*what = "open";
	d->made = true;
	d->fd = openat(d->parent_fd, d->base, flags);
	return d->fd < 0 ? -errno : 0;
}

int
diffdir_open(struct diffdir *d, const char *path, bool create, char *error)
{
	const char *what = "open";
	char why[WALK_ERROR_MAX];
	struct stat st;
	int rc;

	*d = (struct diffdir){
		.fd = -1, .changes_fd = -1, .infodir_fd = -1, .parent_fd = -1, .path = path
	};
	d->base = strrchr(path, '/') + 1;
	if ((d->parent_fd = walk_parent(path, &d->walk, why)) < 0) {
		snprintf(error, DIFFDIR_ERROR_MAX, "could not use diff directory \"%s\": %s", path,
		    why);
		return d->parent_fd;
	}
	if ((rc = open_or_make(d, create, &what)) == 0 && fstat(d->fd, &st) != 0)
		rc = -errno;
	if (rc == 0 && (rc = walk_enter(&d->walk, path, d->fd, why)) != 0) {
		snprintf(error, DIFFDIR_ERROR_MAX, "could not use diff directory \"%s\": %s", path,
		    why);
		return rc;
	}
	if (rc != 0) {
		snprintf(error, DIFFDIR_ERROR_MAX, "could not %s diff directory \"%s\": %s",
		    what, path, rc == -ENOTDIR ? "it is a link, or no directory" : strerror(-rc));
		return rc;
	}
	d->uid = st.st_uid;
	d->gid = st.st_gid;
	return 0;
}

/* A directory that is nobody else's to write.  Returns a descriptor or negative errno. */
static int
open_owned(int dir_fd, const char *name, int flags, uid_t uid)
{
	int fd autoclose = openat(dir_fd, name, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? -EPERM : -errno;
	if (fstat(fd, &st) != 0)
		return -errno;
	return st.st_uid == uid && (st.st_mode & 022) == 0 ? steal_fd(&fd) : -EPERM;
}

int
diffdir_open_branch(struct diffdir *d, const struct diffdir *whole, const char *name, const char *path)
{
	*d = (struct diffdir){
		.fd = -1, .changes_fd = -1, .infodir_fd = -1, .parent_fd = -1, .walk = whole->walk, .path = path,
		.uid = whole->uid, .gid = whole->gid,
	};
	d->base = strrchr(path, '/') + 1;
	if ((d->parent_fd = open_owned(whole->fd, ONDISK_BRANCHES, O_PATH, d->uid)) < 0)
		return d->parent_fd;
	d->fd = open_owned(d->parent_fd, name, O_RDONLY, d->uid);
	return MIN(d->fd, 0);
}

int
diffdir_check_way(const struct diffdir *d, uid_t uid, char *error)
{
	char why[WALK_ERROR_MAX];

	if (geteuid() != 0 || walk_check(&d->walk, d->path, uid, why) == 0)
		return 0;
	snprintf(error, DIFFDIR_ERROR_MAX, "could not use diff directory \"%s\": %s", d->path, why);
	return -EPERM;
}

void
diffdir_close(struct diffdir *d)
{
	if (d->changes_fd >= 0)
		close(d->changes_fd);
	if (d->infodir_fd >= 0)
		close(d->infodir_fd);
	if (d->parent_fd >= 0)
		close(d->parent_fd);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = d->changes_fd = d->infodir_fd = d->parent_fd = -1;
}

static int
check_owner_and_mode(struct diffdir *d, uid_t uid, char *error)
{
	char his[USERNAME_MAX], name[USERNAME_MAX];
	struct stat st;

	if (fstat(d->fd, &st) != 0)
		return -errno;
	if (st.st_uid != uid) {
		snprintf(error, DIFFDIR_ERROR_MAX,
		    "diff directory \"%s\" belongs to user %s, not to user %s",
		    d->path, username_of(st.st_uid, his), username_of(uid, name));
		return -EPERM;
	}
	if ((st.st_mode & 022) != 0) {
		snprintf(error, DIFFDIR_ERROR_MAX,
		    "diff directory \"%s\" can be written by others: chmod go-w it first",
		    d->path);
		return -EPERM;
	}
	d->uid = st.st_uid;
	d->gid = st.st_gid;
	return 0;
}

/* Notes what it was, for diffdir_unmake(). */
static int
keep_owner(struct diffdir *d)
{
	struct stat st;

	if (fstat(d->fd, &st) != 0)
		return -1;
	d->given = true;
	d->old_gid = st.st_gid;
	d->old_mode = st.st_mode & 07777;
	return 0;
}

int
diffdir_set_owner(struct diffdir *d, uid_t uid, gid_t gid, bool empty, char *error)
{
	char name[USERNAME_MAX];
	int rc;

	/* Root gives away only what is root's own, never another user's directory. */
	if (empty && d->uid == 0 && uid != 0 && geteuid() == 0) {
		if (!d->made && (rc = check_owner_and_mode(d, 0, error)) != 0)
			return rc;
		if (!d->made && keep_owner(d) != 0)
			return -errno;
		if (fchown(d->fd, uid, gid) != 0) {
			rc = -errno;
			snprintf(error, DIFFDIR_ERROR_MAX,
			    "could not give diff directory \"%s\" to user %s: %s",
			    d->path, username_of(uid, name), strerror(-rc));
			return rc;
		}
	}
	if ((rc = check_owner_and_mode(d, uid, error)) != 0)
		return rc;
	if (empty && fchmod(d->fd, 0700) != 0)
		return -errno;
	return 0;
}

int
diffdir_content(const struct diffdir *d, char *foreign)
{
	bool ours = false, has_binding = false, promoting = false, has_layers = false;
	const struct dirent *entry;
	DIR *dir;

	if ((dir = open_listing(d->fd)) == NULL)
		return -errno;
	foreign[0] = '\0';
	while ((entry = readdir(dir)) != NULL) {
		if (name_is_nobodys(entry->d_name))
			continue;
		if (strcmp(entry->d_name, ONDISK_PROMOTE) == 0) {
			promoting = true;
			continue;
		}
		if (!name_is_ours(entry->d_name)) {
			snprintf(foreign, NAME_MAX + 1, "%s", entry->d_name);
			break;
		}
		ours = true;
		has_binding |= strcmp(entry->d_name, ONDISK_BINDING) == 0;
		has_layers |= strcmp(entry->d_name, ONDISK_LAYERS) == 0 || strcmp(entry->d_name, ONDISK_BRANCHES) == 0;
	}
	closedir(dir);
	if (promoting && foreign[0] == '\0')
		return DIFFDIR_PROMOTING;
	return foreign[0] != '\0' ? DIFFDIR_FOREIGN : has_binding ? DIFFDIR_OURS : has_layers ? DIFFDIR_LEFT_OVER :
	    ours ? DIFFDIR_UNFINISHED : DIFFDIR_EMPTY;
}

int
diffdir_open_layers(const struct diffdir *d, bool is_branch)
{
	int above autoclose = -1, fd autoclose = -1;
	struct stat st, ours;

	if (is_branch && (above = openat(d->parent_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -errno;
	if ((fd = open_owned(is_branch ? above : d->fd, ONDISK_LAYERS, O_RDONLY, d->uid)) < 0)
		return fd;
	if (fstat(fd, &st) != 0 || fstat(d->fd, &ours) != 0)
		return -errno;
	return st.st_dev == ours.st_dev ? steal_fd(&fd) : -EPERM;
}

int
diffdir_make_layers(const struct diffdir *d, bool is_branch)
{
	int fd = diffdir_open_layers(d, is_branch), dir_fd autoclose = -1;

	if (fd != -ENOENT || is_branch)
		return fd;
	if ((dir_fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    (mkdirat(dir_fd, ONDISK_LAYERS, 0700) != 0 && errno != EEXIST) || fsync(dir_fd) != 0)
		return -errno;
	return diffdir_open_layers(d, is_branch);
}

const char *
diffdir_layers_strerror(int rc)
{
	return rc == -EPERM ? "it is not a directory of the owner's on the same file system" : strerror(-rc);
}

/* A directory of the owner's in ours.  Returns 0 and *fd, which stays open after an error. */
static int
make_directory(const struct diffdir *d, const char *name, int *fd)
{
	struct stat st;

	if (mkdirat(d->fd, name, 0700) != 0 && errno != EEXIST)
		return -errno;
	*fd = openat(d->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0 || fstat(*fd, &st) != 0)
		return -errno;
	return st.st_uid == d->uid && (st.st_mode & 022) == 0 ? 0 : -EPERM;
}

int
diffdir_make_infodir(struct diffdir *d)
{
	return make_directory(d, ONDISK_INFODIR, &d->infodir_fd);
}

static int
move_one(const struct diffdir *d, const char *from, char *error)
{
	const char *to = strcmp(from, OLD_CUT) == 0 ? ONDISK_CUT : from;
	struct stat st;
	int rc = -EEXIST;

	if (fstatat(d->changes_fd, to, &st, AT_SYMLINK_NOFOLLOW) != 0)
		rc = renameat(d->fd, from, d->changes_fd, to) == 0 ? 0 : -errno;
	if (rc != 0)
		snprintf(error, DIFFDIR_ERROR_MAX, "could not move \"%s/%s\" to \"%s/%s\": %s",
		    d->path, from, ONDISK_CHANGES, to, strerror(-rc));
	return rc;
}

/* Name by name: where a crash ends that, the next mount goes on. */
static int
move_old(const struct diffdir *d, char *error)
{
	const struct dirent *entry;
	DIR *dir;
	int rc = 0;

	if ((dir = open_listing(d->fd)) == NULL)
		return -errno;
	while (rc == 0 && (entry = readdir(dir)) != NULL)
		if (name_is_moved(entry->d_name))
			rc = move_one(d, entry->d_name, error);
	closedir(dir);
	return rc;
}

int
diffdir_open_changes(struct diffdir *d, char *error)
{
	int rc;

	error[0] = '\0';
	if ((rc = make_directory(d, ONDISK_CHANGES, &d->changes_fd)) == 0)
		rc = move_old(d, error);
	/* Before a worker relies on what lies there. */
	if (rc == 0 && (fsync(d->changes_fd) != 0 || fsync(d->fd) != 0))
		rc = -errno;
	if (rc != 0 && error[0] == '\0')
		snprintf(error, DIFFDIR_ERROR_MAX, "could not use \"%s/%s\": %s", d->path,
		    ONDISK_CHANGES, rc == -EPERM || rc == -ENOTDIR || rc == -ELOOP ?
		    "it is not a directory of the owner's" : strerror(-rc));
	return rc;
}

int
diffdir_reopen_changes(const struct diffdir *d, int how)
{
	return open_owned(d->fd, ONDISK_CHANGES, how, d->uid);
}

static int
write_temporary(int dir_fd, const char *name, const void *text, size_t len, bool durable)
{
	int fd autoclose = -1, rc;

	if (unlinkat(dir_fd, name, 0) != 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if ((rc = io_write(fd, text, len)) != 0)
		return rc;
	return durable && fsync(fd) != 0 ? -errno : 0;
}

int
diffdir_replace(int dir_fd, const char *name, const void *text, size_t len, bool durable)
{
	char temporary[NAME_MAX + 1];
	int rc;

	snprintf(temporary, sizeof(temporary), "%s.tmp", name);
	if ((rc = write_temporary(dir_fd, temporary, text, len, durable)) == 0 &&
	    renameat(dir_fd, temporary, dir_fd, name) != 0)
		rc = -errno;
	if (rc != 0) {
		unlinkat(dir_fd, temporary, 0);
		return rc;
	}
	return durable && fsync(dir_fd) != 0 ? -errno : 0;
}

static int
remove_durably(int dir_fd, const char *name)
{
	if (unlinkat(dir_fd, name, 0) != 0)
		return errno == ENOENT ? 0 : -errno;
	return fsync(dir_fd) != 0 ? -errno : 0;
}

int
diffdir_set_dirty(const struct diffdir *d, bool dirty)
{
	static const char text[] = "pbkfs-dirty 1\n";

	return dirty ? diffdir_replace(d->fd, ONDISK_DIRTY, text, strlen(text), true) :
	    remove_durably(d->fd, ONDISK_DIRTY);
}

static bool
has_name(const struct diffdir *d, const char *name)
{
	struct stat st;

	return fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool
diffdir_is_dirty(const struct diffdir *d)
{
	return has_name(d, ONDISK_DIRTY);
}

bool
diffdir_is_between(const struct diffdir *d)
{
	return has_name(d, ONDISK_NEXT);
}

bool
diffdir_has_layers(const struct diffdir *d)
{
	return has_name(d, ONDISK_LAYERS);
}

#define CUT_HEAD	"pbkfs-cut 1\n"

int
diffdir_set_cut(const struct diffdir *d, const char *what)
{
	char text[sizeof(CUT_HEAD) + DIFFDIR_CUT_MAX];
	int n;

	if (what == NULL)
		return remove_durably(d->changes_fd, ONDISK_CUT);
	n = snprintf(text, sizeof(text), CUT_HEAD "%.*s\n", DIFFDIR_CUT_MAX - 1, what);
	return diffdir_replace(d->changes_fd, ONDISK_CUT, text, (size_t)n, true);
}

bool
diffdir_get_cut(const struct diffdir *d, char what[DIFFDIR_CUT_MAX])
{
	int fd autoclose = openat(d->changes_fd, ONDISK_CUT,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[sizeof(CUT_HEAD) + DIFFDIR_CUT_MAX] = "";
	const char *line = text;

	if (fd < 0)
		return false;
	/* A note that we do not understand still says that there was a cut. */
	if (io_pread(fd, text, sizeof(text) - 1, 0) < 0)
		text[0] = '\0';
	if (strncmp(line, CUT_HEAD, strlen(CUT_HEAD)) == 0)
		line += strlen(CUT_HEAD);
	snprintf(what, DIFFDIR_CUT_MAX, "%.*s", (int)strcspn(line, "\n"), line);
	text_make_printable(what);
	return true;
}

static int
remove_tree(const struct diffdir *d, const char *name)
{
	char failed[NAME_MAX + 1];
	int rc = rmtree(d->fd, name, failed);

	if (rc != 0)
		log_error("could not remove \"%s\"%s%s%s: %s", name,
		    strcmp(failed, name) != 0 ? ", \"" : "", strcmp(failed, name) != 0 ? failed : "",
		    strcmp(failed, name) != 0 ? "\" in it" : "", strerror(-rc));
	return rc;
}

int
diffdir_wipe(const struct diffdir *d, bool lock_too)
{
	const struct dirent *entry;
	DIR *dir;
	int rc = 0;

	/* Without its binding, what is left after a crash is known to be waste. */
	if (unlinkat(d->fd, ONDISK_BINDING, 0) != 0 && errno != ENOENT)
		return -errno;
	if (fsync(d->fd) != 0 || (dir = open_listing(d->fd)) == NULL)
		return -errno;
	while (rc == 0 && (entry = readdir(dir)) != NULL)
		if (name_is_ours(entry->d_name) && strcmp(entry->d_name, ONDISK_LOCK) != 0)
			rc = remove_tree(d, entry->d_name);
	closedir(dir);
	if (rc == 0 && lock_too && unlinkat(d->fd, ONDISK_LOCK, 0) != 0 && errno != ENOENT)
		rc = -errno;
	return rc;
}

void
diffdir_unmake(struct diffdir *d)
{
	char foreign[NAME_MAX + 1];

	if (d->made)
		unlinkat(d->parent_fd, d->base, AT_REMOVEDIR);
	/* If the new owner has put something there meanwhile, it stays his. */
	if (d->given && d->fd >= 0 && diffdir_content(d, foreign) == DIFFDIR_EMPTY &&
	    fchown(d->fd, 0, d->old_gid) == 0)
		fchmod(d->fd, d->old_mode);
}
