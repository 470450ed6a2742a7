/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each step is a rename or a durable file; one that is done twice changes nothing.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/ondisk.h"
#include "base/rmtree.h"
#include "base/util.h"
#include "probackup/explain.h"
#include "promote/promotion.h"

#define MAGIC		"pbkfs-promote 1"
#define NO_NAME		"-"		/* for the shown name of the root */
#define NEW		ONDISK_PROMOTE ".tmp"
#define TEXT_MAX	(PROMOTE_PLACES_MAX * (PATH_MAX + 128) + 128)

static void	(*use_rights)(bool on);

static const char *const steps[] = {
	[PROMOTION_BUILDING] = "building", [PROMOTION_SWITCHING] = "switching", [PROMOTION_EMPTYING] = "emptying",
};

void
promotion_use_rights(void (*bracket)(bool on))
{
	use_rights = bracket;
}

/* ---- the file ------------------------------------------------------------------- */

static int
parse_step(const char *line, struct promotion *p)
{
	size_t i;

	if (strncmp(line, "step ", 5) != 0)
		return -EUCLEAN;
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		if (strcmp(line + 5, steps[i]) == 0) {
			p->step = (enum promotion_step)i;
			return 0;
		}
	return -EUCLEAN;
}

/* "place INODE SHOWN PATH" */
static int
parse_place(const char *line, struct promotion *p)
{
	struct promotion_place *to = &p->place[p->n];
	uint64_t inode;
	int at = 0;

	if (p->n == PROMOTE_PLACES_MAX ||
	    sscanf(line, "place %" SCNu64 " %63s %n", &inode, to->shown, &at) != 2 || at == 0 ||
	    line[at] != '/' || strlen(line + at) >= sizeof(to->path))
		return -EUCLEAN;
	if (strcmp(to->shown, NO_NAME) == 0)
		to->shown[0] = '\0';
	if ((p->n == 0) != (to->shown[0] == '\0'))
		return -EUCLEAN;
	to->inode = (ino_t)inode;
	strlcpy(to->path, line + at, sizeof(to->path));
	p->n++;
	return 0;
}
_Static_assert(PROMOTE_SHOWN_MAX == 64, "as the format of sscanf() has it");

static int
parse(char *text, struct promotion *p)
{
	char *line, *rest = text;
	int rc = 0;

	*p = (struct promotion){ 0 };
	if ((line = strsep(&rest, "\n")) == NULL || strcmp(line, MAGIC) != 0 ||
	    (line = strsep(&rest, "\n")) == NULL || parse_step(line, p) < 0)
		return -EUCLEAN;
	while (rc == 0 && (line = strsep(&rest, "\n")) != NULL && line[0] != '\0')
		rc = parse_place(line, p);
	return rc == 0 && p->n == 0 ? -EUCLEAN : rc;
}

int
promotion_load(int diff_fd, struct promotion *p)
{
	struct stat st;
	int fd autoclose = io_open_plain(diff_fd, ONDISK_PROMOTE, &st), rc;
	char *text autofree = NULL;
	size_t len;

	if (fd < 0)
		return fd;
	if ((rc = io_read_file(fd, TEXT_MAX, &text, &len)) < 0)
		return rc;
	return strlen(text) == len ? parse(text, p) : -EUCLEAN;
}

static size_t
compose(const struct promotion *p, char *text, size_t size)
{
	int len = snprintf(text, size, MAGIC "\nstep %s\n", steps[p->step]);
	unsigned i;

	for (i = 0; i < p->n; i++)
		len += snprintf(text + len, size - (size_t)len, "place %" PRIu64 " %s %s\n",
		    (uint64_t)p->place[i].inode, p->place[i].shown[0] != '\0' ? p->place[i].shown : NO_NAME,
		    p->place[i].path);
	return (size_t)len;
}

int
promotion_store(int diff_fd, const struct promotion *p)
{
	char *text autofree = malloc(TEXT_MAX);
	int fd autoclose = -1, rc;
	unsigned i;

	if (text == NULL)
		return -ENOMEM;
	for (i = 0; i < p->n; i++)
		if (p->place[i].path[0] != '/' || strchr(p->place[i].path, '\n') != NULL ||
		    strpbrk(p->place[i].shown, " \n") != NULL)
			return -EINVAL;
	unlinkat(diff_fd, NEW, 0);
	fd = openat(diff_fd, NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if ((rc = io_write(fd, text, compose(p, text, TEXT_MAX))) < 0)
		return rc;
	if (fsync(fd) != 0 || renameat(diff_fd, NEW, diff_fd, ONDISK_PROMOTE) != 0)
		return -errno;
	return io_sync(diff_fd, true);
}

int
promotion_forget(int diff_fd)
{
	unlinkat(diff_fd, NEW, 0);
	if (unlinkat(diff_fd, ONDISK_PROMOTE, 0) != 0 && errno != ENOENT)
		return -errno;
	return io_sync(diff_fd, true);
}

/* ---- temporary directories ---------------------------------------------------------- */

static const char *
last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

_Static_assert(PROMOTION_NAME_MAX + sizeof(ONDISK_PROMOTE ".") - 1 + 16 == NAME_MAX, "16 digits of an inode");

int
promotion_temporary(int diff_fd, const char *path, char *name)
{
	struct stat st;

	if (fstat(diff_fd, &st) != 0)
		return -errno;
	if (last_name(path)[0] == '\0')
		return -EINVAL;
	return snprintf(name, NAME_MAX + 1, "%s" ONDISK_PROMOTE ".%" PRIx64, last_name(path),
	    (uint64_t)st.st_ino) > NAME_MAX ? -ENAMETOOLONG : 0;
}

/* Whether a change that failed is to be tried with other rights, which begin then. */
static bool
begin_rights(int rc)
{
	if ((rc != -EACCES && rc != -EPERM) || use_rights == NULL)
		return false;
	use_rights(true);
	return true;
}

static int
remove_temporary(int parent_fd, const char *name)
{
	char failed[NAME_MAX + 1];
	int rc = rmtree(parent_fd, name, failed);

	if (!begin_rights(rc))
		return rc;
	/* It is empty by now, or this fails. */
	rc = unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 ? 0 : -errno;
	use_rights(false);
	return rc;
}

static int
make_temporary(int parent_fd, const char *name, uid_t uid, gid_t gid)
{
	int rc = mkdirat(parent_fd, name, 0700) == 0 ? 0 : -errno;

	if (!begin_rights(rc))
		return rc;
	rc = mkdirat(parent_fd, name, 0700) == 0 && fchownat(parent_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW) == 0 ? 0 :
	    -errno;
	use_rights(false);
	return rc;
}

/* One that was whole may be given away already, where root acts for itself. */
static bool
can_be_kept(int parent_fd, const char *name, uid_t uid)
{
	struct stat st;

	return fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) && st.st_uid == uid;
}

int
promotion_make(int parent_fd, const char *name, uid_t uid, gid_t gid, bool keep)
{
	struct stat st;
	int fd, rc;

	keep = keep && can_be_kept(parent_fd, name, uid);
	if (!keep && (rc = remove_temporary(parent_fd, name)) != 0)
		return rc;
	if ((rc = make_temporary(parent_fd, name, uid, gid)) != 0 && (rc != -EEXIST || !keep))
		return rc;
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if ((rc = fstat(fd, &st) != 0 ? -errno : st.st_uid != uid ? -EPERM : 0) == 0 &&
	    (rc = io_sync(parent_fd, true)) == 0)
		return fd;
	close(fd);
	return rc;
}

int
promotion_ready(int diff_fd, struct promotion *p, const int *fd)
{
	struct stat st;
	unsigned i;

	for (i = 0; i < p->n; i++) {
		if (fstat(fd[i], &st) != 0)
			return -errno;
		p->place[i].inode = st.st_ino;
	}
	p->step = PROMOTION_SWITCHING;
	return promotion_store(diff_fd, p);
}

/* ---- the switch ------------------------------------------------------------------- */

static bool
is_there(int dir_fd, const char *name, ino_t inode)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) && st.st_ino == inode;
}

static int
rename_temporary(int parent_fd, const char *temporary, const char *name)
{
	int rc = renameat(parent_fd, temporary, parent_fd, name) == 0 ? 0 : -errno;

	if (!begin_rights(rc))
		return rc;
	rc = renameat(parent_fd, temporary, parent_fd, name) == 0 ? 0 : -errno;
	use_rights(false);
	return rc;
}

static int
switch_one(int diff_fd, const struct promotion_place *place, int parent_fd, char *error)
{
	const char *name = last_name(place->path);
	char temporary[NAME_MAX + 1];
	int rc;

	if ((rc = promotion_temporary(diff_fd, place->path, temporary)) < 0)
		return explain(error, rc, "could not name \"%s\": %s", place->path, strerror(-rc));
	if (is_there(parent_fd, temporary, place->inode)) {
		if ((rc = rename_temporary(parent_fd, temporary, name)) < 0)
			return explain(error, rc, "could not rename \"%s\" to \"%s\": %s", temporary,
			    place->path, strerror(-rc));
	} else if (!is_there(parent_fd, name, place->inode)) {
		return explain(error, -ENOENT, "\"%s\" beside \"%s\" is gone, or another directory", temporary,
		    place->path);
	}
	if ((rc = io_sync(parent_fd, true)) < 0)
		explain(error, rc, "could not sync the directory of \"%s\": %s", place->path, strerror(-rc));
	return rc;
}

int
promotion_switch(int diff_fd, struct promotion *p, const int *parent_fd, char *error)
{
	unsigned i;
	int rc;

	for (i = p->n; i-- > 0;)
		if ((rc = switch_one(diff_fd, &p->place[i], parent_fd[i], error)) < 0)
			return rc;
	p->step = PROMOTION_EMPTYING;
	if ((rc = promotion_store(diff_fd, p)) < 0)
		explain(error, rc, "could not write \"" ONDISK_PROMOTE "\": %s", strerror(-rc));
	return rc;
}

int
promotion_empty(int diff_fd)
{
	char failed[NAME_MAX + 1];
	int rc = rmtree(diff_fd, ONDISK_CHANGES, failed);

	return rc != 0 ? rc : io_sync(diff_fd, true);
}

/* ---- the way back ------------------------------------------------------------------- */

/* Where the name is too long nothing can have been made. */
static int
unmake_place(int diff_fd, const struct promotion_place *place, int parent_fd)
{
	char temporary[NAME_MAX + 1];
	int rc = promotion_temporary(diff_fd, place->path, temporary);

	if (rc < 0)
		return rc == -ENAMETOOLONG ? 0 : rc;
	rc = remove_temporary(parent_fd, temporary);
	return rc != 0 ? rc : io_sync(parent_fd, true);
}

/* The mode of a file that was linked to a name; a mount has to be able to write it. */
static int
reset_mode(int dir_fd, const char *name)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (st.st_mode & 07777) == 0600)
		return 0;
	return fchmodat(dir_fd, name, 0600, 0) != 0 ? -errno : 0;
}

static int
reset_modes(int diff_fd)
{
	const struct dirent *entry;
	DIR *dir;
	int rc = io_opendir(diff_fd, ONDISK_CHANGES "/" ONDISK_CONTENT, &dir);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	while ((rc = io_readdir(dir, &entry)) > 0 && (rc = reset_mode(dirfd(dir), entry->d_name)) == 0)
		;
	closedir(dir);
	return rc;
}

int
promotion_take_back(int diff_fd, const struct promotion *p, const int *parent_fd)
{
	unsigned i;
	int rc;

	if (p->step != PROMOTION_BUILDING)
		return -EBUSY;
	for (i = 0; i < p->n; i++)
		if ((rc = unmake_place(diff_fd, &p->place[i], parent_fd[i])) != 0)
			return rc;
	/* Modes need the sync that the file's end has to come behind. */
	if ((rc = reset_modes(diff_fd)) < 0)
		return rc;
	if (syncfs(diff_fd) != 0)
		return -errno;
	return promotion_forget(diff_fd);
}
