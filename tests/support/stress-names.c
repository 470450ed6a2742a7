/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "stress.h"

/*
 * Names in two directories: each operation must give exactly what the model
 * says, and nothing else may have changed.
 */

#define DIRS		2
#define PER_DIR		8
#define SLOTS		(DIRS * PER_DIR)

enum type { NONE, FILE_, DIRECTORY, LINK };	/* FILE is stdio's */

struct object {
	enum type type;
	unsigned tag;		/* content, or target of a link */
	unsigned nlink, mode;
};

static struct object *slot[SLOTS];
static unsigned next_tag = 1;

static const char *
slot_name(unsigned i)
{
	static char text[4][16];
	static unsigned turn;
	char *s = text[turn++ % 4];

	snprintf(s, sizeof(text[0]), "d%u/n%u", i / PER_DIR, i % PER_DIR);
	return s;
}

static enum type
type_of(unsigned i)
{
	return slot[i] == NULL ? NONE : slot[i]->type;
}

static void
put(unsigned i, enum type type, unsigned mode)
{
	if ((slot[i] = calloc(1, sizeof(*slot[i]))) == NULL)
		stress_fail("out of memory");
	*slot[i] = (struct object){ type, next_tag++, 1, mode };
}

static void
drop(unsigned i)
{
	if (slot[i] != NULL && --slot[i]->nlink == 0)
		free(slot[i]);
	slot[i] = NULL;
}

static void
tag_text(unsigned tag, char text[16])
{
	snprintf(text, 16, "tag%08u", tag);
}

static void
do_create(unsigned i, unsigned j)
{
	int expected = slot[i] != NULL ? EEXIST : 0, fd;
	const char *name = slot_name(i);
	char text[16];

	(void)j;
	STRESS_GIVES(fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600), expected, name);
	if (expected != 0)
		return;
	put(i, FILE_, 0600);
	tag_text(slot[i]->tag, text);
	STRESS_OK(write(fd, text, strlen(text)), name);
	STRESS_OK(close(fd), name);
}

static void
do_mkdir(unsigned i, unsigned j)
{
	int expected = slot[i] != NULL ? EEXIST : 0;

	(void)j;
	STRESS_GIVES(mkdir(slot_name(i), 0700), expected, slot_name(i));
	if (expected == 0)
		put(i, DIRECTORY, 0700);
}

static void
do_symlink(unsigned i, unsigned j)
{
	int expected = slot[i] != NULL ? EEXIST : 0;
	char text[16];

	(void)j;
	tag_text(next_tag, text);
	STRESS_GIVES(symlink(text, slot_name(i)), expected, slot_name(i));
	if (expected == 0)
		put(i, LINK, 0777);
}

static void
do_link(unsigned i, unsigned j)
{
	int expected = type_of(i) == NONE ? ENOENT : slot[j] != NULL ? EEXIST :
	    type_of(i) == DIRECTORY ? EPERM : 0;

	STRESS_GIVES(link(slot_name(i), slot_name(j)), expected, slot_name(i));
	if (expected != 0)
		return;
	slot[j] = slot[i];
	slot[j]->nlink++;
}

static void
do_unlink(unsigned i, unsigned j)
{
	int expected = type_of(i) == NONE ? ENOENT : type_of(i) == DIRECTORY ? EISDIR : 0;

	(void)j;
	STRESS_GIVES(unlink(slot_name(i)), expected, slot_name(i));
	if (expected == 0)
		drop(i);
}

static void
do_rmdir(unsigned i, unsigned j)
{
	int expected = type_of(i) == NONE ? ENOENT : type_of(i) != DIRECTORY ? ENOTDIR : 0;

	(void)j;
	STRESS_GIVES(rmdir(slot_name(i)), expected, slot_name(i));
	if (expected == 0)
		drop(i);
}

static int
rename_gives(unsigned i, unsigned j)
{
	if (type_of(i) == NONE)
		return ENOENT;
	if (type_of(j) == NONE || slot[i] == slot[j])
		return 0;
	if (type_of(i) == DIRECTORY && type_of(j) != DIRECTORY)
		return ENOTDIR;
	return type_of(i) != DIRECTORY && type_of(j) == DIRECTORY ? EISDIR : 0;
}

static void
do_rename(unsigned i, unsigned j)
{
	int expected = rename_gives(i, j);

	STRESS_GIVES(rename(slot_name(i), slot_name(j)), expected, slot_name(i));
	if (expected != 0 || slot[i] == slot[j])
		return;
	drop(j);
	slot[j] = slot[i];
	slot[i] = NULL;
}

static void
do_rename_new(unsigned i, unsigned j)
{
	int expected = slot[i] == NULL ? ENOENT : slot[j] != NULL ? EEXIST : 0;

	STRESS_GIVES(renameat2(AT_FDCWD, slot_name(i), AT_FDCWD, slot_name(j), RENAME_NOREPLACE),
	    expected, slot_name(i));
	if (expected != 0)
		return;
	slot[j] = slot[i];
	slot[i] = NULL;
}

static void
do_exchange(unsigned i, unsigned j)
{
	int expected = slot[i] == NULL || slot[j] == NULL ? ENOENT : 0;
	struct object *o = slot[i];

	STRESS_GIVES(renameat2(AT_FDCWD, slot_name(i), AT_FDCWD, slot_name(j), RENAME_EXCHANGE),
	    expected, slot_name(i));
	if (expected != 0)
		return;
	slot[i] = slot[j];
	slot[j] = o;
}

static void
do_chmod(unsigned i, unsigned j)
{
	unsigned mode = 0700 | stress_below(64);

	(void)j;
	if (type_of(i) == LINK)
		return;
	STRESS_GIVES(chmod(slot_name(i), mode), slot[i] == NULL ? ENOENT : 0, slot_name(i));
	if (slot[i] != NULL)
		slot[i]->mode = mode;
}

/* ---- what is there ------------------------------------------------------ */

static void
check_content(unsigned i)
{
	char text[16], found[16] = "";
	const char *name = slot_name(i);
	int fd;

	tag_text(slot[i]->tag, text);
	if (slot[i]->type == LINK) {
		STRESS_OK(readlink(name, found, sizeof(found) - 1), name);
	} else {
		fd = STRESS_OK(open(name, O_RDONLY), name);
		STRESS_OK(read(fd, found, sizeof(found) - 1), name);
		STRESS_OK(close(fd), name);
	}
	if (strcmp(text, found) != 0)
		stress_fail("content of %s: expected \"%s\", found \"%s\"", name, text, found);
}

static void
do_check(unsigned i, unsigned j)
{
	static const mode_t types[] = {
		[FILE_] = S_IFREG, [DIRECTORY] = S_IFDIR, [LINK] = S_IFLNK
	};
	const char *name = slot_name(i);
	struct stat st;

	(void)j;
	STRESS_GIVES(lstat(name, &st), slot[i] == NULL ? ENOENT : 0, name);
	if (slot[i] == NULL)
		return;
	if (st.st_mode != (types[slot[i]->type] | slot[i]->mode))
		stress_fail("mode of %s: expected %o, found %o", name,
		    types[slot[i]->type] | slot[i]->mode, st.st_mode);
	if (slot[i]->type != DIRECTORY && st.st_nlink != slot[i]->nlink)
		stress_fail("links of %s: expected %u, found %u", name, slot[i]->nlink,
		    (unsigned)st.st_nlink);
	if (slot[i]->type != DIRECTORY)
		check_content(i);
}

static void
do_list(unsigned i, unsigned j)
{
	unsigned found[PER_DIR] = { 0 }, d = i / PER_DIR, n;
	char path[16];
	struct dirent *e;
	DIR *dir;

	(void)j;
	snprintf(path, sizeof(path), "d%u", d);
	if ((dir = STRESS_CALL(opendir(path))) == NULL)
		stress_fail_call("opendir", path);
	while ((e = STRESS_CALL(readdir(dir))) != NULL)
		if (sscanf(e->d_name, "n%u", &n) == 1 && n < PER_DIR)
			found[n]++;
		else if (e->d_name[0] != '.')
			stress_fail("%s lists \"%s\"", path, e->d_name);
	if (errno != 0)
		stress_fail_call("readdir", path);
	closedir(dir);
	for (n = 0; n < PER_DIR; n++)
		if (found[n] != (slot[d * PER_DIR + n] != NULL))
			stress_fail("%s lists n%u %u times, expected %d", path, n, found[n],
			    slot[d * PER_DIR + n] != NULL);
}

static const struct {
	unsigned weight;
	void	(*run)(unsigned i, unsigned j);
} operations[] = {
	{ 18, do_create }, { 8, do_mkdir }, { 6, do_symlink }, { 8, do_link }, { 16, do_unlink },
	{ 8, do_rmdir }, { 10, do_rename }, { 5, do_rename_new }, { 4, do_exchange },
	{ 4, do_chmod }, { 10, do_check }, { 3, do_list },
};

void
stress_names(void)
{
	unsigned at, i;

	STRESS_OK(mkdir("d0", 0700), "d0");
	STRESS_OK(mkdir("d1", 0700), "d1");
	umask(0);
	while (stress_going()) {
		at = stress_below(100);
		for (i = 0; at >= operations[i].weight; i++)
			at -= operations[i].weight;
		operations[i].run(stress_below(SLOTS), stress_below(SLOTS));
	}
	for (i = 0; i < SLOTS; i++)
		do_check(i, 0);
	do_list(0, 0);
	do_list(PER_DIR, 0);
}

/*
 * Races.  Two processes do the same at the same moment; exactly one may win,
 * and the other has to get the one right errno.
 */

struct ring {
	_Atomic unsigned arrived[2];	/* steps that each has reached */
	_Atomic int result[2];
	_Atomic unsigned over;
};

static struct ring *ring;
static unsigned me;

static void
meet(void)
{
	unsigned step = atomic_fetch_add(&ring->arrived[me], 1) + 1, spins = 0;

	while (atomic_load(&ring->arrived[1 - me]) < step) {
		if (++spins < 1000)
			continue;
		if (atomic_load(&ring->over) == 2)
			_exit(1);	/* the other one failed */
		usleep(20);
	}
}

#define SIDE	(me == 0 ? "left" : "right")

static int
race_create(void)
{
	int fd = STRESS_CALL(open("name", O_WRONLY | O_CREAT | O_EXCL, 0600)), error = errno;

	if (fd < 0)
		return error;
	STRESS_OK(close(fd), "name");
	return 0;
}

/* Without O_EXCL both open the same file. */
static int
race_open(void)
{
	int fd = STRESS_OK(open("name", O_WRONLY | O_CREAT, 0600), "name");
	struct stat mine, named;

	STRESS_OK(fstat(fd, &mine), "name");
	STRESS_OK(stat("name", &named), "name");
	if (mine.st_ino != named.st_ino)
		stress_fail("open(O_CREAT) twice made two files of one name");
	STRESS_OK(close(fd), "name");
	return 0;
}

static int race_unlink(void) { return STRESS_CALL(unlink("name")) < 0 ? errno : 0; }
static int race_mkdir(void) { return STRESS_CALL(mkdir("name", 0700)) < 0 ? errno : 0; }
static int race_rmdir(void) { return STRESS_CALL(rmdir("name")) < 0 ? errno : 0; }
static int race_symlink(void) { return STRESS_CALL(symlink(SIDE, "name")) < 0 ? errno : 0; }
static int race_rename(void) { return STRESS_CALL(rename("name", SIDE)) < 0 ? errno : 0; }
static int race_link(void) { return STRESS_CALL(link("source", "name")) < 0 ? errno : 0; }

static int
race_rename_new(void)
{
	return STRESS_CALL(renameat2(AT_FDCWD, SIDE, AT_FDCWD, "name", RENAME_NOREPLACE)) < 0 ?
	    errno : 0;
}

static void
make(const char *name)
{
	int fd = STRESS_OK(open(name, O_WRONLY | O_CREAT | O_EXCL, 0600), name);

	STRESS_OK(close(fd), name);
}

static void before_link(void) { make("source"); }
static void after_link(void) { STRESS_OK(unlink("source"), "source"); STRESS_OK(unlink("name"), "name"); }
static void before_rename(void) { make("name"); }
static void before_rename_new(void) { make("left"); make("right"); }
static void after_file(void) { STRESS_OK(unlink("name"), "name"); }

static void
after_rename(void)
{
	const char *winner = ring->result[0] == 0 ? "left" : "right";

	STRESS_GIVES(access("name", F_OK), ENOENT, "name");
	STRESS_OK(unlink(winner), winner);
}

static void
after_rename_new(void)
{
	const char *loser = ring->result[0] == 0 ? "right" : "left";

	STRESS_OK(unlink(loser), loser);
	STRESS_OK(unlink("name"), "name");
}

static void
after_symlink(void)
{
	char target[16] = "";

	STRESS_OK(readlink("name", target, sizeof(target) - 1), "name");
	if (strcmp(target, ring->result[0] == 0 ? "left" : "right") != 0)
		stress_fail("the link is that of the loser");
	STRESS_OK(unlink("name"), "name");
}

static const struct race {
	const char *what;
	void	(*before)(void);	/* by one of them */
	int	(*run)(void);
	int	loser;			/* errno; 0: both win */
	void	(*after)(void);		/* by one of them */
} races[] = {
	{ "open(O_EXCL)",	NULL,			race_create,	EEXIST,	NULL },
	{ "unlink",		NULL,			race_unlink,	ENOENT,	NULL },
	{ "mkdir",		NULL,			race_mkdir,	EEXIST,	NULL },
	{ "rmdir",		NULL,			race_rmdir,	ENOENT,	NULL },
	{ "open(O_CREAT)",	NULL,			race_open,	0,	after_file },
	{ "symlink",		NULL,			race_symlink,	EEXIST,	after_symlink },
	{ "link",		before_link,		race_link,	EEXIST,	after_link },
	{ "rename",		before_rename,		race_rename,	ENOENT,	after_rename },
	{ "rename(NOREPLACE)",	before_rename_new,	race_rename_new, EEXIST, after_rename_new },
};

static void
judge(const struct race *r)
{
	int a = atomic_load(&ring->result[0]), b = atomic_load(&ring->result[1]);

	if ((a == 0 && b == r->loser) || (a == r->loser && b == 0))
		return;
	stress_fail("race of %s: expected success and %s, found %s and %s", r->what,
	    stress_errno(r->loser), stress_errno(a), stress_errno(b));
}

static void
run_race(const struct race *r)
{
	if (me == 0 && r->before != NULL)
		r->before();
	meet();
	atomic_store(&ring->result[me], r->run());
	meet();
	if (me == 0)
		judge(r);
	if (me == 0 && r->after != NULL)
		r->after();
	meet();
}

static void
run_races(void)
{
	unsigned i;

	for (;;) {
		if (me == 0 && !stress_going())
			atomic_store(&ring->over, 1);
		meet();
		if (atomic_load(&ring->over) != 0)
			return;
		for (i = 0; i < ARRAY_SIZE(races); i++)
			run_race(&races[i]);
	}
}

/* The parent watches both, so that none waits for the other in vain. */
void
stress_races(void)
{
	int i, status, bad = 0;

	ring = mmap(NULL, sizeof(*ring), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ring == MAP_FAILED)
		stress_fail("out of memory");
	for (i = 0; i < 2; i++) {
		if (fork() != 0)
			continue;
		me = stress_self.depth = (unsigned)i;
		stress_self.random += (uint64_t)i;
		run_races();
		_exit(0);
	}
	for (i = 0; i < 2; i++) {
		if (wait(&status) > 0 && status != 0) {
			bad = 1;
			atomic_store(&ring->over, 2);
		}
	}
	_exit(bad);
}
