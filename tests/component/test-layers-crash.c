/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Power loss while layers are made, simulated on a disk that remembers (crashtree.h): behind each operation of a
 * freeze, a reset, a branch, or a removal, what a crash may leave is built.  layers_recover() has to find the old state or
 * the new one, to say which, and to leave nothing else; some states are crashed again while it does.  Then the same
 * operation succeeds.
 *
 * PBKFS_CRASH_POINTS: how many states, of all kinds; by default a few behind each operation.
 * PBKFS_CRASH_SEED: the first of their seeds.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>

#include "crashtree.h"
#include "support/cowpath.h"
#include "support/layering.h"

#define ROUNDS	4

static struct layering layering;
static int branch_fd = -1;
static char where[256], last_line[LOG_LINE_MAX];
static uint32_t old_shown, new_shown, one_sum;
static unsigned old_layers, new_layers;

static void
keep_line(enum log_level level, const char *text, size_t len)
{
	(void)len;
	if (level <= LOGL_WARNING)
		snprintf(last_line, sizeof(last_line), "%s", text);
}

static uint64_t
number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL && *text != '\0' ? strtoull(text, NULL, 10) : otherwise;
}

/* ---- a state ---- */

static void
add_shown(uint64_t dir, uint32_t *crc)
{
	static unsigned char buf[PAGES * BLCKSZ];
	uint64_t cookie = 0;
	struct cow_dirent d;
	struct cow_attr a;
	struct cow_list l;
	int rc;

	for (;;) {
		ck_assert_int_eq(cow_list_begin(&l, rig.cow, dir, cookie), 0);
		rc = cow_list_next(&l, &d);
		if (rc > 0) {
			*crc = crc32c(*crc, d.name, d.len);
			cookie = d.cookie;
		}
		cow_list_end(&l);
		if (rc <= 0)
			break;
		ck_assert_int_eq(cow_getattr(rig.cow, d.nodeid, &a), 0);
		*crc = crc32c(*crc, &a.mode, sizeof(a.mode));
		if (cookie <= 2 || !S_ISREG(a.mode)) {
			if (cookie > 2 && S_ISDIR(a.mode))
				add_shown(d.nodeid, crc);
			continue;
		}
		*crc = crc32c(*crc, &a.size, sizeof(a.size));
		ck_assert_int_ge(cow_read(rig.cow, d.nodeid, 0, sizeof(buf), buf, &rig.reader), 0);
		*crc = crc32c(*crc, buf, (size_t)MIN((uint64_t)sizeof(buf), a.size));
	}
}

/* All names, modes, lengths and the beginnings of all contents that a new mount shows. */
static uint32_t
shown(void)
{
	uint32_t crc = 0;
	int rc = rig_open(&rig, true);

	ck_assert_msg(rc == 0, "%s: it does not open: %s (%s)", where, strerror(-rc), last_line);
	add_shown(COW_ROOT, &crc);
	rig_kill(&rig);
	return crc;
}

static void
follow(void)
{
	int rc = layering_follow(&layering, &rig);

	ck_assert_msg(rc == 0, "%s: its layers do not open: %s (%s)", where, strerror(-rc), last_line);
}

static bool
exists(const char *path)
{
	return faccessat(layering.top_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- operations ---- */

static int
freeze_as(const char *name, bool mounted)
{
	struct layers_frozen frozen;
	struct layers_freeze f = { .diff_fd = layering.top_fd, .name = name, .message = "why", .mounted = mounted };
	int rc;

	if ((rc = f.layers_fd = layers_directory(layering.top_fd, true)) < 0)
		return rc;
	rc = layers_freeze(&f, &frozen);
	close(f.layers_fd);
	return rc;
}

static int
freeze_two(void)
{
	return freeze_as("two", false);
}

static int
freeze_mounted(void)
{
	return freeze_as("two", true);
}

static int
with_layers(int (*call)(int layers_fd))
{
	int fd autoclose = layers_directory(layering.top_fd, false);

	return fd < 0 ? fd : call(fd);
}

static int
reset_top(int fd)
{
	int rc = layers_reset(layering.top_fd, fd, "one");

	return rc < 0 ? rc : layers_sweep(layering.top_fd, fd);
}

static int
reset_one(void)
{
	return with_layers(reset_top);
}

static int
reset_branch(int fd)
{
	return layers_reset(branch_fd, fd, "one");
}

static int
begin_branch(void)
{
	return with_layers(reset_branch);
}

static int
remove_spare(int fd)
{
	return layers_remove(fd, "spare");
}

static int
remove_layer(void)
{
	return with_layers(remove_spare);
}

static const struct kind {
	const char *name;
	int	(*steps)(void);
	bool	below, cut, branch, layer;	/* a layer is there; a mount goes on; another active layer; the layers alone */
	int	says;				/* at the end, if it says that it went on */
} kinds[] = {
	{ "first freeze", freeze_two, false, false, false, false, LAYERS_FROZEN },
	{ "freeze", freeze_two, true, false, false, false, LAYERS_FROZEN },
	{ "freeze of a mount", freeze_mounted, true, true, false, false, LAYERS_FROZEN },
	{ "reset", reset_one, true, false, false, false, LAYERS_RESET },
	{ "branch", begin_branch, true, false, true, false, LAYERS_FROZEN },
	{ "removal", remove_layer, true, false, false, true, LAYERS_NOTHING },
};
static const struct kind *kind;

/* ---- what is left ---- */

/* Nothing but what has a name of its own. */
static void
is_clean(void)
{
	const char *const leftovers[] = {
		ONDISK_NEXT, ONDISK_OLD, "branch/" ONDISK_NEXT, "branch/" ONDISK_OLD, ONDISK_CHANGES "/" ONDISK_SEAL,
		ONDISK_CHANGES "/" ONDISK_SEAL ".new", ONDISK_LAYERS "/.gone.spare",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(leftovers); i++)
		ck_assert_msg(!exists(leftovers[i]), "%s: \"%s\" is left", where, leftovers[i]);
	ck_assert_msg(exists(ONDISK_CHANGES), "%s: there is no active layer", where);
	ck_assert_msg(!kind->cut || exists(ONDISK_CHANGES "/" ONDISK_CUT), "%s: the mount that goes on is not noted", where);
}

/* Ends what was interrupted.  Returns what it says. */
static int
recover(void)
{
	int fd = layers_directory(layering.top_fd, false), rc;
	char name[SEAL_NAME_MAX + 1];

	rc = layers_recover(kind->branch ? branch_fd : layering.top_fd, fd == -ENOENT ? -1 : fd, name);
	ck_assert_msg(rc >= 0, "%s: it does not recover: %s (%s)", where, strerror(-rc), last_line);
	ck_assert_msg(rc < LAYERS_FROZEN || strcmp(name, kind->steps == freeze_two || kind->steps == freeze_mounted ?
	    "two" : "one") == 0, "%s: it names \"%s\"", where, name);
	ck_assert_int_eq(layers_sweep(kind->branch ? branch_fd : layering.top_fd, fd == -ENOENT ? -1 : fd), 0);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* An active layer has what it took from the one below. */
static void
has_all(const char *dir)
{
	static const char *const names[] = { ONDISK_JOURNAL, ONDISK_CONTENT, ONDISK_TREE, ONDISK_WAL "/1" };
	char path[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s" ONDISK_CHANGES "/%s", dir, names[i]);
		ck_assert_msg(exists(path), "%s: \"%s\" is missing", where, path);
	}
}

/* Whether what there is is the new state. */
static bool
is_new(void)
{
	uint32_t crc;

	if (kind->branch && !exists("branch/" ONDISK_CHANGES))
		return false;
	if (kind->branch) {
		has_all("branch/");
		return true;
	}
	has_all("");
	if (kind->layer)
		return !exists(ONDISK_LAYERS "/spare");
	follow();
	crc = shown();
	ck_assert_msg((crc == old_shown && layering.chain.n == old_layers) || (crc == new_shown && layering.chain.n == new_layers),
	    "%s: it is neither the old state nor the new one (%u layers)", where, layering.chain.n);
	return layering.chain.n == new_layers && crc == new_shown;
}

static void
attach(void)
{
	close(layering.layers_fd);
	layering.layers_fd = layers_directory(layering.top_fd, false);
	if (branch_fd >= 0) {
		close(branch_fd);
		branch_fd = openat(layering.top_fd, "branch", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
}

static void
judge(int said)
{
	bool new;

	is_clean();
	attach();
	new = is_new();
	ck_assert_msg(said == LAYERS_NOTHING || new == (said == kind->says), "%s: it says %d, and is %s", where, said,
	    new ? "new" : "old");
	ck_assert_msg(!kind->below || layering_checksum(&rig, "one") == one_sum, "%s: the layer below was changed", where);
	if (!new)
		ck_assert_msg(kind->steps() == 0, "%s: it cannot be done again (%s)", where, last_line);
	else if (!kind->branch && !kind->layer && kind->steps != reset_one)
		ck_assert_msg(kind->steps() == -EEXIST, "%s: it can be done again", where);
	attach();
	is_clean();
	ck_assert_msg(is_new(), "%s: done again, it is old", where);
}

/* ---- crashes ---- */

static void
build_state(struct crashtree *t, size_t k, enum crashtree_loss loss, uint64_t seed)
{
	size_t len = strlen(where);

	snprintf(where + len, sizeof(where) - len, "%zu of %zu, loss %d, seed %" PRIu64, k, crashtree_count(t), (int)loss, seed);
	crashtree_build(t, k, loss, seed, "store");
	attach();
}

static void
crash_again(uint64_t seed)
{
	struct crashtree *t = crashtree_new(rig.dir);

	crashtree_use(t);
	recover();
	crashtree_use(NULL);
	strlcat(where, "; then ", sizeof(where));
	build_state(t, (size_t)(seed * 7919 % (crashtree_count(t) + 1)), CRASHTREE_LOSES_SOME, seed);
	crashtree_free(t);
}

static void
crash(struct crashtree *t, size_t k, uint64_t seed)
{
	enum crashtree_loss loss = seed % 8 == 0 ? CRASHTREE_LOSES_NOTHING : seed % 8 == 1 ? CRASHTREE_LOSES_ALL :
	    CRASHTREE_LOSES_SOME;

	snprintf(where, sizeof(where), "%s: ", kind->name);
	build_state(t, k, loss, seed);
	if (seed % 4 == 3)
		crash_again(seed);
	judge(recover());
}

/* ---- the beginning ---- */

static void
touch(const char *path)
{
	int fd = openat(layering.top_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void
put_all(unsigned shift)
{
	ck_assert_int_eq(put("base/5/16384", 0, page[shift], BLCKSZ), 0);
	ck_assert_int_eq(put("new", shift * (uint64_t)BLCKSZ, page[shift], 100), 0);
	ck_assert_int_eq(resize("conf", 4000 - shift), 0);
}

static void
freeze_now(const char *name)
{
	ck_assert_int_eq(rig_close(&rig), 0);
	ck_assert_int_eq(layering_freeze(&layering, &rig, name, false), 0);
	ck_assert_int_eq(rig_open(&rig, true), 0);
}

/* Prepares what the kind begins with, closed. */
static void
prepare(void)
{
	layering_begin(&layering, &rig);
	/* WAL of --wal=direct, and the tree of a detached directory. */
	ck_assert_int_eq(mkdirat(layering.top_fd, ONDISK_CHANGES "/" ONDISK_WAL, 0700), 0);
	touch(ONDISK_CHANGES "/" ONDISK_WAL "/1");
	touch(ONDISK_CHANGES "/" ONDISK_TREE);
	ck_assert_int_eq(make("new", S_IFREG | 0600), 0);
	put_all(1);
	if (kind->below) {
		freeze_now("one");
		one_sum = layering_checksum(&rig, "one");
		put_all(2);
	}
	if (kind->layer) {
		freeze_now("spare");
		ck_assert_int_eq(rig_close(&rig), 0);
		ck_assert_int_eq(layering_reset(&layering, &rig, "one"), 0);
		ck_assert_int_eq(rig_open(&rig, true), 0);
	}
	ck_assert_int_eq(rig_close(&rig), 0);
	ck_assert_int_eq(mkdirat(layering.top_fd, "branch", 0700), 0);
	ck_assert_int_ge(branch_fd = openat(layering.top_fd, "branch", O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0);
	if (!kind->below)
		ck_assert_int_eq(unlinkat(layering.top_fd, ONDISK_LAYERS, AT_REMOVEDIR), 0);
	old_shown = shown();
	old_layers = layering.chain.n;
	if (kind->cut)
		touch(ONDISK_CHANGES "/" ONDISK_CUT);
}

START_TEST(the_machine_is_gone)
{
	uint64_t seed = number("PBKFS_CRASH_SEED", 1), i, points;
	struct crashtree *t;
	size_t n;

	kind = &kinds[_i];
	prepare();
	t = crashtree_new(rig.dir);
	crashtree_use(t);
	ck_assert_msg(kind->steps() == 0, "%s: %s", kind->name, last_line);
	crashtree_use(NULL);
	attach();
	follow();
	new_shown = shown();
	new_layers = layering.chain.n;
	n = crashtree_count(t);
	ck_assert_uint_gt(n, 5);
	points = number("PBKFS_CRASH_POINTS", ROUNDS * ARRAY_SIZE(kinds) * (n + 1)) / ARRAY_SIZE(kinds);
	for (i = 0; i < points; i++)
		crash(t, (size_t)(i % (n + 1)), seed + i);
	crashtree_free(t);
}
END_TEST

static void
setup(void)
{
	cowpath_setup();
	log_set_sink(keep_line);
}

static void
teardown(void)
{
	close(branch_fd);
	layering_end(&layering);
	cowpath_teardown();
}

int
main(void)
{
	Suite *s = suite_create("layers-crash");
	TCase *c = tcase_create("crash");

	/* In memory if possible, since no disk is needed to lose what was not synced. */
	if (access("/dev/shm", W_OK | X_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, the_machine_is_gone, 0, ARRAY_SIZE(kinds));
	tcase_set_timeout(c, 3600);
	suite_add_tcase(s, c);
	return unit_main(s);
}
