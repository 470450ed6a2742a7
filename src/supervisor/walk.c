/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Root looks for names in directories of others, too, and they can put a link, or
 * another directory, where one was a moment ago.  So a
 * name is walked once, by descriptors, and what is done is done by these.  Not by
 * openat2(2), which knows no links either, but tells nothing of the directories
 * that it went through.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "supervisor/fsuser.h"
#include "supervisor/username.h"
#include "supervisor/walk.h"

#define RESTARTS_MAX	40	/* links, and "..": as the kernel's limit */

/* A directory of the way. */
struct place {
	struct stat st;
	bool	is_known;	/* the next one: */
	uid_t	fs_uid;		/* whose file system it is in; see fsuser_of() */
};

static bool
is_sticky_of_roots(const struct place *p)
{
	return p->st.st_uid == 0 && p->fs_uid == 0 && (p->st.st_mode & S_ISVTX) != 0;
}

/* Finds whose file system it is, unless it is that of the place before. */
static int
find_user(int fd, struct place *p)
{
	int rc = p->is_known ? 0 : fsuser_of(fd, &p->fs_uid);

	p->is_known = rc == 0;
	return rc;
}

/* Whether only root decides what a name in this directory means. */
static bool
is_roots(int fd, struct place *p)
{
	return p->st.st_uid == 0 && find_user(fd, p) == 0 && p->fs_uid == 0 &&
	    ((p->st.st_mode & 022) == 0 || is_sticky_of_roots(p));
}

/*
 * Opens the next directory of a walk; not a link.  *p is the one before, which is still open,
 * so no other file system has got its number.
 */
static int
step(int dir_fd, const char *name, struct place *p)
{
	int fd autoclose = openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	dev_t dev = p->st.st_dev;

	if (fd < 0 || fstat(fd, &p->st) != 0)
		return -errno;
	p->is_known &= p->st.st_dev == dev;
	return steal_fd(&fd);
}

/* Cuts the next component off *rest.  Returns false if there is none. */
static bool
next_name(const char **rest, char name[NAME_MAX + 1])
{
	size_t n;

	*rest += strspn(*rest, "/");
	n = strcspn(*rest, "/");
	if (n == 0 || n > NAME_MAX)
		return false;
	memcpy(name, *rest, n);
	name[n] = '\0';
	*rest += n;
	return true;
}

/* ---- a canonical name --------------------------------------------------- */

/* Takes it down that a user can change the way, as the owner of dir or of its file system. */
static int
add_user(struct walk *w, uid_t uid, bool is_of_fs, const char *dir, char *error)
{
	char his[USERNAME_MAX], name[USERNAME_MAX];

	if (uid == 0 || uid == w->uid)
		return 0;
	if (w->uid != 0) {
		snprintf(error, WALK_ERROR_MAX, "\"%.200s\" %s user %s, and %s user %s: one of them"
		    " could replace what is looked for", dir,
		    is_of_fs ? "lies in a file system mounted by" : "belongs to", username_of(uid, his),
		    w->is_of_fs ? "a file system on the way to it was mounted by" :
		    "what holds it to", username_of(w->uid, name));
		return -EPERM;
	}
	w->uid = uid;
	w->is_of_fs = is_of_fs;
	return 0;
}

static int
add_file_system(int fd, struct place *p, const char *dir, struct walk *w, char *error)
{
	int rc = find_user(fd, p);

	if (rc == 0)
		return add_user(w, p->fs_uid, true, dir, error);
	snprintf(error, WALK_ERROR_MAX, "could not find out who has mounted the file system of"
	    " \"%.200s\": %s", dir, rc == -ESTALE ? "it is FUSE, and the list of mounts does not"
	    " say it" : strerror(-rc));
	return -EPERM;
}

static int
judge(int fd, struct place *p, const char *dir, struct walk *w, char *error)
{
	bool writable = (p->st.st_mode & 022) != 0;

	if (add_file_system(fd, p, dir, w, error) != 0)
		return -EPERM;
	w->shared = writable && is_sticky_of_roots(p);
	if (writable && !w->shared) {
		snprintf(error, WALK_ERROR_MAX, "\"%.200s\" can be written by others:"
		    " chmod go-w it first, or use another directory", dir);
		return -EPERM;
	}
	return add_user(w, p->st.st_uid, false, dir, error);
}

static int
walk_down(const char *parent, struct walk *w, char *error)
{
	char name[NAME_MAX + 1], so_far[PATH_MAX] = "/";
	const char *rest = parent;
	int at autoclose = -1, next;
	struct place p = { .is_known = false };

	if ((at = step(AT_FDCWD, "/", &p)) < 0)
		return at;
	while (w == NULL || judge(at, &p, so_far, w, error) == 0) {
		if (!next_name(&rest, name))
			return steal_fd(&at);
		snprintf(so_far, sizeof(so_far), "%.*s", (int)(rest - parent), parent);
		if ((next = step(at, name, &p)) < 0) {
			snprintf(error, WALK_ERROR_MAX, "could not open \"%.200s\": %s", so_far,
			    next == -ENOTDIR || next == -ELOOP ? "it is a link, or no directory" :
			    strerror(-next));
			return next;
		}
		close(at);
		at = next;
	}
	return -EPERM;
}

const char *
walk_split(const char *path, char parent[PATH_MAX])
{
	const char *base = strrchr(path, '/') + 1;
	size_t n = MIN((size_t)(base - path), (size_t)PATH_MAX);

	if (n > 1)
		n--;	/* not the slash, unless it is the root directory */
	memcpy(parent, path, n);
	parent[n] = '\0';
	return base;
}

int
walk_parent(const char *path, struct walk *w, char *error)
{
	char parent[PATH_MAX];
	int fd;

	error[0] = '\0';
	walk_split(path, parent);
	if (w != NULL)
		*w = (struct walk){ 0 };
	if (geteuid() == 0)
		return walk_down(parent, w, error);
	/* An ordinary user can be led to nothing that he may not do anyway. */
	fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	snprintf(error, WALK_ERROR_MAX, "could not open \"%.200s\": %s", parent, strerror(errno));
	return -errno;
}

int
walk_enter(struct walk *w, const char *path, int fd, char *error)
{
	struct place p = { .is_known = false };

	error[0] = '\0';
	return geteuid() == 0 ? add_file_system(fd, &p, path, w, error) : 0;
}

int
walk_check(const struct walk *w, const char *path, uid_t uid, char *error)
{
	char name[USERNAME_MAX];

	if (w->uid == 0 || w->uid == uid)
		return 0;
	username_of(w->uid, name);
	if (w->is_of_fs)
		snprintf(error, WALK_ERROR_MAX, "user %s could replace \"%.200s\", who has mounted a"
		    " file system on the way to it: let root mount that, or use another directory",
		    name, path);
	else
		snprintf(error, WALK_ERROR_MAX, "user %s could replace \"%.200s\", to whom a directory"
		    " on the way to it belongs: chown that, or use another directory",
		    name, path);
	return -EPERM;
}

/* ---- any name ----------------------------------------------------------- */

struct resolve {
	char	todo[2 * PATH_MAX];	/* absolute */
	char	out[PATH_MAX];	/* of it, what is done */
	unsigned restarts;
};

/* Begins anew with what is done, a part that replaces the next component, and the rest. */
static int
restart(struct resolve *r, const char *part, const char *rest)
{
	char todo[sizeof(r->todo)];

	if (++r->restarts > RESTARTS_MAX)
		return -ELOOP;
	if (snprintf(todo, sizeof(todo), "%s/%s/%s", part[0] == '/' ? "" : r->out, part, rest) >=
	    (int)sizeof(todo))
		return -ENAMETOOLONG;
	memcpy(r->todo, todo, sizeof(todo));
	return 1;
}

static int
restart_above(struct resolve *r, const char *rest)
{
	char *slash = strrchr(r->out, '/');

	if (slash != NULL)
		*slash = '\0';
	return restart(r, ".", rest);
}

static int
append(struct resolve *r, const char *name)
{
	size_t n = strlen(r->out);

	return snprintf(r->out + n, sizeof(r->out) - n, "/%s", name) >= (int)(sizeof(r->out) - n) ?
	    -ENAMETOOLONG : 0;
}

/* A component that is no directory: a link that may be followed, or the end. */
static int
follow(struct resolve *r, int dir_fd, bool trusted, const char *name, const char *rest)
{
	char target[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	if (!S_ISLNK(st.st_mode))
		return rest[strspn(rest, "/")] != '\0' ? -ENOTDIR : append(r, name);
	if (!trusted || st.st_uid != 0)
		return -ELOOP;
	if ((n = readlinkat(dir_fd, name, target, sizeof(target) - 1)) < 0)
		return -errno;
	target[n] = '\0';
	return restart(r, target, rest);
}

/* One pass over todo.  Returns 0 at its end, 1 to begin anew, or negative errno. */
static int
pass(struct resolve *r, bool last)
{
	char name[NAME_MAX + 1];
	const char *rest = r->todo;
	int at autoclose = -1, next, rc;
	bool trusted = true;
	struct place p = { .is_known = false };

	r->out[0] = '\0';
	if ((at = step(AT_FDCWD, "/", &p)) < 0)
		return at;
	while (trusted = trusted && is_roots(at, &p), next_name(&rest, name)) {
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0)
			return restart_above(r, rest);
		if (!last && rest[strspn(rest, "/")] == '\0')
			return append(r, name);
		next = step(at, name, &p);
		if (next == -ENOTDIR || next == -ELOOP)
			return follow(r, at, trusted, name, rest);
		if (next < 0)
			return next;
		close(at);
		at = next;
		if ((rc = append(r, name)) != 0)
			return rc;
	}
	return rest[strspn(rest, "/")] != '\0' ? -ENAMETOOLONG : 0;
}

int
walk_resolve(const char *path, bool last, char out[PATH_MAX])
{
	struct resolve r = { .restarts = 0 };
	char cwd[PATH_MAX] = "";
	int rc;

	if (path[0] == '\0')
		return -ENOENT;
	if (path[0] != '/' && getcwd(cwd, sizeof(cwd)) == NULL)
		return -errno;
	if (snprintf(r.todo, sizeof(r.todo), "%s/%s", cwd, path) >= (int)sizeof(r.todo))
		return -ENAMETOOLONG;
	while ((rc = pass(&r, last)) == 1)
		;
	if (rc == 0)
		snprintf(out, PATH_MAX, "%s", r.out[0] != '\0' ? r.out : "/");
	return rc;
}
