/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The copy-on-write file system by paths (see cowpath.h).
 */
#include "config.h"

#include <dirent.h>
#include <inttypes.h>

#include "support/cowpath.h"

struct rig rig;
unsigned char page[PAGES][BLCKSZ];
uint64_t unique;

static void
add_data(struct catbackup *b, const char *path, uint32_t n_blocks, unsigned first, unsigned step)
{
	struct catpage pages[PAGES];
	struct catfile f = { .path = path, .n_blocks = n_blocks, .pages = pages };
	unsigned i;

	for (i = first; i < MIN(n_blocks, PAGES); i += step)
		pages[f.n_pages++] = (struct catpage){ .block = i, .bytes = page[i] };
	catbackup_data(b, &f);
}

static void
add_backup(struct catwriter *w, const char *id, const char *parent)
{
	struct catbackup_options o = {
		.id = id, .parent = parent, .mode = parent != NULL ? "DELTA" : "FULL",
		.alg = CATALG_ZLIB, .level = 1,
	};
	struct catbackup *b;
	unsigned first = parent != NULL;

	ck_assert_int_eq(catbackup_begin(w, &o, &b), 0);
	catbackup_dir(b, "base", 0700);
	catbackup_dir(b, "base/5", 0700);
	catbackup_dir(b, "pg_wal", 0700);
	catbackup_dir(b, "pg_notify", 0700);
	catbackup_plain(b, "PG_VERSION", 0600, "15\n", 3);
	catbackup_plain(b, "conf", 0640, page[2], 5000);
	catbackup_plain(b, "empty", 0600, "", 0);
	catbackup_plain(b, "pg_wal/000000010000000000000001", 0600, page[0], sizeof(page));
	add_data(b, "base/5/16384", PAGES, first, 1 + first);
	add_data(b, "base/5/16385", 0, 0, 1);
	add_data(b, "base/5/16386", 150000, first, 1);
	ck_assert_int_eq(catbackup_finish(b), 0);
}

void
cowpath_setup(void)
{
	struct catwriter *w;
	unsigned i;

	log_set_sink(swallow);
	rig_new(&rig);
	for (i = 0; i < PAGES; i++)
		catwriter_make_page(page[i], 100 + i, i);
	ck_assert_int_eq(catwriter_open(rig.store, "main", NULL, &w), 0);
	add_backup(w, "T00001", NULL);
	add_backup(w, "T00002", "T00001");
	add_backup(w, "T00003", "T00002");
	catwriter_close(w);
	ck_assert_int_eq(rig_index(&rig, "T00003"), 0);
	ck_assert_int_eq(rig_open(&rig, true), 0);
}

void
cowpath_teardown(void)
{
	rig_free(&rig);
}

/* The nodeid of a path, or 0. */
uint64_t
id(const char *path)
{
	uint64_t at = COW_ROOT;
	struct cow_attr a;
	size_t len;

	for (; *path != '\0'; path += len + (path[len] == '/')) {
		len = strcspn(path, "/");
		if (cow_lookup(rig.cow, at, path, len, &a) < 0)
			return 0;
		at = a.nodeid;
	}
	return at;
}

/* Splits a path into directory and name. */
uint64_t
place(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	char dir[256];

	*name = slash != NULL ? slash + 1 : path;
	snprintf(dir, sizeof(dir), "%.*s", slash != NULL ? (int)(slash - path) : 0, path);
	return id(dir);
}

int
make(const char *path, uint32_t mode)
{
	const char *name;
	uint64_t dir = place(path, &name);
	struct cow_attr a;

	return cow_create(rig.cow, ++unique, dir, name, mode, 3, 4,
	    S_ISLNK(mode) ? "../x" : NULL, &a);
}

int
remove_path(const char *path, bool directory)
{
	const char *name;
	uint64_t dir = place(path, &name);

	return cow_remove(rig.cow, ++unique, dir, name, directory);
}

int
move(const char *from, const char *to, unsigned flags)
{
	const char *name, *name2;
	uint64_t dir = place(from, &name), dir2 = place(to, &name2);

	return cow_rename(rig.cow, ++unique, dir, name, dir2, name2, flags);
}

int
link_path(const char *from, const char *to)
{
	const char *name;
	uint64_t dir = place(to, &name);
	struct cow_attr a;

	return cow_link(rig.cow, ++unique, id(from), dir, name, &a);
}

int
put(const char *path, uint64_t off, const void *bytes, size_t len)
{
	return cow_write(rig.cow, id(path), off, len, bytes, &rig.reader);
}

int
resize(const char *path, uint64_t size)
{
	struct cow_attr a = { .size = size };

	return cow_setattr(rig.cow, id(path), COW_SET_SIZE, &a);
}

uint64_t
size_of(const char *path)
{
	struct cow_attr a;

	ck_assert_msg(cow_getattr(rig.cow, id(path), &a) == 0, "%s", path);
	return a.size;
}

/* Whether the file has these bytes there. */
void
has(const char *path, uint64_t off, const void *bytes, size_t len)
{
	unsigned char buf[BLCKSZ];
	ssize_t n;

	ck_assert_uint_le(len, sizeof(buf));
	n = cow_read(rig.cow, id(path), off, len, buf, &rig.reader);
	ck_assert_msg(n == (ssize_t)len, "%s: read %zd bytes", path, n);
	ck_assert_msg(memcmp(buf, bytes, len) == 0, "%s: other bytes at %" PRIu64, path, off);
}

void
is_zero(const char *path, uint64_t off, size_t len)
{
	static const unsigned char zero[BLCKSZ];

	has(path, off, zero, len);
}

int
sync_path(const char *path)
{
	return cow_fsync(rig.cow, id(path), false);
}

void
reopen(enum end end)
{
	if (end == CLEAN)
		ck_assert_int_eq(rig_close(&rig), 0);
	else
		rig_kill(&rig);
	ck_assert_int_eq(rig_open(&rig, end != KILLED), 0);
}

unsigned
content_files(void)
{
	char path[PATH_MAX];
	struct dirent *d;
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/data", rig.diff);
	ck_assert_ptr_nonnull(dir = opendir(path));
	while ((d = readdir(dir)) != NULL)
		n += d->d_name[0] != '.' && strchr(d->d_name, '.') == NULL;
	closedir(dir);
	return n;
}
