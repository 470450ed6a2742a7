/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fixture of promotions, and how what comes of them is compared.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/io.h"
#include "base/ondisk.h"
#include "cow/hydrate.h"
#include "cow/treefile.h"
#include "promote/promote.h"
#include "supervisor/diffdir.h"
#include "support/hydration.h"
#include "support/promoted.h"

struct promoted pro;

/* ---- what is promoted ------------------------------------------------------------- */

void
set_attr(const char *path, unsigned what, struct cow_attr a)
{
	ck_assert_msg(cow_setattr(rig.cow, id(path), what, &a) == 0, "%s", path);
}

/* An ordinary user cannot give files away, on no mount. */
void
make_own(const char *path, uint32_t mode)
{
	ck_assert_int_eq(make(path, mode), 0);
	if (geteuid() != 0)
		set_attr(path, COW_SET_UID | COW_SET_GID, (struct cow_attr){ .uid = geteuid(), .gid = getegid() });
}

void
make_tablespace(void)
{
	struct cow_attr a;

	make_own(".pbkfs-tblspc", S_IFDIR | 0700);
	make_own(SPACE, S_IFDIR | 0700);
	make_own(SPACE "/PG_15", S_IFDIR | 0750);
	make_own(SPACE "/PG_15/16500", S_IFREG | 0640);
	ck_assert_int_eq(put(SPACE "/PG_15/16500", 0, page[1], BLCKSZ), 0);
	make_own("pg_tblspc", S_IFDIR | 0700);
	ck_assert_int_eq(cow_create(rig.cow, 0, id("pg_tblspc"), "16400", S_IFLNK | 0777, geteuid(), getegid(),
	    "../" SPACE, &a), 0);
}

/* Each kind of file, and what can happen to one. */
static void
make_changes(void)
{
	make_own("d", S_IFDIR | 0750);
	make_own("d/written", S_IFREG | 0644);
	ck_assert_int_eq(put("d/written", 0, page, sizeof(page)), 0);
	ck_assert_int_eq(link_path("d/written", "second"), 0);
	make_own("nothing", S_IFREG | 0600);
	ck_assert_int_eq(link_path("nothing", "d/nothing"), 0);
	make_own("link", S_IFLNK | 0777);
	make_own("fifo", S_IFIFO | 0622);
	make_own("cut", S_IFREG | 0600);
	ck_assert_int_eq(put("cut", 0, page, sizeof(page)), 0);
	ck_assert_int_eq(resize("cut", 10001), 0);
	make_own("grown", S_IFREG | 0600);
	ck_assert_int_eq(resize("grown", 50000), 0);
	make_own("holes", S_IFREG | 0600);
	ck_assert_int_eq(put("holes", 1000000, "x", 1), 0);
	make_own("thin", S_IFREG | 0600);
	ck_assert_int_eq(put("thin", 500000, "x", 1), 0);
	ck_assert_int_eq(link_path("thin", "d/thin"), 0);
	make_own("readonly", S_IFREG | 0600);
	ck_assert_int_eq(put("readonly", 0, "r", 1), 0);
	set_attr("readonly", COW_SET_MODE, (struct cow_attr){ .mode = 0400 });
	set_attr("conf", COW_SET_MTIME | COW_SET_ATIME, (struct cow_attr){ .mtime = -1500000000, .atime = 7 });
	set_attr("d", COW_SET_MTIME | COW_SET_ATIME, (struct cow_attr){ .mtime = 1234567890123456789, .atime = 7 });
	ck_assert_int_eq(move("PG_VERSION", "d/moved", 0), 0);
	ck_assert_int_eq(remove_path("empty", false), 0);
	ck_assert_int_eq(resize("base/5/16384", 3 * BLCKSZ), 0);
	make_own(CONF, S_IFREG | 0600);
	ck_assert_int_eq(put(CONF, 0, "work_mem = 1\n", 13), 0);
	make_own("postmaster.pid", S_IFREG | 0600);
	make_tablespace();
}

/* ---- equal ------------------------------------------------------------------------------ */

static void
add_line(struct tree *t, const char *path, const struct cow_attr *a, const char *more)
{
	bool dir = S_ISDIR(a->mode);

	ck_assert_uint_lt(t->n, LINES_MAX);
	ck_assert_int_gt(asprintf(&t->line[t->n++], "%s %o %u:%u %" PRId64 " %u %" PRIu64 " %s", path,
	    (unsigned)a->mode, (unsigned)a->uid, (unsigned)a->gid, a->mtime, dir ? 0 : a->nlink,
	    S_ISREG(a->mode) ? a->size : 0, more), 0);
}

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
is_compared(const char *path)
{
	return strcmp(path, CONF) != 0 && strcmp(path, "postmaster.pid") != 0 && path[0] != '.' &&
	    strcmp(path, "pg_tblspc/16400") != 0;
}

static void
describe_shown_file(const struct cow_attr *a, char *more, size_t size)
{
	unsigned char buf[BLCKSZ];
	uint32_t crc = 0;
	uint64_t off;
	ssize_t n;

	for (off = 0; (n = cow_read(rig.cow, a->nodeid, off, sizeof(buf), buf, &rig.reader)) > 0; off += (uint64_t)n)
		crc = crc32c(crc, buf, (size_t)n);
	ck_assert_int_eq(n, 0);
	snprintf(more, size, "%" PRIx32, crc);
}

/* All of these are short. */
void
join_path(char to[PATH_MAX], const char *dir, const char *name)
{
	strlcpy(to, dir, PATH_MAX);
	if (dir[0] != '\0' && name[0] != '\0')
		strlcat(to, "/", PATH_MAX);
	ck_assert_uint_lt(strlcat(to, name, PATH_MAX), PATH_MAX);
}

static void
list_shown(struct tree *t, const char *from, const char *path)
{
	char name[LINES_MAX][64], below[PATH_MAX], full[PATH_MAX], more[PATH_MAX];
	unsigned n = 0, i;
	struct cow_dirent d;
	struct cow_attr a;
	struct cow_list l;

	join_path(full, from, path);
	ck_assert_int_eq(cow_list_begin(&l, rig.cow, id(full), 0), 0);
	while (cow_list_next(&l, &d) > 0)
		if (strcmp(d.name, ".") != 0 && strcmp(d.name, "..") != 0)
			ck_assert_uint_lt(strlcpy(name[n++], d.name, sizeof(name[0])), sizeof(name[0]));
	cow_list_end(&l);
	for (i = 0; i < n; i++) {
		join_path(below, path, name[i]);
		if (!is_compared(below))
			continue;
		join_path(full, from, below);
		ck_assert_int_eq(cow_getattr(rig.cow, id(full), &a), 0);
		more[0] = '\0';
		if (S_ISREG(a.mode))
			describe_shown_file(&a, more, sizeof(more));
		else if (S_ISLNK(a.mode))
			ck_assert_int_eq(cow_readlink(rig.cow, a.nodeid, more), 0);
		add_line(t, below, &a, more);
		if (S_ISDIR(a.mode))
			list_shown(t, from, below);
	}
}

static void
describe_plain_file(int dir_fd, const char *name, char *more, size_t size)
{
	int fd autoclose = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW);
	unsigned char buf[BLCKSZ];
	uint32_t crc = 0;
	off_t off;
	ssize_t n;

	ck_assert_int_ge(fd, 0);
	for (off = 0; (n = io_pread(fd, buf, sizeof(buf), off)) > 0; off += n)
		crc = crc32c(crc, buf, (size_t)n);
	snprintf(more, size, "%" PRIx32, crc);
}

static void
list_plain(struct tree *t, const char *root, const char *path)
{
	char full[PATH_MAX], below[PATH_MAX], more[PATH_MAX];
	const struct dirent *d;
	struct stat st;
	DIR *dir;

	join_path(full, root, path);
	ck_assert_ptr_nonnull(dir = opendir(full));
	while ((d = readdir(dir)) != NULL) {
		join_path(below, path, d->d_name);
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 || !is_compared(below))
			continue;
		ck_assert_int_eq(fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW), 0);
		memset(more, 0, sizeof(more));
		if (S_ISREG(st.st_mode))
			describe_plain_file(dirfd(dir), d->d_name, more, sizeof(more));
		else if (S_ISLNK(st.st_mode))
			ck_assert_int_ge(readlinkat(dirfd(dir), d->d_name, more, sizeof(more) - 1), 0);
		add_line(t, below, &(struct cow_attr){ .mode = st.st_mode, .uid = st.st_uid, .gid = st.st_gid,
		    .mtime = clock_ns(&st.st_mtim), .nlink = (uint32_t)st.st_nlink, .size = (uint64_t)st.st_size },
		    more);
		if (S_ISDIR(st.st_mode))
			list_plain(t, root, below);
	}
	closedir(dir);
}

void
are_equal(struct tree *a, struct tree *b)
{
	unsigned i;

	qsort(a->line, a->n, sizeof(a->line[0]), compare_lines);
	qsort(b->line, b->n, sizeof(b->line[0]), compare_lines);
	for (i = 0; i < MIN(a->n, b->n); i++)
		ck_assert_msg(strcmp(a->line[i], b->line[i]) == 0, "%s: \"%s\" is now \"%s\"", pro.where, a->line[i],
		    b->line[i]);
	ck_assert_msg(a->n == b->n, "%s: %u names are %u now", pro.where, a->n, b->n);
}

void
forget_tree(struct tree *t)
{
	while (t->n > 0)
		free(t->line[--t->n]);
}

/* The whole of what is shown: the tablespace first, whose names begin as no others do. */
void
list_all_shown(struct tree *t)
{
	forget_tree(t);
	list_shown(t, SPACE, "");
	list_shown(t, "", "");
}

static void
is_sparse(const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	join_path(path, pro.target, name);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_msg(st.st_blocks * 512 <= st.st_size / 4, "%s: \"%s\" has %ld blocks", pro.where, name, (long)st.st_blocks);
}

void
is_promoted(void)
{
	char link[PATH_MAX] = "", path[PATH_MAX];
	struct tree after = { 0 };
	const struct dirent *d;
	struct stat st;
	DIR *dir;

	list_plain(&after, pro.space, "");
	list_plain(&after, pro.target, "");
	are_equal(&pro.before, &after);
	forget_tree(&after);
	is_sparse("holes");
	is_sparse("thin");
	join_path(path, pro.target, "pg_tblspc/16400");
	ck_assert_int_gt(readlink(path, link, sizeof(link) - 1), 0);
	ck_assert_str_eq(link, pro.space);
	join_path(path, pro.target, "postmaster.pid");
	ck_assert_int_eq(stat(path, &st), -1);
	join_path(path, pro.target, CONF);
	ck_assert_int_eq(stat(path, &st), 0);
	/* Nothing is left of the diff directory, and so nothing is shared. */
	ck_assert_ptr_nonnull(dir = opendir(pro.outer));
	while ((d = readdir(dir)) != NULL)
		ck_assert_msg(strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0,
		    "%s: \"%s\" is left in the diff directory", pro.where, d->d_name);
	closedir(dir);
}

/* ---- the steps of a command --------------------------------------------------------------- */

void
plan_it(struct promotion *p)
{
	*p = (struct promotion){ .n = 2 };
	snprintf(p->place[0].path, sizeof(p->place[0].path), "%s", pro.target);
	snprintf(p->place[1].shown, sizeof(p->place[1].shown), SPACE);
	snprintf(p->place[1].path, sizeof(p->place[1].path), "%s", pro.space);
}

int
build_it(struct promotion *p, int *fd)
{
	struct promote_config config = { .wal_fd = -1, .server_version = 15, .n_places = p->n, .copy = pro.copy };
	char name[NAME_MAX + 1];
	struct promote_figures f;
	unsigned i;
	int rc = 0;

	if ((rc = rig_open(&rig, true)) < 0)
		return rc;
	config.cow = rig.cow;
	for (i = 0; i < p->n && rc >= 0; i++) {
		if ((rc = promotion_temporary(pro.outer_fd, p->place[i].path, name)) < 0 ||
		    (rc = fd[i] = promotion_make(pro.parent_fd[i], name, geteuid(), getegid(), pro.copy)) < 0)
			break;
		config.place[i] = (struct promote_place){ p->place[i].shown, p->place[i].path, fd[i] };
	}
	if (rc >= 0)
		rc = promote_build(&config, &f, pro.error);
	rig_kill(&rig);
	return rc;
}

static int
build_whole(struct promotion *p)
{
	int fd[2] = { -1, -1 }, rc, i;

	if ((rc = build_it(p, fd)) == 0)
		rc = promotion_ready(pro.outer_fd, p, fd);
	for (i = 0; i < 2; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	return rc;
}

/* The command in short: goes on from wherever an earlier one came to. */
int
promote_it(void)
{
	struct promotion *p autofree = calloc(1, sizeof(*p));
	struct diffdir d = { .fd = pro.outer_fd };
	int rc = promotion_load(pro.outer_fd, p);

	if (rc == -ENOENT) {
		if (faccessat(pro.outer_fd, ONDISK_CHANGES, F_OK, 0) != 0)
			return 0;
		plan_it(p);
		rc = promotion_store(pro.outer_fd, p);
	}
	if (rc < 0 || (p->step == PROMOTION_BUILDING && (rc = build_whole(p)) < 0))
		return rc;
	if (p->step == PROMOTION_SWITCHING && (rc = promotion_switch(pro.outer_fd, p, pro.parent_fd, pro.error)) < 0)
		return rc;
	if ((rc = promotion_empty(pro.outer_fd)) < 0 || (rc = diffdir_wipe(&d, true)) < 0)
		return rc;
	return promotion_forget(pro.outer_fd);
}

void
promoted_setup_bare(void)
{
	char changes[PATH_MAX];
	int i;

	cowpath_setup();
	pro.copy = false;
	join_path(pro.outer, rig.dir, "outer");
	join_path(pro.target, rig.dir, "new");
	join_path(pro.space, rig.dir, "space");
	join_path(changes, pro.outer, ONDISK_CHANGES);
	pro.outer_fd = rig_open_directory(pro.outer);
	ck_assert_int_eq(rename(rig.diff, changes), 0);
	ck_assert_uint_lt(strlcpy(rig.diff, changes, sizeof(rig.diff)), sizeof(rig.diff));
	for (i = 0; i < 2; i++)
		ck_assert_int_ge(pro.parent_fd[i] = open(rig.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0);
}

/* A directory that needs no backup, with the catalog gone. */
void
promoted_setup(void)
{
	struct hydration y = { 0 };

	promoted_setup_bare();
	make_changes();
	ck_assert_int_eq(resize("base/5/16386", 0), 0);
	ck_assert_int_eq(hydration_finish(&y, rig.cow, &rig.reader), 1);
	hydration_end(&y);
	ck_assert_int_eq(rig_close(&rig), 0);
	tmpdir_remove(rig.store);
	rig.config.index_fd = memfd_create("tree", MFD_CLOEXEC);
	ck_assert_int_eq(treefile_load(rig.diff_fd, rig.config.index_fd, MiB), 0);
	ck_assert_int_eq(rig_open(&rig, true), 0);
	list_all_shown(&pro.before);
	ck_assert_int_eq(rig_close(&rig), 0);
	close(openat(pro.outer_fd, ONDISK_BINDING, O_WRONLY | O_CREAT | O_EXCL, 0600));
}
