/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random operations against a model in memory, with a reopening now and then:
 *
 *	clean	flushed and closed, opened by the first worker of a new mount:
 *		everything is as in the model
 *	killed	the worker died, the next one of the same mount takes over:
 *		everything is as in the model, unsynced writes included, and the
 *		files that had lost their names are still there
 *	frozen	as clean, and in between what there is becomes a layer; or as killed, with
 *		the mount going on
 *	reset	all is as it was when one of the layers was frozen
 *	both	worker and supervisor died, the machine did not: names are as in
 *		the model, and every 4 KiB of a file are its last synced version
 *		or a newer one
 *
 * Prints TAP, one test for each seed.  PBKFS_TEST_SEED is the first one,
 * PBKFS_TEST_SEEDS how many there are, PBKFS_TEST_OPERATIONS how many
 * operations each makes; with PBKFS_TEST_TRACE each operation is a comment.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdarg.h>

#include "cow/treefile.h"
#include "support/hydration.h"
#include "support/layering.h"
#include "support/rig.h"

#define MAX_NODES	512
#define MAX_NAMES	512
#define MAX_SIZE	(24 * BLCKSZ)
#define MAX_VERSIONS	24
#define HALF		4096		/* a crash leaves so many bytes written or not as a whole */
#define MTIME_BASE	INT64_C(1500000000000000000)

/* --- the model --- */

struct version {
	uint64_t size;
	unsigned char *data;
};

struct mnode {
	bool	used;
	uint64_t nodeid, lookups;
	uint32_t mode;
	unsigned nlink;
	int64_t	mtime;			/* 0: not known */
	uint64_t size;
	unsigned char *data;		/* MAX_SIZE bytes, zero from size on */
	struct version version[MAX_VERSIONS];	/* [0] was synced, the others came after it */
	unsigned n_versions;
	char	target[32];
};

struct mname {
	bool	used;
	struct mnode *dir, *node;
	char	name[32];
};

static struct mnode nodes[MAX_NODES];
static struct mname names[MAX_NAMES];
static struct rig rig;
static uint64_t unique, last_unique;	/* last_unique: a change of names that succeeded */
static struct mnode *last_made;
static unsigned seed, operation;
static const char *what = "";
static uint64_t state;

static void __attribute__((noreturn, format(printf, 1, 2)))
fail(const char *fmt, ...)
{
	va_list ap;

	printf("not ok - seed %u, operation %u (%s): ", seed, operation, what);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\nBail out!\n");
	fflush(stdout);
	if (getenv("PBKFS_TEST_KEEP") == NULL)
		tmpdir_remove(rig.dir);
	exit(1);
}

/* Announces an operation and its node, as a comment of TAP. */
static void __attribute__((format(printf, 3, 4)))
begin(const char *name, const struct mnode *n, const char *fmt, ...)
{
	static int wanted = -1;
	va_list ap;

	what = name;
	if (wanted < 0)
		wanted = getenv("PBKFS_TEST_TRACE") != NULL;
	if (!wanted)
		return;
	printf("# %u %s %" PRIu64 " ", operation, name, n != NULL ? n->nodeid : 0);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

static uint32_t
rnd(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

static struct mnode *
node_new(uint32_t mode)
{
	struct mnode *n;

	for (n = nodes; n->used; n++)
		if (n == &nodes[MAX_NODES - 1])
			fail("the model is full");
	*n = (struct mnode){ .used = true, .mode = mode, .nlink = 1 };
	if (S_ISREG(mode) && (n->data = calloc(1, MAX_SIZE)) == NULL)
		err(1, "calloc");
	return n;
}

static void
forget_versions(struct mnode *n)
{
	while (n->n_versions > 0)
		free(n->version[--n->n_versions].data);
}

static void
node_drop(struct mnode *n)
{
	forget_versions(n);
	free(n->data);
	*n = (struct mnode){ 0 };
}

static void
add_version(struct mnode *n)
{
	struct version *v = &n->version[n->n_versions++];

	v->size = n->size;
	if ((v->data = malloc(MAX_SIZE)) == NULL)
		err(1, "malloc");
	memcpy(v->data, n->data, MAX_SIZE);
}

/* Notes that the content of n is durable. */
static void
is_synced(struct mnode *n)
{
	forget_versions(n);
	add_version(n);
}

static struct mname *
name_find(const struct mnode *dir, const char *name)
{
	struct mname *m;

	for (m = names; m < names + MAX_NAMES; m++)
		if (m->used && m->dir == dir && strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

static void
name_add(struct mnode *dir, const char *name, struct mnode *n)
{
	struct mname *m;

	for (m = names; m->used; m++)
		if (m == &names[MAX_NAMES - 1])
			fail("the model has too many names");
	m->used = true;
	m->dir = dir;
	m->node = n;
	snprintf(m->name, sizeof(m->name), "%s", name);
}

static bool
is_empty(const struct mnode *dir)
{
	const struct mname *m;

	for (m = names; m < names + MAX_NAMES; m++)
		if (m->used && m->dir == dir)
			return false;
	return true;
}

static struct mnode *
parent_of(const struct mnode *dir)
{
	const struct mname *m;

	for (m = names; m < names + MAX_NAMES; m++)
		if (m->used && m->node == dir)
			return m->dir;
	return NULL;
}

static bool
lies_in(const struct mnode *dir, const struct mnode *n)
{
	for (; dir != NULL; dir = parent_of(dir))
		if (dir == n)
			return true;
	return false;
}

/* Notes that n has one name less. */
static void
name_lost(struct mnode *n)
{
	if (--n->nlink == 0 && n->lookups == 0)
		node_drop(n);
}

/* --- comparing --- */

static void
expect(int found, int expected)
{
	if (found != expected)
		fail("returned %d (%s), expected %d (%s)", found, strerror(-found), expected,
		    strerror(-expected));
}

static void
compare_content(struct mnode *n)
{
	static unsigned char buf[MAX_SIZE + BLCKSZ];
	ssize_t len = cow_read(rig.cow, n->nodeid, 0, sizeof(buf), buf, &rig.reader);
	uint64_t i;

	if (len < 0 || (uint64_t)len != n->size)
		fail("nodeid %" PRIu64 ": read %zd bytes, expected %" PRIu64, n->nodeid, len, n->size);
	for (i = 0; i < n->size; i++)
		if (buf[i] != n->data[i])
			fail("nodeid %" PRIu64 ": byte %" PRIu64 " is %u, expected %u",
			    n->nodeid, i, buf[i], n->data[i]);
}

static bool
has_block(const struct version *v, uint64_t at, const unsigned char *block, size_t len)
{
	return memcmp(v->data + at, block, len) == 0;
}

/*
 * Takes the content that is there, if each of its blocks and its size were there at
 * one time since the last sync.
 */
static void
accept_version(struct mnode *n)
{
	static unsigned char buf[MAX_SIZE + BLCKSZ];
	ssize_t len = cow_read(rig.cow, n->nodeid, 0, sizeof(buf), buf, &rig.reader);
	uint64_t at;
	unsigned i;

	for (i = 0; i < n->n_versions && n->version[i].size != (uint64_t)len; i++)
		;
	if (len < 0 || i == n->n_versions)
		fail("nodeid %" PRIu64 ": read %zd bytes, synced were %" PRIu64 ", written %" PRIu64,
		    n->nodeid, len, n->version[0].size, n->size);
	for (at = 0; at < (uint64_t)len; at += HALF) {
		for (i = 0; i < n->n_versions; i++)
			if (has_block(&n->version[i], at, buf + at, MIN((size_t)len - at, HALF)))
				break;
		if (i == n->n_versions)
			fail("nodeid %" PRIu64 ": what lies at %" PRIu64 " is older than the last fsync",
			    n->nodeid, at);
	}
	memset(n->data, 0, MAX_SIZE);
	memcpy(n->data, buf, (size_t)len);
	n->size = (uint64_t)len;
	is_synced(n);
}

static void
compare_attr(const struct mnode *n, const struct cow_attr *a)
{
	if (a->nodeid != n->nodeid)
		fail("nodeid is %" PRIu64 ", expected %" PRIu64, a->nodeid, n->nodeid);
	if (a->mode != n->mode || a->nlink != n->nlink)
		fail("nodeid %" PRIu64 ": mode %o, %u links, expected %o, %u", n->nodeid, a->mode,
		    a->nlink, n->mode, n->nlink);
	if (S_ISREG(n->mode) && a->size != n->size)
		fail("nodeid %" PRIu64 ": size %" PRIu64 ", expected %" PRIu64, n->nodeid, a->size,
		    n->size);
	if (n->mtime != 0 && a->mtime != n->mtime)
		fail("nodeid %" PRIu64 ": mtime %" PRId64 ", expected %" PRId64, n->nodeid, a->mtime,
		    n->mtime);
}

static void
compare_node(struct mnode *n, bool versions)
{
	char target[PATH_MAX];
	struct cow_attr a;

	if (versions && S_ISREG(n->mode))
		accept_version(n);
	expect(cow_getattr(rig.cow, n->nodeid, &a), 0);
	compare_attr(n, &a);
	if (S_ISREG(n->mode))
		compare_content(n);
	if (S_ISLNK(n->mode)) {
		expect(cow_readlink(rig.cow, n->nodeid, target), 0);
		if (strcmp(target, n->target) != 0)
			fail("link to \"%s\", expected \"%s\"", target, n->target);
	}
}

/* All names of dir in pieces of a few, as a kernel with a small buffer asks for them. */
static unsigned
list(struct mnode *dir, bool check)
{
	struct cow_list l;
	struct cow_dirent d;
	const struct mname *m;
	uint64_t cookie = 0;
	unsigned n = 0, piece;
	int more = 1;

	while (more) {
		expect(cow_list_begin(&l, rig.cow, dir->nodeid, cookie), 0);
		for (piece = 1 + rnd(7); piece > 0 && (more = cow_list_next(&l, &d)) > 0; piece--) {
			cookie = d.cookie;
			if (strcmp(d.name, ".") == 0 || strcmp(d.name, "..") == 0)
				continue;
			m = name_find(dir, d.name);
			if (check && m == NULL)
				fail("\"%s\" is listed", d.name);
			if (check && (d.mode & S_IFMT) != (m->node->mode & S_IFMT))
				fail("\"%s\" is listed with mode %o", d.name, d.mode);
			n++;
		}
		cow_list_end(&l);
	}
	return n;
}

static void
look_up(struct mname *m, bool fresh, bool versions)
{
	struct mnode *n = m->node;
	struct cow_attr a;
	int r = cow_lookup(rig.cow, m->dir->nodeid, m->name, strlen(m->name), &a);

	if (r != 0)
		fail("lookup of \"%s\": %s", m->name, strerror(-r));
	/* Inode numbers are for good, over mounts and without the catalog, too. */
	if (n->nodeid == 0)
		n->nodeid = a.nodeid;
	if (a.nodeid != n->nodeid)
		fail("\"%s\" has nodeid %" PRIu64 ", expected %" PRIu64, m->name, a.nodeid, n->nodeid);
	n->lookups++;
	if (n->lookups == 1 || !fresh)
		compare_node(n, versions && n->lookups == 1);
}

/* Compares the tree below dir.  fresh: nodeids are not known yet. */
static void
compare_tree(struct mnode *dir, bool fresh, bool versions)
{
	struct mname *m;
	unsigned n = 0;

	for (m = names; m < names + MAX_NAMES; m++) {
		if (!m->used || m->dir != dir)
			continue;
		look_up(m, fresh, versions);
		if (S_ISDIR(m->node->mode))
			compare_tree(m->node, fresh, versions);
		n++;
	}
	if (list(dir, true) != n)
		fail("directory %" PRIu64 " does not list all its %u names", dir->nodeid, n);
}

/* Compares the files without names, too. */
static void
compare_all(void)
{
	struct mnode *n;

	compare_tree(&nodes[0], false, false);
	for (n = nodes; n < nodes + MAX_NODES; n++)
		if (n->used && n->nlink == 0)
			compare_node(n, false);
}

/* --- the catalog --- */

static unsigned char page[3][32][BLCKSZ];

static void
write_backup(struct catwriter *w, const char *id, const char *parent, unsigned generation,
    unsigned n_blocks, unsigned step)
{
	struct catbackup_options o = {
		.id = id, .parent = parent, .mode = parent != NULL ? "DELTA" : "FULL",
		.alg = generation % 2 == 0 ? CATALG_ZLIB : CATALG_LZ4, .level = 1,
	};
	struct catpage pages[32];
	struct catfile f = { .path = "base/5/1001", .n_blocks = n_blocks, .pages = pages };
	struct catbackup *b;
	unsigned i;

	if (catbackup_begin(w, &o, &b) < 0)
		errx(1, "catbackup_begin");
	for (i = generation; i < n_blocks; i += step) {
		catwriter_make_page(page[generation][i], i + 1, generation * 100 + i);
		pages[f.n_pages++] = (struct catpage){ .block = i, .bytes = page[generation][i] };
	}
	catbackup_dir(b, "base", 0700);
	catbackup_dir(b, "base/5", 0700);
	catbackup_dir(b, "pg_wal", 0700);
	catbackup_dir(b, "pg_notify", 0700);
	catbackup_data(b, &f);
	f.path = "base/5/1003";		/* the same pages, and a tail that nothing provides */
	f.n_blocks = n_blocks + 3;
	catbackup_data(b, &f);
	f = (struct catfile){ .path = "base/5/1002" };
	catbackup_data(b, &f);
	catbackup_plain(b, "PG_VERSION", 0600, "15\n", 3);
	catbackup_plain(b, "conf", 0640, page[generation], 20000);
	catbackup_plain(b, "empty", 0600, "", 0);
	catbackup_plain(b, "base/5/1001_vm", 0600, page[generation][generation], BLCKSZ);
	if (catbackup_finish(b) < 0)
		errx(1, "catbackup_finish");
}

static void
write_catalog(void)
{
	struct catwriter *w;

	if (catwriter_open(rig.store, "main", NULL, &w) < 0)
		errx(1, "catwriter_open");
	write_backup(w, "T00001", NULL, 0, 9, 1);
	write_backup(w, "T00002", "T00001", 1, 14, 2);
	write_backup(w, "T00003", "T00002", 2, 12, 3);
	catwriter_close(w);
}

/*
 * Takes the model of the backup from the mount; other tests show that the mount is
 * right.
 */
static void
load(struct mnode *dir)
{
	struct cow_list l;
	struct cow_dirent d;
	struct cow_attr a;
	struct mname *m;

	expect(cow_list_begin(&l, rig.cow, dir->nodeid, 0), 0);
	while (cow_list_next(&l, &d) > 0)
		if (d.name[0] != '.') {
			name_add(dir, d.name, node_new(d.mode));
			m = name_find(dir, d.name);
			expect(cow_list_attr(&l, &d, &a), 0);
			m->node->nodeid = a.nodeid;
			m->node->mode = a.mode;
			m->node->size = S_ISREG(a.mode) ? a.size : 0;
			m->node->lookups = 1;
		}
	cow_list_end(&l);
	for (m = names; m < names + MAX_NAMES; m++) {
		if (!m->used || m->dir != dir)
			continue;
		if (S_ISDIR(m->node->mode))
			load(m->node);
		else if (cow_read(rig.cow, m->node->nodeid, 0, MAX_SIZE, m->node->data,
		    &rig.reader) != (ssize_t)m->node->size)
			fail("could not read \"%s\"", m->name);
		if (S_ISREG(m->node->mode))
			is_synced(m->node);
	}
}

/* --- operations on content --- */

static struct mnode *
some_node(uint32_t type)
{
	struct mnode *found = NULL, *n;
	unsigned seen = 0;

	for (n = nodes; n < nodes + MAX_NODES; n++)
		if (n->used && (n->mode & S_IFMT) == type && rnd(++seen) == 0)
			found = n;
	return found;
}

/* Notes that the content of n has changed. */
static void
changed(struct mnode *n)
{
	n->mtime = 0;
	if (n->n_versions == MAX_VERSIONS) {
		expect(cow_fsync(rig.cow, n->nodeid, true), 0);
		is_synced(n);
	} else {
		add_version(n);
	}
}

/* Chooses places and lengths, most of which begin and end with blocks. */
static uint64_t
some_offset(uint64_t max)
{
	switch (rnd(4)) {
	case 0:
		return rnd((uint32_t)max + 1);
	case 1:
		return (uint64_t)rnd((uint32_t)(max / HALF) + 1) * HALF;
	default:
		return (uint64_t)rnd((uint32_t)(max / BLCKSZ) + 1) * BLCKSZ;
	}
}

static void
do_write(struct mnode *n)
{
	uint64_t off = some_offset(MAX_SIZE - 1), len = rnd(3) == 0 ? HALF : 1 + some_offset(4 * BLCKSZ);
	unsigned char fill = (unsigned char)rnd(256);
	uint64_t i;

	if (rnd(2) == 0)
		off = MIN(off, n->size);
	len = MIN(len, MAX_SIZE - off);
	begin("write", n, "%" PRIu64 " + %" PRIu64, off, len);
	if (len == 0)
		return;
	for (i = 0; i < len; i++)
		n->data[off + i] = (unsigned char)(fill + i / 512);
	expect(cow_write(rig.cow, n->nodeid, off, len, n->data + off, &rig.reader), 0);
	n->size = MAX(n->size, off + len);
	changed(n);
}

static void
do_truncate(struct mnode *n)
{
	struct cow_attr a = { .size = rnd(5) == 0 ? 0 : some_offset(MAX_SIZE) };
	uint64_t size = a.size;

	begin("truncate", n, "%" PRIu64, size);
	expect(cow_setattr(rig.cow, n->nodeid, COW_SET_SIZE, &a), 0);
	if (size < n->size)
		memset(n->data + size, 0, MAX_SIZE - size);
	if (size != n->size) {
		n->size = size;
		changed(n);
	}
	compare_attr(n, &a);
}

static void
do_fallocate(struct mnode *n)
{
	static const int modes[] = {
		0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		FALLOC_FL_ZERO_RANGE, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
	};
	int mode = modes[rnd(ARRAY_SIZE(modes))], r;
	uint64_t off = some_offset(MAX_SIZE - 1), len = 1 + some_offset(6 * BLCKSZ);

	len = MIN(len, MAX_SIZE - off);
	begin("fallocate", n, "%d: %" PRIu64 " + %" PRIu64, mode, off, len);
	if (len == 0)
		return;
	r = cow_fallocate(rig.cow, n->nodeid, mode, off, len, &rig.reader);
	if (r == -EOPNOTSUPP) {		/* tmpfs */
		n->mtime = 0;
		return;
	}
	expect(r, 0);
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		memset(n->data + off, 0, len);
	if (!(mode & FALLOC_FL_KEEP_SIZE))
		n->size = MAX(n->size, off + len);
	changed(n);
}

static void
do_read(struct mnode *n)
{
	static unsigned char buf[MAX_SIZE];
	uint64_t off = some_offset(MAX_SIZE - 1), len = 1 + some_offset(MAX_SIZE - 1);
	uint64_t there = off < n->size ? MIN(len, n->size - off) : 0;
	ssize_t r;

	begin("read", n, "%" PRIu64 " + %" PRIu64, off, len);
	r = cow_read(rig.cow, n->nodeid, off, len, buf, &rig.reader);
	if (r < 0 || (uint64_t)r != there)
		fail("%zd bytes, expected %" PRIu64, r, there);
	if (memcmp(buf, n->data + off, there) != 0)
		fail("wrong bytes in [%" PRIu64 ", %" PRIu64 ")", off, off + len);
}

static void
do_fsync(struct mnode *n)
{
	begin("fsync", n, "%" PRIu64, n->size);
	expect(cow_fsync(rig.cow, n->nodeid, rnd(2) == 0), 0);
	is_synced(n);
}

static void
do_setattr(struct mnode *n)
{
	struct cow_attr a = { .mode = rnd(01000), .mtime = MTIME_BASE + rnd(1000) };
	unsigned set = rnd(2) == 0 ? COW_SET_MODE : COW_SET_MTIME | COW_SET_ATIME;

	begin("setattr", n, "%x", set);
	if (n->nlink == 0)	/* its attributes die with the worker */
		return;
	if (set & COW_SET_MODE)
		n->mode = (n->mode & S_IFMT) | a.mode;
	else if (S_ISREG(n->mode))
		n->mtime = a.mtime;
	a.atime = a.mtime;
	expect(cow_setattr(rig.cow, n->nodeid, set, &a), 0);
	compare_attr(n, &a);
}

/* --- operations on names --- */

static const char *
some_name(void)
{
	static const char *const pool[] = {
		"a", "b", "c", "d", "e", "PG_VERSION", "conf", "empty", "1001", "1002", "1003",
		"base", "5", "pg_notify",
	};

	return pool[rnd(ARRAY_SIZE(pool))];
}

static void
succeeded(struct mnode *made)
{
	last_unique = unique;
	last_made = made;
}

static struct mnode *
some_dir(void)
{
	struct mnode *n = some_node(S_IFDIR);

	return n->nlink == 0 || rnd(2) == 0 ? &nodes[0] : n;
}

static void
do_create(uint32_t mode)
{
	struct mnode *dir = some_dir(), *n;
	const char *name = some_name(), *target = S_ISLNK(mode) ? "somewhere" : NULL;
	struct mname *m = name_find(dir, name);
	struct cow_attr a;
	int r;

	begin("create", dir, "%s %o", name, mode);
	r = cow_create(rig.cow, ++unique, dir->nodeid, name, mode, 1, 2, target, &a);
	expect(r, m != NULL ? -EEXIST : 0);
	if (r < 0)
		return;
	n = node_new(mode);
	n->nodeid = a.nodeid;
	n->lookups = 1;
	if (target != NULL)
		strcpy(n->target, target);
	if (S_ISREG(mode))
		is_synced(n);
	name_add(dir, name, n);
	compare_attr(n, &a);
	succeeded(n);
}

static void
do_link(void)
{
	struct mnode *dir = some_dir(), *n = some_node(rnd(8) == 0 ? S_IFDIR : S_IFREG);
	const char *name = some_name();
	struct cow_attr a;
	int r;

	if (n == NULL)
		return;
	begin("link", n, "%" PRIu64 "/%s", dir->nodeid, name);
	r = cow_link(rig.cow, ++unique, n->nodeid, dir->nodeid, name, &a);
	expect(r, name_find(dir, name) != NULL ? -EEXIST : S_ISDIR(n->mode) ? -EPERM :
	    n->nlink == 0 ? -ENOENT : 0);
	if (r < 0)
		return;
	n->nlink++;
	n->lookups++;
	name_add(dir, name, n);
	compare_attr(n, &a);
	succeeded(n);
}

static void
do_remove(void)
{
	struct mnode *dir = some_dir();
	const char *name = some_name();
	struct mname *m = name_find(dir, name);
	bool directory = rnd(3) == 0;
	int r;

	begin(directory ? "rmdir" : "unlink", dir, "%s", name);
	r = cow_remove(rig.cow, ++unique, dir->nodeid, name, directory);
	expect(r, m == NULL ? -ENOENT : directory && !S_ISDIR(m->node->mode) ? -ENOTDIR :
	    !directory && S_ISDIR(m->node->mode) ? -EISDIR :
	    directory && !is_empty(m->node) ? -ENOTEMPTY : 0);
	if (r < 0)
		return;
	m->used = false;
	name_lost(m->node);
	succeeded(NULL);
}

static int
rename_result(const struct mname *m, const struct mnode *dir2, const struct mname *to,
    unsigned flags)
{
	const struct mnode *n, *victim = to != NULL ? to->node : NULL;

	if (m == NULL)
		return -ENOENT;
	n = m->node;
	if (victim != NULL && flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (victim == NULL && flags & RENAME_EXCHANGE)
		return -ENOENT;
	if (S_ISDIR(n->mode) && lies_in(dir2, n))
		return -EINVAL;
	if (flags & RENAME_EXCHANGE)
		return S_ISDIR(victim->mode) && lies_in(m->dir, victim) ? -EINVAL : 0;
	if (victim == NULL || victim == n)
		return 0;
	if (S_ISDIR(n->mode) != S_ISDIR(victim->mode))
		return S_ISDIR(n->mode) ? -ENOTDIR : -EISDIR;
	return S_ISDIR(victim->mode) && !is_empty(victim) ? -ENOTEMPTY : 0;
}

static void
do_rename(void)
{
	static const unsigned flags_of[] = { 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE };
	unsigned flags = flags_of[rnd(4)];
	struct mnode *dir = some_dir(), *dir2 = some_dir(), *n;
	const char *name = some_name(), *name2 = some_name();
	struct mname *from = name_find(dir, name), *to = name_find(dir2, name2);
	int r;

	begin("rename", dir, "%s to %" PRIu64 "/%s, %u", name, dir2->nodeid, name2, flags);
	r = cow_rename(rig.cow, ++unique, dir->nodeid, name, dir2->nodeid, name2, flags);
	expect(r, rename_result(from, dir2, to, flags));
	if (r < 0 || (to != NULL && to->node == from->node))
		return;
	n = from->node;
	if (flags & RENAME_EXCHANGE) {
		from->node = to->node;
		to->node = n;
	} else {
		from->used = false;
		if (to != NULL) {
			to->used = false;
			name_lost(to->node);
		}
		name_add(dir2, name2, n);
	}
	succeeded(NULL);
}

static void
do_forget(void)
{
	struct mnode *n = &nodes[1 + rnd(MAX_NODES - 1)];

	if (!n->used || n->lookups == 0)
		return;
	begin("forget", n, "%" PRIu64, n->lookups);
	/* The kernel knows the nodeid of a name only while it has a lookup of it. */
	cow_forget(rig.cow, n->nodeid, n->lookups);
	n->lookups = 0;
	if (n->nlink == 0)
		node_drop(n);
}

/* --- hydration --- */

static struct hydration hydration;
static bool detached;
static bool layered;

/* One step, so that whatever else happens comes between any two of them. */
static void
do_hydrate(void)
{
	int r;

	if (detached || layered)
		return;
	begin("hydrate", NULL, "%s", "a step");
	if ((r = hydration_step(&hydration, rig.cow, rnd(HYDRATION_JOBS), &rig.reader)) < 0)
		expect(r, 0);
	if (r == 0 || hydrate_wants_sync(hydration.h) || rnd(20) == 0)
		expect(hydrate_sync(hydration.h), 0);
}

/* All files stay as they are; from then on nothing needs the store. */
static void
do_detach(void)
{
	if (detached || layered)
		return;
	begin("detach", NULL, "%s", "the rest");
	expect(hydration_finish(&hydration, rig.cow, &rig.reader), 1);
	detached = true;
	hydration_end(&hydration);
	rig.config.store_fd = -1;
	tmpdir_remove(rig.store);
	compare_all();
}

/* The index of a new mount: of the tree, once there is one. */
static void
choose_index(void)
{
	if (!detached)
		return;
	if (rig.config.index_fd != rig.index_fd)
		close(rig.config.index_fd);
	rig.config.index_fd = memfd_create("tree", MFD_CLOEXEC);
	expect(treefile_load(rig.diff_fd, rig.config.index_fd, MiB), 0);
}

/* --- reopening --- */

/* After a new mount nothing is known of files that had lost their names. */
static void
forget_all(void)
{
	struct mnode *n;

	for (n = nodes + 1; n < nodes + MAX_NODES; n++) {
		n->lookups = 0;
		if (n->used && n->nlink == 0)
			node_drop(n);
	}
	last_unique = 0;
}

static void
all_synced(void)
{
	struct mnode *n;

	for (n = nodes; n < nodes + MAX_NODES; n++)
		if (n->used && S_ISREG(n->mode))
			is_synced(n);
}

static void
reopen_clean(void)
{
	begin("clean", NULL, "%s", "reopening");
	hydration_end(&hydration);
	expect(rig_close(&rig), 0);
	all_synced();
	forget_all();
	choose_index();
	expect(rig_open(&rig, true), 0);
	compare_tree(&nodes[0], true, false);
}

static void
check_outcomes(const uint64_t asked[2])
{
	struct cow_attr a = { .nodeid = 0 };

	expect(cow_outcome(rig.cow, asked[1], &a), 0);
	if (last_unique == 0)
		return;
	expect(cow_outcome(rig.cow, asked[0], &a), 1);
	if (last_made == NULL || !last_made->used)
		return;
	compare_attr(last_made, &a);
	last_made->lookups++;
}

static void
reopen_killed(void)
{
	uint64_t asked[2] = { last_unique, unique + 1 };

	begin("killed", NULL, "%s", "reopening");
	hydration_end(&hydration);
	rig_kill(&rig);
	rig.config.in_flight = asked;
	rig.config.n_in_flight = 2;
	expect(rig_open(&rig, false), 0);
	rig.config.n_in_flight = 0;
	check_outcomes(asked);
	compare_all();
}

static void
reopen_both(void)
{
	begin("both", NULL, "%s", "reopening");
	hydration_end(&hydration);
	rig_kill(&rig);
	forget_all();
	choose_index();
	expect(rig_open(&rig, true), 0);
	compare_tree(&nodes[0], true, true);
}

/* --- layers: in every second run, which then hydrates nothing --- */

#define MAX_SAVED	20

/* The model as it was when a layer was frozen. */
static struct saved {
	struct mnode nodes[MAX_NODES];
	struct mname names[MAX_NAMES];
	char	layer[16];
	uint32_t checksum;
} saved[MAX_SAVED];
static unsigned n_saved;
static struct layering layering;

static void
copy_model(struct mnode *to, struct mname *to_names, struct mnode *from, const struct mname *from_names)
{
	unsigned i;

	for (i = 0; i < MAX_NODES; i++) {
		to[i] = from[i];
		to[i].n_versions = 0;
		if (from[i].data != NULL && (to[i].data = malloc(MAX_SIZE)) == NULL)
			err(1, "malloc");
		if (from[i].data != NULL)
			memcpy(to[i].data, from[i].data, MAX_SIZE);
	}
	for (i = 0; i < MAX_NAMES; i++) {
		to_names[i] = from_names[i];
		if (from_names[i].used) {
			to_names[i].dir = to + (from_names[i].dir - from);
			to_names[i].node = to + (from_names[i].node - from);
		}
	}
}

static void
drop_model(struct mnode *all)
{
	struct mnode *n;

	for (n = all; n < all + MAX_NODES; n++)
		if (n->used)
			node_drop(n);
}

static void
save_model(void)
{
	struct saved *s = &saved[n_saved];

	copy_model(s->nodes, s->names, nodes, names);
	snprintf(s->layer, sizeof(s->layer), "s%u", n_saved++);
}

/* Nothing that was done since has changed any of them. */
static void
check_layers(void)
{
	unsigned i;

	for (i = 0; i < n_saved; i++)
		if (layering_checksum(&rig, saved[i].layer) != saved[i].checksum)
			fail("layer \"%s\" was changed", saved[i].layer);
}

static void
do_freeze(void)
{
	bool mounted = rnd(2) == 0;

	if (n_saved == MAX_SAVED)
		return;
	begin("freeze", NULL, "s%u, %smounted", n_saved, mounted ? "" : "not ");
	expect(rig_close(&rig), 0);
	all_synced();
	if (!mounted)
		forget_all();
	save_model();
	expect(layering_freeze(&layering, &rig, saved[n_saved - 1].layer, mounted), 0);
	saved[n_saved - 1].checksum = layering_checksum(&rig, saved[n_saved - 1].layer);
	pending_reset(rig.pending);
	expect(rig_open(&rig, !mounted), 0);
	if (mounted)
		compare_all();
	else
		compare_tree(&nodes[0], true, false);
}

static void
do_reset(void)
{
	const struct saved *s;

	if (n_saved == 0)
		return;
	s = &saved[rnd(n_saved)];
	begin("reset", NULL, "%s", s->layer);
	rig_kill(&rig);
	drop_model(nodes);
	copy_model(nodes, names, (struct mnode *)s->nodes, s->names);
	forget_all();
	all_synced();
	expect(layering_reset(&layering, &rig, s->layer), 0);
	check_layers();
	expect(rig_open(&rig, true), 0);
	compare_tree(&nodes[0], true, false);
}

/* Makes the journal so long that the next mount compacts it. */
static void
lengthen_journal(void)
{
	struct cow_attr a;
	unsigned i;

	begin("lengthen", NULL, "%s", "journal");
	for (i = 0; i < 20000; i++) {
		expect(cow_create(rig.cow, 0, COW_ROOT, "over", S_IFREG | 0600, 0, 0, NULL, &a), 0);
		expect(cow_remove(rig.cow, 0, COW_ROOT, "over", false), 0);
		cow_forget(rig.cow, a.nodeid, 1);
	}
}

/* --- running --- */

static void
operate_on_content(void)
{
	static void (*const op[])(struct mnode *) = {
		do_write, do_write, do_write, do_truncate, do_fallocate, do_read, do_fsync, do_setattr,
	};
	struct mnode *n = some_node(S_IFREG);

	if (n != NULL)
		op[rnd(ARRAY_SIZE(op))](n);
}

static void
operate_on_names(void)
{
	switch (rnd(10)) {
	case 0:
		do_create(S_IFDIR | 0700);
		break;
	case 1:
		do_create(S_IFLNK | 0777);
		break;
	case 2:
	case 3:
		do_create(S_IFREG | 0600);
		break;
	case 4:
		do_link();
		break;
	case 5:
	case 6:
		do_remove();
		break;
	default:
		do_rename();
	}
}

static void
operate(void)
{
	uint32_t p = rnd(1000);

	if (layered && p < 12)
		do_freeze();
	else if (layered && p < 16)
		do_reset();
	else if (p < 100)
		do_hydrate();
	else if (p < 600)
		operate_on_content();
	else if (p < 900)
		operate_on_names();
	else if (p < 940)
		do_forget();
	else if (p < 950)
		do_setattr(some_dir());
	else if (p < 960)
		expect(cow_fsync_names(rig.cow), 0);
	else if (p < 970)
		cow_idle(rig.cow);
	else if (p < 975)
		compare_all();
	else if (p < 980) {
		expect(cow_flush(rig.cow), 0);
		all_synced();
	} else if (p < 986)
		reopen_clean();
	else if (p < 994)
		reopen_killed();
	else if (p < 999)
		reopen_both();
	else
		lengthen_journal();
}

static void
run(unsigned operations)
{
	unsigned i;

	state = UINT64_C(0x9e3779b97f4a7c15) * (seed + 1);
	rig_new(&rig);
	rig.config.max_fds = 64;
	rig.config.cache_size = 64;
	write_catalog();
	expect(rig_index(&rig, "T00003"), 0);
	if (layered)
		layering_begin(&layering, &rig);
	expect(rig_open(&rig, true), 0);
	nodes[0] = (struct mnode){ .used = true, .nodeid = COW_ROOT, .nlink = 1, .mode = S_IFDIR | 0700 };
	load(&nodes[0]);
	for (operation = 0; operation < operations; operation++) {
		operate();
		if (operation == operations * 2 / 3)
			do_detach();
	}
	compare_all();
	reopen_killed();
	reopen_clean();
	if (layered) {
		check_layers();
		layering_end(&layering);
	}
	rig_free(&rig);
	if (rig.config.index_fd != rig.index_fd)
		close(rig.config.index_fd);
	detached = false;
	drop_model(nodes);
	for (i = 0; i < n_saved; i++)
		drop_model(saved[i].nodes);
	n_saved = 0;
	memset(names, 0, sizeof(names));
	unique = last_unique = 0;
	last_made = NULL;
}

static unsigned
number(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

int
main(void)
{
	/* Behind those that are asked for: one that found files with the time of their copy. */
	static const unsigned known[] = { 211 };
	unsigned first = number("PBKFS_TEST_SEED", 1), n = number("PBKFS_TEST_SEEDS", 4), i;
	unsigned operations = number("PBKFS_TEST_OPERATIONS", 1500);

	if (getenv("PBKFS_TEST_TRACE") == NULL)
		log_set_sink(swallow);
	printf("1..%u\n", 2 * (n + (unsigned)ARRAY_SIZE(known)));
	for (i = 0; i < 2 * (n + ARRAY_SIZE(known)); i++) {
		seed = i / 2 < n ? first + i / 2 : known[i / 2 - n];
		layered = i % 2 == 1;
		run(operations);
		printf("ok %u - seed %u, %u operations%s\n", i + 1, seed, operations, layered ? ", in layers" : "");
		fflush(stdout);
	}
	return 0;
}
