/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Power loss during a promotion, simulated on a disk that remembers (crashtree.h): behind each operation of a promotion,
 * or of one that is taken back, what a crash may leave is built, and the same promotion goes on there; some are crashed a
 * second time.  Before the switch nothing of the diff directory may be lost, so that it can also be taken back and shows
 * what it showed; after it nothing of the data directory; and the same command ends it.
 *
 * PBKFS_CRASH_POINTS: how many states, of all kinds; by default a few behind each operation.
 * PBKFS_CRASH_SEED: the first of their seeds.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>

#include "base/ondisk.h"
#include "crashtree.h"
#include "support/promoted.h"

#define ROUNDS	4

static const char *kind;	/* of promotion, for messages */

static uint64_t
number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL && *text != '\0' ? strtoull(text, NULL, 10) : otherwise;
}

/* ---- what is left ---------------------------------------------------------------------- */

/* A directory has another inode number than the one that the machine had, and that was noted. */
static void
use_inodes(const struct crashtree *t)
{
	struct promotion *p autofree = calloc(1, sizeof(*p));
	int rc = promotion_load(pro.outer_fd, p);
	unsigned i;

	ck_assert_msg(rc == 0 || rc == -ENOENT, "%s: its state is \"%s\"", pro.where, strerror(-rc));
	if (rc != 0 || p->step == PROMOTION_BUILDING)
		return;
	for (i = 0; i < p->n; i++)
		p->place[i].inode = crashtree_inode(t, p->place[i].inode);
	ck_assert_int_eq(promotion_store(pro.outer_fd, p), 0);
}

static void
build_state(struct crashtree *t, size_t k, enum crashtree_loss loss, uint64_t seed)
{
	size_t len = strlen(pro.where);

	snprintf(pro.where + len, sizeof(pro.where) - len, "%zu of %zu, loss %d, seed %" PRIu64, k, crashtree_count(t),
	    (int)loss, seed);
	crashtree_build(t, k, loss, seed, "outer");
	use_inodes(t);
	close(rig.diff_fd);
	rig.diff_fd = rig.config.diff_fd = open(rig.diff, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool
is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* A mount can write content files, and nobody else has one. */
static void
is_for_mounts(void)
{
	DIR *dir = opendir(rig.dir);
	const struct dirent *d;
	char path[PATH_MAX];
	struct stat st;

	while ((d = readdir(dir)) != NULL)
		ck_assert_msg(strstr(d->d_name, ONDISK_PROMOTE) == NULL, "%s: \"%s\" is left", pro.where, d->d_name);
	closedir(dir);
	join_path(path, rig.diff, "data");
	ck_assert_ptr_nonnull(dir = opendir(path));
	while ((d = readdir(dir)) != NULL)
		if (fstatat(dirfd(dir), d->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			ck_assert_msg((st.st_mode & 07777) == 0600 && st.st_nlink == 1, "%s: \"%s\" has mode %o and %u names",
			    pro.where, d->d_name, (unsigned)st.st_mode & 07777, (unsigned)st.st_nlink);
	closedir(dir);
}

/* Nothing has its name before nothing of the diff directory is needed, which stays whole so long. */
static void
judge(enum promotion_step step, bool begun)
{
	bool bound = faccessat(pro.outer_fd, ONDISK_BINDING, F_OK, 0) == 0;

	if (!begun && rig.diff_fd < 0) {
		ck_assert_msg(!bound, "%s: it is bound, and has no changes", pro.where);
		return;
	}
	if (begun && step != PROMOTION_BUILDING)
		return;
	ck_assert_msg(!is_there(pro.target) && !is_there(pro.space), "%s: there is a target already", pro.where);
	ck_assert_msg(bound && rig.diff_fd >= 0, "%s: something of the diff directory is gone", pro.where);
}

static void
shows_what_it_showed(void)
{
	struct tree again = { 0 };

	is_for_mounts();
	ck_assert_msg(rig_open(&rig, true) == 0, "%s: it does not open", pro.where);
	list_all_shown(&again);
	are_equal(&pro.before, &again);
	forget_tree(&again);
	rig_kill(&rig);
}

static int
take_back(void)
{
	struct promotion *p autofree = calloc(1, sizeof(*p));
	int rc = promotion_load(pro.outer_fd, p);

	return rc < 0 ? rc : promotion_take_back(pro.outer_fd, p, pro.parent_fd);
}

static void
ends_well(void)
{
	int rc;

	pro.error[0] = '\0';
	rc = promote_it();
	crashtree_use(NULL);
	ck_assert_msg(rc == 0, "%s: %s (%s)", pro.where, strerror(-rc), pro.error);
}

/* Looks at what a crash has left, and goes on: by a way back, if back, where there is one. */
static void
go_on(bool back)
{
	struct promotion *p autofree = calloc(1, sizeof(*p));
	bool begun = promotion_load(pro.outer_fd, p) == 0;

	judge(p->step, begun);
	if (!begun && rig.diff_fd >= 0)
		is_for_mounts();
	if (back && begun && p->step == PROMOTION_BUILDING) {
		ck_assert_msg(take_back() == 0, "%s: it cannot be taken back", pro.where);
		shows_what_it_showed();
	} else if (back && !begun && rig.diff_fd >= 0) {
		shows_what_it_showed();
	}
	ends_well();
	is_promoted();
}

/* ---- crashes ------------------------------------------------------------------------------- */

/* Begins again where the first crash has left it, and crashes then. */
static void
crash_again(uint64_t seed)
{
	struct crashtree *t = crashtree_new(rig.dir);

	crashtree_use(t);
	ends_well();
	strlcat(pro.where, "; then ", sizeof(pro.where));
	build_state(t, (size_t)(seed * 7919 % (crashtree_count(t) + 1)), CRASHTREE_LOSES_SOME, seed);
	go_on(seed % 2 == 0);
	crashtree_free(t);
}

static void
crash(struct crashtree *t, size_t k, uint64_t seed)
{
	enum crashtree_loss loss = seed % 8 == 0 ? CRASHTREE_LOSES_NOTHING : seed % 8 == 1 ? CRASHTREE_LOSES_ALL :
	    CRASHTREE_LOSES_SOME;

	snprintf(pro.where, sizeof(pro.where), "%s: ", kind);
	build_state(t, k, loss, seed);
	if (seed % 4 == 3)
		crash_again(seed);
	else
		go_on(seed % 3 == 0);
}

static int
build_and_take_back(void)
{
	struct promotion *p autofree = calloc(1, sizeof(*p));
	int fd[2], rc, i;

	plan_it(p);
	if ((rc = promotion_store(pro.outer_fd, p)) == 0 && (rc = build_it(p, fd)) == 0)
		for (i = 0; i < 2; i++)
			close(fd[i]);
	return rc < 0 ? rc : take_back();
}

static const struct {
	const char *name;
	int	(*steps)(void);
	bool	copy;
} kinds[] = {
	{ "promoted", promote_it, false },
	{ "copied", promote_it, true },
	{ "taken back", build_and_take_back, false },
};

static void
crash_everywhere(struct crashtree *t)
{
	uint64_t seed = number("PBKFS_CRASH_SEED", 1), i;
	size_t n = crashtree_count(t);
	uint64_t points = number("PBKFS_CRASH_POINTS", ROUNDS * ARRAY_SIZE(kinds) * (n + 1)) / ARRAY_SIZE(kinds);

	ck_assert_uint_gt(n, 100);
	for (i = 0; i < points; i++)
		crash(t, (size_t)(i % (n + 1)), seed + i);
}

/* Records steps, which have to end well. */
static struct crashtree *
record(int (*steps)(void))
{
	struct crashtree *t = crashtree_new(rig.dir);
	int rc;

	crashtree_use(t);
	rc = steps();
	crashtree_use(NULL);
	ck_assert_msg(rc == 0, "%s", pro.error);
	return t;
}

START_TEST(the_machine_is_gone)
{
	struct crashtree *t;

	kind = kinds[_i].name;
	pro.copy = kinds[_i].copy;
	t = record(kinds[_i].steps);
	crash_everywhere(t);
	crashtree_free(t);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("promote-crash");
	TCase *c = tcase_create("crash");

	/* In memory if possible, since no disk is needed to lose what was not synced. */
	if (access("/dev/shm", W_OK | X_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	tcase_add_checked_fixture(c, promoted_setup, cowpath_teardown);
	tcase_add_loop_test(c, the_machine_is_gone, 0, ARRAY_SIZE(kinds));
	tcase_set_timeout(c, 3600);
	suite_add_tcase(s, c);
	return unit_main(s);
}
