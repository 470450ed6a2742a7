/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Points: the machine crashes at each; what it leaves is opened and judged.
 */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "cow/treefile.h"
#include "crash-run.h"
#include "support/tmpdir.h"

struct pending spare_pending;

/* ---- mounting ---- */

struct cow_config
config_of(const struct run *run, int diff_fd, struct pending *pending, bool first,
    const uint64_t *unique)
{
	return (struct cow_config){
		.store_fd = run->detached == SIZE_MAX ? store_fd : -1, .diff_fd = diff_fd,
		.index_fd = run->index_fd >= 0 ? run->index_fd : index_fd,
		.instance = "main", .uid = 1, .gid = 1, .pending = pending,
		.mount_id = run->mount_id, .first = first, .cache_size = MiB,
		.max_fds = run->max_fds, .in_flight = unique, .n_in_flight = unique != NULL,
	};
}

/* Makes a directory; a failed test may leave it for inspection. */
int
new_dir(struct run *run, const char *what, char *path)
{
	snprintf(path, 300, "%s/%s-%u", root, what, run->n_diffs++);
	if (mkdir(path, 0700) != 0)
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void
drop_dir(const char *path, bool good)
{
	if (good || getenv("PBKFS_CRASH_KEEP") == NULL)
		tmpdir_remove(path);
	else
		printf("#   left: %s\n", path);
}

int
index_of_tree(int fd)
{
	int tree = memfd_create("tree", MFD_CLOEXEC);

	if (tree >= 0 && treefile_load(fd, tree, MiB) == 0)
		return tree;
	close(tree);
	return -1;
}

bool
visit(const struct run *run, int fd, struct pending *pending, bool first, bool detached,
    struct seen *s)
{
	struct cow_config config = config_of(run, fd, pending, first, NULL);
	int tree autoclose = -1, r;
	struct cow *c;
	bool good;

	last_line[0] = '\0';
	config.store_fd = detached ? -1 : store_fd;
	if (first) {
		config.mount_id = ~run->mount_id;
		config.index_fd = index_fd;
		if (detached && (config.index_fd = tree = index_of_tree(fd)) < 0)
			return wrong("its tree does not open (%.900s)", last_line);
	}
	if ((r = cow_open(&config, &c)) < 0)
		return wrong("it does not open: %s (%.900s)", strerror(-r), last_line);
	good = seen_look(c, s);
	cow_close(c);
	return good;
}

/* Shows what a crash at a point leaves, as a mount sees it. */
bool
visit_point(struct run *run, const struct point *p, struct seen *s)
{
	char path[300];
	bool good;
	int fd, r;

	crashdisk_use(NULL);
	if ((fd = new_dir(run, "point", path)) < 0 ||
	    (r = crashdisk_build(run->disk, p->k, p->loss, p->seed, fd, NULL)) < 0)
		return wrong("could not build the directory");
	atomic_store(&spare_pending.n, 0);
	if (p->pending != NULL)
		memcpy(&spare_pending, p->pending, offsetof(struct pending, entry) +
		    atomic_load(&p->pending->n) * sizeof(struct pending_entry));
	good = visit(run, fd, &spare_pending, p->pending == NULL, p->k >= run->detached, s);
	close(fd);
	drop_dir(path, good);
	crashdisk_use(run->disk);
	return good;
}

const char *const endings[] = {
	[END_MACHINE] = "power loss", [END_WORKER] = "the next worker", [END_ALL] = "all killed",
	[END_UNMOUNT] = "unmount",
};

/* ---- the report ---- */

static void
report_request(const struct run *run, const struct request *q)
{
	uint64_t nodeid = run->m.obj[q->obj]->nodeid;

	if (q->type == R_NEXT_LIFE) {
		printf("#   %5u ---- %s ----\n", q->time, endings[q->flags]);
		return;
	}
	printf("#   %5u %-11s", q->time, request_types[q->type].name);
	if (q->type != R_FSYNC_NAMES && q->type != R_IDLE && q->type != R_FLUSH && q->type != R_HYDRATE)
		printf(" %" PRIx64, nodeid);
	if (q->type <= R_CHMOD)
		printf(" %" PRIx64 "/%s", run->m.obj[q->dir]->nodeid, q->name);
	if (q->type == R_RENAME || q->type == R_LINK)
		printf(" -> %" PRIx64 "/%s flags %d", run->m.obj[q->dir2]->nodeid, q->name2, q->flags);
	if (q->type == R_HYDRATE)
		printf(" %d", q->flags);
	if (q->type >= R_WRITE && q->type <= R_ALLOCATE)
		printf(" at %" PRIu64 " len %" PRIu64 " flags %d", q->off, q->len, q->flags);
	putchar('\n');
}

void
report(struct run *run, const struct point *p)
{
	unsigned i, time = run->m.now;
	char path[300];
	int fd;

	printf("#   %s\n#   PBKFS_CRASH_SEED=%" PRIu64 " life %u", why, run->seed, run->life);
	if (p != NULL) {
		if (p->k < crashdisk_count(run->disk))
			time = crashdisk_request(run->disk, p->k);
		printf(" point %zu of %zu (request %u) loss %d seed %" PRIx64 "\n", p->k,
		    crashdisk_count(run->disk), time, (int)p->loss, p->seed);
		if ((fd = new_dir(run, "trace", path)) >= 0) {
			crashdisk_build(run->disk, p->k, p->loss, p->seed, fd, stdout);
			close(fd);
			drop_dir(path, true);
		}
	} else {
		printf("\n");
	}
	for (i = 0; i < run->n_done && run->done[i].time <= time; i++)
		report_request(run, &run->done[i]);
}

/* ---- points ---- */

struct demand
demand_of(const struct run *run, size_t k)
{
	unsigned t = k < crashdisk_count(run->disk) ? crashdisk_request(run->disk, k) : run->m.now;

	/* The request that the next operation serves is not over yet. */
	if (k == crashdisk_count(run->disk) && !crashdisk_dead(run->disk))
		t++;
	return (struct demand){ .syncs = t, .last = t };
}

static bool
try_point(struct run *run, const struct point *p, const struct demand *d)
{
	struct seen *s = calloc(1, sizeof(*s));
	bool good;

	if (s == NULL)
		abort();
	good = visit_point(run, p, s) && judge(&run->m, s, d) != NULL;
	seen_free(s);
	if (!good)
		report(run, p);
	return good;
}

static int
compare_points(const void *a, const void *b)
{
	const struct point *p = a, *q = b;

	return (p->k > q->k) - (p->k < q->k);
}

/* Crashes the machine at n points of the present life. */
bool
try_points(struct run *run, unsigned n)
{
	struct point *p autofree = more(NULL, MAX(n, 1u) * sizeof(*p));
	size_t count = crashdisk_count(run->disk);
	struct demand d;
	unsigned i;

	for (i = 0; i < n; i++)
		p[i] = (struct point){
			run->judged + rng_below(&run->rng, count - run->judged + 1),
			rng_below(&run->rng, 16) == 0 ? CRASH_LOSES_ALL :
			rng_below(&run->rng, 16) == 0 ? CRASH_LOSES_NOTHING : CRASH_LOSES_SOME,
			rng_below(&run->rng, UINT64_MAX), NULL,
		};
	qsort(p, n, sizeof(*p), compare_points);
	for (i = 0; i < n; i++) {
		d = demand_of(run, p[i].k);
		if (!try_point(run, &p[i], &d))
			return false;
		run->points++;
	}
	return true;
}
