/* SPDX-FileCopyrightText: 2026 the authors of pbkfs */
/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Serves a request twice: in the model, and in the file system.
 */
#include "config.h"

#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/util.h"
#include "crash-run.h"

static void
fill(unsigned char *buf, uint64_t len, uint64_t seed)
{
	struct rng r = { seed };
	uint64_t i, v = 0;

	for (i = 0; i < len; i++) {
		if (i % 8 == 0)
			v = rng_below(&r, UINT64_MAX);
		buf[i] = (unsigned char)(v >> i % 8 * 8) | 1;
	}
}

/* ---- what a request does to the model ---- */

static void
lose_name(struct model *m, struct tree *t, struct dent *d)
{
	unsigned obj = d->obj;

	*d = t->d[--t->n];
	if (links_of(t, obj) == 0)
		m->obj[obj]->lost = m->obj[obj]->type == S_IFREG && m->obj[obj]->lookups > 0;
}

static void
model_create(struct model *m, struct request *q)
{
	q->obj = object_new(m, 0, q->mode);
	m->obj[q->obj]->touched = true;
	if (S_ISREG(q->mode))
		set_size(m, m->obj[q->obj], 0, false);
	add_name(tree_change(m), q->dir, q->name, q->obj, q->mode);
}

static void
model_rename(struct model *m, const struct request *q)
{
	struct tree *t = tree_change(m);
	struct dent *from = the_dent(t, q->dir, q->name), *to = find_dent(t, q->dir2, q->name2);
	uint32_t mode = from->mode;
	unsigned obj = from->obj;

	m->obj[obj]->touched = true;
	if (to != NULL && q->flags == RENAME_EXCHANGE) {
		from->obj = to->obj;
		from->mode = to->mode;
		to->obj = obj;
		to->mode = mode;
		return;
	}
	if (to != NULL)
		lose_name(m, t, to);
	from = the_dent(t, q->dir, q->name);
	from->dir = q->dir2;
	memcpy(from->name, q->name2, NAME_LEN);
}

static void
model_names(struct model *m, struct request *q)
{
	struct tree *t;
	unsigned i;

	switch (q->type) {
	case R_CREATE:
		model_create(m, q);
		break;
	case R_REMOVE:
		t = tree_change(m);
		lose_name(m, t, the_dent(t, q->dir, q->name));
		break;
	case R_RENAME:
		model_rename(m, q);
		break;
	case R_LINK:
		t = tree_change(m);
		add_name(t, q->dir2, q->name2, q->obj, the_dent(t, q->dir, q->name)->mode);
		m->obj[q->obj]->touched = true;
		break;
	default:
		t = tree_change(m);
		for (i = 0; i < t->n; i++)
			if (t->d[i].obj == q->obj)
				t->d[i].mode = q->mode;
		m->obj[q->obj]->touched = true;
	}
}

static void
model_content(struct model *m, const struct request *q)
{
	struct object *o = m->obj[q->obj];
	uint64_t end = q->off + q->len;
	unsigned char *bytes;

	o->touched = true;
	switch (q->type) {
	case R_WRITE:
		bytes = more(NULL, q->len);
		fill(bytes, q->len, q->seed);
		object_fill(m, o, q->off, q->len, bytes);
		free(bytes);
		break;
	case R_TRUNCATE:
		object_cut(m, o, q->len);
		set_size(m, o, q->len, false);
		return;
	case R_ZERO:
		object_fill(m, o, q->off, q->len, NULL);
		break;
	default:
		break;
	}
	if (end > size_now(o) && !(q->flags & FALLOC_FL_KEEP_SIZE && q->type != R_WRITE))
		set_size(m, o, end, q->type == R_WRITE);
}

static void
apply_to_model(struct model *m, struct request *q)
{
	if (q->type <= R_CHMOD)
		model_names(m, q);
	else if (q->type <= R_ALLOCATE)
		model_content(m, q);
}

/* ---- what a request does ---- */

static int
write_request(struct cow *c, uint64_t nodeid, const struct request *q)
{
	unsigned char *bytes autofree = more(NULL, q->len);

	fill(bytes, q->len, q->seed);
	return cow_write(c, nodeid, q->off, q->len, bytes, &reader);
}

static int
set_attributes(struct cow *c, uint64_t nodeid, const struct request *q)
{
	struct cow_attr a = { .mode = q->mode, .size = q->len };

	return cow_setattr(c, nodeid, q->type == R_CHMOD ? COW_SET_MODE : COW_SET_SIZE, &a);
}

static int
names_request(struct run *run, struct request *q)
{
	uint64_t dir = run->m.obj[q->dir]->nodeid, dir2 = run->m.obj[q->dir2]->nodeid;
	struct object *o = run->m.obj[q->obj];
	struct cow_attr a;
	int r;

	switch (q->type) {
	case R_CREATE:
		r = cow_create(run->c, q->time, dir, q->name, q->mode, 1, 1,
		    S_ISLNK(q->mode) ? "elsewhere" : NULL, &a);
		if (r == 0) {
			o->nodeid = a.nodeid;
			o->lookups = 1;
		}
		return r;
	case R_REMOVE:
		return cow_remove(run->c, q->time, dir, q->name, o->type == S_IFDIR);
	case R_RENAME:
		return cow_rename(run->c, q->time, dir, q->name, dir2, q->name2,
		    (unsigned)q->flags);
	default:
		r = cow_link(run->c, q->time, o->nodeid, dir2, q->name2, &a);
		if (r == 0)
			cow_forget(run->c, o->nodeid, 1);
		return r;
	}
}

/* Mostly a run of blocks; now and then what a batch waits for, and seldom all that is left. */
static int
hydrate(struct run *run, const struct request *q)
{
	struct hydration *y = &run->hydration;
	int i, r = 1;

	for (i = 0; i < 3 && r > 0 && q->flags > 0; i++)
		r = hydration_step(y, run->c, (unsigned)q->flags % HYDRATION_JOBS, &reader);
	if (r >= 0 && y->h != NULL && (r == 0 || q->flags % 4 == 0))
		r = hydrate_sync(y->h);
	if (q->flags > 0 || r < 0)
		return MIN(r, 0);
	if ((r = hydration_finish(y, run->c, &reader)) == 1)
		run->detached = crashdisk_count(run->disk);
	return r < 0 ? r : r == 1 || crashdisk_dead(run->disk) ? 0 : -EBUSY;
}

static int
issue(struct run *run, struct request *q)
{
	uint64_t nodeid = run->m.obj[q->obj]->nodeid;

	switch (q->type) {
	case R_CREATE:
	case R_REMOVE:
	case R_RENAME:
	case R_LINK:
		return names_request(run, q);
	case R_CHMOD:
	case R_TRUNCATE:
		return set_attributes(run->c, nodeid, q);
	case R_WRITE:
		return write_request(run->c, nodeid, q);
	case R_ZERO:
	case R_ALLOCATE:
		return cow_fallocate(run->c, nodeid, q->flags, q->off, q->len, &reader);
	case R_FSYNC:
		return cow_fsync(run->c, nodeid, q->flags != 0);
	case R_FSYNC_NAMES:
		return cow_fsync_names(run->c);
	case R_FLUSH:
		return cow_flush(run->c);
	case R_IDLE:
		cow_idle(run->c);
		return 0;
	case R_HYDRATE:
		return hydrate(run, q);
	default:
		return 0;
	}
}

void
all_synced(struct model *m)
{
	unsigned i;

	for (i = 0; i < m->n_obj; i++)
		times_add(&m->obj[i]->synced, &m->obj[i]->n_synced, m->now);
	times_add(&m->synced, &m->n_synced, m->now);
}

static void
close_object(struct run *run, struct object *o)
{
	cow_forget(run->c, o->nodeid, o->lookups);
	o->lookups = 0;
	o->lost = false;
}

static int
open_object(struct run *run, unsigned obj)
{
	struct tree *t = tree_now(&run->m);
	struct cow_attr a;
	unsigned i;
	int r;

	for (i = 0; i < t->n && t->d[i].obj != obj; i++)
		;
	if (i == t->n)
		return 0;
	r = cow_lookup(run->c, run->m.obj[t->d[i].dir]->nodeid, t->d[i].name,
	    strlen(t->d[i].name), &a);
	run->m.obj[obj]->lookups += r == 0;
	return r;
}

/* Notes in the model what the answer to a request tells. */
static int
answered(struct run *run, struct request *q)
{
	struct model *m = &run->m;
	struct object *o = m->obj[q->obj];

	switch (q->type) {
	case R_FSYNC:
		times_add(&o->synced, &o->n_synced, m->now);
		if (o->touched && !o->lost)
			times_add(&m->synced, &m->n_synced, m->now);
		return 0;
	case R_FSYNC_NAMES:
		times_add(&m->synced, &m->n_synced, m->now);
		return 0;
	case R_FLUSH:
		all_synced(m);
		return 0;
	case R_OPEN:
		return open_object(run, q->obj);
	case R_CREATE:
	case R_CLOSE:
		if (!q->keep)
			close_object(run, o);
		return 0;
	default:
		return 0;
	}
}

void
note(struct run *run, const struct request *q)
{
	run->done = more(run->done, (run->n_done + 1) * sizeof(*run->done));
	run->done[run->n_done++] = *q;
}

/* Issues q, for the first time or again; dead workers answer nothing. */
bool
serve(struct run *run, struct request *q)
{
	int r;

	crashdisk_serve(run->disk, run->m.now);
	r = issue(run, q);
	if (crashdisk_dead(run->disk)) {
		run->unanswered = *q;
		return true;
	}
	run->unanswered.time = 0;
	if (r == 0)
		r = answered(run, q);
	return r == 0 || wrong("%s at time %u failed: %s", request_types[q->type].name, q->time,
	    strerror(-r));
}

bool
next_request(struct run *run)
{
	struct request q;

	choose(run, &q);
	q.time = ++run->m.now;
	apply_to_model(&run->m, &q);
	note(run, &q);
	return serve(run, &q);
}
