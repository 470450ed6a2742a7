/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Several threads on one copy-on-write file system.  Each owns every so many'th
 * 4 KiB of the same files, so that two threads always share a block; at the
 * same time others sync, cut and grow files, change names, movers hydrate all of them, and the block maps
 * are thrown out as soon as they are made.  Afterwards each 4 KiB has to be what
 * its thread wrote last, for this worker, the next one and the next mount.
 *
 * Made for a run under -fsanitize=thread.  PBKFS_TEST_SECONDS: how long.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <time.h>

#include "cow/hydrate.h"
#include "support/rig.h"

#define WRITERS		4
#define SHARED		3		/* files that the writers share */
#define BLOCKS		40		/* of each */
#define HALF		4096
#define HALVES		(BLOCKS * 2)
#define CUT_FILES	400
#define CUT_BLOCKS	12

static struct rig rig;
static uint64_t shared_id[SHARED], cut_id[CUT_FILES];
static unsigned char page[BLOCKS][BLCKSZ];
static uint32_t written[SHARED][HALVES];	/* the content of half i; 0: the backup's */
static atomic_uint current;	/* the file being cut: each is the backup's only until then */
static struct hydrate *hydration;
static atomic_bool stop;
static atomic_int failures;

static void __attribute__((format(printf, 1, 2)))
complain(const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (atomic_fetch_add(&failures, 1) < 10)
		printf("# %s\n", text);
}

static void
check(const char *what, int found)
{
	if (found != 0)
		complain("%s: %s", what, strerror(-found));
}

/* --- the catalog --- */

static void
write_backup(struct catwriter *w, const char *id, const char *parent, unsigned step)
{
	struct catbackup_options o = {
		.id = id, .parent = parent, .mode = parent != NULL ? "DELTA" : "FULL",
		.alg = CATALG_LZ4, .level = 1,
	};
	struct catpage pages[BLOCKS];
	struct catfile f = { .n_blocks = BLOCKS, .pages = pages };
	struct catbackup *b;
	char path[32];
	size_t i;

	for (i = 0; i < BLOCKS; i += step)
		pages[f.n_pages++] = (struct catpage){ .block = (uint32_t)i, .bytes = page[i] };
	if (catbackup_begin(w, &o, &b) < 0)
		errx(1, "catbackup_begin");
	catbackup_dir(b, "base", 0700);
	catbackup_dir(b, "base/5", 0700);
	for (i = 0; i < SHARED + CUT_FILES; i++) {
		snprintf(path, sizeof(path), "base/5/%zu", i + 1);
		f.path = path;
		if (i >= SHARED) {
			f.n_blocks = CUT_BLOCKS;
			f.n_pages = (CUT_BLOCKS + step - 1) / step;
		}
		catbackup_data(b, &f);
	}
	if (catbackup_finish(b) < 0)
		errx(1, "catbackup_finish");
}

static uint64_t
find(const char *name)
{
	struct cow_attr a;

	if (cow_lookup(rig.cow, COW_ROOT, "base", 4, &a) < 0 ||
	    cow_lookup(rig.cow, a.nodeid, "5", 1, &a) < 0 ||
	    cow_lookup(rig.cow, a.nodeid, name, strlen(name), &a) < 0)
		errx(1, "lookup of %s", name);
	return a.nodeid;
}

static void
prepare(void)
{
	struct catwriter *w;
	char name[8];
	unsigned i;

	rig_new(&rig);
	rig.config.cache_size = 1;
	rig.config.max_fds = 32;
	for (i = 0; i < BLOCKS; i++)
		catwriter_make_page(page[i], i + 1, i);
	if (catwriter_open(rig.store, "main", NULL, &w) < 0)
		errx(1, "catwriter_open");
	write_backup(w, "T00001", NULL, 1);
	write_backup(w, "T00002", "T00001", 3);
	catwriter_close(w);
	rig_index(&rig, "T00002");
	if (rig_open(&rig, true) < 0)
		errx(1, "cow_open");
	for (i = 0; i < SHARED; i++) {
		snprintf(name, sizeof(name), "%u", 1 + i);
		shared_id[i] = find(name);
	}
	for (i = 0; i < CUT_FILES; i++) {
		snprintf(name, sizeof(name), "%u", 1 + SHARED + i);
		cut_id[i] = find(name);
	}
}

/* --- threads --- */

struct thread {
	pthread_t id;
	unsigned number;
	uint32_t state;
	struct iostats stats;
	struct reader reader;
};

static uint32_t
rnd(struct thread *t, uint32_t below)
{
	t->state = t->state * 1664525 + 1013904223;
	return (t->state >> 8) % below;
}

static void
fill(unsigned char half[HALF], uint32_t value)
{
	uint32_t i;

	for (i = 0; i < HALF; i += 4)
		memcpy(half + i, &value, 4);
}

static void
check_half(struct reader *r, unsigned file, unsigned i)
{
	unsigned char found[HALF], half[HALF];
	ssize_t n = cow_read(rig.cow, shared_id[file], (uint64_t)i * HALF, HALF, found, r);

	if (written[file][i] != 0)
		fill(half, written[file][i]);
	else
		memcpy(half, page[i / 2] + (i % 2) * HALF, HALF);
	if (n != HALF || memcmp(found, half, HALF) != 0)
		complain("file %u, half %u: read %zd, not what was written", file, i, n);
}

static void *
write_halves(void *arg)
{
	struct thread *t = arg;
	unsigned char half[HALF];
	uint32_t generation = 0;

	while (!stop) {
		unsigned file = rnd(t, SHARED), i = rnd(t, HALVES / WRITERS) * WRITERS + t->number;

		written[file][i] = ++generation << 8 | t->number;
		fill(half, written[file][i]);
		check("write", cow_write(rig.cow, shared_id[file], (uint64_t)i * HALF, HALF, half,
		    &t->reader));
		check_half(&t->reader, file, i);
		i = rnd(t, HALVES / WRITERS) * WRITERS + t->number;
		check_half(&t->reader, file, i);
		if (rnd(t, 20) == 0)
			check("fsync", cow_fsync(rig.cow, shared_id[file], rnd(t, 2) == 0));
	}
	return NULL;
}

/* Chooses one of the few files around the current one. */
static uint64_t
some_cut_file(struct thread *t)
{
	return cut_id[(current + rnd(t, 3)) % CUT_FILES];
}

/* Changes lengths, while sync_files() syncs the files. */
static void *
cut_files(void *arg)
{
	static const unsigned char some[BLCKSZ * 2];
	struct thread *t = arg;

	while (!stop) {
		uint64_t nodeid = some_cut_file(t);
		struct cow_attr a = { .size = rnd(t, 3) == 0 ? 0 : rnd(t, CUT_BLOCKS * BLCKSZ) };

		if (rnd(t, 8) == 0)
			atomic_fetch_add(&current, 1);
		check("write", cow_write(rig.cow, nodeid, rnd(t, CUT_BLOCKS) * BLCKSZ / 2,
		    sizeof(some), some, &t->reader));
		if (rnd(t, 2) == 0)
			check("truncate", cow_setattr(rig.cow, nodeid, COW_SET_SIZE, &a));
		if (rnd(t, 8) == 0)
			check("punch", cow_fallocate(rig.cow, nodeid,
			    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, rnd(t, CUT_BLOCKS * BLCKSZ),
			    3 * BLCKSZ, &t->reader));
	}
	return NULL;
}

static void *
sync_files(void *arg)
{
	struct thread *t = arg;
	struct cow_attr a;

	while (!stop) {
		check("fsync", cow_fsync(rig.cow, some_cut_file(t), true));
		check("getattr", cow_getattr(rig.cow, some_cut_file(t), &a));
		if (rnd(t, 4) == 0)
			check("utimens", cow_setattr(rig.cow, some_cut_file(t),
			    COW_SET_ATIME | COW_SET_MTIME, &a));
		if (rnd(t, 16) == 0)
			check("flush", cow_flush(rig.cow));
		if (rnd(t, 4) == 0)
			cow_idle(rig.cow);
		if (rnd(t, 64) == 0)
			cow_figures(rig.cow, &(struct cow_figures){ 0 });
	}
	return NULL;
}

static void
list_root(struct thread *t)
{
	struct cow_list l;
	struct cow_dirent d;
	struct cow_attr a;

	check("list", cow_list_begin(&l, rig.cow, COW_ROOT, 0));
	while (cow_list_next(&l, &d) > 0)
		if (d.name[0] != '.' && rnd(t, 2) == 0) {
			check("list_attr", cow_list_attr(&l, &d, &a));
			cow_list_uncount(&l, &d);
		}
	cow_list_end(&l);
}

static void *
change_names(void *arg)
{
	struct thread *t = arg;
	struct cow_attr a, b;
	char name[16], other[16];
	uint64_t n;

	while (!stop) {
		snprintf(name, sizeof(name), "f%u", t->number);
		snprintf(other, sizeof(other), "g%u", t->number);
		check("create", cow_create(rig.cow, 0, COW_ROOT, name, S_IFREG | 0600, 0, 0, NULL, &a));
		n = 1;
		check("write", cow_write(rig.cow, a.nodeid, 0, 100, page, &t->reader));
		if (rnd(t, 2) == 0) {
			check("link", cow_link(rig.cow, 0, a.nodeid, COW_ROOT, other, &b));
			n++;
		}
		check("rename", cow_rename(rig.cow, 0, COW_ROOT, name, COW_ROOT, other, 0));
		if (n == 2)	/* two names of one file: nothing happened */
			check("unlink", cow_remove(rig.cow, 0, COW_ROOT, name, false));
		if (rnd(t, 4) == 0)
			check("fsync", cow_fsync(rig.cow, a.nodeid, false));
		list_root(t);
		check("unlink", cow_remove(rig.cow, 0, COW_ROOT, other, false));
		check("write", cow_write(rig.cow, a.nodeid, 50, 100, page, &t->reader));
		cow_forget(rig.cow, a.nodeid, n);
	}
	return NULL;
}

/* Two of them take what comes next, and sync together. */
static void *
hydrate(void *arg)
{
	struct thread *t = arg;
	struct hydrate_job job = { .buf = malloc(READER_BLOCKS * (size_t)BLCKSZ) };
	int64_t rc = 1;

	while (!stop && rc >= 0 && job.buf != NULL) {
		if ((rc = hydrate_plan(hydration, &job)) > 0) {
			hydrate_read(hydration, &job, &t->reader);
			rc = hydrate_take(hydration, &job);
		}
		if (rc >= 0 && (rc == 0 || rnd(t, 8) == 0) && (rc = hydrate_sync_begin(hydration)) == 0)
			while ((rc = hydrate_sync_next(hydration)) > 0)
				;
	}
	check("hydrate", (int)MIN(rc, (int64_t)0));
	hydrate_drop(hydration, &job);
	free(job.buf);
	return NULL;
}

static void
run_threads(unsigned seconds)
{
	static void *(*const bodies[])(void *) = {
		write_halves, write_halves, write_halves, write_halves,
		cut_files, cut_files, sync_files, sync_files, change_names, change_names,
		hydrate, hydrate,
	};
	static struct thread t[ARRAY_SIZE(bodies)];
	struct timespec wait = { .tv_sec = (time_t)seconds };
	unsigned i;

	check("hydrate", hydrate_begin(rig.cow, &hydration));
	for (i = 0; i < ARRAY_SIZE(bodies); i++) {
		t[i].number = i;
		t[i].state = i + 1;
		if (reader_init(&t[i].reader, &t[i].stats) < 0 ||
		    pthread_create(&t[i].id, NULL, bodies[i], &t[i]) != 0)
			errx(1, "pthread_create");
	}
	nanosleep(&wait, NULL);
	stop = true;
	for (i = 0; i < ARRAY_SIZE(bodies); i++) {
		pthread_join(t[i].id, NULL);
		reader_fini(&t[i].reader);
	}
	hydrate_end(hydration);
	stop = false;
	current = 0;
}

static void
check_all(unsigned number, const char *when)
{
	unsigned file, i;

	for (file = 0; file < SHARED; file++)
		for (i = 0; i < HALVES; i++)
			check_half(&rig.reader, file, i);
	printf("%sok %u - %s\n", failures > 0 ? "not " : "", number, when);
}

int
main(void)
{
	const char *text = getenv("PBKFS_TEST_SECONDS");
	unsigned seconds = text != NULL ? (unsigned)atoi(text) : 2;

	log_set_sink(swallow);
	printf("1..4\n");
	prepare();
	run_threads(seconds);
	check_all(1, "what the threads wrote is there");
	rig_kill(&rig);
	if (rig_open(&rig, false) < 0)
		errx(1, "cow_open");
	check_all(2, "so it is for the next worker");
	check("flush", rig_close(&rig));
	if (rig_open(&rig, true) < 0)
		errx(1, "cow_open");
	check_all(3, "and for the next mount");
	/* Looks for files in the diff directory while others change them. */
	run_threads((seconds + 1) / 2);
	check_all(4, "the same with files of an earlier mount");
	rig_free(&rig);
	return 0;
}
