/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Goes through the tree by descriptors.  Modes, owners and times of a directory come when it is full.
 *
 * A mode or time is the inode's, which the content file shares; the times are equal to those that
 * a mount finds there (relfile_times_found()), and who takes a promotion back sets the modes.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/ondisk.h"
#include "base/util.h"
#include "probackup/explain.h"
#include "probackup/tablespace.h"
#include "promote/promote.h"
#include "promote/promote_conf.h"
#include "promote/shown.h"

#define AUTO_CONF	"postgresql.auto.conf"
#define LINK_PREFIX	"../" ONDISK_TABLESPACES "/"	/* of a link in TABLESPACE_DIR */
#define HELPER		ONDISK_PROMOTE "."
#define NSEC		1000000000
#define COPY_MAX	(8 * MiB)	/* bytes of one step */

struct build {
	const struct promote_config *config;
	struct promote_figures *figures;
	struct reader reader;
	char	*error;
	char	path[PATH_MAX];		/* of what is being made, in the tree, for messages */
	size_t	len;
	unsigned depth;
	int	helpers_fd;		/* where link_helper() makes its files */
	bool	has_helpers;
};

/* ---- messages ------------------------------------------------------------------- */

/* Goes down by one name: pop() with what this returns goes up again. */
static size_t
push(struct build *b, const char *name)
{
	size_t before = b->len;
	int n = snprintf(b->path + b->len, sizeof(b->path) - b->len, "%s%s", b->len > 0 ? "/" : "", name);

	b->len = MIN(b->len + (size_t)n, sizeof(b->path) - 1);
	return before;
}

static void
pop(struct build *b, size_t before)
{
	b->path[b->len = before] = '\0';
}

static const char *
why(int rc)
{
	switch (rc) {
	case -ENODATA:
		return "the backup still has a part of it";
	case -EXDEV:
		return "it would be on another file system than the diff directory";
	case -EMLINK:
		return "its content has another name, through which it could be changed later";
	case -EUCLEAN:
		return "the diff directory contradicts itself";
	case -ELOOP:
		return "too many directories in one another";
	default:
		return strerror(-rc);
	}
}

static int
fail(struct build *b, int rc)
{
	return explain(b->error, rc, "could not make \"%s\": %s", b->path, why(rc));
}

/* ---- attributes ----------------------------------------------------------------- */

static struct timespec
timespec_of(int64_t ns)
{
	struct timespec t = { .tv_sec = (time_t)(ns / NSEC), .tv_nsec = ns % NSEC };

	if (t.tv_nsec < 0) {
		t.tv_sec--;
		t.tv_nsec += NSEC;
	}
	return t;
}

/*
 * Each of these is told to the kernel only where it is not so already.  Another user's file stays the caller's,
 * unless that is root: what belongs to whom is what the diff directory's owner says.
 */
static int
set_attributes(struct build *b, int dir_fd, const char *name, const struct cow_attr *a)
{
	struct timespec times[2] = { timespec_of(a->atime), timespec_of(a->mtime) };
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	if ((st.st_uid != a->uid || st.st_gid != a->gid) &&
	    fchownat(dir_fd, name, a->uid, a->gid, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno != EPERM && errno != EINVAL)
			return -errno;
		b->figures->given++;
	}
	if (!S_ISLNK(st.st_mode) && ((st.st_mode ^ a->mode) & 07777) != 0 &&
	    fchmodat(dir_fd, name, a->mode & 07777, 0) != 0)
		return -errno;
	return utimensat(dir_fd, name, times, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : -errno;
}

/* ---- the tree ------------------------------------------------------------------- */

static const struct promote_place *
find_place(const struct promote_config *config, const char *shown)
{
	unsigned i;

	for (i = 0; i < config->n_places; i++)
		if (strcmp(config->place[i].shown, shown) == 0)
			return &config->place[i];
	return NULL;
}

/* ---- copies ----------------------------------------------------------------------- */

/* Whether an earlier build has made that file whole: its time comes last. */
static bool
is_copied(int dir_fd, const char *name, uint64_t size, int64_t mtime)
{
	struct stat st;

	return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size == size && clock_ns(&st.st_mtim) == mtime;
}

static int
remove_name(int dir_fd, const char *name)
{
	return unlinkat(dir_fd, name, 0) != 0 && errno != ENOENT ? -errno : 0;
}

/* Copies what is no hole of from_fd, as far as size. */
static int
copy_content(int from_fd, int to_fd, off_t size)
{
	off_t at = 0, end;
	ssize_t n = 1;

	while (at < size && (at = lseek(from_fd, at, SEEK_DATA)) >= 0 && at < size) {
		if ((end = lseek(from_fd, at, SEEK_HOLE)) < 0)
			return -errno;
		end = MIN(end, size);
		for (; at < end && n > 0; at += n)
			n = io_copy(from_fd, to_fd, at, (size_t)MIN(end - at, (off_t)COPY_MAX));
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
	}
	return at < 0 && errno != ENXIO ? -errno : 0;
}

/* A new file with that content, durable; from_fd -1: all zeroes. */
static int
make_copy(int dir_fd, const char *name, int from_fd, uint64_t size)
{
	int fd autoclose = -1, rc;

	if ((rc = remove_name(dir_fd, name)) < 0)
		return rc;
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
		return -errno;
	if (from_fd >= 0 && (rc = copy_content(from_fd, fd, (off_t)size)) < 0)
		return rc;
	/* Before the time that says that it is whole. */
	return io_sync(fd, true);
}

/* ---- what is made ----------------------------------------------------------------- */

static void
count_file(struct build *b, uint64_t size)
{
	b->figures->files++;
	b->figures->bytes += size;
	if (b->config->on_file != NULL)
		b->config->on_file(b->config->arg);
}

static int
make_zeroes(int dir_fd, const char *name, uint64_t size)
{
	int fd autoclose = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || (size > 0 && ftruncate(fd, (off_t)size) != 0))
		return -errno;
	return 0;
}

static int
copy_file(struct build *b, int dir_fd, const char *name, const struct cow_attr *a)
{
	int fd autoclose = -1;

	if (is_copied(dir_fd, name, a->size, a->mtime))
		return 0;
	fd = cow_open_content(b->config->cow, a->nodeid);
	return fd < 0 && fd != -ENOENT ? fd : make_copy(dir_fd, name, fd, a->size);
}

/*
 * One of several names: each is a link to a helper in the data directory, or in a place on another file system, which
 * goes at the end.  A content file made here would have a time that no mount should find.
 */
static int
link_helper(struct build *b, int dir_fd, const struct shown *e)
{
	char helper[64];
	int rc;

	snprintf(helper, sizeof(helper), HELPER "%" PRIx64, e->attr.nodeid);
	b->has_helpers = true;
	if (!b->config->copy)
		rc = make_zeroes(b->helpers_fd, helper, e->attr.size);
	else if ((rc = copy_file(b, b->helpers_fd, helper, &e->attr)) == 0 &&
	    (rc = set_attributes(b, b->helpers_fd, helper, &e->attr)) == 0)
		rc = remove_name(dir_fd, e->name);
	if (rc < 0 && rc != -EEXIST)
		return rc;
	return linkat(b->helpers_fd, helper, dir_fd, e->name, 0) == 0 ? 0 : -errno;
}

static int
link_file(struct build *b, int dir_fd, const struct shown *e)
{
	int rc = cow_give_content(b->config->cow, e->attr.nodeid, dir_fd, e->name);

	if (rc != 0)
		return MIN(rc, 0);
	return e->attr.nlink > 1 ? link_helper(b, dir_fd, e) : make_zeroes(dir_fd, e->name, e->attr.size);
}

static int
remove_helpers(int dir_fd)
{
	const struct dirent *entry;
	DIR *dir;
	int rc;

	if ((rc = io_opendir(dir_fd, ".", &dir)) < 0)
		return rc;
	while ((rc = io_readdir(dir, &entry)) > 0)
		if (strncmp(entry->d_name, HELPER, strlen(HELPER)) == 0 && unlinkat(dir_fd, entry->d_name, 0) != 0) {
			rc = -errno;
			break;
		}
	closedir(dir);
	return rc;
}

static int
make_file(struct build *b, int dir_fd, const struct shown *e)
{
	int rc;

	if (!b->config->copy)
		rc = link_file(b, dir_fd, e);
	else
		rc = e->attr.nlink > 1 ? link_helper(b, dir_fd, e) : copy_file(b, dir_fd, e->name, &e->attr);
	if (rc < 0)
		return rc;
	count_file(b, e->attr.size);
	return 0;
}

/* Where an earlier build may have left one. */
static int
make_symlink(int dir_fd, const char *name, const char *target)
{
	int rc = remove_name(dir_fd, name);

	return rc < 0 ? rc : symlinkat(target, dir_fd, name) == 0 ? 0 : -errno;
}

/* A link to a tablespace leads to its new place; all others to what they say. */
static int
make_link(struct build *b, int dir_fd, const struct shown *e)
{
	char target[PATH_MAX];
	const char *path = target;
	const struct promote_place *p;
	int rc;

	if ((rc = cow_readlink(b->config->cow, e->attr.nodeid, target)) < 0)
		return rc;
	if (strncmp(target, LINK_PREFIX, strlen(LINK_PREFIX)) == 0) {
		if ((p = find_place(b->config, target + strlen("../"))) == NULL)
			return -ENOENT;
		path = p->path;
	}
	return make_symlink(dir_fd, e->name, path);
}

/* postgresql.auto.conf is a file of its own: settings that are changed in one place are not in the other. */
static int
make_settings(struct build *b, int dir_fd, const struct shown *e)
{
	char *text autofree = malloc(PGAUTOCONF_SIZE_MAX);
	struct pgautoconf a = { 0 };
	int fd autoclose = -1;
	ssize_t len;
	int rc;

	if (text == NULL)
		return -ENOMEM;
	if (e->attr.size > PGAUTOCONF_SIZE_MAX)
		return -EFBIG;
	if ((len = cow_read(b->config->cow, e->attr.nodeid, 0, PGAUTOCONF_SIZE_MAX, text, &b->reader)) < 0)
		return (int)len;
	if (b->config->keep_settings)
		pgautoconf_base(&a, text, (size_t)len, false);
	else
		promote_conf_plain(&a, text, (size_t)len, b->config->server_version);
	if ((rc = remove_name(dir_fd, e->name)) < 0)
		return rc;
	fd = openat(dir_fd, e->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if ((rc = a.error) == 0)
		rc = fd < 0 ? -errno : io_write(fd, a.text != NULL ? a.text : "", a.len);
	free(a.text);
	b->figures->files += rc == 0;
	return rc;
}

/* Leftovers of a server that has run somewhere else, and what gets places of its own. */
static bool
is_left_out(const char *name)
{
	return strcmp(name, "postmaster.pid") == 0 || strcmp(name, "postmaster.opts") == 0 ||
	    strcmp(name, ONDISK_TABLESPACES) == 0 || strcmp(name, ONDISK_EXTERNAL) == 0;
}

static int	fill_directory(struct build *b, int fd, uint64_t dir);

static int
open_made(const struct build *b, int dir_fd, const char *name)
{
	int fd;

	if (mkdirat(dir_fd, name, 0700) != 0 && (errno != EEXIST || !b->config->copy))
		return -errno;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Returns 1 if the failure is told already. */
static int
make_directory(struct build *b, int dir_fd, const struct shown *e)
{
	int fd autoclose = -1, rc;

	if (b->depth == PROMOTE_DEPTH_MAX)
		return -ELOOP;
	if ((fd = open_made(b, dir_fd, e->name)) < 0)
		return fd;
	b->figures->directories++;
	b->depth++;
	rc = fill_directory(b, fd, e->attr.nodeid);
	b->depth--;
	return rc < 0 ? 1 : 0;
}

static int
make_by_type(struct build *b, int dir_fd, const struct shown *e)
{
	int rc;

	switch (e->attr.mode & S_IFMT) {
	case S_IFREG:
		return make_file(b, dir_fd, e);
	case S_IFDIR:
		return make_directory(b, dir_fd, e);
	case S_IFLNK:
		return make_link(b, dir_fd, e);
	default:
		if ((rc = remove_name(dir_fd, e->name)) < 0)
			return rc;
		return mknodat(dir_fd, e->name, (e->attr.mode & S_IFMT) | 0600, 0) == 0 ? 0 : -errno;
	}
}

/* ---- pg_wal of --wal=direct --------------------------------------------------------- */

static int	link_all(struct build *b, int from_fd, int to_fd);

static void
take_attributes(const struct stat *st, struct cow_attr *a)
{
	*a = (struct cow_attr){
		.mode = st->st_mode, .uid = st->st_uid, .gid = st->st_gid,
		.atime = clock_ns(&st->st_atim), .mtime = clock_ns(&st->st_mtim),
	};
}

/* Returns as make_directory(). */
static int
link_directory(struct build *b, int from_dir, int to_dir, const char *name)
{
	int from autoclose = -1, to autoclose = -1, rc;

	if (b->depth == PROMOTE_DEPTH_MAX)
		return -ELOOP;
	if ((from = io_open_beneath(from_dir, name, O_RDONLY | O_DIRECTORY, 0)) < 0)
		return from;
	if ((to = open_made(b, to_dir, name)) < 0)
		return to;
	b->figures->directories++;
	b->depth++;
	rc = link_all(b, from, to);
	b->depth--;
	return rc < 0 ? 1 : 0;
}

static int
copy_segment(int from_fd, int to_fd, const char *name, const struct stat *st)
{
	int fd autoclose = -1;

	if (is_copied(to_fd, name, (uint64_t)st->st_size, clock_ns(&st->st_mtim)))
		return 0;
	fd = openat(from_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : make_copy(to_fd, name, fd, (uint64_t)st->st_size);
}

static int
link_one(struct build *b, int from_fd, int to_fd, const char *name)
{
	struct cow_attr attr;
	struct stat st;
	int rc;

	if (fstatat(from_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	take_attributes(&st, &attr);
	if (S_ISDIR(st.st_mode))
		return (rc = link_directory(b, from_fd, to_fd, name)) != 0 ? rc : set_attributes(b, to_fd, name, &attr);
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (b->config->copy) {
		if ((rc = copy_segment(from_fd, to_fd, name, &st)) < 0 || (rc = set_attributes(b, to_fd, name, &attr)) < 0)
			return rc;
	} else if (st.st_nlink > 1) {
		return -EMLINK;
	} else if (linkat(from_fd, name, to_fd, name, 0) != 0) {
		return -errno;
	}
	count_file(b, (uint64_t)st.st_size);
	return 0;
}

/* Returns 0, or negative errno after fail(). */
static int
link_all(struct build *b, int from_fd, int to_fd)
{
	const struct dirent *entry;
	int found, rc = 0;
	size_t before;
	DIR *dir;

	if ((rc = io_opendir(from_fd, ".", &dir)) < 0)
		return fail(b, rc);
	while (rc == 0 && (found = io_readdir(dir, &entry)) != 0) {
		if (found < 0) {
			rc = fail(b, found);
			break;
		}
		before = push(b, entry->d_name);
		if ((rc = link_one(b, from_fd, to_fd, entry->d_name)) < 0)
			fail(b, rc);
		pop(b, before);
	}
	closedir(dir);
	return rc > 0 ? -EIO : rc;
}

/* pg_wal in the data directory: a link, what --wal=direct has, or nothing special (1). */
static int
make_wal(struct build *b, int dir_fd, const struct shown *e)
{
	const struct promote_place *p = find_place(b->config, ONDISK_WAL);
	int fd autoclose = -1;

	if (p != NULL)
		return make_symlink(dir_fd, e->name, p->path);
	if (b->config->wal_fd < 0)
		return 1;
	if ((fd = open_made(b, dir_fd, e->name)) < 0)
		return fd;
	b->figures->directories++;
	return link_all(b, b->config->wal_fd, fd) < 0 ? 2 : 0;
}

/* ---- all of it ------------------------------------------------------------------------ */

/* Returns 0, negative errno, or 1 if the failure is told already. */
static int
make_entry(struct build *b, int dir_fd, uint64_t dir, const struct shown *e)
{
	int rc = 1;

	if (dir == COW_ROOT && is_left_out(e->name))
		return 0;
	if (dir == COW_ROOT && strcmp(e->name, AUTO_CONF) == 0 && S_ISREG(e->attr.mode))
		rc = make_settings(b, dir_fd, e);
	else if (dir == COW_ROOT && strcmp(e->name, ONDISK_WAL) == 0 && S_ISDIR(e->attr.mode))
		rc = make_wal(b, dir_fd, e);
	if (rc == 1)
		rc = make_by_type(b, dir_fd, e);
	if (rc != 0)
		return MIN(rc, 1);
	return set_attributes(b, dir_fd, e->name, &e->attr);
}

/* Returns 0, or negative errno after fail(). */
static int
fill_directory(struct build *b, int fd, uint64_t dir)
{
	uint64_t cookie = 0;
	struct shown *e autofree = malloc(sizeof(*e));
	size_t before;
	int rc;

	if (e == NULL)
		return fail(b, -ENOMEM);
	while ((rc = shown_next(b->config->cow, dir, &cookie, e)) > 0) {
		before = push(b, e->name);
		if ((rc = make_entry(b, fd, dir, e)) < 0)
			fail(b, rc);
		pop(b, before);
		if (rc != 0)
			return rc < 0 ? rc : -EIO;
	}
	return rc < 0 ? fail(b, rc) : 0;
}

static int
choose_helpers(struct build *b, int fd)
{
	struct stat st, root;

	b->helpers_fd = b->config->place[0].fd;
	if (fstat(fd, &st) != 0 || fstat(b->helpers_fd, &root) != 0)
		return -errno;
	if (st.st_dev != root.st_dev)
		b->helpers_fd = fd;
	return 0;
}

static int
fill_place(struct build *b, const struct promote_place *p)
{
	bool wal = strcmp(p->shown, ONDISK_WAL) == 0 && b->config->wal_fd >= 0;
	struct cow_attr attr;
	int rc;

	pop(b, 0);
	push(b, p->shown[0] != '\0' ? p->shown : ".");
	if ((rc = shown_find(b->config->cow, p->shown, &attr)) < 0 || (rc = choose_helpers(b, p->fd)) < 0)
		return fail(b, rc);
	if (!S_ISDIR(attr.mode))
		return fail(b, -ENOTDIR);
	if (p->shown[0] == '\0')
		pop(b, 0);
	rc = wal ? link_all(b, b->config->wal_fd, p->fd) : fill_directory(b, p->fd, attr.nodeid);
	if (rc < 0)
		return rc;
	b->figures->directories++;
	if (p->fd == b->helpers_fd && b->has_helpers && (rc = remove_helpers(p->fd)) < 0)
		return fail(b, rc);
	rc = set_attributes(b, p->fd, ".", &attr);
	return rc < 0 ? fail(b, rc) : 0;
}

static int
check_places(struct build *b)
{
	struct promote_outside out;
	unsigned i;
	int rc;

	if ((rc = promote_survey(b->config->cow, &out)) < 0)
		return explain(b->error, rc, "could not list the tablespaces: %s", why(rc));
	for (i = 0; i < out.n; i++)
		if (find_place(b->config, out.shown[i]) == NULL)
			return explain(b->error, -ENOENT, "no directory is named for \"%s\"", out.shown[i]);
	return 0;
}

int
promote_build(const struct promote_config *config, struct promote_figures *figures, char *error)
{
	static struct iostats stats;
	struct build *b autofree = calloc(1, sizeof(*b));
	unsigned i;
	int rc;

	*figures = (struct promote_figures){ 0 };
	if (b == NULL || reader_init(&b->reader, &stats) < 0)
		return explain(error, -ENOMEM, "out of memory");
	b->config = config;
	b->figures = figures;
	b->error = error;
	if (cow_layers(config->cow) > 0)
		rc = explain(error, -EOPNOTSUPP, "could not make plain directories: the diff directory stands on frozen layers");
	else
		rc = check_places(b);
	for (i = config->n_places; i-- > 0 && rc == 0;)
		rc = fill_place(b, &config->place[i]);
	/* One sync for all, instead of one for each of so many files. */
	for (i = 0; i < config->n_places && rc == 0; i++)
		if (syncfs(config->place[i].fd) != 0 || fsync(config->place[i].fd) != 0)
			rc = explain(error, -errno, "could not sync \"%s\": %s", config->place[i].path, strerror(errno));
	reader_fini(&b->reader);
	return rc;
}
