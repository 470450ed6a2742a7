/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lives: each ends by a crash or in order, and the next goes on with what it left.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"
#include "crash-run.h"

/* Begins time anew with the seen state: nothing else is left. */
static void
rebase(struct run *run, const struct tree *t, const struct seen *s)
{
	struct model old = run->m, *m = &run->m;
	struct tree now = { .n = 0 };
	unsigned *number autofree = more(NULL, old.n_obj * sizeof(unsigned));
	const struct seen_name *n;
	unsigned i;

	*m = (struct model){ .now = old.now };
	memset(number, 0xff, old.n_obj * sizeof(unsigned));
	number[0] = object_new(m, COW_ROOT, S_IFDIR);
	for (i = 0; i < t->n; i++) {
		unsigned was = t->d[i].obj;

		n = find_seen(&old, s, &t->d[i]);
		if (number[was] == UINT32_MAX) {
			number[was] = object_new(m, n->nodeid, n->mode);
			if (S_ISREG(n->mode))
				object_set(m, m->obj[number[was]], seen_file(s, n->nodeid));
		}
	}
	for (i = 0; i < t->n; i++)
		add_name(&now, number[t->d[i].dir], t->d[i].name, number[t->d[i].obj], t->d[i].mode);
	now.time = m->now;
	m->trees = more(NULL, sizeof(now));
	m->trees[0] = now;
	m->n_trees = 1;
	model_free(&old);
	run->n_done = 0;
}

/* Makes the first tree out of the seen one. */
static void
model_begin(struct run *run, const struct seen *s)
{
	struct model *m = &run->m;
	struct tree *t = m->trees = more(NULL, sizeof(*m->trees));
	unsigned i, obj, dir;

	*t = (struct tree){ .n = 0 };
	m->n_trees = 1;
	object_new(m, COW_ROOT, S_IFDIR);
	for (i = 0; i < s->n_names; i++) {
		const struct seen_name *n = &s->names[i];

		obj = object_new(m, n->nodeid, n->mode);
		if (S_ISREG(n->mode))
			object_set(m, m->obj[obj], seen_file(s, n->nodeid));
		for (dir = 0; m->obj[dir]->nodeid != n->dir; dir++)
			;
		add_name(t, dir, n->name, obj, n->mode);
	}
}

static void
use_disk(struct run *run)
{
	crashdisk_watch(run->disk, &run->pending->n);
	crashdisk_use(run->disk);
	run->judged = 0;
}

/* Crashes the machine: what it leaves becomes the disk of the next life. */
static bool
crash_machine(struct run *run, const struct tree *t, const struct seen *s,
    const struct point *p)
{
	char path[300];
	int fd, r;

	if ((fd = new_dir(run, "diff", path)) < 0 ||
	    (r = crashdisk_build(run->disk, p->k, p->loss, p->seed, fd, NULL)) < 0)
		return wrong("could not build the directory");
	rebase(run, t, s);
	crashdisk_free(run->disk);
	run->disk = NULL;
	close(run->diff_fd);
	drop_dir(run->diff, true);
	run->diff_fd = fd;
	snprintf(run->diff, sizeof(run->diff), "%s", path);
	if (run->detached != SIZE_MAX)
		run->detached = 0;
	if ((r = crashdisk_new(fd, &run->disk)) < 0)
		return wrong("could not read the directory: %s", strerror(-r));
	use_disk(run);
	return true;
}

/* Looks up the nodeid of an object that an unanswered request made. */
static uint64_t
nodeid_seen(const struct model *m, const struct tree *t, const struct seen *s, unsigned obj)
{
	const struct seen_name *n;
	unsigned i;

	for (i = 0; i < t->n; i++)
		if (t->d[i].obj == obj && (n = find_seen(m, s, &t->d[i])) != NULL)
			return n->nodeid;
	return 0;
}

/* Undoes an unfinished request in the model: only what can be seen of it counts. */
static void
object_undo(struct object *o, unsigned time)
{
	unsigned u;

	for (u = 0; u < MAX_UNITS; u++) {
		struct history *h = &o->unit[u];

		while (h->n > 0 && h->v[h->n - 1].time == time)
			free(h->v[--h->n].bytes);
	}
	while (o->n_lengths > 1 && o->lengths[o->n_lengths - 1].time == time)
		o->n_lengths--;
	o->touched = false;	/* as far as we know */
}

/*
 * Ends the processes only: the mount shows what it can, and that is the present from
 * then on.
 */
static void
adopt(struct run *run, const struct tree *t, const struct seen *s)
{
	struct model *m = &run->m;
	struct tree copy = *t;
	unsigned i;

	if (run->unanswered.time != 0)
		object_undo(m->obj[run->unanswered.obj], run->unanswered.time);
	m->now++;
	copy.time = tree_change(m)->time;
	*tree_now(m) = copy;
	for (i = 0; i < m->n_obj; i++) {
		struct object *o = m->obj[i];
		const struct seen_file *f;

		if (links_of(&copy, i) == 0) {
			o->lost = false;
			continue;
		}
		o->lookups = 0;
		if (o->nodeid == 0)
			o->nodeid = nodeid_seen(m, &copy, s, i);
		if (o->type == S_IFREG && (f = seen_file(s, o->nodeid)) != NULL)
			object_set(m, o, f);
	}
}

/* Issues the one request again that the dead worker did not answer. */
static bool
ask_again(struct run *run)
{
	struct request q = run->unanswered;
	struct cow_attr a;

	if (q.time == 0)
		return true;
	run->m.now++;
	if (q.type > R_LINK || cow_outcome(run->c, q.time, &a) == 0)
		return serve(run, &q);
	run->unanswered.time = 0;
	if (q.type == R_CREATE)
		run->m.obj[q.obj]->nodeid = a.nodeid;
	return true;
}

/* Chooses the index of the next mount: what is detached has one of its own. */
static bool
choose_index(struct run *run)
{
	if (run->index_fd >= 0)
		close(run->index_fd);
	run->index_fd = run->detached != SIZE_MAX ? index_of_tree(run->diff_fd) : -1;
	return run->detached == SIZE_MAX || run->index_fd >= 0;
}

/* Opens the disk for the next life; its worker may die while it opens. */
static bool
begin_life(struct run *run, bool first)
{
	uint64_t unique = run->unanswered.time;
	struct cow_config config;
	int r;

	run->m.now++;
	crashdisk_serve(run->disk, run->m.now);
	crashdisk_die_at(run->disk, crashdisk_count(run->disk) + (rng_below(&run->rng, 4) == 0 ?
	    rng_below(&run->rng, 30) : rng_below(&run->rng, 4 * REQUESTS_PER_LIFE)));
	if (first && !choose_index(run))
		return wrong("its tree does not open (%.900s)", last_line);
	if (first) {
		run->mount_id = rng_below(&run->rng, UINT64_MAX);
		atomic_store(&run->pending->n, 0);
		run->unanswered.time = 0;
	}
	run->max_fds = rng_below(&run->rng, 3) == 0 ? 8 : 256;
	config = config_of(run, run->diff_fd, run->pending, first, &unique);
	last_line[0] = '\0';
	if ((r = cow_open(&config, &run->c)) == 0)
		return first || ask_again(run);
	run->c = NULL;
	return crashdisk_dead(run->disk) ||
	    wrong("it does not open: %s (%.900s)", strerror(-r), last_line);
}

/* Ends in order, as the worker does. */
static bool
unmount(struct run *run)
{
	int r;

	run->m.now++;
	crashdisk_serve(run->disk, run->m.now);
	crashdisk_die_at(run->disk, SIZE_MAX);
	cow_save_times(run->c);
	if ((r = cow_flush(run->c)) < 0)
		return wrong("flush: %s", strerror(-r));
	cow_idle(run->c);
	all_synced(&run->m);
	return true;
}

/* After the death of processes alone nothing is missing. */
static struct demand
demand_all(const struct run *run)
{
	struct demand d = { .all = true, .exact = run->m.now, .last = run->m.now };

	if (run->unanswered.time != 0)
		d.exact = run->unanswered.time - 1;
	return d;
}

/* A worker can also die after its last operation, before anything is noted. */
static void
forget_pending(struct run *run)
{
	size_t n = crashdisk_count(run->disk);

	if (crashdisk_dead(run->disk) && n > 0 && run->unanswered.time != 0 &&
	    crashdisk_request(run->disk, n - 1) == run->m.now &&
	    crashdisk_watched(run->disk) < atomic_load(&run->pending->n) &&
	    rng_below(&run->rng, 2) == 0)
		atomic_store(&run->pending->n, crashdisk_watched(run->disk));
}

/*
 * After the death of all processes the tree is the last one; content that was copied
 * up and not synced has gone with the pending log.
 */
static bool
end_life(struct run *run, enum ending how, struct seen *s)
{
	struct point p = {
		crashdisk_count(run->disk),
		how == END_MACHINE ? CRASH_LOSES_SOME : CRASH_LOSES_NOTHING,
		rng_below(&run->rng, UINT64_MAX), how == END_WORKER ? run->pending : NULL,
	};
	struct demand d = how == END_MACHINE || how == END_ALL ? demand_of(run, p.k) :
	    demand_all(run);
	const struct tree *t;
	bool good;

	if (how == END_WORKER)
		forget_pending(run);
	good = visit_point(run, &p, s) && (t = judge(&run->m, s, &d)) != NULL;
	if (!good) {
		printf("#   after the end of a life: %s\n", endings[how]);
		report(run, &p);
		return false;
	}
	run->judged = p.k;
	if (how == END_MACHINE)
		good = crash_machine(run, t, s, &p);
	else if (how != END_WORKER)
		adopt(run, t, s);
	note(run, &(struct request){ .type = R_NEXT_LIFE, .time = run->m.now, .flags = (int)how });
	if (good)
		good = begin_life(run, how != END_WORKER);
	if (!good)
		report(run, NULL);
	return good;
}

bool
next_life(struct run *run)
{
	struct seen *s = calloc(1, sizeof(*s));
	enum ending how = (enum ending)rng_below(&run->rng, run->c != NULL ? 4 : 3);
	bool good = true;

	if (s == NULL)
		abort();
	if (how == END_UNMOUNT && crashdisk_dead(run->disk))
		how = END_MACHINE;
	if (how == END_UNMOUNT && !(good = unmount(run)))
		report(run, NULL);
	crashdisk_use(NULL);
	hydration_end(&run->hydration);
	if (run->c != NULL)
		cow_close(run->c);
	run->c = NULL;
	crashdisk_use(run->disk);
	if (good)
		good = end_life(run, how, s);
	seen_free(s);
	return good;
}

bool
live(struct run *run, unsigned points)
{
	unsigned i;

	for (i = 0; i < REQUESTS_PER_LIFE && run->c != NULL && !crashdisk_dead(run->disk); i++)
		if (!next_request(run)) {
			report(run, NULL);
			return false;
		}
	return try_points(run, points);
}

bool
begin_run(struct run *run)
{
	struct seen *s = calloc(1, sizeof(*s));
	char path[300];
	bool good;
	int fd, r;

	if (s == NULL)
		abort();
	run->rng.state = run->seed;
	run->max_fds = 256;
	run->index_fd = -1;
	run->detached = SIZE_MAX;
	if ((fd = new_dir(run, "first", path)) < 0 ||
	    (run->diff_fd = new_dir(run, "diff", run->diff)) < 0)
		return wrong("could not make a directory");
	good = visit(run, fd, &spare_pending, true, false, s);
	close(fd);
	drop_dir(path, good);
	if (good)
		model_begin(run, s);
	seen_free(s);
	if (!good || (r = crashdisk_new(run->diff_fd, &run->disk)) < 0)
		return good && wrong("could not read the directory");
	use_disk(run);
	return begin_life(run, true);
}
