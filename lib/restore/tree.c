/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Directories of a restore: where each lies, making them, and removing what the backup does not have.
 * No link is followed beneath a place.
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
#include "base/ondisk.h"
#include "base/rmtree.h"
#include "base/util.h"
#include "restore/mark.h"
#include "restore/restore_impl.h"

/* Returns where entry e stands among the directories that lead elsewhere, or n_top. */
static unsigned
find_top(const struct restore *r, uint32_t e)
{
	unsigned i;

	for (i = 0; i < r->n_top && r->top[i].e != e; i++)
		;
	return i;
}

/* The entry of the place that e is in, and the number of that place. */
static uint32_t
climb(const struct restore *r, uint32_t e, uint8_t *place)
{
	unsigned i;

	while ((i = find_top(r, e)) == r->n_top)
		e = r->ix->entries[e].parent;
	*place = r->top[i].place;
	return e;
}

uint8_t
tree_place(const struct restore *r, uint32_t e)
{
	uint8_t place;

	climb(r, e, &place);
	return place;
}

bool
tree_is_copied(const struct restore *r, uint32_t e)
{
	return (r->ix->entries[e].flags & (INDEX_DIR | INDEX_LINK)) == 0 && e != r->conf &&
	    tree_place(r, e) != NO_PLACE;
}

/* The path of e beneath its place: "" for that itself.  Returns the place. */
static const struct restore_place *
path_in_place(const struct restore *r, uint32_t e, char path[PATH_MAX])
{
	uint8_t place;
	uint32_t top = climb(r, e, &place);
	int skip = 0, len;

	if (place == NO_PLACE)
		return NULL;
	if ((len = index_path(r->ix, e, path, PATH_MAX)) < 0)
		return NULL;
	if (top != INDEX_ROOT)
		skip = (int)strlen(r->config.place[place].shown);
	skip += path[skip] == '/';
	memmove(path, path + skip, (size_t)(len - skip) + 1);
	return &r->config.place[place];
}

void
tree_name(const struct restore *r, uint32_t e, char *name)
{
	char path[PATH_MAX];
	const struct restore_place *p = path_in_place(r, e, path);

	if (p == NULL)
		strcpy(name, "?");
	else if (snprintf(name, PATH_MAX, "%s%s%s", p->path, path[0] != '\0' ? "/" : "", path) >= PATH_MAX)
		strcpy(name + PATH_MAX - 4, "...");
}

const char *
tree_last_name(const struct restore *r, uint32_t e)
{
	return e == r->control ? MARK_CONTROL : r->ix->strings + r->ix->entries[e].name;
}

int
tree_fail(struct restore *r, int rc, const char *what, uint32_t e)
{
	char name[PATH_MAX];

	tree_name(r, e, name);
	return restore_fail(r, rc, "could not %s \"%.900s\": %s", what, name, strerror(-rc));
}

int
tree_open(const struct restore *r, uint32_t e)
{
	static const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
	char path[PATH_MAX];
	const struct restore_place *p = path_in_place(r, e, path);
	int fd;

	if (p == NULL)
		return -ENOENT;
	if (path[0] != '\0')
		return io_open_beneath(p->fd, path, flags, 0);
	fd = openat(p->fd, ".", flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* ---- making ---------------------------------------------------------------- */

static bool
is_made(const struct restore *r, uint32_t e)
{
	return (r->ix->entries[e].flags & INDEX_DIR) != 0 && find_top(r, e) == r->n_top &&
	    tree_place(r, e) != NO_PLACE;
}

static int
check_there(struct restore *r, uint32_t e, const struct stat *st)
{
	uint32_t wanted = r->ix->entries[e].mode & 0777;
	char name[PATH_MAX];

	if ((st->st_mode & 0777) == wanted)
		return 0;
	tree_name(r, e, name);
	return restore_fail(r, -EPERM, "directory \"%.800s\" has mode %03o, and in the backup %03o: chmod %03o"
	    " it first", name, (unsigned)st->st_mode & 0777, wanted, wanted);
}

static int
make_one(struct restore *r, int dir_fd, uint32_t e)
{
	const struct index_entry *d = &r->ix->entries[e];
	const char *name = r->ix->strings + d->name;
	char failed[NAME_MAX + 1];
	struct stat st;

	if (mkdirat(dir_fd, name, d->mode & 0777) == 0)
		return 0;
	if (errno != EEXIST || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return tree_fail(r, -errno, "create", e);
	if (S_ISDIR(st.st_mode))
		return check_there(r, e, &st);
	if (rmtree(dir_fd, name, failed) != 0 || mkdirat(dir_fd, name, d->mode & 0777) != 0)
		return tree_fail(r, -errno, "create", e);
	return 0;
}

int
tree_make(struct restore *r)
{
	uint32_t e, parent = INDEX_NONE;
	int fd = -1, rc = 0;

	/* Children of one directory come one after the other, and behind it. */
	for (e = 1; e < r->ix->n_entries && rc == 0; e++) {
		if (!is_made(r, e))
			continue;
		if (r->ix->entries[e].parent != parent) {
			if (fd >= 0)
				close(fd);
			parent = r->ix->entries[e].parent;
			if ((fd = tree_open(r, parent)) < 0)
				return tree_fail(r, fd, "open", parent);
		}
		rc = make_one(r, fd, e);
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

/* ---- what was copied before ---------------------------------------------------- */

static bool
is_whole(const struct restore *r, int dir_fd, uint32_t e)
{
	struct stat st;

	return fstatat(dir_fd, tree_last_name(r, e), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    st.st_nlink == 1 && (uint64_t)st.st_size == r->ix->entries[e].size;
}

void
tree_recheck(struct restore *r)
{
	uint32_t e, parent = INDEX_NONE;
	int fd = -1;

	for (e = 1; e < r->ix->n_entries; e++) {
		if (r->done[e] == 0 || !tree_is_copied(r, e))
			continue;
		if (r->ix->entries[e].parent != parent) {
			if (fd >= 0)
				close(fd);
			parent = r->ix->entries[e].parent;
			fd = tree_open(r, parent);
		}
		r->done[e] = is_whole(r, e == r->control ? r->mark_fd : fd, e);
	}
	if (fd >= 0)
		close(fd);
}

/* ---- removing what is not in the backup --------------------------------------- */

/* Names that are not of the backup, at the root of a data directory. */
static bool
stays_at_root(const struct restore *r, const char *name)
{
	const char *signal = servconf_signal(&r->config.conf);

	return strcmp(name, ONDISK_RESTORE) == 0 || strcmp(name, SERVCONF_FILE) == 0 ||
	    strcmp(name, "lost+found") == 0 || (signal != NULL && strcmp(name, signal) == 0);
}

/* A tablespace may have directories of other versions of the server. */
static bool
stays_in_tablespace(const struct restore *r, const char *name)
{
	char ours[24];

	snprintf(ours, sizeof(ours), "PG_%u_", (unsigned)r->ix->server_version);
	return strncmp(name, ours, strlen(ours)) != 0;
}

static bool
stays(const struct restore *r, uint32_t dir, const char *name)
{
	unsigned top = find_top(r, dir);
	uint32_t e;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return true;
	e = index_child(r->ix, dir, name, strlen(name));
	if (e != INDEX_NONE && e != r->control && tree_place(r, e) != NO_PLACE)
		return true;
	if (dir == INDEX_ROOT)
		return stays_at_root(r, name);
	return top < r->n_top && strncmp(r->config.place[r->top[top].place].shown, ONDISK_TABLESPACES "/",
	    sizeof(ONDISK_TABLESPACES)) == 0 && stays_in_tablespace(r, name);
}

static int
remove_from(struct restore *r, uint32_t dir)
{
	char failed[NAME_MAX + 1];
	const struct dirent *d;
	int fd = tree_open(r, dir), rc = 0;
	DIR *list = fd < 0 ? NULL : fdopendir(fd);

	if (list == NULL) {
		rc = fd < 0 ? fd : -ENOMEM;
		if (fd >= 0)
			close(fd);
		return tree_fail(r, rc, "read", dir);
	}
	while (rc == 0 && (d = readdir(list)) != NULL) {
		if (stays(r, dir, d->d_name))
			continue;
		if ((rc = rmtree(dirfd(list), d->d_name, failed)) != 0)
			restore_fail(r, rc, "could not remove \"%s\", which the backup does not have: %s",
			    failed, strerror(-rc));
		atomic_fetch_add(&r->removed, 1);
	}
	closedir(list);
	return rc;
}

int
tree_remove_others(struct restore *r)
{
	uint32_t e;
	int rc = 0;

	for (e = 0; e < r->ix->n_entries && rc == 0; e++)
		if ((r->ix->entries[e].flags & INDEX_DIR) != 0 && tree_place(r, e) != NO_PLACE)
			rc = remove_from(r, e);
	return rc;
}
