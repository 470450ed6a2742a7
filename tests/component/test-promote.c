/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Promotion without a mount: a diff directory that needs no backup becomes plain directories which
 * are equal to what it showed; killed anywhere, it goes on or is taken back.
 */
#include "config.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/io.h"
#include "base/ondisk.h"
#include "cow/hydrate.h"
#include "cow/origins.h"
#include "cow/treefile.h"
#include "promote/promote.h"
#include "promote/promote_conf.h"
#include "promote/promotion.h"
#include "supervisor/diffdir.h"
#include "support/cowpath.h"
#include "support/hydration.h"

#define KILLS		10	/* or what the environment says: PBKFS_KILLS */
#define SPACE		".pbkfs-tblspc/16400"
#define LINES_MAX	200
#define CONF		"postgresql.auto.conf"

static char outer[PATH_MAX];		/* the diff directory */
static char target[PATH_MAX], space[PATH_MAX];
static int outer_fd, parent_fd[2];
static char error[CHAIN_ERROR_MAX];

/* ---- what is promoted ------------------------------------------------------------- */

/* Writes all that a file has anew, upon which it needs no backup. */
static void
own(const char *path)
{
	unsigned char buf[BLCKSZ];
	uint64_t size = size_of(path), off;
	ssize_t n;

	for (off = 0; off < size; off += (uint64_t)n) {
		n = cow_read(rig.cow, id(path), off, MIN(size - off, sizeof(buf)), buf, &rig.reader);
		ck_assert_int_gt(n, 0);
		ck_assert_int_eq(put(path, off, buf, (size_t)n), 0);
	}
	ck_assert_int_eq(sync_path(path), 0);
}

static void
own_all(void)
{
	own("PG_VERSION");
	own("conf");
	own("base/5/16384");
	own("pg_wal/000000010000000000000001");
	ck_assert_int_eq(resize("base/5/16386", 0), 0);
}

static void
set(const char *path, unsigned what, struct cow_attr a)
{
	ck_assert_msg(cow_setattr(rig.cow, id(path), what, &a) == 0, "%s", path);
}

/* An ordinary user cannot give files away, on no mount. */
static void
make_own(const char *path, uint32_t mode)
{
	ck_assert_int_eq(make(path, mode), 0);
	if (geteuid() != 0)
		set(path, COW_SET_UID | COW_SET_GID, (struct cow_attr){ .uid = geteuid(), .gid = getegid() });
}

static void
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
change(void)
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
	make_own("readonly", S_IFREG | 0600);
	ck_assert_int_eq(put("readonly", 0, "r", 1), 0);
	set("readonly", COW_SET_MODE, (struct cow_attr){ .mode = 0400 });
	set("conf", COW_SET_MTIME | COW_SET_ATIME, (struct cow_attr){ .mtime = -1500000000, .atime = 7 });
	set("d", COW_SET_MTIME | COW_SET_ATIME, (struct cow_attr){ .mtime = 1234567890123456789, .atime = 7 });
	ck_assert_int_eq(move("PG_VERSION", "d/moved", 0), 0);
	ck_assert_int_eq(remove_path("empty", false), 0);
	ck_assert_int_eq(resize("base/5/16384", 3 * BLCKSZ), 0);
	make_own(CONF, S_IFREG | 0600);
	ck_assert_int_eq(put(CONF, 0, "work_mem = 1\n", 13), 0);
	make_own("postmaster.pid", S_IFREG | 0600);
	make_tablespace();
}

/* ---- equal ------------------------------------------------------------------------------ */

struct tree {
	char	*line[LINES_MAX];
	unsigned n;
};

static struct tree before;	/* what the diff directory shows */

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
static void
join(char to[PATH_MAX], const char *dir, const char *name)
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

	join(full, from, path);
	ck_assert_int_eq(cow_list_begin(&l, rig.cow, id(full), 0), 0);
	while (cow_list_next(&l, &d) > 0)
		if (strcmp(d.name, ".") != 0 && strcmp(d.name, "..") != 0)
			ck_assert_uint_lt(strlcpy(name[n++], d.name, sizeof(name[0])), sizeof(name[0]));
	cow_list_end(&l);
	for (i = 0; i < n; i++) {
		join(below, path, name[i]);
		if (!is_compared(below))
			continue;
		join(full, from, below);
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

	join(full, root, path);
	ck_assert_ptr_nonnull(dir = opendir(full));
	while ((d = readdir(dir)) != NULL) {
		join(below, path, d->d_name);
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

static void
are_equal(struct tree *a, struct tree *b)
{
	unsigned i;

	qsort(a->line, a->n, sizeof(a->line[0]), compare_lines);
	qsort(b->line, b->n, sizeof(b->line[0]), compare_lines);
	for (i = 0; i < MIN(a->n, b->n); i++)
		ck_assert_str_eq(a->line[i], b->line[i]);
	ck_assert_uint_eq(a->n, b->n);
}

static void
forget(struct tree *t)
{
	while (t->n > 0)
		free(t->line[--t->n]);
}

/* The whole of what is shown: the tablespace first, whose names begin as no others do. */
static void
list_all_shown(struct tree *t)
{
	forget(t);
	list_shown(t, SPACE, "");
	list_shown(t, "", "");
}

static void
is_promoted(void)
{
	char link[PATH_MAX] = "", path[PATH_MAX];
	struct tree after = { 0 };
	struct stat st;

	list_plain(&after, space, "");
	list_plain(&after, target, "");
	are_equal(&before, &after);
	forget(&after);
	join(path, target, "pg_tblspc/16400");
	ck_assert_int_gt(readlink(path, link, sizeof(link) - 1), 0);
	ck_assert_str_eq(link, space);
	join(path, target, "postmaster.pid");
	ck_assert_int_eq(stat(path, &st), -1);
	join(path, target, CONF);
	ck_assert_int_eq(stat(path, &st), 0);
	/* Nothing is left of the diff directory, and so nothing is shared. */
	ck_assert_int_eq(fstatat(outer_fd, ONDISK_CHANGES, &st, 0), -1);
	ck_assert_int_eq(fstatat(outer_fd, ONDISK_PROMOTE, &st, 0), -1);
}

/* ---- the steps of a command --------------------------------------------------------------- */

static void
begin(struct promotion *p)
{
	*p = (struct promotion){ .n = 2 };
	snprintf(p->place[0].path, sizeof(p->place[0].path), "%s", target);
	snprintf(p->place[1].shown, sizeof(p->place[1].shown), SPACE);
	snprintf(p->place[1].path, sizeof(p->place[1].path), "%s", space);
}

static int
build(struct promotion *p, int *fd)
{
	struct promote_config config = { .wal_fd = -1, .server_version = 15, .n_places = p->n };
	char name[NAME_MAX + 1];
	struct promote_figures f;
	unsigned i;
	int rc;

	if ((rc = rig_open(&rig, true)) < 0)
		return rc;
	config.cow = rig.cow;
	for (i = 0; i < p->n; i++) {
		if ((rc = promotion_temporary(outer_fd, p->place[i].path, name)) < 0 ||
		    (rc = fd[i] = promotion_make(parent_fd[i], name, geteuid(), getegid(), false)) < 0)
			return rc;
		config.place[i] = (struct promote_place){ p->place[i].shown, p->place[i].path, fd[i] };
	}
	rc = promote_build(&config, &f, error);
	rig_kill(&rig);
	return rc;
}

/* The command in short: goes on from wherever an earlier one came to. */
static int
promote(void)
{
	struct promotion *p autofree = calloc(1, sizeof(*p));
	int fd[2] = { -1, -1 }, rc = promotion_load(outer_fd, p);

	if (rc == -ENOENT) {
		if (faccessat(outer_fd, ONDISK_CHANGES, F_OK, 0) != 0)
			return 0;
		begin(p);
		rc = promotion_store(outer_fd, p);
	}
	if (rc < 0 || (p->step == PROMOTION_BUILDING &&
	    ((rc = build(p, fd)) < 0 || (rc = promotion_ready(outer_fd, p, fd)) < 0)))
		return rc;
	if (p->step == PROMOTION_SWITCHING && (rc = promotion_switch(outer_fd, p, parent_fd, error)) < 0)
		return rc;
	return (rc = promotion_empty(outer_fd)) < 0 ? rc : promotion_forget(outer_fd);
}

static void
setup_bare(void)
{
	char changes[PATH_MAX];
	int i;

	cowpath_setup();
	join(outer, rig.dir, "outer");
	join(target, rig.dir, "new");
	join(space, rig.dir, "space");
	join(changes, outer, ONDISK_CHANGES);
	outer_fd = rig_open_directory(outer);
	ck_assert_int_eq(rename(rig.diff, changes), 0);
	ck_assert_uint_lt(strlcpy(rig.diff, changes, sizeof(rig.diff)), sizeof(rig.diff));
	for (i = 0; i < 2; i++)
		ck_assert_int_ge(parent_fd[i] = open(rig.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0);
}

/* A directory that needs no backup, with the catalog gone. */
static void
setup(void)
{
	struct hydration y = { 0 };

	setup_bare();
	change();
	ck_assert_int_eq(resize("base/5/16386", 0), 0);
	ck_assert_int_eq(hydration_finish(&y, rig.cow, &rig.reader), 1);
	hydration_end(&y);
	ck_assert_int_eq(rig_close(&rig), 0);
	tmpdir_remove(rig.store);
	rig.config.index_fd = memfd_create("tree", MFD_CLOEXEC);
	ck_assert_int_eq(treefile_load(rig.diff_fd, rig.config.index_fd, MiB), 0);
	ck_assert_int_eq(rig_open(&rig, true), 0);
	list_all_shown(&before);
	ck_assert_int_eq(rig_close(&rig), 0);
}

/* ---- tests -------------------------------------------------------------------------------- */

START_TEST(equal_to_what_was_shown)
{
	ck_assert_msg(promote() == 0, "%s", error);
	is_promoted();
}
END_TEST

/* Runs promote() in a child; kills it when it enters or leaves the kernel for the n-th time.  Returns how often that was. */
static unsigned
run_child(unsigned n)
{
	unsigned count = 0;
	int status;
	pid_t pid;

	ck_assert_int_ge(pid = fork(), 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(2);	/* stopped, it would be nobody's */
		raise(SIGSTOP);
		_exit(promote() == 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	for (; WIFSTOPPED(status); count++) {
		if (count == n)
			kill(pid, SIGKILL);
		else
			ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	}
	ck_assert_msg(WIFSIGNALED(status) ? n < UINT_MAX : WEXITSTATUS(status) == 0, "the child ended with %x", status);
	return count;
}

static unsigned
kills(void)
{
	const char *n = getenv("PBKFS_KILLS");

	return n != NULL ? (unsigned)strtoul(n, NULL, 10) : KILLS;
}

/* The number of stops of one that is not killed: of another directory, with the same content. */
static unsigned
count_stops(void)
{
	static unsigned all;

	if (all == 0) {
		setup();
		all = run_child(UINT_MAX);
		cowpath_teardown();
	}
	return all;
}

static void
kill_at(unsigned all, unsigned i)
{
	setup();
	run_child((unsigned)((uint64_t)all * (2 * i + 1) / (2 * kills())));
	/* A second one that is killed finds what the first has left. */
	if (i % 2 != 0)
		run_child(all / 3);
	ck_assert_msg(promote() == 0, "%s", error);
	is_promoted();
	cowpath_teardown();
}

START_TEST(killed_anywhere)
{
	unsigned all = count_stops(), i;

	ck_assert_uint_gt(all, 200);
	for (i = 0; i < kills(); i++)
		kill_at(all, i);
}
END_TEST

static void
take_back(void)
{
	struct promotion *p autofree = calloc(1, sizeof(*p));

	ck_assert_int_eq(promotion_load(outer_fd, p), 0);
	ck_assert_int_eq(p->step, PROMOTION_BUILDING);
	ck_assert_int_eq(promotion_take_back(outer_fd, p, parent_fd), 0);
	ck_assert_int_eq(promotion_load(outer_fd, p), -ENOENT);
}

/* All was built, and is taken back: the diff directory is what it was, can be changed, and promoted then. */
START_TEST(taken_back)
{
	struct promotion *p autofree = calloc(1, sizeof(*p));
	struct tree again = { 0 };
	char path[PATH_MAX], name[NAME_MAX + 1];
	struct stat st;
	int fd[2];

	begin(p);
	ck_assert_int_eq(promotion_store(outer_fd, p), 0);
	ck_assert_msg(build(p, fd) == 0, "%s", error);
	take_back();
	ck_assert_int_eq(promotion_temporary(outer_fd, target, name), 0);
	join(path, rig.dir, name);
	ck_assert_int_eq(stat(path, &st), -1);
	ck_assert_int_eq(rig_open(&rig, true), 0);
	list_all_shown(&again);
	are_equal(&before, &again);
	forget(&again);
	ck_assert_int_eq(put("readonly", 0, "w", 1), 0);
	list_all_shown(&before);
	ck_assert_int_eq(rig_close(&rig), 0);
	ck_assert_int_eq(rig_open(&rig, true), 0);
	list_all_shown(&before);
	ck_assert_int_eq(rig_close(&rig), 0);
	ck_assert_msg(promote() == 0, "%s", error);
	is_promoted();
}
END_TEST

START_TEST(only_forwards_once_it_is_whole)
{
	struct promotion *p autofree = calloc(1, sizeof(*p));
	char path[PATH_MAX];
	int fd[2];

	begin(p);
	ck_assert_int_eq(promotion_store(outer_fd, p), 0);
	ck_assert_int_eq(build(p, fd), 0);
	ck_assert_int_eq(promotion_ready(outer_fd, p, fd), 0);
	ck_assert_int_eq(promotion_take_back(outer_fd, p, parent_fd), -EBUSY);
	/* Somebody has put something there: nothing of it is touched, and it goes on once that is away. */
	ck_assert_int_eq(mkdir(target, 0700), 0);
	join(path, target, "mine");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(promote(), -ENOTEMPTY);
	ck_assert_ptr_nonnull(strstr(error, target));
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_msg(promote() == 0, "%s", error);
	is_promoted();
}
END_TEST

/* No mount takes a directory with the file of a promotion. */
START_TEST(no_mount_takes_it)
{
	char foreign[NAME_MAX + 1] = "";
	struct diffdir d = { .fd = outer_fd };
	struct promotion *p autofree = calloc(1, sizeof(*p));

	begin(p);
	ck_assert_int_ne(diffdir_content(&d, foreign), DIFFDIR_PROMOTING);
	ck_assert_int_eq(promotion_store(outer_fd, p), 0);
	ck_assert_int_eq(diffdir_content(&d, foreign), DIFFDIR_PROMOTING);
}
END_TEST

/* Builds, which has to be refused with rc and a line that says this. */
static void
is_refused(int rc, const char *says)
{
	struct promotion *p autofree = calloc(1, sizeof(*p));
	int fd[2];

	begin(p);
	ck_assert_int_eq(promotion_store(outer_fd, p), 0);
	ck_assert_int_eq(build(p, fd), rc);
	ck_assert_msg(strstr(error, says) != NULL, "\"%s\" does not say \"%s\"", error, says);
	take_back();
}

START_TEST(a_part_is_the_backups)
{
	make_tablespace();
	ck_assert_int_eq(rig_close(&rig), 0);
	is_refused(-ENODATA, "the backup still has a part of it");
	ck_assert_int_eq(rig_open(&rig, true), 0);
	own_all();
	ck_assert_int_eq(rig_close(&rig), 0);
	ck_assert_msg(promote() == 0, "%s", error);
}
END_TEST

START_TEST(a_tablespace_without_a_place)
{
	ck_assert_int_eq(rig_open(&rig, true), 0);
	make_own(".pbkfs-tblspc/16401", S_IFDIR | 0700);
	ck_assert_int_eq(rig_close(&rig), 0);
	is_refused(-ENOENT, ".pbkfs-tblspc/16401");
}
END_TEST

/* Finds the content file of "holes", the only one that long. */
static void
find_content(char path[PATH_MAX])
{
	const struct dirent *d;
	char data[PATH_MAX];
	struct stat st;
	DIR *dir;

	join(data, rig.diff, "data");
	ck_assert_ptr_nonnull(dir = opendir(data));
	while ((d = readdir(dir)) != NULL)
		if (fstatat(dirfd(dir), d->d_name, &st, 0) == 0 && st.st_size == 1000001)
			join(path, data, d->d_name);
	closedir(dir);
}

/* The owner may have done this to the diff directory. */
START_TEST(content_that_is_not_ours)
{
	char path[PATH_MAX] = "", other[PATH_MAX];

	find_content(path);
	join(other, rig.dir, "other");
	ck_assert_int_eq(link(path, other), 0);
	is_refused(-EMLINK, "could not make \"holes\": its content has another name");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink(other, path), 0);
	is_refused(-EUCLEAN, "could not make \"holes\"");
	ck_assert_int_eq(rename(other, path), 0);
	ck_assert_msg(promote() == 0, "%s", error);
	is_promoted();
}
END_TEST

static const struct {
	const char *text;
} wrong[] = {
	{ "" }, { "pbkfs-promote 2\nstep building\nplace 0 - /a\n" }, { "pbkfs-promote 1\nstep done\nplace 0 - /a\n" },
	{ "pbkfs-promote 1\nstep building\n" }, { "pbkfs-promote 1\nstep building\nplace 0 - a\n" },
	{ "pbkfs-promote 1\nstep building\nplace 0 pg_wal /a\n" },
	{ "pbkfs-promote 1\nstep building\nplace 0 - /a\nplace 0 - /b\n" },
	{ "pbkfs-promote 1\nstep building\nplace x - /a\n" },
};

START_TEST(files_of_others)
{
	struct promotion *p autofree = calloc(1, sizeof(*p));
	int fd autoclose = openat(outer_fd, ONDISK_PROMOTE, O_WRONLY | O_CREAT, 0600);

	ck_assert_int_eq(io_write(fd, wrong[_i].text, strlen(wrong[_i].text)), 0);
	ck_assert_int_eq(promotion_load(outer_fd, p), -EUCLEAN);
}
END_TEST

static const struct {
	const char *text;
	bool	external;
	const char *name, *path;	/* NULL: not known */
} origins[] = {
	{ "pbkfs-origins 1\n", false, "1", NULL },
	{ "pbkfs-origins 2\ntablespace 1 /a\n", false, "1", NULL },
	{ "tablespace 1 /a\n", false, "1", NULL },
	{ "pbkfs-origins 1\ntablespace 1 /a b\nexternal 1 /c\n", false, "1", "/a b" },
	{ "pbkfs-origins 1\ntablespace 1 /a b\nexternal 1 /c", true, "1", "/c" },
	{ "pbkfs-origins 1\ntablespace 11 /a\n", false, "1", NULL },
	{ "pbkfs-origins 1\ntablespace 1 a\n", false, "1", NULL },
	{ "pbkfs-origins 1\ntablespace 1 \n", false, "1", NULL },
	{ "pbkfs-origins 1\ntablespace 1", false, "1", NULL },
};

START_TEST(origins_of_others)
{
	int fd autoclose = openat(rig.diff_fd, ONDISK_ORIGINS, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	char *text autofree = NULL, path[PATH_MAX] = "";
	bool found;

	ck_assert_int_eq(io_write(fd, origins[_i].text, strlen(origins[_i].text)), 0);
	found = origins_find(text = origins_load(rig.diff_fd), origins[_i].external, origins[_i].name, path);
	ck_assert_int_eq(found, origins[_i].path != NULL);
	if (found)
		ck_assert_str_eq(path, origins[_i].path);
}
END_TEST

/* The catalog of this test has neither: a list that is empty is not none. */
START_TEST(origins_of_a_backup)
{
	char *text autofree = origins_load(rig.diff_fd), path[PATH_MAX];

	ck_assert_ptr_nonnull(text);
	ck_assert(!origins_find(text, false, "1", path));
}
END_TEST

/* --wal=direct: what PostgreSQL has written there is linked, file by file, with the marks of archiving. */
START_TEST(wal_beside_the_tree)
{
	struct promote_config config = { .server_version = 15, .n_places = 2 };
	struct promote_figures f;
	char path[PATH_MAX];
	struct stat st;

	ck_assert_int_eq(mkdirat(outer_fd, ONDISK_CHANGES "/pg_wal", 0700), 0);
	ck_assert_int_eq(mkdirat(outer_fd, ONDISK_CHANGES "/pg_wal/archive_status", 0700), 0);
	close(openat(outer_fd, ONDISK_CHANGES "/pg_wal/000000010000000000000007", O_WRONLY | O_CREAT, 0600));
	close(openat(outer_fd, ONDISK_CHANGES "/pg_wal/archive_status/x.ready", O_WRONLY | O_CREAT, 0600));
	config.wal_fd = openat(outer_fd, ONDISK_CHANGES "/pg_wal", O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(rig_open(&rig, true), 0);
	config.cow = rig.cow;
	config.place[0] = (struct promote_place){ "", target, rig_open_directory(target) };
	config.place[1] = (struct promote_place){ SPACE, space, rig_open_directory(space) };
	ck_assert_msg(promote_build(&config, &f, error) == 0, "%s", error);
	join(path, target, "pg_wal/000000010000000000000007");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_nlink, 2);
	join(path, target, "pg_wal/archive_status/x.ready");
	ck_assert_int_eq(stat(path, &st), 0);
	join(path, target, "pg_wal/000000010000000000000001");
	ck_assert_int_eq(stat(path, &st), -1);
	close(config.wal_fd);
}
END_TEST

/* ---- settings ---------------------------------------------------------------------------- */

#define CLONE	"# " PGAUTOCONF_OF_CLONE "T1\narchive_mode = 'off'\nport = '7'\n"

static const struct {
	const char *text, *plain;
} settings[] = {
	{ "", "" },
	{ "work_mem = '1MB'\n", "work_mem = '1MB'\n" },
	{ "a = 1\narchive_mode = off\n\n" CLONE, "a = 1\narchive_mode = off\n" },	/* the first is production's */
	{ "\n" CLONE, "" },
	{ "a = 1\n\n" CLONE "\n# " PGAUTOCONF_OF_RECOVERY "\nrestore_command = 'x'\n", "a = 1\n" },
	{ "a = 1\n\n# " PGAUTOCONF_OF_USER "\nfsync = off\n# mine\nb = 2", "a = 1\n# mine\nb = 2\n" },
	/* ALTER SYSTEM has taken the comments away. */
	{ "a = '1'\narchive_mode = 'off'\nhuge_pages = 'on'\ncluster_name = 'pbkfs T1 main'\n", "a = '1'\nhuge_pages = 'on'\n" },
	{ "restore_command = 'cp \".pbkfs/wal/%f\" \"%p\"'\nlisten_addresses = ''\nb = 2\n", "b = 2\n" },
	{ "restore_command = 'cp /a/%f %p'\nlisten_addresses = '*'\n", "restore_command = 'cp /a/%f %p'\nlisten_addresses = '*'\n" },
};

START_TEST(settings_of_a_clone)
{
	struct pgautoconf a = { 0 };

	promote_conf_plain(&a, settings[_i].text, strlen(settings[_i].text), 15);
	ck_assert_int_eq(a.error, 0);
	ck_assert_str_eq(a.text != NULL ? a.text : "", settings[_i].plain);
	free(a.text);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("promote");
	TCase *whole = tcase_create("whole"), *bare = tcase_create("bare"), *none = tcase_create("none");

	tcase_add_checked_fixture(whole, setup, cowpath_teardown);
	tcase_add_test(whole, equal_to_what_was_shown);
	tcase_add_test(whole, taken_back);
	tcase_add_test(whole, only_forwards_once_it_is_whole);
	tcase_add_test(whole, no_mount_takes_it);
	tcase_add_test(whole, a_tablespace_without_a_place);
	tcase_add_test(whole, content_that_is_not_ours);
	tcase_add_test(whole, wal_beside_the_tree);
	tcase_add_loop_test(bare, files_of_others, 0, ARRAY_SIZE(wrong));
	tcase_add_loop_test(bare, origins_of_others, 0, ARRAY_SIZE(origins));
	tcase_add_test(whole, origins_of_a_backup);
	tcase_add_checked_fixture(bare, setup_bare, cowpath_teardown);
	tcase_add_test(bare, a_part_is_the_backups);
	tcase_add_test(none, killed_anywhere);
	tcase_add_loop_test(none, settings_of_a_clone, 0, ARRAY_SIZE(settings));
	tcase_set_timeout(whole, 120);
	tcase_set_timeout(bare, 120);
	tcase_set_timeout(none, 1200);
	suite_add_tcase(s, whole);
	suite_add_tcase(s, bare);
	suite_add_tcase(s, none);
	return unit_main(s);
}
